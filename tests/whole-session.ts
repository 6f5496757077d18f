import assert from "node:assert/strict";
import type { NewContent } from "../src/engine/artifact.ts";
import {
  checkpoint,
  deleteArtifact,
  grantArtifact,
  noteAccess,
  revokeArtifact,
  storeArtifact,
} from "../src/engine/artifact-commands.ts";
import type { Command } from "../src/engine/commands.ts";
import { SojournError } from "../src/engine/errors.ts";
import { History } from "../src/engine/history.ts";
import { Mailboxes } from "../src/engine/mailbox.ts";
import type { Session } from "../src/engine/sessions.ts";
import type { TaskCall } from "../src/engine/task.ts";
import {
  finishTask,
  performTask,
  queueTask,
  releaseWorker,
  reportTask,
  startTask,
} from "../src/engine/task-commands.ts";
import { NEVER, type TestMemory } from "./memory.ts";

/** A content of a text, which goes into the store itself. */
export function contentOf({ ports, caller }: TestMemory, text: string): NewContent {
  const body = new TextEncoder().encode(text);
  const [digest, size] = [ports.digest(text), body.length];
  const chunks = [{ digest, storedSize: size }];
  return { tenant: caller.tenant, digest, size, storedSize: size, chunks, place: { in: "store" }, body };
}

/** Stores an artifact of this text, and returns its id. */
export async function put(on: TestMemory, uid: string, name: string, text: string): Promise<string> {
  const artifactId = on.ids.artifact();
  const content = contentOf(on, text);
  const described = { name, type: "user_input", mimeType: "text/plain", tags: ["t"], metadata: { tokens: 1 } };
  const command = storeArtifact(
    { artifactId, digest: content.digest, size: content.size, ...described },
    { artifactsMax: 10, bytesMax: 1_000 },
  );
  const { tenant, actor } = on.caller;
  const ref = { tenant, kind: "session", id: uid } as const;
  await new Mailboxes(on.ports).submit(ref, { actor, command, contents: [content] });
  return artifactId;
}

/** A call of an app that there is not. */
export function callOf({ ids }: TestMemory, input: TaskCall["input"], more: Partial<TaskCall> = {}): TaskCall {
  const app = { app: "tally", version: "a".repeat(64), action: "add" };
  return { taskId: ids.task(), ...app, input, timeoutMs: 1_000, ...more };
}

/** What a task that completed was to its worker. */
const RAN = { worker: "new", staysWarm: true, processingTimeUs: 3, memoryPeakBytes: 9 } as const;

