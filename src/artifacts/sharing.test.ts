import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { type Filing, filingForTests } from "../../tests/filing.ts";
import { PERMISSIONS, type Permission } from "../engine/artifact.ts";
import { payloadBody } from "../engine/operation.ts";
import type { Caller, WriteOptions } from "../engine/sessions.ts";

const filing = filingForTests();

const FORBIDDEN = { code: "forbidden" };

/** A session "owner" with an artifact, and a session "guest" that it is shared with. */
async function shared(it: Filing, permission?: Permission): Promise<{ readonly id: string; readonly guest: Caller }> {
  await it.begin("owner");
  const guest = it.as(await it.begin("guest"));
  const { id } = await it.put("owner", "1");
  if (permission !== undefined) await it.artifacts.grant(it.caller, "owner", id, { sessionId: "guest", permission });
  return { id, guest };
}

/** What was noted of accesses: who, what for, of which artifact, and why not. */
async function noted(it: Filing): Promise<readonly unknown[]> {
  const { items } = await it.sessions.operations(it.caller, "owner", {
    after: 0,
    limit: 1_000,
    kind: "artifact.accessed",
  });
  return items.map((entry) => {
    const body = payloadBody(entry);
    return [body?.input, entry.operation.outcome, body?.error];
  });
}

describe("a session that an artifact is shared with", () => {
  const calls: Readonly<
    Record<string, readonly [Permission, (it: Filing, id: string, by: Caller) => Promise<unknown>]>
  > = {
    get: ["read", (it, id, by) => it.artifacts.get(by, "owner", id)],
    open: ["read", (it, id, by) => it.read("owner", id, by)],
    grants: ["read", (it, id, by) => it.artifacts.grants(by, "owner", id)],
    store: ["write", (it, _, by) => store(it, by)],
    grant: ["admin", (it, id, by) => it.artifacts.grant(by, "owner", id, { sessionId: "guest", permission: "admin" })],
    revoke: ["admin", (it, id, by) => it.artifacts.revoke(by, "owner", id, "guest")],
    delete: ["admin", (it, id, by) => it.artifacts.delete(by, "owner", id)],
  };

  for (const [name, [needed, call]] of Object.entries(calls)) {
    it(`needs ${needed} for ${name}(), and is noted either way`, async () => {
      for (const permission of [undefined, ...PERMISSIONS]) {
        const it = filing();
        const { id, guest } = await shared(it, permission);
        const before = await it.kinds("owner");
        const by = guest.actingAs;
        const access = { artifactId: id, by, needed };
        if (permission !== undefined && PERMISSIONS.indexOf(permission) >= PERMISSIONS.indexOf(needed)) {
          await call(it, id, guest);
          assert.deepEqual(await noted(it), [[access, "completed", undefined]]);
        } else {
          await assert.rejects(call(it, id, guest), FORBIDDEN);
          const why = permission === undefined ? "no" : `only ${permission}`;
          assert.deepEqual(await noted(it), [[access, "failed", `It has ${why} permission`]]);
          assert.equal((await it.kinds("owner")).length, before.length + 1);
        }
      }
    });
  }

  it("is named in the log as who did it", async () => {
    const it = filing();
    const { guest } = await shared(it, "write");
    const { value } = await store(it, guest);
    assert.deepEqual([value.artifact.createdBy, value.artifact.version], [`session:${guest.actingAs}`, 2]);
    const { items } = await it.sessions.operations(it.caller, "owner", { after: 3, limit: 9 });
    assert.deepEqual(
      items.map(({ operation: { kind, actor } }) => [kind, actor]),
      [
        ["artifact.accessed", `session:${guest.actingAs}`],
        ["artifact.stored", `session:${guest.actingAs}`],
      ],
    );
  });

  it("writes under the precondition that it names, and else nothing but a refusal", async () => {
    const it = filing();
    const { id, guest } = await shared(it, "admin");
    await assert.rejects(it.artifacts.delete(guest, "owner", id, { precondition: [2] }), {
      code: "precondition_failed",
    });
    assert.deepEqual(await it.kinds("owner"), ["artifact.stored", "artifact.granted"]);
    await store(it, guest, { precondition: [3] });
    await it.artifacts.delete(guest, "owner", id, { precondition: [5] });
    assert.deepEqual((await it.kinds("owner")).slice(2), [
      "artifact.accessed",
      "artifact.stored",
      "artifact.accessed",
      "artifact.deleted",
    ]);
  });

  it("has later versions with it, and neither earlier ones nor other names", async () => {
    const it = filing();
    await it.begin("owner");
    const guest = it.as(await it.begin("guest"));
    const [first, second, other] = [
      await it.put("owner", "1"),
      await it.put("owner", "2"),
      await it.put("owner", "3", { name: "b.txt" }),
    ];
    await it.artifacts.grant(it.caller, "owner", second.id, { sessionId: "guest", permission: "read" });
    const third = await it.put("owner", "4");
    for (const { id } of [second, third]) await it.artifacts.get(guest, "owner", id);
    for (const { id } of [first, other]) await assert.rejects(it.artifacts.get(guest, "owner", id), FORBIDDEN);
    const { items } = await it.artifacts.list(guest, "owner", { limit: 9 });
    assert.deepEqual(
      items.map(({ id }) => id),
      [third.id, second.id],
    );
    // As long as the one that was shared is there.
    await it.artifacts.delete(it.caller, "owner", second.id);
    await assert.rejects(it.artifacts.get(guest, "owner", third.id), FORBIDDEN);
    assert.deepEqual((await it.artifacts.list(guest, "owner", { limit: 9 })).items, []);
  });

  it("has no right any more once that is revoked, also while its bytes are on their way", async () => {
    const it = filing();
    const { id, guest } = await shared(it, "write");
    const before = await it.files();
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      yield randomBytes(3_000_000);
      await it.artifacts.revoke(it.caller, "owner", id, "guest");
      yield randomBytes(3);
    };
    const wanted = { name: "a.txt", type: "user_input" };
    await assert.rejects(it.artifacts.store(guest, "owner", wanted, slow()), FORBIDDEN);
    assert.ok(!(await it.kinds("owner")).slice(1).includes("artifact.stored"));
    assert.equal(await it.files(), before);
  });

  it("stores nothing under a name that nothing has", async () => {
    const it = filing();
    const { guest } = await shared(it, "admin");
    const before = await it.kinds("owner");
    const wanted = { name: "new.txt", type: "user_input" };
    await assert.rejects(it.artifacts.store(guest, "owner", wanted, Buffer.from("x")), FORBIDDEN);
    assert.deepEqual(await it.kinds("owner"), before);
  });

  it("leaves no note of what does not exist", async () => {
    const it = filing();
    const { guest } = await shared(it, "admin");
    const before = await it.kinds("owner");
    for (const id of ["artifact_0000000000000000", ""]) {
      await assert.rejects(it.artifacts.get(guest, "owner", id), { code: "artifact_not_found" });
      await assert.rejects(it.artifacts.delete(guest, "owner", id), { code: "artifact_not_found" });
    }
    assert.deepEqual(await it.kinds("owner"), before);
  });

  it("gets what it was answered first, and nobody else does", async () => {
    const it = filing();
    const { id, guest } = await shared(it, "admin");
    const other = it.as(await it.begin("other"));
    const options = { idempotency: { key: "k", scope: "DELETE", request: "the same" } };
    const first = await it.artifacts.delete(guest, "owner", id, options);
    const kinds = await it.kinds("owner");
    assert.deepEqual(await it.artifacts.delete(guest, "owner", id, options), { ...first, replayed: true });
    for (const by of [other, it.caller]) {
      await assert.rejects(it.artifacts.delete(by, "owner", id, options), { code: "idempotency_mismatch" });
    }
    assert.deepEqual(await it.kinds("owner"), kinds);
  });

  it("reaches an ended session, and no session of another tenant", async () => {
    const it = filing();
    const { id, guest } = await shared(it, "admin");
    await it.sessions.end(it.caller, "owner");
    assert.equal((await it.read("owner", id, guest)).toString(), "1");
    await assert.rejects(store(it, guest), { code: "invalid_transition" });
    await assert.rejects(it.artifacts.get({ ...guest, tenant: "other" }, "owner", id), { code: "session_not_found" });
    await it.artifacts.delete(guest, "owner", id);
  });
});

describe("a session with its own artifacts", () => {
  it("may do everything, and is not noted", async () => {
    const it = filing();
    const { id, guest } = await shared(it, "read");
    const owner = it.as(await it.sessions.get(it.caller, "owner"));
    await it.artifacts.get(owner, "owner", id);
    await store(it, owner);
    await it.artifacts.grant(owner, "owner", id, { sessionId: "guest", permission: "write" });
    await it.artifacts.revoke(owner, "owner", id, "guest");
    await it.artifacts.delete(owner, "owner", id);
    assert.equal((await it.artifacts.list(owner, "owner", { limit: 9 })).items.length, 1);
    assert.deepEqual(await noted(it), []);
    assert.deepEqual((await it.artifacts.list(guest, "owner", { limit: 9 })).items, []);
  });
});

function store(it: Filing, by: Caller, options?: WriteOptions): ReturnType<Filing["artifacts"]["store"]> {
  return it.artifacts.store(by, "owner", { name: "a.txt", type: "user_input" }, Buffer.from("2"), options);
}
