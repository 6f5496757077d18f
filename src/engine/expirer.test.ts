import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests, type TestEngine } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { SECOND } from "./clock.ts";
import { expireIdle } from "./commands.ts";

const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

describe("cleanup()", () => {
  it("expires open sessions that were idle for longer than it says, and keeps their data", async () => {
    const started = await withIdle();
    const { sessions, caller } = started;
    const { value } = await sessions.cleanup(caller, { maxIdleUs: 10 * SECOND });
    assert.deepEqual(value.sessionIds, ["idle", "paused"]);
    assert.deepEqual(await statusesOf(started), ["expired", "expired", "active", "completed", "active"]);
    const { record } = await sessions.get(caller, "idle");
    assert.match(record.reason ?? "", /idle for longer than 10 s/);
    assert.deepEqual(record.metadata, { kept: true });
    assert.deepEqual((await sessions.cleanup(caller, { maxIdleUs: 10 * SECOND })).value.sessionIds, []);
  });

  it("only tells which, where it is to run dry", async () => {
    const started = await withIdle();
    const { sessions, caller } = started;
    const { value } = await sessions.cleanup(caller, { maxIdleUs: 10 * SECOND, dryRun: true });
    assert.deepEqual(value.sessionIds, ["idle", "paused"]);
    assert.deepEqual(await statusesOf(started), ["active", "suspended", "active", "completed", "active"]);
  });

  it("expires more than a page of them, each once", async () => {
    const { sessions, caller, clock } = engine();
    const made = await Promise.all(Array.from({ length: 1_203 }, () => sessions.create(caller, {})));
    clock.advance(1);
    const { sessionIds } = (await sessions.cleanup(caller, { maxIdleUs: 0 })).value;
    assert.deepEqual([...sessionIds].sort(), made.map(({ value }) => value.session.record.sessionId).sort());
    assert.equal((await sessions.totals(caller)).byStatus.expired, 1_203);
  });

  it("leaves a session that is used meanwhile", async () => {
    const { sessions, caller } = await withIdle();
    const [, { value }] = await Promise.all([
      sessions.keepalive(caller, "idle"),
      sessions.cleanup(caller, { maxIdleUs: 10 * SECOND }),
    ]);
    assert.deepEqual(value.sessionIds, ["paused"]);
    assert.equal((await sessions.get(caller, "idle")).record.status, "active");
  });

  it("decides anew when a session's turn comes", async () => {
    const { sessions, caller } = engine();
    const { record } = (await sessions.create(caller, {})).value.session;
    assert.deepEqual(expireIdle(10)(record, record.lastActivityUs + 10), []);
    assert.equal(expireIdle(10)(record, record.lastActivityUs + 11).length, 1);
  });

  it("refuses a time that is none", async () => {
    const { sessions, caller } = engine();
    for (const maxIdleUs of [-1, 0.5, Number.NaN]) {
      await assert.rejects(sessions.cleanup(caller, { maxIdleUs }), { code: "invalid" });
    }
  });
});

describe("sweep()", () => {
  it("writes once into each log of any tenant that the session's time is over", async () => {
    const { sessions, caller, clock } = engine();
    const other = { tenant: `${caller.tenant}-other`, actor: "other" };
    const made = Array.from({ length: 1_100 }, (_, i) =>
      sessions.create(i % 2 === 0 ? caller : other, { idleTimeoutUs: SECOND }),
    );
    await Promise.all([...made, sessions.create(caller, { sessionId: "alive" })]);
    clock.advance(SECOND);
    // Sessions that tests before this one left behind.
    await sessions.sweep();
    assert.equal((await sessions.totals(other)).byStatus.active, 550);
    clock.advance(1);
    assert.equal(await sessions.sweep(), 1_100);
    assert.equal(await sessions.sweep(), 0);
    const query = { sort: "created_at", order: "asc", limit: 1_000 } as const;
    const { items } = await sessions.list(other, query);
    assert.ok(items.every(({ head, record }) => head.seq === 2 && record.status === "expired"));
    assert.equal((await sessions.get(caller, "alive")).head.seq, 1);
  });
});

/** Two idle sessions, one of them suspended, and three others: at the boundary, ended, and new. */
async function withIdle(): Promise<TestEngine> {
  const started = engine();
  const { sessions, caller, clock } = started;
  await sessions.create(caller, { sessionId: "idle", metadata: { kept: true } });
  await sessions.create(caller, { sessionId: "paused" });
  await sessions.suspend(caller, "paused");
  clock.advance(1);
  await sessions.create(caller, { sessionId: "boundary" });
  await sessions.create(caller, { sessionId: "ended" });
  await sessions.end(caller, "ended");
  clock.advance(10 * SECOND);
  await sessions.create(caller, { sessionId: "fresh" });
  return started;
}

async function statusesOf({ sessions, caller }: TestEngine): Promise<readonly string[]> {
  const ids = ["idle", "paused", "boundary", "ended", "fresh"];
  return await Promise.all(ids.map(async (id) => (await sessions.get(caller, id)).record.status));
}
