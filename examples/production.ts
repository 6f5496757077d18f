/** Limits, timeouts and pooling, with the store in the same process: no server, the same interface. */
import { setTimeout } from "node:timers/promises";
import { open, type Session, SojournError } from "sojourn";
import { assistant } from "./agent.ts";

const MAX_SESSIONS = 3;
const IDLE_MS = Number(process.env.IDLE_MS ?? 30 * 60_000);

await using sojourn = await open({
  data: process.env.SOJOURN_DATA ?? "./data",
  maxSessions: MAX_SESSIONS,
  cleanupIdleMs: 15 * 60_000,
});
const helper = assistant(sojourn);

// A limit on active sessions. When it is reached, what was idle for too long makes room by itself; and where nothing was,
// the call is refused, so that many that ask at once never get past it.
const made = await Promise.allSettled(
  Array.from({ length: MAX_SESSIONS + 2 }, () => sojourn.sessions.create({ userId: "limits" })),
);
const refused = made
  .filter((one) => one.status === "rejected")
  .map(({ reason }) => (reason instanceof SojournError ? reason.code : reason));
console.log(`${made.length - refused.length} made, ${refused.length} refused: ${refused[0]}`);
for await (const session of sojourn.sessions.list({ userId: "limits" })) await session.complete();

// A timeout that whoever comes back meets.
const { sessionId } = await helper.executeTask({ description: "Hello" }, { sessionId: "user-123" });
await setTimeout(10);
let session = await sojourn.sessions.get(sessionId);
const before = session.uid;
if (session.isExpired({ maxIdleMs: IDLE_MS })) {
  await session.expire("idle for too long");
  session = await sojourn.sessions.create({ sessionId });
}
console.log(`begun anew: ${session.uid !== before}`);

// A pool: sessions in hand are used again, and made anew once they are over.
const pool = new Map<string, Session>();
async function pooled(userId: string): Promise<Session> {
  const inHand = pool.get(userId);
  if (inHand?.isActive && !inHand.isExpired({ maxIdleMs: 30 * 60_000 })) return inHand;
  const found = await sojourn.sessions.getOrCreate(`user-${userId}`, { userId });
  pool.set(userId, found);
  return found;
}
for (let i = 0; i < 5; i++) {
  const { sessionId } = await pooled("456");
  await helper.executeTask({ description: `Task ${i}` }, { sessionId });
}
const used = await (await pooled("456")).refresh();
console.log(
  `pooled: ${used.metrics.requestCount} requests, one session: ${(await sojourn.sessions.stats({ userId: "456" })).sessions === 1}`,
);
await used.complete();
console.log(`anew once it is over: ${(await pooled("456")).uid !== used.uid}`);

// Nothing is left open.
for await (const one of sojourn.sessions.list({ status: "active" })) await one.complete();
