import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests, faulty } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { LIMITS } from "./limits.ts";
import type { Store } from "./store.ts";
import { Webhooks } from "./webhooks.ts";

const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

const URL = "https://example.com/hook";

function start(started = engine()) {
  let minted = 0;
  const changes: string[] = [];
  const onChange = (tenant: string) => void changes.push(tenant);
  const webhooks = new Webhooks({
    ...started.ports,
    targets: "public",
    newSecret: () => `secret-${++minted}`,
    onChange,
  });
  return { ...started, webhooks, changes };
}

describe("Webhooks", () => {
  it("keeps a webhook with a secret, its version and its place, which is the end of what there is", async () => {
    const { webhooks, sessions, events, caller, clock, changes } = start();
    await sessions.create(caller, { sessionId: "before" });
    const { through: delivered } = await events.list(caller, { after: "now", limit: 1 });
    const { webhook, isNew } = await webhooks.set(caller, "a", { url: URL, types: ["session.created"] });
    const now = clock.now();
    const kept = {
      url: URL,
      types: ["session.created"],
      secret: "secret-1",
      startsAfter: delivered,
      isOn: true,
      version: 1,
      createdAtUs: now,
      updatedAtUs: now,
    };
    assert.deepEqual([webhook, isNew], [{ ...kept, name: "a", delivered }, true]);
    assert.deepEqual([await webhooks.list(caller), changes], [[webhook], [caller.tenant]]);
  });

  it("has a secret that is replaced sign for another day", async () => {
    const { webhooks, caller, clock } = start();
    await webhooks.set(caller, "a", { url: URL, secret: "old" });
    const same = await webhooks.set(caller, "a", { url: URL });
    assert.deepEqual(
      [same.webhook.secret, same.webhook.version, same.isNew, same.secret],
      ["old", 1, false, undefined],
    );
    clock.advance(7);
    const { webhook, secret } = await webhooks.set(caller, "a", { url: URL, secret: "new" });
    const previous = { secret: "old", untilUs: clock.now() + 86_400_000_000 };
    assert.deepEqual([webhook.secret, webhook.previous, webhook.version], ["new", previous, 2]);
    assert.equal(secret, "new");
    const minted = await webhooks.set(caller, "a", { url: URL, secret: { isNew: true } });
    assert.deepEqual([minted.secret, minted.webhook.secret], ["secret-4", "secret-4"]);
    assert.equal(minted.webhook.previous?.secret, "new");
    assert.equal(webhook.updatedAtUs - webhook.createdAtUs, 7);
  });

  it("only ever moves on, and begins anew where it was removed", async () => {
    const { webhooks, sessions, events, caller } = start();
    const { webhook } = await webhooks.set(caller, "a", { url: URL });
    await webhooks.delivered(caller.tenant, "a", webhook.delivered + 5);
    await webhooks.delivered(caller.tenant, "a", webhook.delivered + 4);
    assert.equal((await webhooks.get(caller, "a")).delivered, webhook.delivered + 5);
    await webhooks.remove(caller, "a");
    await assert.rejects(webhooks.get(caller, "a"), { code: "not_found" });
    await assert.rejects(webhooks.remove(caller, "a"), { code: "not_found" });
    for (let i = 0; i < 9; i++) await sessions.create(caller, {});
    const { through } = await events.list(caller, { after: "now", limit: 1 });
    assert.equal((await webhooks.set(caller, "a", { url: URL })).webhook.delivered, through);
  });

  it("begins with what comes, also while another removes or sets one of that name", async () => {
    const held = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const around = (store: Store): Store => ({
      ...faulty(store, { seed: 0, delays: 0 }),
      commit: async (commit) => {
        if (commit.cursors?.some(({ change }) => change === "drop")) {
          asked.resolve();
          await held.promise;
        }
        return await store.commit(commit);
      },
    });
    const { webhooks, sessions, events, caller } = start(engine({ around }));
    await webhooks.set(caller, "a", { url: URL });
    await sessions.create(caller, {});
    const removed = webhooks.remove(caller, "a");
    await asked.promise;
    const { through } = await events.list(caller, { after: "now", limit: 1 });
    const both = await Promise.all([URL, `${URL}/2`].map((url) => webhooks.set(caller, "a", { url })));
    held.resolve();
    await removed;
    const { delivered } = await webhooks.get(caller, "a");
    assert.ok(delivered >= through, `${delivered} is not before ${through}`);
    assert.deepEqual(both.map(({ isNew }) => isNew).toSorted(), [false, true]);
  });

  it("turns off the version that its target did not take, and no later one", async () => {
    const { webhooks, caller } = start();
    await webhooks.set(caller, "a", { url: URL });
    const { webhook } = await webhooks.set(caller, "a", { url: `${URL}/2` });
    await webhooks.turnOff(caller.tenant, "a", { version: webhook.version - 1, reason: "old" });
    assert.equal((await webhooks.get(caller, "a")).isOn, true);
    await webhooks.turnOff(caller.tenant, "a", {
      version: webhook.version,
      reason: "x".repeat(LIMITS.reasonLength + 1),
    });
    const off = await webhooks.get(caller, "a");
    assert.deepEqual([off.isOn, off.offReason], [false, "x".repeat(LIMITS.reasonLength)]);
    const again = await webhooks.set(caller, "a", { url: URL });
    assert.deepEqual([again.webhook.isOn, again.webhook.offReason], [true, undefined]);
  });

  it("holds a precondition against the webhook, and input against its limits", async () => {
    const { webhooks, caller } = start();
    await webhooks.set(caller, "a", { url: URL });
    await webhooks.set(caller, "b", { url: URL });
    const stale = { precondition: [2] };
    await assert.rejects(webhooks.set(caller, "a", { url: URL, isOn: false }, stale), { code: "precondition_failed" });
    await assert.rejects(webhooks.remove(caller, "a", stale), { code: "precondition_failed" });
    const long = (length: number) => `${URL}?${"x".repeat(length - URL.length - 1)}`;
    const types = (count: number) => Array.from({ length: count }, () => "session.*");
    await webhooks.set(caller, "a", { url: long(LIMITS.webhookUrlLength), types: types(LIMITS.webhookTypes) });
    const invalid = { code: "invalid" };
    await assert.rejects(webhooks.set(caller, "a", { url: long(LIMITS.webhookUrlLength + 1) }), invalid);
    await assert.rejects(webhooks.set(caller, "a", { url: URL, types: types(LIMITS.webhookTypes + 1) }), invalid);
    await assert.rejects(webhooks.set(caller, "a", { url: URL, types: ["nothing"] }), invalid);
    await assert.rejects(webhooks.set(caller, "a/b", { url: URL }), invalid);
    for (let i = 2; i < LIMITS.webhooks; i++) await webhooks.set(caller, `w${i}`, { url: URL });
    await assert.rejects(webhooks.set(caller, "more", { url: URL }), { code: "limit_reached" });
    await webhooks.set(caller, "b", { url: `${URL}/b` });
  });

  it("leaves templates of the tenant as they are, and they it", async () => {
    const { webhooks, templates, caller } = start();
    await templates.set(caller, "t", { tags: ["x"] });
    const { webhook } = await webhooks.set(caller, "w", { url: URL });
    await templates.remove(caller, "t");
    assert.deepEqual(await webhooks.get(caller, "w"), webhook);
    assert.deepEqual(await templates.list(caller), []);
  });

  it("is closed to whoever acts as a session", async () => {
    const { webhooks, caller } = start();
    const acting = { ...caller, actingAs: "uid" };
    const refused = { code: "forbidden" };
    await assert.rejects(webhooks.list(acting), refused);
    await assert.rejects(webhooks.get(acting, "a"), refused);
    await assert.rejects(webhooks.set(acting, "a", { url: URL }), refused);
    await assert.rejects(webhooks.remove(acting, "a"), refused);
  });
});
