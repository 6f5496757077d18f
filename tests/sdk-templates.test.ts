import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { faultsOf } from "./faults.ts";
import { PLACES } from "./sdk-places.ts";

for (const [name, start] of PLACES) {
  describe(`the SDK by ${name} has templates`, async () => {
    const place = await start();
    after(() => place[Symbol.asyncDispose]());
    const { sojourn } = place;
    const { templates, sessions } = sojourn;

    it("which are set, found, listed and removed", async () => {
      const before = Date.now();
      const wanted = {
        namePrefix: "R: ",
        tags: ["research", "ü"],
        metadata: { budget: { usd: 2 }, __proto__: undefined },
        idleTimeoutMs: 90_500,
        maxLifetimeMs: 3_600_000,
        limits: { calls: [{ at: 100, action: "pause" }] },
        apps: ["my-app"],
      } as const;
      const { updatedAt, ...template } = await templates.set("research", wanted);
      assert.deepEqual(template, {
        ...wanted,
        metadata: { budget: { usd: 2 } },
        name: "research",
        source: "tenant",
        version: template.version,
      });
      assert.ok(updatedAt !== undefined && updatedAt.getTime() >= before - 1_000);
      assert.deepEqual(await templates.get("research"), { ...template, updatedAt });
      const other = await templates.set("a:1", { idleTimeoutMs: null });
      assert.equal(other.idleTimeoutMs, null);
      assert.deepEqual(await templates.list(), [other, { ...template, updatedAt }]);
      await templates.remove("a:1");
      assert.deepEqual(await templates.list(), [{ ...template, updatedAt }]);
      await templates.remove("research");
      await assert.rejects(templates.get("research"), { code: "template_not_found" });
      await assert.rejects(templates.remove("research"), { code: "template_not_found" });
    });

    it("whose defaults fill what a new session leaves out", async () => {
      await templates.set("chat", {
        namePrefix: "Chat ",
        tags: ["chat"],
        metadata: { a: 1, b: 1 },
        idleTimeoutMs: 60_000,
      });
      const session = await sessions.create({ template: "chat", name: "one", tags: ["x"], metadata: { b: 2 } });
      assert.deepEqual(
        [session.name, session.tags, session.metadata, session.idleTimeoutMs],
        ["Chat one", ["chat", "x"], { a: 1, b: 2 }, 60_000],
      );
      await templates.set("chat", { tags: ["later"] });
      assert.deepEqual((await session.refresh()).tags, ["chat", "x"]);
      assert.equal((await sessions.getOrCreate("same", { template: "chat" })).tags[0], "later");
      await assert.rejects(sessions.create({ template: "none" }), { code: "template_not_found" });
    });

    it("which take versions and keys, as other writes do", async () => {
      const first = await templates.set("v", { tags: ["1"] }, { idempotencyKey: "once" });
      const second = await templates.set("v", { tags: ["2"] }, { ifMatch: first.version });
      assert.deepEqual(await templates.set("v", { tags: ["1"] }, { idempotencyKey: "once" }), first);
      assert.deepEqual(await templates.get("v"), second);
      await assert.rejects(templates.set("v", {}, { ifMatch: first.version }), { code: "precondition_failed" });
      await assert.rejects(templates.remove("v", { ifMatch: first.version }), { code: "precondition_failed" });
      await templates.remove("v", { ifMatch: second.version });
    });

    it("which are refused by the names of their fields", async () => {
      assert.deepEqual(await faultsOf(templates.set("a b", {})), ["name"]);
      assert.deepEqual(await faultsOf(templates.set("x", { tags: [""] })), ["tags.0"]);
      assert.deepEqual(await faultsOf(templates.set("x", { idleTimeoutMs: 1 })), ["idle_timeout_seconds"]);
      // @ts-expect-error: nobody knows such a member
      assert.deepEqual(await faultsOf(templates.set("x", { colour: "red" })), ["colour"]);
      for (const odd of ["", ".", "..", "../sessions", "a/b", "\ud800", "constructor", "__proto__"]) {
        await assert.rejects(
          templates.get(odd),
          ({ code }) => code === "template_not_found" || code === "invalid",
          odd,
        );
      }
    });

    it("which are not for whoever acts as a session", async () => {
      const session = await sessions.create();
      const agent = sojourn.actingAs(session);
      await assert.rejects(agent.templates.list(), { code: "forbidden" });
      await assert.rejects(agent.templates.set("x", {}), { code: "forbidden" });
      const reason = new Error("enough");
      await assert.rejects(templates.list({ signal: AbortSignal.abort(reason) }), (error) => error === reason);
    });
  });
}
