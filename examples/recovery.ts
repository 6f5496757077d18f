/** What to do when work fails: count it, try again, and end a session that is beyond help. */
import { connect, SojournError } from "sojourn/client";
import { agent } from "./agent.ts";

await using sojourn = connect({ url: process.env.SOJOURN_URL });

const ATTEMPTS_MAX = 3;

// Each attempt counts; the last one that fails ends the session.
async function attempt(sessionId: string, work: () => Promise<string>): Promise<string> {
  const session = await sojourn.sessions.getOrCreate(sessionId);
  for (let i = 1; ; i++) {
    try {
      return await session.track(work);
    } catch (error) {
      console.log(`attempt ${i}: ${error instanceof Error ? error.message : error}`);
      if (i < ATTEMPTS_MAX) continue;
      await session.fail(`gave up after ${i} attempts`);
      throw error;
    }
  }
}

let calls = 0;
console.log(await attempt("flaky", () => agent(++calls < 3 ? "the impossible" : "Task")));
const flaky = await sojourn.sessions.get("flaky");
console.log(`flaky: ${flaky.status}, ${flaky.metrics.requestCount} requests, ${flaky.metrics.errorCount} errors`);

await attempt("hopeless", () => agent("the impossible")).catch(() => {});
const hopeless = await sojourn.sessions.get("hopeless");
console.log(`hopeless: ${hopeless.status}, ${hopeless.reason}`);

// An ended session takes no more work; errors have codes to branch on.
try {
  await hopeless.record();
} catch (error) {
  if (!(error instanceof SojournError && error.code === "invalid_transition")) throw error;
  console.log(error.code);
}

// How a session is doing, from its numbers.
function health({ requestCount, errorCount }: { requestCount: number; errorCount: number }): string {
  const rate = requestCount === 0 ? 0 : errorCount / requestCount;
  if (rate > 0.5) return "end it";
  return rate > 0.3 ? "look at it" : "fine";
}
console.log(`flaky: ${health(flaky.metrics)}`);
