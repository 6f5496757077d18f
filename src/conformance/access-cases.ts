import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { KeyRecord } from "../engine/key.ts";
import type { Committed, KeyQuery, Store } from "../engine/store.ts";
import { Author } from "./author.ts";
import { type Driver, type Opened, withOpened } from "./driver.ts";
import { sha256 } from "./sha256.ts";

const COMMITTED = { outcome: "committed" };
const CONFLICT = { outcome: "conflict" };

/** What holds of keys, and of the mode that they end. It concerns a whole store, so that each case has one of its own. */
export function accessCases(driver: Driver): void {
  const onNewData = (name: string, test: (opened: Opened) => Promise<void>): void => {
    it(name, async () => await withOpened(driver, test));
  };

  describe("access(), key() and keys()", () => {
    onNewData("begin in local mode, at version 0 and without keys", async ({ store }) => {
      assert.deepEqual(await store.access(), { version: 0, mode: "local" });
      assert.equal(await store.key("key_1"), undefined);
      assert.deepEqual(await store.keys({ limit: 1 }), { items: [] });
    });

    onNewData("tell each change, which raises the version by 1", async ({ store }) => {
      const bare = keyOf(1);
      const full = keyOf(2, { name: "née 🏕️", expiresAtUs: 2, revokedAtUs: 3, revokedBy: "key_9" });
      assert.deepEqual(await change(store, 0, [bare, full]), COMMITTED);
      assert.deepEqual(await store.access(), { version: 1, mode: "keys" });
      assert.deepEqual([await store.key(bare.id), await store.key(full.id)], [bare, full]);
      const revoked = { ...bare, revokedAtUs: 7, revokedBy: "somebody" };
      assert.deepEqual(await change(store, 1, [revoked]), COMMITTED);
      assert.deepEqual(await store.key(bare.id), revoked);
      assert.deepEqual(await change(store, 2, [], "local"), COMMITTED);
      assert.deepEqual(await store.access(), { version: 3, mode: "local" });
      assert.deepEqual((await store.keys({ limit: 3 })).items, [revoked, full]);
    });

    onNewData("list oldest first, in pages that miss none, of one tenant or of all", async ({ store }) => {
      const made = Array.from({ length: 7 }, (_, i) => keyOf(9 - i, { tenantName: i % 2 === 0 ? "a" : "b" }));
      for (const [i, key] of made.entries()) await change(store, i, [key]);
      for (const limit of [1, 2, 7, 8]) assert.deepEqual(await all(store, { limit }), made);
      const ofA = made.filter(({ tenantName }) => tenantName === "a");
      assert.deepEqual(await all(store, { limit: 2, tenantName: "a" }), ofA);
      assert.deepEqual(await all(store, { limit: 2, tenantName: "c" }), []);
      await assert.rejects(store.keys({ limit: 1, cursor: "x" }), { code: "invalid" });
    });

    onNewData("outlast the handle", async ({ store, reopen }) => {
      await change(store, 0, [keyOf(1)]);
      await store.close();
      const again = await reopen();
      assert.deepEqual([await again.access(), await again.key(keyOf(1).id)], [{ version: 1, mode: "keys" }, keyOf(1)]);
      await again.close();
    });
  });

  describe("commit() with a change of access", () => {
    onNewData("is refused whole upon another version", async ({ store }) => {
      const writer = new Author(store);
      const { part, stream } = writer.begin();
      for (const version of [1, -1]) {
        const access = { expectedVersion: version, mode: "keys" as const, put: [keyOf(1)] };
        assert.deepEqual(await store.commit({ now: 1, parts: [part], access }), CONFLICT);
      }
      assert.deepEqual(await store.access(), { version: 0, mode: "local" });
      assert.deepEqual([await store.key(keyOf(1).id), await store.stream(stream.ref)], [undefined, undefined]);
    });

    onNewData("happens not at all where a part is refused", async ({ store }) => {
      const writer = new Author(store);
      const { part } = writer.begin();
      const access = { expectedVersion: 0, mode: "keys" as const, put: [keyOf(1)] };
      const commit = { now: 1, parts: [{ ...part, expectedHead: 3 }], access };
      assert.deepEqual(await store.commit(commit), CONFLICT);
      assert.deepEqual(
        [await store.access(), await store.key(keyOf(1).id)],
        [{ version: 0, mode: "local" }, undefined],
      );
    });

    onNewData("lets one of many win that were decided on one version", async ({ store }) => {
      const outcomes = await Promise.all(Array.from({ length: 16 }, (_, i) => change(store, 0, [keyOf(i)])));
      assert.equal(outcomes.filter(({ outcome }) => outcome === "committed").length, 1);
      assert.equal((await store.keys({ limit: 16 })).items.length, 1);
      assert.deepEqual(await store.access(), { version: 1, mode: "keys" });
    });
  });

  describe("commit() with the last use of keys", () => {
    onNewData("keeps the latest, of keys that there are, and no change of a key loses it", async ({ store }) => {
      const key = keyOf(1);
      await change(store, 0, [key]);
      const use = (id: string, at: number): Promise<Committed> =>
        store.commit({ now: at, parts: [], keysUsed: [{ id, at }] });
      for (const at of [5, 9, 7]) assert.deepEqual(await use(key.id, at), COMMITTED);
      assert.deepEqual(await use("key_unknown", 5), COMMITTED);
      await change(store, 1, [{ ...key, revokedAtUs: 10, revokedBy: "somebody" }]);
      const expected = { ...key, revokedAtUs: 10, revokedBy: "somebody", lastUsedAtUs: 9 };
      assert.deepEqual((await store.keys({ limit: 9 })).items, [expected]);
      assert.deepEqual(await store.access(), { version: 2, mode: "keys" });
    });
  });
}

function keyOf(n: number, more: Partial<KeyRecord> = {}): KeyRecord {
  return {
    id: `key_${n}`,
    tenant: "local",
    tenantName: "acme",
    scopes: ["sessions:read", "admin"],
    digest: sha256(`${n}`),
    createdAtUs: n,
    createdBy: "local",
    ...more,
  };
}

async function change(
  store: Store,
  expectedVersion: number,
  put: readonly KeyRecord[],
  mode: "local" | "keys" = "keys",
): Promise<Committed> {
  return await store.commit({ now: 1, parts: [], access: { expectedVersion, mode, put } });
}

async function all(store: Store, query: KeyQuery): Promise<readonly KeyRecord[]> {
  const found: KeyRecord[] = [];
  for (let page = await store.keys(query); ; page = await store.keys({ ...query, cursor: page.next })) {
    found.push(...page.items);
    assert.ok(page.items.length <= query.limit);
    if (page.next === undefined) return found;
  }
}
