import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { LIMITS } from "./limits.ts";
import type { Template } from "./template.ts";
import { assertTemplates } from "./templates.ts";

const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

const WHOLE: Template = {
  namePrefix: "Research: ",
  tags: ["research", "web"],
  metadata: { team: "labs", retries: 3 },
  idleTimeoutUs: 60_000_000,
  maxLifetimeUs: 3_600_000_000,
};

describe("Templates", () => {
  it("keeps a template with its version and the time of its change, and lists all by their names", async () => {
    const { templates, caller, clock } = engine();
    assert.deepEqual(await templates.list(caller), []);
    const first = await templates.set(caller, "b", WHOLE);
    const kept = { ...WHOLE, name: "b", version: 1, updatedAtUs: clock.now() };
    assert.deepEqual([first.value, first.replayed], [{ template: kept, isNew: true }, false]);
    await templates.set(caller, "a", {});
    assert.deepEqual(await templates.get(caller, "b"), kept);
    const listed = await templates.list(caller);
    assert.deepEqual(listed, [{ name: "a", version: 2, updatedAtUs: clock.now() }, kept]);
  });

  it("replaces a template whole, and writes nothing for what it says already", async () => {
    const { templates, caller, clock } = engine();
    await templates.set(caller, "a", WHOLE);
    const again = await templates.set(caller, "a", { ...WHOLE, tags: ["research", "web", "web"] });
    assert.deepEqual([again.value.isNew, again.value.template.version], [false, 1]);
    clock.advance(1);
    const { value } = await templates.set(caller, "a", { idleTimeoutUs: null });
    const template = { name: "a", idleTimeoutUs: null, version: 2, updatedAtUs: clock.now() };
    assert.deepEqual(value, { template, isNew: false });
  });

  it("holds a precondition against the template, and not against others", async () => {
    const { templates, caller } = engine();
    const at = (precondition: "any" | readonly number[]) => ({ precondition });
    await assert.rejects(templates.set(caller, "a", WHOLE, at("any")), { code: "precondition_failed" });
    await templates.set(caller, "a", WHOLE);
    await templates.set(caller, "b", {});
    await assert.rejects(templates.set(caller, "a", {}, at([2])), { code: "precondition_failed" });
    await assert.rejects(templates.remove(caller, "a", at([2])), { code: "precondition_failed" });
    assert.equal((await templates.set(caller, "a", {}, at([1]))).value.template.version, 3);
    await templates.remove(caller, "a", at([3]));
    await assert.rejects(templates.get(caller, "a"), { code: "template_not_found" });
  });

  it("answers repeated writes as the first", async () => {
    const { templates, caller } = engine();
    const idempotency = (request: string) => ({ idempotency: { key: request, scope: "templates", request } });
    const set = await templates.set(caller, "a", WHOLE, idempotency("set"));
    const removed = await templates.remove(caller, "a", idempotency("remove"));
    assert.deepEqual(await templates.set(caller, "a", WHOLE, idempotency("set")), { ...set, replayed: true });
    assert.deepEqual(await templates.remove(caller, "a", idempotency("remove")), { ...removed, replayed: true });
    assert.deepEqual(await templates.list(caller), []);
  });

  it("takes each of two that are set at once, and says of one name once that it is new", async () => {
    const { templates, caller } = engine();
    const other = engine({ beside: engine() });
    const names = ["a", "b", "c", "a"];
    const set = await Promise.all(names.map((name) => templates.set(caller, name, WHOLE)));
    assert.deepEqual(
      set.map(({ value }) => value.isNew),
      [true, true, true, false],
    );
    assert.deepEqual(await other.templates.list(other.caller), [], "another tenant has none of them");
  });

  it("is decided again where another node was quicker", async () => {
    const one = engine();
    const other = engine({ beside: one });
    const names = Array.from({ length: 8 }, (_, i) => `t${i}`);
    await Promise.all(names.map((name, i) => (i % 2 ? one : other).templates.set(one.caller, name, WHOLE)));
    assert.deepEqual(
      (await one.templates.list(one.caller)).map(({ name }) => name),
      names,
    );
  });

  it("holds what a template says against the limits, at them and one past", async () => {
    const { templates, caller } = engine();
    const bytes = (count: number) => ({ a: "x".repeat(count - 8) });
    const tags = (count: number) => Array.from({ length: count }, (_, i) => String(i));
    const within: readonly Template[] = [
      { namePrefix: "x".repeat(LIMITS.nameLength) },
      { tags: tags(LIMITS.tags) },
      { tags: ["x".repeat(LIMITS.tagLength)] },
      { metadata: bytes(LIMITS.templateMetadataBytes) },
      { idleTimeoutUs: 1_000_000 },
      { maxLifetimeUs: LIMITS.durationSeconds * 1_000_000 },
    ];
    for (const template of within) await templates.set(caller, "a".repeat(128), template);
    const beyond: readonly (readonly [string, Template])[] = [
      ["name_prefix", { namePrefix: "x".repeat(LIMITS.nameLength + 1) }],
      ["name_prefix", { namePrefix: "\0" }],
      ["tags", { tags: tags(LIMITS.tags + 1) }],
      ["tags.0", { tags: ["x".repeat(LIMITS.tagLength + 1)] }],
      ["tags.0", { tags: [""] }],
      ["metadata", { metadata: bytes(LIMITS.templateMetadataBytes + 1) }],
      ["idle_timeout_seconds", { idleTimeoutUs: 999_999 }],
      ["max_lifetime_seconds", { maxLifetimeUs: LIMITS.durationSeconds * 1_000_000 + 1 }],
    ];
    for (const [field, template] of beyond) {
      await assert.rejects(templates.set(caller, "b", template), ({ code, faults }) => {
        assert.deepEqual([code, faults[0].field], ["invalid", field]);
        return true;
      });
    }
    for (const name of ["", ".", "..", "__proto__", "a/b", "a".repeat(129)]) {
      await assert.rejects(templates.set(caller, name, {}), { code: "invalid" }, name);
    }
    assert.equal((await templates.list(caller)).length, 1);
  });

  it("takes as many as a tenant may have, and one more only in the place of another", async () => {
    const { templates, caller } = engine();
    const names = Array.from({ length: LIMITS.templates }, (_, i) => `t${i}`);
    await Promise.all(names.map((name) => templates.set(caller, name, {})));
    await assert.rejects(templates.set(caller, "more", {}), { code: "limit_reached" });
    await templates.set(caller, "t0", WHOLE);
    await templates.remove(caller, "t1");
    await templates.set(caller, "more", {});
  });

  it("has the operator's beside a tenant's own, which go first", async () => {
    const { templates, caller, sessions } = engine({ configured: { a: WHOLE, constructor: { tags: ["own"] } } });
    assert.deepEqual(await templates.get(caller, "a"), { ...WHOLE, name: "a" });
    await assert.rejects(templates.get(caller, "toString"), { code: "template_not_found" });
    assert.deepEqual((await sessions.create(caller, { template: "constructor" })).value.session.record.tags, ["own"]);
    const { value } = await templates.set(caller, "a", { tags: ["mine"] });
    assert.equal(value.isNew, true);
    assert.deepEqual((await templates.get(caller, "a")).tags, ["mine"]);
    await templates.remove(caller, "a");
    assert.deepEqual(await templates.get(caller, "a"), { ...WHOLE, name: "a" });
    await assert.rejects(templates.remove(caller, "a"), { code: "forbidden" });
    await assert.rejects(templates.remove(caller, "b"), { code: "template_not_found" });
  });

  it("is closed to whoever acts as a session", async () => {
    const { templates, caller } = engine();
    const acting = { ...caller, actingAs: "uid" };
    const refused = { code: "forbidden" };
    await assert.rejects(templates.list(acting), refused);
    await assert.rejects(templates.get(acting, "a"), refused);
    await assert.rejects(templates.set(acting, "a", {}), refused);
    await assert.rejects(templates.remove(acting, "a"), refused);
  });
});

