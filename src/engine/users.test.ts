import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests, putArtifact, sha256 } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { addMessages } from "./conversation-commands.ts";
import { LIMITS } from "./limits.ts";
import { NEW_USER } from "./user.ts";

const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

describe("Users", () => {
  it("knows the default of everybody, and writes nothing for asking", async () => {
    const { users, caller, store } = engine();
    const user = await users.get(caller, "ann");
    assert.deepEqual([user.record, user.head.seq], [NEW_USER, 0]);
    assert.equal(await store.stream(user.ref), undefined);
  });

  it("changes what is named, removes by null, and tells where each value comes from", async () => {
    const { users, caller, clock } = engine();
    await users.update(caller, "ann", { tone: "formal", depth: "deep", preferences: { language: "é", old: 1 } });
    const { value } = await users.update(caller, "ann", { depth: null, preferences: { old: null } });
    assert.deepEqual(value.record, {
      ...NEW_USER,
      tone: "formal",
      preferences: { language: "é" },
      origins: { tone: "set", "preferences.language": "set" },
      updatedAtUs: clock.now(),
    });
    assert.deepEqual((await users.get(caller, "ann")).record, value.record);
    assert.equal((await users.update(caller, "ann", { tone: "formal" })).value.head.seq, 2, "no news, no operation");
  });

  it("answers a repeated change as the first, also one that changes nothing", async () => {
    const { users, caller } = engine();
    const idempotency = (request: string) => ({ idempotency: { key: request, scope: "PATCH /users", request } });
    for (const [request, patch, seq] of [
      ["none", {}, 0],
      ["one", { tone: "casual" }, 1],
    ] as const) {
      const first = await users.update(caller, "ann", patch, idempotency(request));
      const second = await users.update(caller, "ann", patch, idempotency(request));
      assert.deepEqual([first.value.head.seq, second.value, second.replayed], [seq, first.value, true]);
    }
  });

  it("holds preferences against their limit, at it and one past", async () => {
    const { users, caller } = engine();
    const text = (bytes: number) => ({ a: "x".repeat(bytes - 8) });
    await users.update(caller, "ann", { preferences: text(LIMITS.preferencesBytes) });
    await assert.rejects(users.update(caller, "ann", { preferences: text(LIMITS.preferencesBytes + 1) }), {
      code: "invalid",
    });
    await assert.rejects(users.update(caller, "ann", { preferences: { b: 1 } }), { code: "invalid" });
    assert.equal((await users.get(caller, "ann")).head.seq, 1);
  });

  it("erases every session of the user, whatever became of it, the profile, and nothing else", async () => {
    const started = engine();
    const { users, sessions, caller, store } = started;
    const words = addMessages([{ role: "user", content: "Hello" }], (message) => ({ ...message, tokens: 1 }));
    const of = async (userId: string, more: object = {}) =>
      (await sessions.create(caller, { userId, ...more })).value.session.ref.id;
    const first = await of("ann", { sessionId: "s" });
    await sessions.change(caller, first, words);
    for (const text of ["hers", "ours"]) await putArtifact(started, first, { name: "x.txt", text });
    await sessions.end(caller, "s");
    const again = await of("ann", { sessionId: "s" });
    const temporary = await of("ann", { temporary: true });
    const other = await of("bob");
    await sessions.change(caller, other, words);
    await putArtifact(started, other, { name: "y.txt", text: "ours" });
    await users.update(caller, "ann", { tone: "formal" });
    const { value: bob } = await users.update(caller, "bob", { tone: "casual" });

    assert.deepEqual(await users.erase(caller, "ann", sessions), {
      userId: "ann",
      sessions: 3,
      operations: 8,
      messages: 1,
      summaries: 0,
      facts: 0,
      artifacts: 2,
      artifactBytes: 8,
      profile: true,
    });
    for (const uid of [first, again, temporary]) assert.equal(await sessions.find(caller, uid), undefined);
    assert.deepEqual((await users.get(caller, "ann")).record, NEW_USER);
    assert.deepEqual(await users.get(caller, "bob"), bob);
    assert.equal((await sessions.verify(caller, other)).ok, true);
    assert.equal(await store.content(caller.tenant, sha256("hers")), undefined);
    assert.equal((await store.content(caller.tenant, sha256("ours")))?.size, 4);
    assert.deepEqual(await users.erase(caller, "ann", sessions), {
      userId: "ann",
      sessions: 0,
      operations: 0,
      messages: 0,
      summaries: 0,
      facts: 0,
      artifacts: 0,
      artifactBytes: 0,
      profile: false,
    });
    assert.equal((await store.stored(bob.ref))?.head.seq, 1);
  });

  it("erases a parent and a fork of it, and leaves the children and forks of others", async () => {
    const { users, sessions, history, caller } = engine();
    await sessions.create(caller, { sessionId: "parent", userId: "ann" });
    await sessions.create(caller, { sessionId: "child", userId: "bob", parentSessionId: "parent" });
    await history.fork(caller, "parent", { sessionId: "fork" });
    assert.equal((await users.erase(caller, "ann", sessions)).sessions, 2);
    const { record } = await sessions.get(caller, "child");
    assert.deepEqual([record.status, record.parentSessionId], ["active", "parent"]);
  });
});
