import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests, sha256, type TestEngine } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import type { NewContent } from "./artifact.ts";
import { SECOND } from "./clock.ts";
import { record } from "./commands.ts";
import { History } from "./history.ts";
import { type LimitRule, type Limits, MEASURES, type Measure } from "./limit-rules.ts";
import { LIMITS } from "./limits.ts";
import type { AddedMetrics } from "./session.ts";
import type { Session } from "./sessions.ts";

const start = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

const LISTED = { sort: "created_at", order: "desc", limit: 1 } as const;

const NONE: AddedMetrics = { requestCount: 0, errorCount: 0, processingTimeUs: 0 };

function bytesOf(tenant: string, size: number): NewContent {
  const body = new Uint8Array(size).fill(size);
  const digest = sha256(String(size));
  return {
    tenant,
    digest,
    size,
    storedSize: size,
    chunks: [{ digest, storedSize: size }],
    place: { in: "store" },
    body,
  };
}

/** A session with these limits, and what it does. */
async function limited(limits: Limits, on: TestEngine = start()) {
  const { sessions, caller } = on;
  const uid = (await sessions.create(caller, { limits, idleTimeoutUs: null })).value.session.ref.id;
  const entries = async () => (await sessions.operations(caller, uid, { after: 0, limit: 100 })).items;
  return {
    ...on,
    uid,
    add: async (added: Partial<AddedMetrics>): Promise<Session> =>
      (await sessions.record(caller, uid, { ...NONE, ...added })).value,
    get: async (): Promise<Session> => await sessions.get(caller, uid),
    kinds: async () => (await entries()).map(({ operation: { kind, name, actor } }) => [kind, name, actor].join(" ")),
    said: async () =>
      (await entries()).flatMap(({ operation: { kind }, payload }) => {
        if (kind !== "session.warned" || typeof payload !== "object") return [];
        return [(JSON.parse(payload.body) as { input: object }).input];
      }),
  };
}

/** What brings each measure to just below a value, and then to it. */
const STEPS: {
  readonly [M in Measure]?: readonly [rule: LimitRule, below: Partial<AddedMetrics>, to: Partial<AddedMetrics>];
} = {
  calls: [{ at: 3, action: "pause" }, { requestCount: 2 }, { requestCount: 1 }],
  errors: [{ over: 1, action: "pause" }, { errorCount: 1 }, { errorCount: 1 }],
  error_rate: [
    { over: 0.5, action: "pause" },
    { requestCount: 4, errorCount: 2 },
    { requestCount: 1, errorCount: 1 },
  ],
  tokens: [{ at: 100, action: "pause" }, { inputTokens: 90, outputTokens: 9 }, { outputTokens: 1 }],
  cost_usd: [{ at: 0.3, action: "pause" }, { costNanoUsd: 299_999_999 }, { costNanoUsd: 1 }],
  processing_seconds: [{ at: 1.5, action: "pause" }, { processingTimeUs: 1_499_999 }, { processingTimeUs: 1 }],
};

