import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { NO_ARTIFACTS } from "./artifact.ts";
import { SECOND } from "./clock.ts";
import { EMPTY_CONVERSATION } from "./conversation.ts";
import { ANCESTORS_MAX } from "./creation.ts";
import { DEFAULT_SETTINGS } from "./limits.ts";
import { NO_METRICS } from "./session.ts";
import { NO_WORK } from "./task.ts";

const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

describe("create()", () => {
  it("fills in the defaults, and keeps what was given", async () => {
    const { sessions, caller, clock } = engine();
    const { record } = (await sessions.create(caller, {})).value.session;
    assert.match(record.sessionId, /^session_[0-9a-f]{16}$/);
    assert.deepEqual(record, {
      sessionId: record.sessionId,
      userId: "default_user",
      tags: [],
      metadata: {},
      idleTimeoutUs: DEFAULT_SETTINGS.idleTimeoutUs,
      status: "active",
      createdAtUs: clock.now(),
      updatedAtUs: clock.now(),
      lastActivityUs: clock.now(),
      metrics: NO_METRICS,
      conversation: EMPTY_CONVERSATION,
      workingMemory: {},
      artifacts: NO_ARTIFACTS,
      checkpoints: {},
      work: NO_WORK,
    });
    const given = {
      sessionId: "a",
      userId: "u",
      name: "n",
      description: "d",
      metadata: { m: 1 },
      parentSessionId: record.sessionId,
      maxLifetimeUs: SECOND,
    };
    const wanted = { ...given, tags: ["x", "y", "x"], idleTimeoutUs: null, ifExists: "return" } as const;
    const { idleTimeoutUs, tags, ...made } = (await sessions.create(caller, wanted)).value.session.record;
    assert.deepEqual([idleTimeoutUs, tags], [undefined, ["x", "y"]]);
    for (const [key, value] of Object.entries(given)) assert.deepEqual(made[key as keyof typeof made], value);
    assert.ok(!("ifExists" in made));
  });

  it("refuses an id that an open session has, or returns that one where it is told to", async () => {
    const { sessions, caller } = engine();
    const first = (await sessions.create(caller, { sessionId: "a", name: "first" })).value.session;
    const again = { sessionId: "a", name: "second" };
    await assert.rejects(sessions.create(caller, again), { code: "session_exists" });
    const { value } = await sessions.create(caller, { ...again, ifExists: "return" });
    assert.deepEqual(value, { session: first, isNew: false });
    await sessions.suspend(caller, "a");
    await assert.rejects(sessions.create(caller, again), { code: "session_exists" });
  });

  it("uses the id of an ended or expired session again; the old one stays listed", async () => {
    const { sessions, caller, clock } = engine();
    const old = (await sessions.create(caller, { sessionId: "a", idleTimeoutUs: SECOND })).value.session;
    clock.advance(SECOND);
    await assert.rejects(sessions.create(caller, { sessionId: "a" }), { code: "session_exists" });
    clock.advance(1);
    const next = (await sessions.create(caller, { sessionId: "a", ifExists: "return" })).value;
    assert.equal(next.isNew, true);
    assert.notEqual(next.session.ref.id, old.ref.id);
    assert.deepEqual(await sessions.get(caller, "a"), next.session);
    assert.equal((await sessions.get(caller, old.ref.id)).record.status, "expired");
    await sessions.end(caller, "a");
    await sessions.create(caller, { sessionId: "a" });
    assert.equal((await sessions.list(caller, { sort: "name", order: "asc", limit: 9 })).items.length, 3);
  });

  it("makes one session of many calls at once", async () => {
    const { sessions, caller } = engine();
    const strict = Array.from({ length: 20 }, () => sessions.create(caller, { sessionId: "a" }));
    const settled = await Promise.allSettled(strict);
    assert.equal(settled.filter(({ status }) => status === "fulfilled").length, 1);
    for (const result of settled) if (result.status === "rejected") assert.equal(result.reason.code, "session_exists");
    const lax = Array.from({ length: 20 }, () => sessions.create(caller, { sessionId: "b", ifExists: "return" }));
    const answers = await Promise.all(lax);
    assert.equal(answers.filter(({ value }) => value.isNew).length, 1);
    assert.equal(new Set(answers.map(({ value }) => value.session.ref.id)).size, 1);
  });

  it("refuses durations out of their bounds, by the name of the field", async () => {
    const { sessions, caller } = engine();
    const fields = [
      ["idleTimeoutUs", "idle_timeout_seconds"],
      ["maxLifetimeUs", "max_lifetime_seconds"],
    ] as const;
    for (const [field, name] of fields) {
      const call = sessions.create(caller, { [field]: SECOND - 1 });
      await assert.rejects(call, ({ code, faults }) => code === "invalid" && faults[0].field === name);
    }
  });
});

