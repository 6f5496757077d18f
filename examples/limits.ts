/** Health and budgets of sessions: said once as limits, and seen to by the server with each request. */
import { connect, type SojournError } from "sojourn/client";
import { assistant } from "./agent.ts";

await using sojourn = connect({ url: process.env.SOJOURN_URL });
const helper = assistant(sojourn);

// Warned of more than 30 % errors, ended at more than half; paused after so many tokens. Where every session is to have
// them, they stand in sojourn.toml, as the README shows.
const session = await sojourn.sessions.create({
  sessionId: "watched",
  limits: {
    errorRate: [
      { over: 0.3, action: "warn", minCalls: 3 },
      { over: 0.5, action: "fail", minCalls: 3 },
    ],
    errors: { over: 10, action: "warn" },
    tokens: 100,
  },
});

// Until a limit stops it: nobody has to look at the counters.
async function work(descriptions: readonly string[]): Promise<void> {
  for (const description of descriptions) {
    const { output } = await helper
      .executeTask({ description }, { sessionId: session.sessionId })
      .catch(({ code }: SojournError) => ({ output: code }));
    console.log(output);
    await session.refresh();
    if (!session.isActive) break;
  }
  console.log(`${session.status}: ${session.reason ?? "it goes on"}`);
}

// Sometimes it fails: a warning is an operation of its log.
await work(["Request 1", "Do the impossible", "Request 2", "Request 3"]);
for await (const { inputs } of session.operations({ kind: "session.warned" })) console.log(JSON.stringify(inputs));

// At the budget it pauses, and goes on once it has more.
await work(["Request 4", "Request 5"]);
await session.resume().catch(({ message }: SojournError) => console.log(message));
await session.update({ limits: { tokens: 1_000 } });
await session.resume();
console.log(session.status);

// When more fails than succeeds, it ends by itself.
await work(Array.from({ length: 5 }, () => "Do the impossible"));
