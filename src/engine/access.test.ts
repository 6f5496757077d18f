import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Author, ManualClock, onTemporaryDirectories, sequentialIds, sha256 } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { Access, LOCAL } from "./access.ts";
import { SECOND } from "./clock.ts";
import { DEFAULT_SCOPES, keyText, SCOPES } from "./key.ts";
import type { Store } from "./store.ts";

const OPERATOR = { tenant: "local", actor: "operator" };
const UNAUTHORIZED = { code: "unauthorized" };

describe("Access", () => {
  it("lets everybody in until there is a key, and then those alone who show one", async () => {
    await withAccess(async ({ access }) => {
      assert.deepEqual(await access.identify(undefined), { ...LOCAL, scopes: ["admin"] });
      assert.deepEqual(await access.identify("whatever"), { ...LOCAL, scopes: ["admin"] });
      const { record, key } = await access.create(LOCAL);
      assert.deepEqual(await access.identify(key), { tenant: "local", actor: record.id, scopes: SCOPES });
      for (const shown of [undefined, "", "whatever", key.toUpperCase(), `${key} `, another(key)]) {
        await assert.rejects(access.identify(shown), UNAUTHORIZED, String(shown));
      }
    });
  });

  it("keeps nothing of a key but the digest of its secret", async () => {
    await withAccess(async ({ access, store }) => {
      const { record, key } = await access.create(LOCAL, { name: "mine" });
      const [, , secret = ""] = key.split("_");
      assert.match(key, /^sjn_[0-9a-f]{16}_[0-9a-f]{64}$/);
      assert.equal(record.digest, sha256(secret));
      assert.ok(!JSON.stringify(await store.keys({ limit: 9 })).includes(secret));
    });
  });

  it("gives what local mode made to the first key's tenant, whatever it is called", async () => {
    await withAccess(async ({ access }) => {
      const first = await access.create(LOCAL, { tenant: "acme" });
      const same = await access.create(OPERATOR, { tenant: "acme" });
      const other = await access.create(OPERATOR, { tenant: "other" });
      assert.deepEqual(
        [first, same, other].map(({ record }) => [record.tenant, record.tenantName]),
        [
          ["local", "acme"],
          ["local", "acme"],
          ["other", "other"],
        ],
      );
      await assert.rejects(access.create(OPERATOR, { tenant: "local" }), { code: "invalid" });
      assert.deepEqual(await Promise.all(["acme", "other", "local", "new"].map((name) => access.tenantNamed(name))), [
        "local",
        "other",
        "local",
        "new",
      ]);
      await assert.rejects(access.tenantNamed("no tenant"), { code: "invalid" });
    });
  });

  it("leaves a tenant that has sessions of its own already what it is", async () => {
    await withAccess(async ({ access, store }) => {
      await new Author(store, "acme").create();
      const first = await access.create(LOCAL, { tenant: "acme" });
      const local = await access.create(OPERATOR, { tenant: "local" });
      assert.deepEqual(
        [first, local].map(({ record }) => record.tenant),
        ["acme", "local"],
      );
    });
  });

  it("makes keys of its maker's own tenant where none is named", async () => {
    await withAccess(async ({ access }) => {
      await access.create(LOCAL, { tenant: "acme" });
      const { record } = await access.create(OPERATOR, { tenant: "other" });
      const byKey = await access.create({ tenant: record.tenant, actor: record.id });
      const byOperator = await access.create(OPERATOR);
      assert.deepEqual(
        [byKey, byOperator].map((made) => made.record.tenantName),
        ["other", "acme"],
      );
    });
  });

  it("gives the first key every scope and later ones all but admin, unless told otherwise", async () => {
    await withAccess(async ({ access }) => {
      assert.deepEqual((await access.create(LOCAL)).record.scopes, SCOPES);
      assert.deepEqual((await access.create(OPERATOR)).record.scopes, DEFAULT_SCOPES);
      const { record } = await access.create(OPERATOR, { scopes: ["admin", "apps:read", "admin"] });
      assert.deepEqual(record.scopes, ["admin", "apps:read"]);
    });
  });

  it("refuses a key through its end and not before, and one that was revoked at once", async () => {
    await withAccess(async ({ access, clock }) => {
      const expiresAtUs = clock.now() + SECOND;
      const { key } = await access.create(LOCAL, { expiresAtUs });
      const { record, key: revoked } = await access.create(OPERATOR);
      clock.advance(SECOND);
      await access.identify(key);
      await access.identify(revoked);
      clock.advance(1);
      await assert.rejects(access.identify(key), UNAUTHORIZED);
      const gone = await access.revoke(OPERATOR, record.id);
      assert.deepEqual([gone.revokedAtUs, gone.revokedBy], [clock.now(), "operator"]);
      await assert.rejects(access.identify(revoked), UNAUTHORIZED);
      clock.advance(SECOND);
      assert.deepEqual(await access.revoke(LOCAL, record.id), gone);
      await assert.rejects(access.revoke(OPERATOR, "key_0000000000000000"), { code: "not_found" });
    });
  });

  it("refuses wishes that no key may have, and changes nothing", async () => {
    await withAccess(async ({ access, clock, store }) => {
      const wishes = [
        { tenant: "" },
        { tenant: "a b" },
        { tenant: "a".repeat(129) },
        { name: "a".repeat(256) },
        { name: "a\0" },
        { scopes: [] },
        { expiresAtUs: clock.now() },
        { expiresAtUs: Number.NaN },
      ];
      for (const wish of wishes) await assert.rejects(access.create(LOCAL, wish), { code: "invalid" });
      assert.deepEqual(await store.access(), { version: 0, mode: "local" });
      const fits = { tenant: "a".repeat(128), name: "a".repeat(255), expiresAtUs: clock.now() + 1 };
      await access.create(LOCAL, fits);
    });
  });

  it("makes one first key where many are asked for at once, and refuses who came without one", async () => {
    await withAccess(async ({ access, store }) => {
      const made = await Promise.allSettled(Array.from({ length: 8 }, () => access.create(LOCAL)));
      const refused = made.flatMap((one) => (one.status === "rejected" ? [one.reason.code] : []));
      assert.deepEqual(refused, Array(7).fill("unauthorized"));
      const operators = await Promise.all(Array.from({ length: 8 }, () => access.create(OPERATOR)));
      assert.equal(new Set(operators.map(({ key }) => key)).size, 8);
      assert.equal((await store.keys({ limit: 99 })).items.length, 9);
    });
  });

  it("goes back to local mode when told to, and takes the keys up again with the next", async () => {
    await withAccess(async ({ access }) => {
      const { key } = await access.create(LOCAL);
      await access.disable();
      await access.disable();
      assert.equal(await access.mode(), "local");
      assert.deepEqual(await access.identify(undefined), { ...LOCAL, scopes: ["admin"] });
      const next = await access.create(LOCAL);
      assert.deepEqual(next.record.scopes, SCOPES);
      await assert.rejects(access.identify(undefined), UNAUTHORIZED);
      for (const shown of [key, next.key]) assert.equal((await access.identify(shown)).tenant, "local");
    });
  });

  it("admits a first key of the operator's choosing, once", async () => {
    await withAccess(async ({ access, store }) => {
      const id = "key_00000000000000aa";
      const [first, second] = ["1", "2"].map((digit) => keyText({ id, secret: digit.repeat(64) }));
      for (const bad of ["", "secret", first?.slice(1) ?? "", `${first}0`]) {
        await assert.rejects(access.admitFirst(bad), { code: "invalid" }, bad);
      }
      for (const text of [first, second, first]) await access.admitFirst(text ?? "");
      assert.deepEqual((await access.identify(first)).scopes, SCOPES);
      await assert.rejects(access.identify(second), UNAUTHORIZED);
      assert.equal((await store.access()).version, 1);
    });
  });

  it("writes the last use of a key once a minute", async () => {
    await withAccess(async ({ access, clock, store }) => {
      const { record, key } = await access.create(LOCAL);
      const stored = async (): Promise<number | undefined> => {
        await access.saveLastUse();
        return (await store.keys({ limit: 1 })).items[0]?.lastUsedAtUs;
      };
      assert.equal(await stored(), undefined);
      const first = clock.now();
      await access.identify(key);
      assert.equal(await stored(), first);
      clock.advance(60 * SECOND - 1);
      await access.identify(key);
      assert.equal(await stored(), first);
      clock.advance(1);
      await access.identify(key);
      assert.equal(await stored(), first + 60 * SECOND);
      assert.equal((await store.access()).version, 1, record.id);
    });
  });
});

/** The key of the same id with another secret. */
function another(key: string): string {
  return key.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"));
}

interface Context {
  readonly access: Access;
  readonly clock: ManualClock;
  readonly store: Store;
}

async function withAccess(test: (context: Context) => Promise<void>): Promise<void> {
  const driver = onTemporaryDirectories("", (directory) => openSqliteStore({ directory, durability: "none" }));
  const { store, remove } = await driver.open();
  try {
    const clock = new ManualClock();
    const isSame = (a: string, b: string): boolean => a === b;
    await test({ access: new Access({ store, clock, ids: sequentialIds(), digest: sha256, isSame }), clock, store });
  } finally {
    await store.close();
    await remove();
  }
}
