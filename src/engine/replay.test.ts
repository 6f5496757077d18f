import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryForTests, type TestMemory } from "../../tests/memory.ts";
import { NO_TASKS } from "../../tests/no-tasks.ts";
import { contentOf, sessionOfEveryKind } from "../../tests/whole-session.ts";
import { noting, sha256 } from "../conformance/index.ts";
import { PendingLog, SNAPSHOT_EVERY } from "./append.ts";
import type { Clock } from "./clock.ts";
import { History } from "./history.ts";
import { DEFAULT_SETTINGS, LIMITS } from "./limits.ts";
import { OPERATION_KINDS } from "./operation.ts";
import { REPLAY_MODES } from "./replay-report.ts";
import { Sessions } from "./sessions.ts";
import type { Commit, Store, Stream } from "./store.ts";
import type { Draft, Inputs } from "./streams.ts";

const start = memoryForTests();

function historyOf(on: TestMemory): History {
  return new History(on.ports, on.sessions, { outside: { ...on.memory.executors, ...NO_TASKS } });
}

describe("replay()", () => {
  for (const mode of ["verify", "recorded"] as const) {
    it(`finds every kind of operation equal, and touches nothing: ${mode}`, async () => {
      const commits: Commit[] = [];
      const on = start({}, { around: (store) => noting(store, commits) });
      const session = await sessionOfEveryKind(on);
      const { seq } = session.head;
      const entries = await on.store.operations(session.ref, { after: 0, limit: 1_000 });
      const kinds = new Set<string>(entries.map(({ operation }) => operation.kind));
      assert.deepEqual(
        OPERATION_KINDS.filter((kind) => !kinds.has(kind)),
        [],
      );
      commits.length = 0;
      const asked = on.model.asked.length + on.model.summarized.length;
      // What is decided is decided at the time of then.
      on.clock.advance(1_000_000_000_000);
      const report = await historyOf(on).replay(on.caller, session.ref.id, { mode });
      assert.deepEqual(report, {
        mode,
        from: 1,
        to: seq,
        replayed: seq,
        equal: seq,
        different: 0,
        failed: 0,
        skipped: 0,
        differences: [],
        durationUs: 0,
      });
      assert.equal(on.model.asked.length + on.model.summarized.length, asked);
      assert.deepEqual(commits, []);
    });
  }

  it("begins anywhere", async () => {
    const on = start();
    const session = await sessionOfEveryKind(on);
    for (let from = 1; from <= session.head.seq; from++) {
      const { equal, replayed } = await historyOf(on).replay(on.caller, session.ref.id, { mode: "recorded", from });
      assert.deepEqual({ equal, replayed }, { equal: replayed, replayed: session.head.seq - from + 1 });
    }
  });

  it("refuses stretches that the log does not have, and times that are none", async () => {
    const on = start();
    const { session } = (await on.sessions.create(on.caller, {})).value;
    await on.sessions.keepalive(on.caller, session.ref.id);
    const stretches = [
      { from: 0 },
      { from: 3 },
      { to: 0 },
      { to: 3 },
      { from: 2, to: 1 },
      { from: 1.5 },
      { to: Number.NaN },
    ];
    for (const mode of REPLAY_MODES) {
      for (const wanted of [...stretches, { timeoutMs: 0 }, { timeoutMs: 3_600_001 }, { timeoutMs: Number.NaN }]) {
        const replay = historyOf(on).replay(on.caller, session.ref.id, { mode, ...wanted });
        await assert.rejects(replay, { code: "invalid" }, JSON.stringify({ mode, wanted }));
      }
      await assert.rejects(historyOf(on).replay(on.caller, "nobody", { mode }), { code: "session_not_found" });
    }
    assert.equal((await on.sessions.list(on.caller, { sort: "created_at", order: "asc", limit: 9 })).items.length, 1);
  });

  it("stops once its time is over, with what it has", async () => {
    const on = start();
    const { session } = (await on.sessions.create(on.caller, {})).value;
    for (let i = 0; i < 20; i++) await on.sessions.keepalive(on.caller, session.ref.id);
    for (const mode of ["verify", "recorded"] as const) {
      let now = on.clock.now();
      const clock: Clock = { now: () => (now += 100) };
      const ports = { ...on.ports, clock };
      const history = new History(ports, new Sessions(ports));
      const report = await history.replay(on.caller, session.ref.id, { mode, timeoutMs: 1 });
      assert.deepEqual([report.equal, report.replayed, report.to, report.stopped], [9, 9, 21, "timeout"]);
      assert.equal(report.durationUs, 1_100);
    }
  });

  it("finds no session that was deleted meanwhile", async () => {
    const around = (store: Store): Store => ({
      ...noting(store, []),
      operations: async (ref, range) => {
        await on.sessions.delete(on.caller, ref.id);
        return await store.operations(ref, range);
      },
    });
    const on: TestMemory = start({}, { around });
    const { session } = (await on.sessions.create(on.caller, {})).value;
    const replay = historyOf(on).replay(on.caller, session.ref.id, { mode: "verify" });
    await assert.rejects(replay, { code: "session_not_found" });
  });
});

