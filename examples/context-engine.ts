/** What the ContextEngine of AIECS does, method by method, by the SDK. */
import { openConversation } from "sojourn/agents";
import { connect, type SojournError } from "sojourn/client";
import { assistant } from "./agent.ts";

// ContextEngine(), initialize()
await using sojourn = connect({ url: process.env.SOJOURN_URL });
const helper = assistant(sojourn);

// create_session: refused where there is one, and nothing of that is lost
const metadata = { source: "web", device: "mobile" };
const session = await sojourn.sessions.create({ sessionId: "user-123", userId: "user-456", metadata });
const again = await sojourn.sessions.create({ sessionId: "user-123" }).catch((error: SojournError) => error.code);
console.log(`create: ${session.status}, again: ${again}`);

// execute_task: counts by itself
const task = { description: "When does the library open?", context: { language: "English" } };
const { output } = await helper.executeTask(task, { sessionId: "user-123" });
console.log(`execute: ${output}`);

// get_session
const found = await sojourn.sessions.get("user-123");
const missing = await sojourn.sessions.find("nobody");
console.log(`get: ${found.metrics.requestCount} request, missing: ${missing}`);

// update_session: counters, which are exact under any number of callers; and what else may change
await found.record({ requests: 1, errors: 1, processingTimeMs: 1_500 });
await Promise.all(Array.from({ length: 98 }, () => found.record({ requests: 1 })));
await found.update({ metadata: { device: "desktop" } });
const { requestCount, errorCount } = (await found.refresh()).metrics;
console.log(`update: ${requestCount} requests, ${errorCount} error, ${JSON.stringify(found.metadata)}`);

// add_conversation_message, get_conversation_history: the newest, in their order
await found.messages.add({ role: "user", content: "Thank you" });
for (const { role, content } of await found.messages.recent(2)) console.log(`history: ${role}: ${content}`);

// compress_conversation: of what a model is shown; the conversation stays whole
const { originalCount, compressedCount } = await found.compact({ strategy: "truncate", keepRecent: 2 });
console.log(`compress: ${originalCount} to ${compressedCount}, of ${(await found.refresh()).memory.messages}`);

// store_task_context, get_task_context
await found.workingMemory.set({ goal: "Visit the library" });
console.log(`context: ${(await found.workingMemory.get()).goal}`);

// store_checkpoint, get_checkpoint: a name for the whole session as it is now
await found.checkpoint("asked", { step: 1 });
await found.workingMemory.set({ goal: "Go home" });
console.log(`checkpoint: ${(await (await found.at("asked")).workingMemory()).goal}`);

// create_conversation_session, add_agent_communication_message, get_agent_conversation_history
const talk = await openConversation(sojourn, {
  session: found,
  type: "mc_to_agent",
  participants: [
    { id: "controller", type: "master_controller" },
    { id: "agent-1", type: "agent", role: "librarian" },
  ],
});
await talk.send({ from: "controller", to: "agent-1", content: "Find a book on bees", type: "task_assignment" });
for (let i = 0; i < 60; i++) {
  await talk.send({ from: "agent-1", to: "controller", content: `Shelf ${i}`, type: "progress_update" });
}
for (const { from, to, content } of await talk.history({ types: ["task_assignment"] })) {
  console.log(`${talk.sessionId}: ${from.id} to ${to.role}: ${content}`);
}

// is_expired: what is idle for longer, strictly
console.log(`expired: ${found.isExpired({ maxIdleMs: 30 * 60_000 })}`);

// get_or_create_session of its guide's pool: the open session of that name, for however many ask at once
const pooled = await Promise.all([1, 2, 3].map(() => sojourn.sessions.getOrCreate("user-124", { userId: "user-456" })));
console.log(`pool: ${new Set(pooled.map(({ uid }) => uid)).size} session for 3`);

// monitoring of health: limits.ts has the server see to it
await pooled[0]?.update({ limits: { errorRate: { over: 0.5, action: "fail" } } });
await pooled[0]?.record({ requests: 1, errors: 1 });
console.log(`failing: ${pooled[0]?.status}, ${pooled[0]?.reason}`);

// list_sessions, and sums over them
const names = (await Array.fromAsync(sojourn.sessions.list({ userId: "user-456", status: "active" }))).map(
  (one) => one.sessionId,
);
console.log(`list: ${names.toSorted().join(", ")}`);

// end_session: an end is final
await found.complete();
const late = await found.record().catch((error: SojournError) => error.code);
console.log(`end: ${found.status}, and then: ${late}`);

// cleanup_inactive_sessions: they expire, and stay readable
await new Promise((resolve) => setTimeout(resolve, 10));
const { cleaned } = await sojourn.sessions.cleanup({ maxIdleMs: Number(process.env.IDLE_MS ?? 30 * 60_000) });
console.log(`cleanup: ${cleaned} expired`);

// get_metrics, health_check
const { sessions, byStatus } = await sojourn.sessions.stats({ userId: "user-456" });
console.log(`metrics: ${sessions} sessions, ${byStatus.active} active, ${byStatus.completed} completed`);
console.log(`health: ${(await sojourn.health()).status}`);
