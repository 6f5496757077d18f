import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { faultsOf } from "./faults.ts";
import { isSigned, startTarget } from "./hook-target.ts";
import { PLACES } from "./sdk-places.ts";
import { until } from "./until.ts";

const OWN = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

for (const [name, start] of PLACES) {
  describe(`the SDK by ${name} has webhooks`, async () => {
    const place = await start({ webhookTargets: "any" });
    const target = await startTarget();
    after(async () => {
      await place[Symbol.asyncDispose]();
      await target[Symbol.asyncDispose]();
    });
    const { sojourn } = place;
    const { webhooks, sessions, events } = sojourn;
    const { url } = target;

    it("which are set, found, listed and removed, and tell a secret once", async () => {
      const { cursor } = await events.page({ after: "now" });
      const { secret, ...webhook } = await webhooks.set("w", { url, types: ["session.failed"], active: false });
      assert.match(secret ?? "", /^whsec_[\w+/]{43}=$/);
      const { createdAt, updatedAt, ...rest } = webhook;
      assert.deepEqual(rest, {
        name: "w",
        url,
        types: ["session.failed"],
        active: false,
        reason: undefined,
        failure: undefined,
        cursor,
        version: webhook.version,
      });
      assert.deepEqual([createdAt instanceof Date, createdAt], [true, updatedAt]);
      assert.deepEqual(await webhooks.get("w"), webhook);
      const other = await webhooks.set("b", { url, secret: OWN, active: false });
      assert.equal(other.secret, OWN);
      assert.deepEqual(
        (await webhooks.list()).map((one) => [one.name, one.types, Object.hasOwn(one, "secret")]),
        [
          ["b", undefined, false],
          ["w", ["session.failed"], false],
        ],
      );
      await webhooks.remove("b");
      await assert.rejects(webhooks.get("b"), { code: "not_found" });
      await assert.rejects(webhooks.remove("b"), { code: "not_found" });
    });

    it("whose secret is not told again, but replaced", async () => {
      const first = await webhooks.set("r", { url, active: false });
      const same = await webhooks.set("r", { url, active: false });
      assert.deepEqual([same.secret, same.version], [undefined, first.version]);
      const again = await webhooks.set("r", { url, active: false, secret: first.secret });
      assert.deepEqual([again.secret, again.version], [undefined, first.version]);
      const other = await webhooks.set("r", { url, active: false, secret: "new" });
      assert.match(other.secret ?? "", /^whsec_/);
      assert.notEqual(other.secret, first.secret);
      await webhooks.remove("r");
    });

    it("which bring events, signed by the secret, and by the one before", async () => {
      const { secret = "" } = await webhooks.set("live", { url, types: ["session.created"] });
      await sessions.create({ sessionId: "one" });
      assert.deepEqual(await target.arrivals(1), ["session.created one"]);
      assert.ok(isSigned(target.brought[0] ?? assert.fail(), [secret]));
      const next = await webhooks.set("live", { url, types: ["session.created"], secret: "new" });
      await sessions.create({ sessionId: "two" });
      await target.arrivals(2);
      assert.ok(isSigned(target.brought[1] ?? assert.fail(), [next.secret ?? "", secret]));
      await webhooks.remove("live");
    });

    it("which tell of the last attempt that failed, and try again at once where they are set as they are", async () => {
      target.answer(500);
      const wanted = { url, types: ["session.created"] } as const;
      const { version } = await webhooks.set("failing", wanted);
      const count = target.brought.length;
      await sessions.create({ sessionId: "untaken" });
      await until("an attempt has failed", async () => (await webhooks.get("failing")).failure !== undefined);
      const { failure = assert.fail(), active } = await webhooks.get("failing");
      const { at, nextAttemptAt, ...rest } = failure;
      assert.deepEqual([active, rest], [true, { reason: "The target answered 500", attempt: 1 }]);
      const pauseMs = nextAttemptAt.getTime() - at.getTime();
      assert.ok(pauseMs >= 5_000 && pauseMs <= 6_001, String(pauseMs));
      target.answer(204);
      assert.equal((await webhooks.set("failing", wanted)).version, version);
      await until("it was taken", async () => (await webhooks.get("failing")).failure === undefined);
      assert.equal(target.brought.length, count + 2);
      await webhooks.remove("failing");
    });

    it("which take versions, and are refused by the names of their fields", async () => {
      const { version } = await webhooks.set("v", { url, active: false });
      const ifMatch = version + 1;
      await assert.rejects(webhooks.set("v", { url, active: true }, { ifMatch }), { code: "precondition_failed" });
      await assert.rejects(webhooks.remove("v", { ifMatch }), { code: "precondition_failed" });
      await webhooks.remove("v", { ifMatch: version });
      assert.deepEqual(await faultsOf(webhooks.set("x", { url: "ftp://example.com" })), ["url"]);
      assert.deepEqual(await faultsOf(webhooks.set("x", { url, types: ["none.*"] })), ["types.0"]);
      assert.deepEqual(await faultsOf(webhooks.set("x", { url, types: [] })), ["types"]);
      assert.deepEqual(await faultsOf(webhooks.set("x", { url, secret: "short" })), ["secret"]);
      assert.deepEqual(await faultsOf(webhooks.set("a b", { url })), ["name"]);
      assert.deepEqual(await faultsOf(webhooks.set("x", { url }, { ifMatch: -1 })), ["if-match"]);
      const agent = sojourn.actingAs(await sessions.create());
      await assert.rejects(agent.webhooks.list(), { code: "forbidden" });
      await assert.rejects(agent.webhooks.set("x", { url }), { code: "forbidden" });
    });

    it("which lead to the public internet alone, where nobody allows others", async () => {
      await using shy = await start();
      assert.deepEqual(await faultsOf(shy.sojourn.webhooks.set("x", { url })), ["url"]);
      assert.deepEqual(await faultsOf(shy.sojourn.webhooks.set("x", { url: "https://[::ffff:7f00:1]/" })), ["url"]);
    });
  });
}
