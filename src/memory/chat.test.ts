import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryForTests, NEVER, saying, type TestMemory } from "../../tests/memory.ts";
import { noting } from "../conformance/index.ts";
import { EMPTY_CONVERSATION } from "../engine/conversation.ts";
import { LIMITS } from "../engine/limits.ts";
import { NO_METRICS } from "../engine/session.ts";
import type { Commit } from "../engine/store.ts";
import { NEW_USER } from "../engine/user.ts";
import type { Piece } from "./model.ts";

const start = memoryForTests();

async function begin(on: TestMemory, wanted: object = {}): Promise<string> {
  return (await on.sessions.create(on.caller, wanted)).value.session.ref.id;
}

/** An answer that goes on when it is let. */
function held(text: string): {
  readonly reply: () => AsyncIterable<Piece>;
  readonly letGo: () => void;
  readonly asked: Promise<void>;
} {
  const gate = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  return {
    reply: async function* () {
      asked.resolve();
      yield { piece: "text", text };
      await gate.promise;
      yield { piece: "end", reason: "stop" };
    },
    letGo: gate.resolve,
    asked: asked.promise,
  };
}

describe("chat()", () => {
  it("is one commit: message, answer, facts, counters, and what was learned of the user", async () => {
    const commits: Commit[] = [];
    const on = start({}, { around: (store) => noting(store, commits) });
    const { caller, memory, sessions, users } = on;
    const uid = await begin(on, { userId: "ann" });
    commits.length = 0;
    const message = "  My name is Ann, and I prefer Python  ";
    const { value } = await memory.chat(caller, { sessionId: uid, message, metadata: { a: 1 } }, { signal: NEVER });
    assert.equal(commits.length, 1);
    const [{ parts }] = commits as [Commit];
    assert.deepEqual(
      parts.map(({ ref }) => ref.kind),
      ["session", "user"],
    );
    const { session, ...answer } = value;
    assert.deepEqual(answer, {
      response: "Answer 1",
      model: "told",
      isLanguageModel: false,
      reason: "stop",
      usage: { inputTokens: 7, outputTokens: 2 },
      processingTimeUs: 0,
    });
    const after = await sessions.get(caller, uid);
    assert.deepEqual(after, session);
    assert.equal(after.head.seq, 2);
    assert.deepEqual(after.record.metrics, { ...NO_METRICS, requestCount: 1, inputTokens: 7, outputTokens: 2 });
    assert.deepEqual(after.record.workingMemory["user"], { name: "Ann", taste_python: "prefer Python" });
    assert.equal(after.record.conversation.turns, 1);
    assert.deepEqual((await users.get(caller, "ann")).record.preferences, { preferred_language: "Python" });
    const { items } = await sessions.messages(caller, uid, { take: "oldest", limit: 10 });
    assert.deepEqual(
      items.map(({ role, content, metadata }) => ({ role, content, metadata })),
      [
        { role: "user", content: "My name is Ann, and I prefer Python", metadata: { a: 1 } },
        { role: "assistant", content: "Answer 1", metadata: undefined },
      ],
    );
    assert.equal((await sessions.verify(caller, uid)).ok, true);
  });

  it("asks with the window, working memory with the new facts, the profile as it is learned, and nothing else", async () => {
    const on = start();
    const { caller, memory, model, users } = on;
    const uid = await begin(on, { userId: "ann" });
    await users.update(caller, "ann", { tone: "formal" });
    await memory.changeWorkingMemory(caller, uid, { set: { task: "pack" } });
    const say = (message: string) => memory.chat(caller, { sessionId: uid, message }, { signal: NEVER });
    await say("Hello");
    await say("I am Ann. Keep it short");
    assert.deepEqual(model.asked.at(-1), {
      systemPrompt: "Be kind",
      profile: {
        ...(await users.get(caller, "ann")).record,
        origins: { tone: "set" },
        updatedAtUs: on.clock.now(),
      },
      workingMemory: { task: "pack", user: { name: "Ann" } },
      messages: [
        { role: "user", content: "Hello" },
        { role: "assistant", content: "Answer 1" },
        { role: "user", content: "I am Ann. Keep it short" },
      ],
    });
    assert.equal(model.asked.at(-1)?.profile.verbosity, "low");
  });

  it("keeps nothing of a turn that fails but that it failed", async () => {
    const on = start();
    const { caller, memory, sessions, users, model } = on;
    const uid = await begin(on, { userId: "ann" });
    const before = await sessions.get(caller, uid);
    const failing = (fail: () => void) =>
      async function* (): AsyncGenerator<Piece, void, undefined> {
        yield { piece: "text", text: "I was about to" };
        fail();
      };
    const gone = new AbortController();
    const reason = new Error("gone");
    model.replies.push(
      failing(() => {
        throw new Error("no");
      }),
      failing(() => gone.abort(reason)),
      failing(() => {}),
    );
    const say = (signal: AbortSignal) =>
      memory.chat(caller, { sessionId: uid, message: "My name is Ann, and I prefer Python" }, { signal });
    await assert.rejects(say(NEVER), /no/);
    await assert.rejects(say(gone.signal), (error) => error === reason);
    await assert.rejects(say(NEVER), { code: "model_failed" });
    const { record } = await sessions.get(caller, uid);
    assert.deepEqual(record, { ...before.record, metrics: { ...NO_METRICS, requestCount: 3, errorCount: 3 } });
    assert.deepEqual(record.conversation, EMPTY_CONVERSATION);
    assert.deepEqual((await users.get(caller, "ann")).record, NEW_USER);
    const { items } = await sessions.operations(caller, uid, { after: 1, limit: 10 });
    assert.deepEqual(
      items.map(({ operation }) => [operation.kind, operation.outcome]),
      Array(3).fill(["turn.failed", "failed"]),
    );
    assert.equal((await sessions.verify(caller, uid)).ok, true);
  });

  it("takes its turn in the session, while other calls go on", async () => {
    const on = start();
    const { caller, memory, sessions, model } = on;
    const uid = await begin(on);
    const first = held("First");
    model.replies.push(first.reply, saying("Second"));
    const say = (message: string) => memory.chat(caller, { sessionId: uid, message }, { signal: NEVER });
    const one = say("One");
    await first.asked;
    const two = say("Two");
    await sessions.record(caller, uid, { requestCount: 5, errorCount: 0, processingTimeUs: 0 });
    await memory.changeWorkingMemory(caller, uid, { merge: { a: 1 } });
    await memory.add(caller, uid, [{ role: "user", content: "Between" }]);
    assert.equal(model.asked.length, 1);
    first.letGo();
    assert.deepEqual([(await one).value.response, (await two).value.response], ["First", "Second"]);
    const { items } = await sessions.messages(caller, uid, { take: "oldest", limit: 10 });
    assert.deepEqual(
      items.map(({ content }) => content),
      ["Between", "One", "First", "Two", "Second"],
    );
    assert.deepEqual(
      model.asked[1]?.messages.map(({ content }) => content),
      ["Between", "One", "First", "Two"],
    );
    const { record } = await sessions.get(caller, uid);
    assert.deepEqual([record.metrics.requestCount, record.conversation.turns], [7, 2]);
  });

  it("counts as use of the session while it lasts", async () => {
    const on = start();
    const { caller, memory, sessions, model, clock } = on;
    const uid = await begin(on, { idleTimeoutUs: 1_000_000 });
    const answer = held("At last");
    model.replies.push(answer.reply);
    const turn = memory.chat(caller, { sessionId: uid, message: "Hi" }, { signal: NEVER });
    await answer.asked;
    for (const seq of [2, 3]) {
      clock.advance(900_000);
      while ((await sessions.get(caller, uid)).head.seq < seq) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    answer.letGo();
    assert.equal((await turn).value.session.record.status, "active");
  });

  it("is dropped, and says so, where the session ends or is deleted meanwhile", async () => {
    for (const end of ["end", "delete"] as const) {
      const on = start();
      const { caller, memory, sessions, model, users } = on;
      const uid = await begin(on, { userId: "ann" });
      const answer = held("Too late");
      model.replies.push(answer.reply);
      const turn = memory.chat(caller, { sessionId: uid, message: "I prefer Python" }, { signal: NEVER });
      await answer.asked;
      await sessions[end](caller, uid);
      answer.letGo();
      await assert.rejects(turn, { code: "invalid_session", message: /nothing of it was kept/ });
      assert.deepEqual((await users.get(caller, "ann")).record, NEW_USER);
      if (end === "end") assert.equal((await sessions.get(caller, uid)).head.seq, 2);
    }
  });

  it("wants an active session, and its user", async () => {
    const on = start();
    const { caller, memory, sessions } = on;
    const say = (sessionId: string, userId?: string) =>
      memory.chat(caller, { sessionId, message: "Hi", ...(userId && { userId }) }, { signal: NEVER });
    const suspended = await begin(on);
    await sessions.suspend(caller, suspended);
    const ended = await begin(on);
    await sessions.end(caller, ended);
    const expired = await begin(on, { idleTimeoutUs: 1_000_000 });
    on.clock.advance(1_000_001);
    for (const id of [suspended, ended, expired, "nobody"]) {
      await assert.rejects(say(id), { code: "invalid_session", message: `Invalid or inactive session: ${id}` });
    }
    const uid = await begin(on, { userId: "ann" });
    await say(uid, "ann");
    await assert.rejects(say(uid, "bob"), { code: "invalid" });
    assert.equal((await sessions.get(caller, uid)).record.metrics.requestCount, 1);
  });

  it("makes a temporary session where none is named, which is not listed, and lives on as long as it is used", async () => {
    const on = start();
    const { caller, memory, sessions, clock } = on;
    const { value } = await memory.chat(caller, { message: "Hi", userId: "ann" }, { signal: NEVER });
    const { record, ref } = value.session;
    assert.deepEqual([record.temporary, record.userId, record.idleTimeoutUs], [true, "ann", 60_000_000]);
    const page = { sort: "created_at", order: "asc", limit: 10 } as const;
    assert.deepEqual((await sessions.list(caller, page)).items, []);
    assert.equal((await sessions.list(caller, { ...page, temporary: true })).items.length, 1);
    await assert.rejects(sessions.newest(caller, "ann"), { code: "no_session_found" });
    for (let i = 0; i < 2; i++) {
      clock.advance(60_000_000);
      await memory.chat(caller, { message: "Again", sessionId: record.sessionId }, { signal: NEVER });
    }
    clock.advance(60_000_001);
    const late = memory.chat(caller, { message: "Again", sessionId: record.sessionId }, { signal: NEVER });
    await assert.rejects(late, { code: "invalid_session" });
    assert.equal((await sessions.get(caller, ref.id)).record.conversation.turns, 3);
  });

  it("leaves no temporary session behind: of a turn that failed, or of one whose time is over", async () => {
    const on = start();
    const { caller, memory, sessions, model, clock } = on;
    const count = async (): Promise<number> =>
      (await sessions.list(caller, { temporary: true, sort: "name", order: "asc", limit: 9 })).items.length;
    model.replies.push(() => {
      throw new Error("no");
    });
    await assert.rejects(memory.chat(caller, { message: "Hi" }, { signal: NEVER }), /no/);
    assert.equal(await count(), 0);
    const { value } = await memory.chat(caller, { message: "Hi" }, { signal: NEVER });
    clock.advance(60_000_000);
    await sessions.sweep();
    assert.equal(await count(), 1);
    clock.advance(1);
    const lasting = await begin(on, { idleTimeoutUs: 1_000_000 });
    clock.advance(1_000_001);
    await sessions.sweep();
    assert.equal(await sessions.find(caller, value.session.ref.id), undefined);
    assert.equal((await sessions.get(caller, lasting)).record.status, "expired");
  });

  it("never makes room for a temporary session at the cost of others", async () => {
    const on = start({}, { settings: { maxSessions: 2, cleanupIdleUs: 1_000_000 } });
    const { caller, memory, sessions, clock } = on;
    const lasting = await begin(on);
    await memory.chat(caller, { message: "Hi" }, { signal: NEVER });
    clock.advance(1_000_001);
    // The idle temporary one gives way.
    await memory.chat(caller, { message: "Hi" }, { signal: NEVER });
    clock.advance(1);
    await assert.rejects(memory.chat(caller, { message: "Hi" }, { signal: NEVER }), { code: "limit_reached" });
    assert.equal((await sessions.get(caller, lasting)).record.status, "active");
    clock.advance(1_000_001);
    await begin(on);
    assert.equal((await sessions.get(caller, lasting)).record.status, "active");
    await begin(on);
    assert.equal((await sessions.get(caller, lasting)).record.status, "expired");
  });

  it("answers a repeated chat as the first, once", async () => {
    const on = start();
    const { caller, memory, sessions, model } = on;
    const uid = await begin(on);
    const say = (request: string, sessionId?: string) => {
      const idempotency = { key: "k", scope: "POST /chat", request };
      return memory.chat(caller, { message: "Hi", ...(sessionId && { sessionId }) }, { signal: NEVER, idempotency });
    };
    const [first, second] = await Promise.all([say("a", uid), say("a", uid)]);
    assert.deepEqual([second.value, second.replayed], [first.value, true]);
    assert.equal(model.asked.length, 1);
    await assert.rejects(say("b", uid), { code: "idempotency_mismatch" });
    assert.equal((await sessions.get(caller, uid)).record.conversation.turns, 1);
  });

  it("holds what is said against its limits, at them and one past, and keeps nothing of what is refused", async () => {
    const on = start({ windowTokens: 100_000 });
    const { caller, memory, sessions } = on;
    const uid = await begin(on);
    const say = (message: string, metadata = {}) =>
      memory.chat(caller, { sessionId: uid, message, metadata }, { signal: NEVER });
    await say(` ${"x".repeat(LIMITS.chatLength)} `);
    await say("x", { a: "x".repeat(LIMITS.messageMetadataBytes - 8) });
    const { head } = await sessions.get(caller, uid);
    for (const [message, metadata] of [
      ["", {}],
      [" \n", {}],
      ["x".repeat(LIMITS.chatLength + 1), {}],
      ["a\0b", {}],
      ["\ud800", {}],
      ["x", { a: "x".repeat(LIMITS.messageMetadataBytes - 7) }],
    ] as const) {
      await assert.rejects(say(message, metadata), { code: "invalid" });
    }
    assert.deepEqual((await sessions.get(caller, uid)).head, head);
  });

  it("leaves facts out that working memory has no room for", async () => {
    const on = start();
    const { caller, memory, sessions } = on;
    const uid = await begin(on);
    const full = { a: "x".repeat(LIMITS.workingMemoryBytes - 8) };
    await memory.changeWorkingMemory(caller, uid, { set: full });
    await memory.chat(caller, { sessionId: uid, message: "My name is Ann" }, { signal: NEVER });
    const { record } = await sessions.get(caller, uid);
    assert.deepEqual([record.workingMemory, record.conversation.turns], [full, 1]);
    await assert.rejects(memory.changeWorkingMemory(caller, uid, { merge: { b: 1 } }), { code: "invalid" });
  });

  it("closes calls that never got their result before it asks", async () => {
    const on = start();
    const { caller, memory, model, sessions } = on;
    const uid = await begin(on);
    const toolCalls = [{ id: "1", name: "look", arguments: "{}" }];
    await memory.add(caller, uid, [{ role: "assistant", content: "", toolCalls }]);
    await memory.chat(caller, { sessionId: uid, message: "And?" }, { signal: NEVER });
    const shown = model.asked[0]?.messages.map(({ role, toolCallId }) => [role, toolCallId]);
    assert.deepEqual(shown, [
      ["assistant", undefined],
      ["tool", "1"],
      ["user", undefined],
    ]);
    await memory.chat(caller, { sessionId: uid, message: "Well?" }, { signal: NEVER });
    assert.equal(model.asked[1]?.messages.length, 5);
    assert.equal((await sessions.verify(caller, uid)).ok, true);
  });

  it("learns of one user in many sessions at once", async () => {
    const on = start();
    const { caller, memory, users } = on;
    const said = ["I prefer Python", "Be brief", "Use a formal tone, please", "I only use free APIs"];
    const talk = (count: number, words: readonly string[]) =>
      Array.from({ length: count }, async (_, i) => {
        const uid = await begin(on, { userId: "ann" });
        await memory.chat(caller, { sessionId: uid, message: words[i % words.length] ?? "" }, { signal: NEVER });
      });
    // Those who contradict each other change the profile each time.
    await Promise.all(talk(100, ["Be casual", "Be formal"]));
    assert.ok((await users.get(caller, "ann")).head.seq > 50);
    await Promise.all(talk(40, said));
    const { record } = await users.get(caller, "ann");
    assert.deepEqual(
      [record.tone, record.verbosity, record.preferences["preferred_language"]],
      ["formal", "low", "Python"],
    );
  });

  it("ends with the engine, and says so", async () => {
    const on = start();
    const { caller, memory, sessions, model } = on;
    const uid = await begin(on);
    model.replies.push(async function* (signal): AsyncGenerator<Piece, void, undefined> {
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      yield { piece: "text", text: "never" };
    });
    const turn = memory.chat(caller, { sessionId: uid, message: "Hi" }, { signal: NEVER });
    const refused = assert.rejects(turn, { code: "overloaded", message: /shutting down/ });
    while (model.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await memory.close();
    await refused;
    assert.equal((await sessions.get(caller, uid)).record.metrics.errorCount, 1);
  });
});
