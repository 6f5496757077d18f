/** Requests, errors and time of sessions: counted exactly, however many clients count at once. */
import { connect, type SojournError } from "sojourn/client";
import { assistant } from "./agent.ts";

await using sojourn = connect({ url: process.env.SOJOURN_URL });
const helper = assistant(sojourn);

const userId = "metrics-user";

// By itself: the agent counts each task as a request, with its time, what it took of the model, and an error where it fails.
const session = await sojourn.sessions.create({ userId });
const { sessionId } = session;
for (let i = 0; i < 10; i++) {
  const description = i % 5 === 4 ? `Do the impossible, ${i}` : `Request ${i}`;
  await helper.executeTask({ description }, { sessionId }).catch(({ code }: SojournError) => console.log(code));
}
await session.refresh();
console.log(`${session.metrics.requestCount} requests, ${session.metrics.errorCount} errors`);
console.log(`${session.metrics.inputTokens} tokens in, ${session.metrics.outputTokens} out`);
console.log(`some time for each: ${session.metrics.averageProcessingTimeMs > 0}`);

// So does any work of yours that a function holds.
await session.track(async () => "the work");

// By hand, where the work is done and timed elsewhere.
await session.record({ requests: 1, processingTimeMs: 1_500 });
await session.record({ requests: 1, errors: 1, processingTimeMs: 100 });
const { requestCount, errorCount } = session.metrics;
console.log(`${requestCount} requests, error rate ${((errorCount / requestCount) * 100).toFixed(0)} %`);

// At once: nothing is lost.
await Promise.all(Array.from({ length: 100 }, () => session.record()));
await session.refresh();
console.log(`${session.metrics.requestCount} requests`);

// Over all sessions of a user, summed where the data is.
const another = await sojourn.sessions.create({ userId });
await another.record({ requests: 8, processingTimeMs: 400 });
const totals = await sojourn.sessions.stats({ userId });
console.log(`${totals.sessions} sessions, ${totals.requestCount} requests, ${totals.errorCount} errors`);

// Or one by one.
let slowest = session;
for await (const one of sojourn.sessions.list({ userId })) {
  if (one.metrics.averageProcessingTimeMs > slowest.metrics.averageProcessingTimeMs) slowest = one;
}
console.log(`slowest: ${slowest.uid === another.uid ? "the other one" : "the first one"}`);