describe("create() with a parent", () => {
  it("refuses a parent that does not exist, and takes one that has ended", async () => {
    const { sessions, caller } = engine();
    const orphan = sessions.create(caller, { sessionId: "a", parentSessionId: "missing" });
    await assert.rejects(orphan, { code: "session_not_found" });
    await sessions.create(caller, { sessionId: "parent" });
    await sessions.end(caller, "parent");
    await sessions.create(caller, { sessionId: "a", parentSessionId: "parent" });
    await sessions.delete(caller, "parent");
    await sessions.create(caller, { sessionId: "b", parentSessionId: "a" });
  });

  it("refuses a session as its own ancestor, however far up", async () => {
    const { sessions, caller } = engine();
    await assert.rejects(sessions.create(caller, { sessionId: "a", parentSessionId: "a" }), { code: "invalid" });
    await sessions.create(caller, { sessionId: "a" });
    await sessions.create(caller, { sessionId: "b", parentSessionId: "a" });
    await sessions.create(caller, { sessionId: "c", parentSessionId: "b" });
    await sessions.end(caller, "a");
    await assert.rejects(sessions.create(caller, { sessionId: "a", parentSessionId: "c" }), { code: "invalid" });
    await sessions.create(caller, { sessionId: "a" });
  });

  it("allows as many ancestors as the limit, and refuses one more", async () => {
    const { sessions, caller } = engine();
    await sessions.create(caller, { sessionId: "s0" });
    for (let i = 1; i <= ANCESTORS_MAX; i++) {
      await sessions.create(caller, { sessionId: `s${i}`, parentSessionId: `s${i - 1}` });
    }
    const tooDeep = sessions.create(caller, { sessionId: "deep", parentSessionId: `s${ANCESTORS_MAX}` });
    await assert.rejects(tooDeep, { code: "invalid" });
  });
});

describe("a limit on active sessions", () => {
  it("lets in as many as it says, and refuses one more", async () => {
    const { sessions, caller } = engine({ settings: { maxSessions: 2 } });
    await sessions.create(caller, { sessionId: "a" });
    await sessions.create(caller, { sessionId: "b" });
    await assert.rejects(sessions.create(caller, { sessionId: "c" }), ({ code, retryAfterMs }) => {
      return code === "limit_reached" && retryAfterMs > 0;
    });
    assert.equal(await sessions.find(caller, "c"), undefined);
    await sessions.end(caller, "a");
    await sessions.create(caller, { sessionId: "c" });
  });

  it("expires those that were idle for too long first, and no other", async () => {
    const { sessions, caller, clock } = engine({ settings: { maxSessions: 3, cleanupIdleUs: 60 * SECOND } });
    for (const sessionId of ["idle", "suspended", "busy", "fresh"]) {
      await sessions.create(caller, { sessionId });
      if (sessionId === "suspended") await sessions.suspend(caller, sessionId);
    }
    clock.advance(60 * SECOND);
    await sessions.keepalive(caller, "busy");
    await assert.rejects(sessions.create(caller, {}), { code: "limit_reached" });
    clock.advance(1);
    await sessions.keepalive(caller, "fresh");
    await sessions.create(caller, { sessionId: "next" });
    const statuses = ["idle", "suspended", "busy", "fresh", "next"].map(
      async (id) => (await sessions.get(caller, id)).record.status,
    );
    assert.deepEqual(await Promise.all(statuses), ["expired", "suspended", "active", "active", "active"]);
  });

  it("does not count a session whose time is over", async () => {
    const { sessions, caller, clock } = engine({ settings: { maxSessions: 1 } });
    await sessions.create(caller, { idleTimeoutUs: SECOND });
    clock.advance(SECOND);
    await assert.rejects(sessions.create(caller, {}), { code: "limit_reached" });
    clock.advance(1);
    await sessions.create(caller, {});
  });

  it("holds for a session that is resumed, and makes room for it in the same way", async () => {
    const { sessions, caller, clock } = engine({ settings: { maxSessions: 1, cleanupIdleUs: 60 * SECOND } });
    await sessions.create(caller, { sessionId: "a" });
    await sessions.suspend(caller, "a");
    await sessions.create(caller, { sessionId: "b" });
    await assert.rejects(sessions.resume(caller, "a"), { code: "limit_reached" });
    assert.equal((await sessions.get(caller, "a")).record.status, "suspended");
    clock.advance(60 * SECOND + 1);
    assert.equal((await sessions.resume(caller, "a")).value.record.status, "active");
    assert.equal((await sessions.get(caller, "b")).record.status, "expired");
  });

  it("is exact for many calls at once, and tells the others", async () => {
    const { sessions, caller } = engine({ settings: { maxSessions: 5 } });
    const settled = await Promise.allSettled(Array.from({ length: 30 }, () => sessions.create(caller, {})));
    assert.equal(settled.filter(({ status }) => status === "fulfilled").length, 5);
    for (const result of settled) if (result.status === "rejected") assert.equal(result.reason.code, "limit_reached");
    assert.equal((await sessions.totals(caller)).byStatus.active, 5);
  });
});