describe("Sessions.create() with a template", () => {
  it("fills in what the call leaves out, and writes what came of it beside the template's name", async () => {
    const { templates, sessions, caller, store, clock } = engine();
    await templates.set(caller, "research", WHOLE);
    const wanted = { sessionId: "one", name: "Bees", template: "research" };
    const { value } = await sessions.create(caller, wanted);
    const { record, ref } = value.session;
    assert.deepEqual(
      [record.name, record.tags, record.metadata, record.idleTimeoutUs, record.maxLifetimeUs],
      ["Research: Bees", WHOLE.tags, WHOLE.metadata, WHOLE.idleTimeoutUs, WHOLE.maxLifetimeUs],
    );
    assert.equal("template" in record, false);
    assert.deepEqual(await store.stored(ref), value.session);
    await templates.remove(caller, "research");
    const [created] = (await sessions.operations(caller, "one", { after: 0, limit: 1 })).items;
    const body = typeof created?.payload === "object" ? JSON.parse(created.payload.body) : undefined;
    const { namePrefix: _, ...filled } = WHOLE;
    const input = { ...filled, name: "Research: Bees", sessionId: "one", userId: "default_user", template: "research" };
    assert.deepEqual(body, { input });
    assert.equal((await sessions.verify(caller, "one")).ok, true);
    assert.equal(record.createdAtUs, clock.now());
  });

  it("has what the call says go first, joins tags, and merges metadata by its members", async () => {
    const { templates, sessions, caller } = engine();
    await templates.set(caller, "research", WHOLE);
    const said = {
      tags: ["web", "mine"],
      metadata: { team: null, own: 1 },
      idleTimeoutUs: null,
      maxLifetimeUs: 2_000_000,
    };
    const { record } = (await sessions.create(caller, { ...said, template: "research" })).value.session;
    assert.deepEqual(
      [record.name, record.tags, record.metadata, record.idleTimeoutUs, record.maxLifetimeUs],
      [undefined, ["research", "web", "mine"], { team: null, retries: 3, own: 1 }, undefined, 2_000_000],
    );
  });

  it("refuses a template that there is not, and what is too much together", async () => {
    const { templates, sessions, caller } = engine();
    await assert.rejects(sessions.create(caller, { template: "none" }), { code: "template_not_found" });
    await templates.set(caller, "long", { namePrefix: "x".repeat(254) });
    await sessions.create(caller, { name: "x", template: "long" });
    await assert.rejects(sessions.create(caller, { name: "xx", template: "long" }), { code: "invalid" });
    await templates.set(caller, "tags", { tags: Array.from({ length: LIMITS.tags - 1 }, (_, i) => String(i)) });
    await sessions.create(caller, { tags: ["0", "new"], template: "tags" });
    await assert.rejects(sessions.create(caller, { tags: ["new", "newer"], template: "tags" }), { code: "invalid" });
  });

  it("answers a repeated call as the first, whatever became of the template", async () => {
    const { templates, sessions, caller } = engine();
    await templates.set(caller, "research", WHOLE);
    const options = { idempotency: { key: "k", scope: "POST", request: "r" } };
    const first = await sessions.create(caller, { template: "research" }, options);
    await templates.remove(caller, "research");
    const again = await sessions.create(caller, { template: "research" }, options);
    assert.deepEqual([again.value, again.replayed], [first.value, true]);
  });

  it("replays what it began with when the template says something else, or is gone", async () => {
    const { templates, sessions, history, caller } = engine();
    await templates.set(caller, "research", WHOLE);
    await sessions.create(caller, { sessionId: "one", name: "Bees", template: "research" });
    await templates.remove(caller, "research");
    for (const mode of ["verify", "recorded"] as const) {
      const report = await history.replay(caller, "one", { mode });
      assert.deepEqual([report.different, report.failed], [0, 0], mode);
    }
  });
});

describe("assertTemplates()", () => {
  it("says which template is over a limit, and where", () => {
    assertTemplates({ a: WHOLE });
    assert.throws(
      () => assertTemplates({ a: WHOLE, b: { tags: [""] } }),
      ({ code, faults }) => {
        assert.deepEqual([code, faults[0].field], ["invalid", "templates.b.tags.0"]);
        return true;
      },
    );
    assert.throws(() => assertTemplates({ "a b": {} }), { code: "invalid" });
  });
});
