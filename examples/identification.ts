/** How to name sessions, so that whoever comes back finds theirs. */
import { connect } from "sojourn/client";
import { agent } from "./agent.ts";

await using sojourn = connect({ url: process.env.SOJOURN_URL });

const userId = "user-456";

// One for each user, for each of their devices, for each app that they use.
const names = [`user-${userId}`, `user-${userId}-device-789`, `user-${userId}-app-web`];
for (const sessionId of names) {
  const session = await sojourn.sessions.getOrCreate(sessionId, { userId });
  await session.track(() => agent("Hello"));
  const again = await sojourn.sessions.getOrCreate(sessionId, { userId });
  console.log(`${sessionId} is the same again: ${again.uid === session.uid}`);
}

// One for a single question: the server makes up its name, and it is over when the block is.
{
  await using temporary = await sojourn.sessions.create({ userId, tags: ["temporary"] });
  await temporary.track(() => agent("One-time question"));
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