describe("limits of a session", () => {
  for (const [measure, [rule, below, to]] of Object.entries(STEPS)) {
    it(`pause it at ${measure}, and not before, in the commit that reaches it`, async () => {
      const { add, kinds, uid, sessions, caller } = await limited({ [measure]: [rule] });
      assert.equal((await add(below)).record.status, "active");
      const { record } = await add(to);
      assert.equal(record.status, "suspended");
      assert.match(record.reason ?? "", new RegExp(`^${measure} is .*(?:the limit is|over) ${rule.at ?? rule.over}$`));
      assert.deepEqual((await kinds()).slice(1), [
        "metrics.recorded metrics tester",
        "metrics.recorded metrics tester",
        "session.suspended limit system",
      ]);
      assert.equal((await sessions.verify(caller, uid)).ok, true);
    });
  }

  it("are of the bytes of artifacts, too", async () => {
    assert.deepEqual([...Object.keys(STEPS), "bytes", "wall_seconds"].sort(), [...MEASURES].sort());
    const { sessions, caller, uid } = await limited({ bytes: [{ over: 7, action: "fail" }] });
    const stored = (size: number) => ({
      kind: "artifact.stored" as const,
      name: "store",
      input: {
        artifactId: `artifact_${size}`,
        digest: bytesOf("", size).digest,
        size,
        name: "a",
        type: "user_input",
        mimeType: "text/plain",
        tags: [],
        metadata: {},
      },
    });
    const store = (size: number) =>
      sessions.change(caller, uid, () => [stored(size)], { contents: [bytesOf(caller.tenant, size)] });
    assert.equal((await store(7)).value.record.status, "active");
    const { record } = (await store(1)).value;
    assert.deepEqual([record.status, record.reason], ["failed", "bytes is 8, over 7"]);
  });

  it("warn once, when they are reached, and again where they are reached again", async () => {
    const { add, said, get } = await limited({ error_rate: [{ over: 0.5, action: "warn", minCalls: 2 }] });
    await add({ requestCount: 1, errorCount: 1 });
    assert.deepEqual(await said(), []);
    await add({ requestCount: 1, errorCount: 1 });
    await add({ requestCount: 1, errorCount: 1 });
    const first = { reason: "error_rate is 1, over 0.5", measure: "error_rate", value: 1 };
    assert.deepEqual(await said(), [first]);
    await add({ requestCount: 3 });
    await add({ requestCount: 2, errorCount: 2 });
    assert.deepEqual(await said(), [
      first,
      { reason: "error_rate is 0.625, over 0.5", measure: "error_rate", value: 0.625 },
    ]);
    assert.equal((await get()).record.status, "active");
  });

  it("fail a session rather than pause it, and say what they warned of first", async () => {
    const { add, kinds, get } = await limited({
      calls: [{ at: 2, action: "pause" }],
      errors: [
        { at: 1, action: "warn" },
        { at: 2, action: "fail" },
      ],
    });
    await add({ requestCount: 2, errorCount: 2 });
    assert.deepEqual((await kinds()).slice(1), [
      "metrics.recorded metrics tester",
      "session.warned limit system",
      "session.failed limit system",
    ]);
    assert.equal((await get()).record.reason, "errors is 2, the limit is 2");
  });

  it("let nobody resume what is at one, until it was raised or removed", async () => {
    const { add, sessions, caller, uid, kinds } = await limited({ calls: [{ at: 1, action: "pause" }] });
    await add({ requestCount: 1 });
    const resume = () => sessions.resume(caller, uid);
    await assert.rejects(resume(), {
      code: "invalid_transition",
      message: /calls is 1, the limit is 1; raise or remove/,
    });
    await sessions.update(caller, uid, { limits: { calls: [{ at: 2, action: "pause" }] } });
    assert.equal((await resume()).value.record.status, "active");
    assert.equal((await add({ requestCount: 1 })).record.status, "suspended");
    await sessions.update(caller, uid, { limits: { calls: null } });
    assert.equal((await resume()).value.record.limits, undefined);
    assert.equal((await add({ requestCount: 9 })).record.status, "active");
    assert.equal((await kinds()).length, 10);
    assert.equal((await sessions.verify(caller, uid)).ok, true);
  });

  it("hold at once where they are set on what has passed them already", async () => {
    const { add, sessions, caller, uid, said } = await limited({});
    await add({ requestCount: 5 });
    const limits = { calls: [{ at: 5, action: "warn" } as const, { over: 4, action: "pause" } as const] };
    const { record } = (await sessions.update(caller, uid, { limits })).value;
    assert.equal(record.status, "suspended");
    assert.deepEqual(await said(), [{ reason: "calls is 5, the limit is 5", measure: "calls", value: 5 }]);
  });

  it("change by their measures, and go altogether with null", async () => {
    const { sessions, caller, uid } = await limited({
      calls: [{ at: 9, action: "warn" }],
      errors: [{ at: 9, action: "fail" }],
    });
    const patched = async (limits: Parameters<typeof sessions.update>[2]["limits"]) =>
      (await sessions.update(caller, uid, limits === undefined ? {} : { limits })).value.record.limits;
    assert.deepEqual(await patched({ calls: null, tokens: [{ at: 1, action: "warn" }] }), {
      errors: [{ at: 9, action: "fail" }],
      tokens: [{ at: 1, action: "warn" }],
    });
    assert.equal(await patched(null), undefined);
  });

  it("are the operator's where a session says nothing of a measure, and null says that there is none", async () => {
    const settings = {
      limits: { calls: [{ at: 2, action: "pause" } as const], errors: [{ at: 2, action: "fail" } as const] },
    };
    const { sessions, caller } = start({ settings });
    const made = async (limits?: Parameters<typeof sessions.create>[1]["limits"]) =>
      (await sessions.create(caller, limits === undefined ? {} : { limits })).value.session.record.limits;
    assert.deepEqual(await made(), settings.limits);
    assert.deepEqual(await made({ calls: null, tokens: [{ at: 1, action: "warn" }] }), {
      errors: settings.limits.errors,
      tokens: [{ at: 1, action: "warn" }],
    });
  });

  it("pause by time alone: for who reads it at once, and in its log by the sweep", async () => {
    const { sessions, caller, clock, get, kinds, uid, add } = await limited({
      wall_seconds: [
        { at: 10, action: "warn" },
        { over: 20, action: "pause" },
      ],
    });
    clock.advance(10 * SECOND - 1);
    assert.equal(await sessions.sweep(), 0);
    clock.advance(1);
    assert.equal(await sessions.sweep(), 1);
    assert.equal(await sessions.sweep(), 0);
    clock.advance(10 * SECOND);
    assert.equal((await get()).record.status, "active");
    assert.equal(await sessions.sweep(), 0);
    clock.advance(1);
    assert.equal((await get()).record.status, "suspended");
    assert.equal((await get()).head.seq, 2);
    assert.equal(await sessions.sweep(), 1);
    assert.equal(await sessions.sweep(), 0);
    assert.deepEqual((await kinds()).slice(1), ["session.warned limit system", "session.suspended limit system"]);
    await assert.rejects(sessions.resume(caller, uid), { code: "invalid_transition" });
    await add({ requestCount: 1 });
    assert.equal((await sessions.verify(caller, uid)).ok, true);
  });

  it("leave what a call itself did in its own place in the log", async () => {
    const on = await limited({ calls: [{ at: 1, action: "pause" }] });
    const { value, seq } = await on.sessions.change(on.caller, on.uid, record({ ...NONE, requestCount: 1 }));
    assert.deepEqual([seq, value.head.seq, value.record.status], [2, 3, "suspended"]);
    const history = new History(on.ports, on.sessions);
    const fork = (await history.fork(on.caller, on.uid, {})).value.ref.id;
    const { checkpoint, session } = (await history.checkpoint(on.caller, fork, { name: "here" })).value;
    assert.deepEqual([checkpoint.seq, session.record.checkpoints["here"], session.head.seq], [5, 5, 6]);
  });

  it("are said by time before a call is decided, which then meets a session that was paused", async () => {
    const { sessions, caller, clock, uid, kinds } = await limited({ wall_seconds: [{ at: 5, action: "pause" }] });
    clock.advance(5 * SECOND);
    await assert.rejects(sessions.suspend(caller, uid), { code: "invalid_transition", message: /already suspended/ });
    await sessions.keepalive(caller, uid);
    assert.deepEqual((await kinds()).slice(1), [
      "session.suspended limit system",
      "session.kept_alive keepalive tester",
    ]);
  });

  it("go with a fork, and hold there from its first call on; its time begins anew", async () => {
    const on = await limited({ calls: [{ at: 2, action: "pause" }], wall_seconds: [{ at: 100, action: "fail" }] });
    on.clock.advance(99 * SECOND);
    await on.add({ requestCount: 2 });
    const fork = (await new History(on.ports, on.sessions).fork(on.caller, on.uid, {})).value;
    on.clock.advance(99 * SECOND);
    const { record } = (await on.sessions.keepalive(on.caller, fork.ref.id)).value;
    assert.deepEqual([record.status, record.reason], ["suspended", "calls is 2, the limit is 2"]);
    on.clock.advance(SECOND);
    assert.equal((await on.sessions.get(on.caller, fork.ref.id)).record.status, "failed");
  });

  it("refuse rules that can't be, and take what is at a limit", async () => {
    const on = start();
    const wanted = (limits: Limits) => on.sessions.create(on.caller, { limits });
    const many = (count: number): readonly LimitRule[] => Array(count).fill({ at: 1, action: "warn" });
    const refused: readonly (readonly [Limits, field: string])[] = [
      [{ calls: many(LIMITS.limitRules + 1) }, "limits.calls"],
      [{ calls: [{ action: "warn" }] }, "limits.calls.0"],
      [{ calls: [{ at: 1, over: 1, action: "warn" }] }, "limits.calls.0"],
      [{ calls: [{ at: 0, action: "warn" }] }, "limits.calls.0.at"],
      [{ calls: [{ over: -1, action: "warn" }] }, "limits.calls.0.over"],
      [{ tokens: [{ at: Number.NaN, action: "warn" }] }, "limits.tokens.0.at"],
      [{ error_rate: [{ over: 1.01, action: "warn" }] }, "limits.error_rate.0.over"],
      [{ wall_seconds: [{ at: LIMITS.durationSeconds + 1, action: "warn" }] }, "limits.wall_seconds.0.at"],
      [{ processing_seconds: [{ at: 1e15, action: "warn" }] }, "limits.processing_seconds.0.at"],
      [{ cost_usd: [{ over: 1_000_001, action: "warn" }] }, "limits.cost_usd.0.over"],
      [{ error_rate: [{ over: 0.5, action: "warn", minCalls: 0 }] }, "limits.error_rate.0.min_calls"],
      [{ calls: [{ over: 5, action: "warn", minCalls: 2 }] }, "limits.calls.0.min_calls"],
    ];
    for (const [limits, field] of refused) {
      await assert.rejects(wanted(limits), (error: { code?: string; faults?: readonly { field: string }[] }) => {
        assert.deepEqual([error.code, error.faults?.map((fault) => fault.field)], ["invalid", [field]]);
        return true;
      });
    }
    const longest = { at: LIMITS.durationSeconds, action: "warn" } as const;
    const { session } = (await wanted({ wall_seconds: [longest], processing_seconds: [longest] })).value;
    assert.equal((await on.sessions.list(on.caller, LISTED)).items[0]?.ref.id, session.ref.id);
    await wanted({ calls: many(LIMITS.limitRules), error_rate: [{ at: 1, action: "fail", minCalls: 1 }] });
  });
});

describe("apps of a session", () => {
  it("are at most so many, each once, with a name", async () => {
    const { sessions, caller } = start();
    const wanted = (apps: readonly string[]) => sessions.create(caller, { apps });
    const many = Array.from({ length: LIMITS.appsOfSession }, (_, i) => `app-${i}`);
    await assert.rejects(wanted([...many, "another"]), { code: "invalid" });
    await assert.rejects(wanted([""]), { code: "invalid" });
    const { session } = (await wanted([...many, "app-0"].slice(1))).value;
    assert.equal(session.record.apps?.length, LIMITS.appsOfSession);
    const { record } = (await sessions.update(caller, session.ref.id, { apps: null })).value;
    assert.equal(record.apps, undefined);
  });
});
