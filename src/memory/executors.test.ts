import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryForTests, NEVER, saying, type TestMemory } from "../../tests/memory.ts";
import { NO_TASKS } from "../../tests/no-tasks.ts";
import { put, sessionOfEveryKind } from "../../tests/whole-session.ts";
import { deleteArtifact } from "../engine/artifact-commands.ts";
import { SojournError } from "../engine/errors.ts";
import { History } from "../engine/history.ts";
import { payloadBody } from "../engine/operation.ts";
import type { ReplayReport, ReplayRequest } from "../engine/replay-report.ts";
import type { SessionInputs } from "../engine/session.ts";
import type { Piece } from "./model.ts";

const start = memoryForTests();

async function execute(on: TestMemory, uid: string, request: Omit<ReplayRequest, "mode"> = {}): Promise<ReplayReport> {
  const history = new History(on.ports, on.sessions, { outside: { ...on.memory.executors, ...NO_TASKS } });
  return await history.replay(on.caller, uid, { mode: "execute", ...request });
}

describe("replay() that executes", () => {
  it("makes every call again, and finds it equal where the model says the same", async () => {
    const on = start();
    const { ref, head, record } = await sessionOfEveryKind(on);
    on.model.replies.push(...[1, 2, 4, 5, 6, 7].map((n) => saying(`Answer ${n}`)));
    const [asked, summarized] = [on.model.asked.length, on.model.summarized.length];
    const { fork, ...report } = await execute(on, ref.id);
    const entries = await on.store.operations(ref, { after: 0, limit: 1_000 });
    const skipped = entries.filter(({ operation: { kind, name } }) => {
      const isOfOthers = /^(?:session.forked|session.warned|turn.failed|artifact.(?:granted|revoked|accessed))$/.test(
        kind,
      );
      const isOfApps =
        kind.startsWith("task.") || kind === "worker.released" || (kind === "session.completed" && name === "run");
      return isOfOthers || isOfApps || (kind === "session.expired" && name !== "end");
    }).length;
    const equal = head.seq - skipped;
    assert.deepEqual(report, {
      mode: "execute",
      from: 1,
      to: head.seq,
      replayed: equal,
      equal,
      different: 0,
      failed: 0,
      skipped,
      differences: [],
      durationUs: 0,
    });
    assert.deepEqual([on.model.asked.length - asked, on.model.summarized.length - summarized], [6, 2]);
    assert.deepEqual(await on.sessions.get(on.caller, ref.id), { ref, head, record });
  });

  it("tells where the model says something else, and keeps what it said in a fork that has ended", async () => {
    const on = start();
    const { caller, memory, sessions } = on;
    const created = { sessionId: "plan", userId: "ann", name: "Plan", idleTimeoutUs: null, tags: ["x"] };
    const { ref } = (await sessions.create(caller, created)).value.session;
    await memory.chat(caller, { sessionId: "plan", message: "My name is Ann" }, { signal: NEVER });
    await memory.compact(caller, "plan", { strategy: "summarize", keepRecent: 0 }, { signal: NEVER });
    const { fork, differences, equal, different } = await execute(on, ref.id);
    assert.deepEqual({ equal, different }, { equal: 1, different: 2 });
    assert.deepEqual(differences, [
      {
        seq: 2,
        kind: "turn.completed",
        outcome: "different",
        what: "output.message.content",
        expected: "Answer 1",
        actual: "Answer 2",
      },
      {
        seq: 3,
        kind: "conversation.compacted",
        outcome: "different",
        what: "input.summary",
        expected: "|My name is Ann|Answer 1",
        actual: "|My name is Ann|Answer 2",
      },
    ]);
    const made = await sessions.get(caller, fork?.uid ?? "");
    assert.equal(made.record.sessionId, fork?.sessionId);
    const { status, reason, userId, name, tags, workingMemory } = made.record;
    assert.deepEqual(
      { status, reason, userId, name, tags, workingMemory },
      {
        status: "completed",
        reason: `Replay of the operations 1 to 3 of session "plan" (uid ${ref.id})`,
        userId: "ann",
        name: "Plan",
        tags: ["x"],
        workingMemory: { user: { name: "Ann" } },
      },
    );
    assert.equal((await sessions.verify(caller, made.ref.id)).ok, true);
  });

  it("begins with a fork of what was before", async () => {
    const on = start();
    const { caller, memory, sessions } = on;
    const { ref } = (await sessions.create(caller, { sessionId: "plan" })).value.session;
    for (const message of ["One", "Two", "Three"]) {
      await memory.chat(caller, { sessionId: "plan", message }, { signal: NEVER });
    }
    on.model.replies.push(saying("Answer 2"));
    const { fork, replayed, equal } = await execute(on, ref.id, { from: 3, to: 3 });
    assert.deepEqual([replayed, equal], [1, 1]);
    const shown = on.model.asked.at(-1)?.messages.map(({ content }) => content);
    assert.deepEqual(shown, ["One", "Answer 1", "Two"]);
    const { record, head } = await sessions.get(caller, fork?.uid ?? "");
    assert.deepEqual([record.origin?.uid, record.origin?.seq, head.seq], [ref.id, 2, 5]);
    assert.equal((await sessions.get(caller, "plan")).head.seq, 4);
  });

  it("tells what fails, and stops there if it is told to", async () => {
    const on = start();
    const { ref } = (await on.sessions.create(on.caller, {})).value.session;
    for (const message of ["One", "Two"]) {
      await on.memory.chat(on.caller, { sessionId: ref.id, message }, { signal: NEVER });
    }
    const failing = (): AsyncIterable<Piece> => {
      throw new SojournError("model_failed", { message: "The model told failed" });
    };
    on.model.replies.push(failing);
    const { replayed, failed, differences, stopped, fork } = await execute(on, ref.id, { stopOnError: true });
    assert.deepEqual({ replayed, failed, stopped }, { replayed: 2, failed: 1, stopped: "error" });
    const found = { outcome: "failed", what: "call", message: "The model told failed" };
    assert.deepEqual(differences, [{ seq: 2, kind: "turn.completed", ...found }]);
    assert.equal((await on.sessions.get(on.caller, fork?.uid ?? "")).record.status, "completed");
  });

  it("breaks off what takes too long", async () => {
    const on = start();
    const { ref } = (await on.sessions.create(on.caller, {})).value.session;
    await on.memory.chat(on.caller, { sessionId: ref.id, message: "One" }, { signal: NEVER });
    on.model.replies.push(async function* (signal) {
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      yield* saying("too late")();
    });
    const { replayed, stopped, fork } = await execute(on, ref.id, { timeoutMs: 5 });
    assert.deepEqual([replayed, stopped], [1, "timeout"]);
    assert.equal((await on.sessions.get(on.caller, fork?.uid ?? "")).record.status, "completed");
  });

  it("can't store again what has no bytes any more", async () => {
    const on = start();
    const { ref } = (await on.sessions.create(on.caller, {})).value.session;
    const artifactId = await put(on, ref.id, "a.txt", "gone with its last artifact");
    const artifact = (await on.store.artifact(ref, artifactId)) ?? assert.fail("It was stored");
    await on.sessions.change(on.caller, ref.id, deleteArtifact(artifact));
    const { differences } = await execute(on, ref.id);
    const message = 'The bytes of "a.txt" went with the last artifact that had them';
    assert.deepEqual(differences, [
      { seq: 2, kind: "artifact.stored", outcome: "failed", what: "call", message },
      {
        seq: 3,
        kind: "artifact.deleted",
        outcome: "failed",
        what: "call",
        message: `Artifact ${artifactId} not found`,
      },
    ]);
  });

  it("compacts where it was compacted", async () => {
    const on = start({ compactsItself: true, windowTokens: 40 });
    const { caller, memory, sessions } = on;
    const { ref } = (await sessions.create(caller, {})).value.session;
    const long = "word ".repeat(20);
    await memory.add(caller, ref.id, [
      { role: "user", content: long },
      { role: "assistant", content: "", toolCalls: [{ id: "c1", name: "f", arguments: "{}" }] },
      { role: "tool", content: long, toolCallId: "c1" },
      { role: "user", content: long },
    ]);
    // One window goes at a time, so that one of them ends between a call and its result.
    await memory.compact(caller, ref.id, { strategy: "summarize", keepRecent: 1 }, { signal: NEVER });
    on.model.replies.push(saying(long + long));
    await memory.chat(caller, { sessionId: ref.id, message: "Hi" }, { signal: NEVER });
    // In its turn after what compacts by itself.
    await memory.compact(caller, ref.id, { strategy: "truncate", keepRecent: 0 }, { signal: NEVER });
    const { head } = await sessions.get(caller, ref.id);
    const log = await on.store.operations(ref, { after: 0, limit: 100 });
    const compacted = log.filter(({ operation }) => operation.kind === "conversation.compacted").map(payloadBody);
    // NOTE: a payload has the shape of its operation's kind.
    const inputs = compacted.map((one) => one?.input as unknown as SessionInputs["conversation.compacted"]);
    assert.deepEqual(
      inputs.map(({ strategy, through }) => `${strategy} ${through}`),
      ["summarize 2", "summarize 3", "summarize 5", "truncate 6"],
    );
    on.model.replies.push(saying(long + long));
    const { equal, fork } = await execute(on, ref.id);
    assert.equal(equal, head.seq);
    assert.equal((await sessions.get(caller, fork?.uid ?? "")).head.seq, head.seq + 1);
    assert.deepEqual(on.failures, []);
  });

  it("compacts nothing by itself", async () => {
    const on = start();
    const { ref } = (await on.sessions.create(on.caller, {})).value.session;
    const other = start({ compactsItself: true, windowTokens: 40 }, { beside: on });
    for (const { model } of [on, other]) model.replies.push(saying("word ".repeat(60)));
    for (const message of ["One", "Two"]) {
      await on.memory.chat(on.caller, { sessionId: ref.id, message }, { signal: NEVER });
    }
    assert.equal((await execute(other, ref.id)).equal, 3);
    await other.memory.close();
    assert.deepEqual(other.model.summarized, []);
  });

  it("is not for a session to have done", async () => {
    const on = start();
    const { ref } = (await on.sessions.create(on.caller, {})).value.session;
    const caller = { ...on.caller, actingAs: ref.id };
    await assert.rejects(execute({ ...on, caller }, ref.id), { code: "forbidden" });
  });
});
