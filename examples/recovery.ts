/** What to do when work fails: count it, try again, and end a session that is beyond help. */
import { connect, SojournError } from "sojourn/client";
import { assistant } from "./agent.ts";

await using sojourn = connect({ url: process.env.SOJOURN_URL });
const helper = assistant(sojourn);

const ATTEMPTS_MAX = 3;

// Each attempt counts, by itself; the last one that fails ends the session.
async function attempt(sessionId: string, descriptions: readonly string[]): Promise<string> {
  for (let i = 0; ; i++) {
    try {
      const { output } = await helper.executeTask({ description: descriptions[i] ?? "" }, { sessionId });
      return output;
    } catch (error) {
      console.log(`attempt ${i + 1}: ${error instanceof SojournError ? error.code : error}`);
      if (i + 1 < ATTEMPTS_MAX) continue;
      await (await sojourn.sessions.get(sessionId)).fail(`gave up after ${i + 1} attempts`);
      throw error;
    }
  }
}

const IMPOSSIBLE = "Do the impossible";
console.log(await attempt("flaky", [IMPOSSIBLE, IMPOSSIBLE, "Do what can be done"]));
const flaky = await sojourn.sessions.get("flaky");
console.log(`flaky: ${flaky.status}, ${flaky.metrics.requestCount} requests, ${flaky.metrics.errorCount} errors`);

await attempt("hopeless", [IMPOSSIBLE, IMPOSSIBLE, IMPOSSIBLE]).catch(() => {});
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
