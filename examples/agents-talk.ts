/** Two agents at work on one session: each pair of parties talks in a session of its own, where nobody else's words get in. */
import { openConversation, type Participant } from "sojourn/agents";
import { connect, type SojournError } from "sojourn/client";
import { assistant } from "./agent.ts";

await using sojourn = connect({ url: process.env.SOJOURN_URL });

const ada: Participant = { id: "ada", type: "user" };
const controller: Participant = { id: "controller", type: "master_controller" };
const researcher: Participant = { id: "agent-r", type: "agent", role: "researcher" };
const writer: Participant = { id: "agent-w", type: "agent", role: "writer" };

await using session = await sojourn.sessions.create({ sessionId: "report-1", userId: "ada" });

// The user and the controller talk in the session itself.
const front = await openConversation(sojourn, { session, type: "user_to_mc", participants: [ada, controller] });
await front.send({ from: "ada", to: "controller", content: "When can I go out today?" });

// The controller gives the researcher a task, which it does in the session that holds their conversation.
const assigned = await openConversation(sojourn, {
  session,
  type: "mc_to_agent",
  participants: [controller, researcher],
});
const { output } = await assistant(sojourn, researcher.id).executeTask(
  { description: "When does the museum open?" },
  { sessionId: assigned.sessionId },
);

// The researcher hands on what it found. The writer is shown what was said to it, and its answer is part of what they say.
const between = await openConversation(sojourn, {
  session,
  type: "agent_to_agent",
  participants: [researcher, writer],
});
await between.send({ from: researcher.id, to: writer.id, content: output, type: "collaboration_request" });
const invitation = await assistant(sojourn, writer.id, "You make invitations of what you are told.").executeTask(
  { description: "Invite Ada" },
  { sessionId: between.sessionId },
);
await front.send({ from: "controller", to: "ada", content: invitation.output, type: "result_report" });

for (const talk of [front, assigned, between]) {
  console.log(talk.sessionId);
  for (const { from, to, type, content } of await talk.history()) {
    console.log(`  ${from.id} to ${to.id}, ${type}: ${content}`);
  }
}

// Of some types alone, found however much else was said.
const [reported] = await front.history({ types: ["result_report"], limit: 1 });
console.log(`last reported by ${reported?.from.type}`);

// Who is no party is not heard, and who has no role is no agent.
for (const attempt of [
  () => between.send({ from: "controller", to: writer.id, content: "Hurry up" }),
  () => openConversation(sojourn, { session, type: "user_to_agent", participants: [ada, { id: "x", type: "agent" }] }),
]) {
  await attempt().catch((error: SojournError) => console.log(error.message));
}
const { children } = await session.tree();
console.log(`held beside it: ${children.map((child) => child.sessionId).join(", ")}`);
