/** The life of a session: begin at the first request or beforehand, use, suspend and resume, end. */
import { connect } from "sojourn/client";
import { assistant } from "./agent.ts";

await using sojourn = connect({ url: process.env.SOJOURN_URL });
const helper = assistant(sojourn);

// The first request begins the session; later ones find it. The agent counts each.
for (const description of ["Hello", "Request 1", "Request 2"]) {
  const { output } = await helper.executeTask({ description }, { sessionId: "user-123" });
  console.log(output);
}
const first = await sojourn.sessions.get("user-123");
console.log(`${first.sessionId}: ${first.metrics.requestCount} requests, ${first.status}`);
await first.complete();
console.log(`${first.sessionId}: ${first.status}`);

// Beforehand, with all that is known of whoever will use it.
const second = await sojourn.sessions.create({
  sessionId: "user-456",
  userId: "user-456",
  name: "Planning a trip",
  tags: ["trial"],
  metadata: { source: "web", device: "mobile" },
});
const { steps } = await helper.executeTask({ description: "When does the museum open?" }, { sessionId: "user-456" });
console.log(`${second.sessionId}: answered in ${steps} steps`);

// Paused while a person decides, and taken up again.
await second.suspend("waiting for approval");
console.log(`${second.sessionId}: ${second.status}, ${second.reason}`);
await second.resume();

// Whoever comes back after a long time finds it over.
if (second.isExpired({ maxIdleMs: 30 * 60_000 })) await second.expire("nobody came back");
console.log(`${second.sessionId}: ${second.status}`);

// An end of its own, also when something throws in between.
{
  await using third = await sojourn.sessions.create({ sessionId: "user-789" });
  await helper.executeTask({ description: "One question" }, { sessionId: third.sessionId });
}
console.log(`user-789: ${(await sojourn.sessions.get("user-789")).status}`);

// To end it again changes nothing.
await second.fail("the user gave up");
await second.complete();
console.log(`${second.sessionId}: ${second.status}, ${second.reason}`);

// What happened is in the log, each entry hashed over the one before: also each step of the agent, and what its tools said.
for await (const operation of second.operations()) console.log(`${operation.seq} ${operation.kind}`);
for (const { role, content, toolCalls = [] } of await second.messages.recent()) {
  console.log(`${role}: ${content}${toolCalls.map(({ name }) => `(calls ${name})`)}`);
}
console.log(`whole: ${(await second.verify()).ok}`);
