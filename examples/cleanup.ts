/** How sessions that nobody needs any more are ended: by idleness, on a schedule, by age, by error rate. */
import { setInterval } from "node:timers/promises";
import { connect } from "sojourn/client";

await using sojourn = connect({ url: process.env.SOJOURN_URL });

const IDLE_MS = Number(process.env.IDLE_MS ?? 30 * 60_000);
const AGE_MS = Number(process.env.AGE_MS ?? 7 * 86_400_000);
const userId = "cleanup-user";

// A session may see to that itself: it expires when it was idle for longer than its own timeout.
await sojourn.sessions.getOrCreate("short-lived", { userId, idleTimeoutMs: 60_000, maxLifetimeMs: 86_400_000 });

// Whatever was idle for longer than this, and what that would be beforehand.
const wouldBe = await sojourn.sessions.cleanup({ maxIdleMs: IDLE_MS, dryRun: true });
const { cleaned } = await sojourn.sessions.cleanup({ maxIdleMs: IDLE_MS });
console.log(`idle: ${cleaned} of ${wouldBe.cleaned} ended`);

// On a schedule, until the signal says stop.
async function cleanUpEvery(everyMs: number, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of setInterval(everyMs, undefined, { signal })) {
      await sojourn.sessions.cleanup({ maxIdleMs: IDLE_MS }, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
const stop = new AbortController();
const scheduled = cleanUpEvery(60 * 60_000, stop.signal);
stop.abort();
await scheduled;

// What fails more often than not.
const failing = await sojourn.sessions.getOrCreate("failing", { userId });
await failing.record({ requests: 10, errors: 6 });
const fine = await sojourn.sessions.getOrCreate("fine", { userId });
await fine.record({ requests: 10, errors: 5 });
for await (const session of sojourn.sessions.list({ userId, status: "active" })) {
  const { requestCount, errorCount } = session.metrics;
  if (requestCount > 0 && errorCount / requestCount > 0.5) await session.fail("more than half of its requests failed");
}
console.log(`failing: ${(await failing.refresh()).status}, fine: ${(await fine.refresh()).status}`);

// What is older than a week, however busy it is.
let old = 0;
const createdBefore = new Date(Date.now() - AGE_MS);
for await (const session of sojourn.sessions.list({ userId, status: "active", createdBefore })) {
  await session.expire("older than a week");
  old += 1;
}
console.log(`old: ${old} ended`);
