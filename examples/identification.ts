/** How to name sessions, so that whoever comes back finds theirs. */
import { connect } from "sojourn/client";
import { assistant } from "./agent.ts";

await using sojourn = connect({ url: process.env.SOJOURN_URL });
const helper = assistant(sojourn);

const userId = "user-456";

// One for each user, for each of their devices, for each app that they use: the same name is the same session.
const names = [`user-${userId}`, `user-${userId}-device-789`, `user-${userId}-app-web`];
for (const sessionId of names) {
  await helper.executeTask({ description: "Hello" }, { sessionId, userId });
  await helper.executeTask({ description: "Hello again" }, { sessionId, userId });
  const { metrics, memory } = await sojourn.sessions.get(sessionId);
  console.log(`${sessionId}: ${metrics.requestCount} requests, ${memory.messages} messages`);
}

// One for a single question: the server makes up its name, and it is over when the block is.
{
  await using temporary = await sojourn.sessions.create({ userId, tags: ["temporary"] });
  await helper.executeTask({ description: "One-time question" }, { sessionId: temporary.sessionId });
}

let open = 0;
for await (const session of sojourn.sessions.list({ userId, status: "active" }))
  open += names.includes(session.sessionId) ? 1 : 0;
console.log(`open: ${open}`);
const temporary = await sojourn.sessions.stats({ userId, tags: ["temporary"] });
console.log(`temporary: ${temporary.byStatus.completed} completed`);

// The one that the user used last, whatever it is called.
const newest = await sojourn.sessions.newest({ userId });
console.log(`used last: ${newest.sessionId}`);