/** An entry of a log as a command may have made it, or may not. */
function drafted<K extends keyof Inputs>(kind: K, name: string, input: Inputs[K], more: Partial<Draft> = {}): Draft {
  return { kind, name, input, ...more };
}

describe("replay() that decides again", () => {
  const keepalive = drafted("session.kept_alive", "keepalive", {});
  const said = { role: "user", content: "Hi", tokens: 5 } as const;
  const answer = { role: "assistant", content: "Hello", tokens: 6 } as const;
  const added = drafted("messages.added", "messages", { messages: [said, answer, said] });
  const turn = { messages: [said], facts: {}, processingTimeUs: 7 };
  const output = { message: answer, model: "m", reason: "stop" } as const;
  const described = { name: "a", type: "t", mimeType: "text/plain", tags: [], metadata: {} };
  const stored = (artifactId: string): Draft => {
    const input = { artifactId, digest: sha256("abc"), size: 3, ...described };
    return drafted("artifact.stored", "store", input, { made: [artifactId] });
  };

  /** The entries behind the first, and what is found of the last of them. */
  const logs: Readonly<Record<string, readonly [entries: readonly Draft[], found: readonly object[]]>> = {
    "a metadata that is too large by now": [
      [drafted("session.updated", "update", { metadata: { a: "x".repeat(100) } })],
      [failed('Validation failed: "metadata" would take 108 bytes as JSON; at most 100 are allowed')],
    ],
    "an artifact that there is no room for by now": [
      [stored("artifact_1"), stored("artifact_2")],
      [
        failed(
          'Session "a" has 1 artifacts, as many as it may; delete some, or raise the limit max_artifacts_per_session',
        ),
      ],
    ],
    "an artifact that was larger than is said when it is deleted": [
      [
        stored("artifact_1"),
        drafted(
          "artifact.deleted",
          "delete_artifact",
          { artifactId: "artifact_1", name: "a", size: 2 },
          { used: ["artifact_1"] },
        ),
      ],
      [{ outcome: "different", what: "input.size", expected: 2, actual: 3 }],
    ],
    "a step that a session can't go": [
      [drafted("session.resumed", "resume", {})],
      [failed('Session "a" is already active and cannot become active')],
    ],
    "the use of a session that has ended": [
      [drafted("session.completed", "end", {}), keepalive],
      [failed('Cannot keep alive session "a": it is completed')],
    ],
    "an end that was one already": [
      [drafted("session.completed", "end", {}), drafted("session.completed", "end", {})],
      [{ outcome: "different", what: "kind", expected: "session.completed" }],
    ],
    "another command": [
      [drafted("session.suspended", "end", {})],
      [{ outcome: "different", what: "name", expected: "end", actual: "suspend" }],
    ],
    "an expiry before its time": [
      [drafted("session.expired", "expire", { endedAtUs: 1, reason: "Idle for longer than 60 s" })],
      [{ outcome: "different", what: "kind", expected: "session.expired" }],
    ],
    "a cleanup of what was not idle": [
      [drafted("session.expired", "cleanup", { endedAtUs: 1, reason: "Cleaned up: idle for longer than 1 s" })],
      [{ outcome: "different", what: "kind", expected: "session.expired" }],
    ],
    "a count that is none": [
      [drafted("metrics.recorded", "metrics", { requests: -1, errors: 0, processingTimeUs: 0 })],
      [failed('Validation failed: "requests" must be a whole number of at least 0')],
    ],
    "messages that were not made whole": [
      [
        drafted("messages.added", "messages", {
          messages: [{ role: "tool", content: "r", toolCallId: "c", tokens: 5 }],
        }),
      ],
      [
        { outcome: "different", what: "input.messages.0.role", expected: "tool", actual: "assistant" },
        { outcome: "different", what: "input.messages.0.content", expected: "r", actual: "" },
        { outcome: "different", what: "input.messages.0.toolCallId", expected: "c" },
        {
          outcome: "different",
          what: "input.messages.0.toolCalls",
          actual: [{ id: "c", name: "unknown", arguments: "{}" }],
        },
        { outcome: "different", what: "input.messages.0.metadata", actual: { repaired: true } },
        {
          outcome: "different",
          what: "input.messages.1",
          actual: { role: "tool", content: "r", toolCallId: "c", tokens: 0 },
        },
      ],
    ],
    "a window that was counted wrongly": [
      [
        added,
        drafted("conversation.compacted", "compact", { strategy: "summarize", through: 2, summary: "s", tokens: 7 }),
      ],
      [{ outcome: "different", what: "input.tokens", expected: 7, actual: 5 }],
    ],
    "a turn that took another time than it says": [
      [drafted("turn.completed", "chat", turn, { output, durationUs: 8 })],
      [{ outcome: "different", what: "durationUs", expected: 8, actual: 7 }],
    ],
    "a turn without an answer": [
      [drafted("turn.completed", "chat", turn, { durationUs: 7 })],
      [failed("Operation 2, turn.completed, lacks a message, or its answer")],
    ],
    "a name that was given twice": [
      [
        drafted("checkpoint.created", "checkpoint", { name: "c" }),
        drafted("checkpoint.created", "checkpoint", { name: "c" }),
      ],
      [failed('Session "a" has a checkpoint "c" at 2; use another name')],
    ],
  };

  /** A session with these entries, one microsecond after the other, and its history under strict limits. */
  const written = async (entries: readonly Draft[], idleTimeoutUs: number | null = null) => {
    const on = start();
    let stream: Stream = (await on.sessions.create(on.caller, { sessionId: "a", idleTimeoutUs })).value.session;
    for (const entry of entries) {
      on.clock.advance(1);
      stream = await append(on, stream, entry);
    }
    const settings = { ...DEFAULT_SETTINGS, metadataBytes: 100 };
    const options = { settings, artifacts: { artifactsMax: 1, bytesMax: 3 } };
    return { on, stream, history: new History(on.ports, on.sessions, options) };
  };

  for (const [what, [entries, found]] of Object.entries(logs)) {
    it(`finds ${what}`, async () => {
      const { on, stream, history } = await written(entries);
      const { seq } = stream.head;
      const { equal, replayed, differences } = await history.replay(on.caller, "a", { mode: "recorded" });
      const { kind } = entries.at(-1) ?? keepalive;
      assert.deepEqual(
        differences,
        found.map((one) => ({ seq, kind, ...one })),
      );
      assert.deepEqual({ equal, replayed }, { equal: seq - 1, replayed: seq });
      assert.equal((await history.replay(on.caller, "a", { mode: "verify" })).equal, seq);
    });
  }

  it("finds that a session's time was over before the call", async () => {
    const { on, history, stream } = await written([], 1_000_000);
    on.clock.advance(1_000_001);
    await append(on, stream, keepalive);
    const { differences } = await history.replay(on.caller, "a", { mode: "recorded" });
    const over = { expected: "session.kept_alive", actual: "session.expired" };
    assert.deepEqual(differences, [
      { seq: 2, kind: "session.kept_alive", outcome: "different", what: "kind", ...over },
    ]);
  });

  it("finds a fork that does not come from where it says", async () => {
    const { on, history, stream } = await written([]);
    const { ports, clock } = on;
    const { tenant } = on.caller;
    const ref = { tenant, kind: "session", id: ports.ids.uid() } as const;
    const origin = { uid: stream.ref.id, seq: 7, hash: "", root: stream.ref.id };
    const log = new PendingLog(ref, stream, ports);
    const input = { uid: ref.id, sessionId: "b", origin };
    log.push(drafted("session.forked", "fork", input), { actor: "author", at: clock.now() });
    const part = { ...log.toAppend(), history: { ref: stream.ref, hash: stream.head.hash } };
    assert.deepEqual(await on.store.commit({ now: clock.now(), parts: [part] }), { outcome: "committed" });
    const { differences } = await history.replay(on.caller, ref.id, { mode: "recorded" });
    const found = { seq: 2, kind: "session.forked", outcome: "different" };
    assert.deepEqual(differences, [
      { ...found, what: "input.origin.seq", expected: 7, actual: 1 },
      { ...found, what: "input.origin.hash", expected: "", actual: stream.head.hash },
    ]);
  });

  it("takes more messages than may be given at once for as many as were", async () => {
    const on = start();
    const { ref } = (await on.sessions.create(on.caller, {})).value.session;
    const calls = Array.from({ length: LIMITS.messagesAtOnce }, (_, i) => {
      return { role: "assistant", content: "", toolCalls: [{ id: `c${i}`, name: "f", arguments: "{}" }] } as const;
    });
    const { messages } = (await on.memory.add(on.caller, ref.id, calls)).value;
    assert.equal(messages.length, 2 * LIMITS.messagesAtOnce - 1);
    const { equal } = await historyOf(on).replay(on.caller, ref.id, { mode: "recorded" });
    assert.equal(equal, 2);
  });

  it("skips what was erased, and what follows it up to the next snapshot", async () => {
    const around = (store: Store): Store => ({
      ...noting(store, []),
      operations: async (ref, range) => {
        const entries = await store.operations(ref, range);
        return entries.map((entry) => (entry.operation.seq === 3 ? { ...entry, payload: "erased" } : entry));
      },
    });
    const on = start({}, { around });
    const { ref } = (await on.sessions.create(on.caller, {})).value.session;
    for (let i = 0; i < SNAPSHOT_EVERY + 1; i++) await on.sessions.keepalive(on.caller, ref.id);
    const { equal, replayed, skipped } = await historyOf(on).replay(on.caller, ref.id, { mode: "recorded" });
    assert.deepEqual({ equal, replayed, skipped }, { equal: 4, replayed: 4, skipped: SNAPSHOT_EVERY - 2 });
  });

  it("counts all that differ, tells the first hundred, and cuts what is long", async () => {
    const long = "x".repeat(3_000);
    const ends = Array.from({ length: 105 }, () => drafted("session.suspended", long, {}));
    const { on, history } = await written(ends);
    const { different, failed, differences } = await history.replay(on.caller, "a", { mode: "recorded" });
    assert.deepEqual([different, failed, differences.length], [1, 104, 100]);
    assert.equal(differences[0]?.expected, `${"x".repeat(2_000)}…`);
  });

  it("stops at the first that differs or fails, if it is told to", async () => {
    const { on, history } = await written([keepalive, drafted("session.resumed", "resume", {}), keepalive]);
    const request = { mode: "recorded", stopOnError: true } as const;
    const { replayed, equal, failed, stopped } = await history.replay(on.caller, "a", request);
    assert.deepEqual({ replayed, equal, failed, stopped }, { replayed: 3, equal: 2, failed: 1, stopped: "error" });
    const last = await history.replay(on.caller, "a", { ...request, to: 3 });
    assert.deepEqual([last.failed, last.stopped], [1, undefined]);
    assert.equal((await history.replay(on.caller, "a", { mode: "recorded" })).replayed, 4);
  });
});

/** Appends an entry as it is, whatever the rules say. */
async function append(on: TestMemory, stream: Stream, entry: Draft): Promise<Stream> {
  const log = new PendingLog(stream.ref, stream, on.ports);
  log.push(entry, { actor: "author", at: on.clock.now() });
  const contents = entry.kind === "artifact.stored" ? [contentOf(on, "abc")] : [];
  const committed = await on.store.commit({ now: on.clock.now(), parts: [log.toAppend()], contents });
  assert.deepEqual(committed, { outcome: "committed" });
  return { ref: stream.ref, head: log.head, record: log.record };
}

function failed(message: string): object {
  return { outcome: "failed", what: "call", message };
}
