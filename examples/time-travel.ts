/** The past of a session: name a moment, look at it, take another way from there, compare the two, keep one as a file. */
import { connect } from "sojourn/client";

await using sojourn = connect({ url: process.env.SOJOURN_URL });
const session = await sojourn.sessions.create({ sessionId: "trip", metadata: { budget: 1_000 } });
await session.workingMemory.set({ destination: "Rome" });
await session.artifacts.store("plan.md", "By train", { type: "agent_output" });

// A name for this moment, by which it can be found whatever happens next.
const { seq } = await session.checkpoint("before booking", { why: "prices change" });
console.log(`checkpoint at ${seq}`);

await session.workingMemory.update({ destination: "Oslo" });
await session.update({ metadata: { budget: 200 } });
await session.artifacts.store("plan.md", "By boat", { type: "agent_output" });

// As it was: state, messages, working memory and artifacts.
const before = await session.at("before booking");
const [plan] = await Array.fromAsync(before.artifacts());
console.log(
  `then: ${JSON.stringify(before.metadata)}, ${(await before.workingMemory()).destination}, ${await plan?.text()}`,
);

// Another way from there. The fork has the same log up to that moment, and nothing of the session changes.
const fork = await session.fork({ at: "before booking", sessionId: "trip-2", name: "The other way" });
await fork.update({ metadata: { budget: 900 } });
console.log(`fork: ${fork.status}, from ${fork.origin?.seq}, ${(await fork.workingMemory.get()).destination}`);

// Where the two part, what each did since, and how they differ now.
const diff = await session.diff(fork);
console.log(`in common: ${diff.common.seq}, since: ${diff.a.operationsSince} and ${diff.b.operationsSince}`);
for (const { path, a, b } of diff.changes) {
  if (path.startsWith("metadata")) console.log(`${path}: ${JSON.stringify(a)}, ${JSON.stringify(b)}`);
}

// Gone through again, to see whether it comes out as it did.
const { operationsReplayed, equal } = await session.replay({ mode: "recorded" });
console.log(`replayed: ${operationsReplayed}, equal: ${equal}`);

// The whole of it as the bytes of a file, held against a hash that was kept elsewhere, and taken in under another name.
await session.complete();
const head = session.headHash;
const copy = await sojourn.sessions.import(session.export(), { head, sessionId: "trip-from-file" });
console.log(`imported: ${copy.sessionId}, whole: ${(await copy.verify({ head })).ok}`);

// What has ended need not be kept for ever.
const old = await sojourn.sessions.prune({ maxSessions: 0, dryRun: true });
console.log(`would go: ${old.sessionIds.join(", ")}`);