/** Makes a session whose log has every kind of operation, and returns it as it is then. It was forked, and has ended. */
export async function sessionOfEveryKind(on: TestMemory): Promise<Session> {
  const { sessions, memory, model, caller, clock, store } = on;
  const other = (await sessions.create(caller, {})).value.session.ref.id;
  const wanted = { userId: "ann", name: "A", tags: ["x", "y"], metadata: { tokens: 1 }, idleTimeoutUs: 60_000_000 };
  let uid = (await sessions.create(caller, wanted)).value.session.ref.id;
  const history = new History(on.ports, sessions);
  const fork = async (at?: number): Promise<string> => {
    return (await history.fork(caller, uid, at === undefined ? {} : { at })).value.ref.id;
  };
  const later = (us = 1_000): void => clock.advance(us);
  const change = async (command: Command): Promise<unknown> => {
    later();
    return await sessions.change(caller, uid, command);
  };
  await sessions.update(caller, uid, { name: null, tags: ["y", "z"], metadata: { tokens: null, b: { c: [1] } } });
  later();
  await memory.add(caller, uid, [
    { role: "user", content: "From elsewhere" },
    { role: "assistant", content: "", toolCalls: [{ id: "c1", name: "f", arguments: "{}" }] },
    { role: "tool", content: "orphan", toolCallId: "c9" },
    { role: "assistant", content: "", toolCalls: [{ id: "c2", name: "f", arguments: "{}" }] },
  ]);
  const say = async (message: string, metadata?: { readonly a: number }): Promise<unknown> => {
    later();
    const request = { sessionId: uid, message, ...(metadata && { metadata }) };
    return await memory.chat(caller, request, { signal: NEVER });
  };
  await say("My name is Ann, and I prefer Python", { a: 1 });
  await say("What is the weather like?");
  model.replies.push(async function* () {
    yield { piece: "text", text: "So" };
    throw new SojournError("model_failed", { message: "The model told failed" });
  });
  await assert.rejects(say("Fail"), { code: "model_failed" });
  for (const strategy of ["summarize", "hybrid", "truncate"] as const) {
    await say(`Before ${strategy}`);
    await memory.compact(caller, uid, { strategy, keepRecent: 2 }, { signal: NEVER });
  }
  await memory.changeWorkingMemory(caller, uid, { merge: { task: "replay", user: null } });
  await memory.changeWorkingMemory(caller, uid, { set: { task: "again" } });
  await sessions.record(caller, uid, { requestCount: 2, errorCount: 1, processingTimeUs: 5 });
  await sessions.keepalive(caller, uid, { reason: "still there" });
  // So that the bytes stay when the artifact is deleted.
  await put(on, other, "b.txt", "one");
  const first = await put(on, uid, "a.txt", "one");
  const second = await put(on, uid, "a.txt", "two");
  const [grantee, by] = [other, other];
  await change(grantArtifact({ artifactId: first, grantee, permission: "read" }, undefined));
  await change(grantArtifact({ artifactId: first, grantee, permission: "admin" }, "read"));
  await change(noteAccess({ artifactId: first, by, needed: "read" }));
  await change(noteAccess({ artifactId: second, by, needed: "write" }, "Not shared"));
  await change(revokeArtifact({ artifactId: first, grantee }));
  await change(checkpoint("before", { why: "so" }));
  const gone = await store.artifact({ tenant: caller.tenant, kind: "session", id: uid }, first);
  await change(deleteArtifact(gone ?? assert.fail("It was stored")));
  const [begun, queued] = [callOf(on, { count: 1 }, { setup: { size: 1 } }), callOf(on, [2], { isIdempotent: true })];
  await change(startTask(begun));
  await change(queueTask(queued));
  await change(reportTask(begun.taskId, [{ type: "progress", fraction: 0.5 }]));
  const done = { status: "completed", output: { total: 1 }, snapshot: [1], ...RAN } as const;
  await change(finishTask(begun.taskId, done, { reports: [{ type: "output", output: null }] }));
  await change(startTask(queued));
  const faults = [{ field: "input", message: "is odd", type: "custom" }];
  const refused = { code: "invalid", message: "Odd", faults };
  await change(finishTask(queued.taskId, { ...RAN, status: "failed", error: refused, worker: "warm" }));
  await change(releaseWorker("tally", "idle"));
  await change(
    performTask({ ...callOf(on, null, { app: "pure" }), status: "completed", processingTimeUs: 1 }, { output: 1 }),
  );
  const third = callOf(on, 3);
  await change(queueTask(third));
  await change(
    finishTask(third.taskId, {
      status: "canceled",
      error: { code: "canceled", message: "No" },
      staysWarm: false,
      processingTimeUs: 0,
    }),
  );
  const { agentRuns } = memory;
  const task = { role: "user", content: "What is the weather like?" } as const;
  const toolCalls = [{ id: "c3", name: "weather", arguments: "{}" }];
  const leaseUs = 2_000_000;
  const { run } = (await agentRuns.begin(caller, uid, { agent: "helper", messages: [task], leaseUs })).value;
  later();
  const usage = { inputTokens: 9, outputTokens: 3, costNanoUsd: 5 };
  const asked = { messages: [{ role: "assistant", content: "", toolCalls }], usage } as const;
  await agentRuns.step(caller, uid, { ...run, ...asked });
  later(leaseUs);
  const taken = (await agentRuns.resume(caller, uid, { runId: run.runId, leaseUs })).value.run;
  await agentRuns.step(caller, uid, { ...taken, messages: [{ role: "tool", content: "Rain", toolCallId: "c3" }] });
  later(leaseUs);
  const next = (await agentRuns.begin(caller, uid, { agent: "helper", messages: [task], leaseUs })).value.run;
  await agentRuns.step(caller, uid, { ...next, messages: [] });
  await agentRuns.finish(caller, uid, { ...next, status: "completed" });
  const { requestCount } = (await sessions.get(caller, uid)).record.metrics;
  const calls = [
    { at: requestCount, action: "warn" },
    { at: requestCount, action: "pause" },
  ] as const;
  later();
  await sessions.update(caller, uid, { limits: { calls, wall_seconds: [{ at: 1, action: "warn" }] } });
  await sessions.update(caller, uid, { limits: { calls: null } });
  await sessions.resume(caller, uid);
  await sessions.suspend(caller, uid, { reason: "lunch" });
  await sessions.resume(caller, uid);
  later(70_000_000);
  await sessions.sweep();
  // From before it was a fork itself.
  const last = (await sessions.get(caller, uid)).head.seq;
  uid = await fork();
  await sessions.keepalive(caller, uid);
  uid = await fork(last);
  await say("In the fork");
  await change(startTask(callOf(on, 4, { setup: { size: 2 } })));
  uid = await fork();
  const ending = callOf(on, 5, { fresh: true });
  await change(startTask(ending));
  await change(finishTask(ending.taskId, { ...RAN, status: "completed" }, { ends: { reason: "done" } }));
  uid = await fork();
  later(5_000_000);
  assert.deepEqual((await sessions.cleanup(caller, { maxIdleUs: 2_500_000 })).value.sessionIds.length > 0, true);
  uid = await fork();
  await sessions.end(caller, uid, { status: "expired", reason: "enough" });
  uid = await fork();
  await sessions.end(caller, uid, { status: "failed", reason: "broken" });
  uid = await fork();
  await sessions.end(caller, uid);
  await change(checkpoint("after the end"));
  return await sessions.get(caller, uid);
}
