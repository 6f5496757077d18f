import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { connect } from "../src/client/index.ts";
import { PLACES } from "./sdk-places.ts";

for (const [name, start] of PLACES) {
  describe(`what an operator does by the SDK, ${name}`, () => {
    it("makes, lists and revokes keys", async () => {
      await using place = await start();
      const { keys } = place.sojourn;
      const first = await keys.create({ tenant: "acme", name: "mine", expiresAt: new Date(Date.now() + 60_000) });
      assert.match(first.key, /^sjn_[0-9a-f]{16}_[0-9a-f]{64}$/);
      assert.deepEqual([first.tenant, first.name, first.status], ["acme", "mine", "active"]);
      assert.ok(first.expiresAt instanceof Date && first.scopes.includes("admin"));
      const operator = place.withKey(first.key);
      const second = await operator.keys.create({ scopes: ["sessions:read"] });
      assert.equal((await operator.keys.revoke(second.id)).status, "revoked");
      const listed = await Array.fromAsync(operator.keys.list({ tenant: "acme" }));
      assert.deepEqual(
        listed.map(({ id, status }) => [id, status]),
        [
          [first.id, "active"],
          [second.id, "revoked"],
        ],
      );
      await assert.rejects(operator.keys.revoke("key_nobody"), { code: "not_found" });
      await assert.rejects(operator.keys.create({ scopes: [] }), { code: "invalid" });
      await operator.keys.disable();
      await place.sojourn.sessions.create();
    });

    it("takes a backup, and closes in the middle of one", async () => {
      await using place = await start();
      await place.sojourn.sessions.create({ sessionId: "kept" });
      let text = "";
      for await (const chunk of place.sojourn.backUp()) text += Buffer.from(chunk).toString("latin1");
      assert.match(text, /^\{"format":"sojourn-backup"/);
      const begun = place.sojourn.backUp()[Symbol.asyncIterator]();
      await begun.next().catch((error: { code?: string }) => assert.equal(error.code, "store_unavailable"));
      await place.sojourn.close();
    });
  });
}

describe("backUp() of something else", () => {
  it("is refused as any call is, and not taken for a backup", async () => {
    const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<p>Hello</p>"));
    server.listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    await using sojourn = connect({ url: `http://127.0.0.1:${port}`, retries: 0 });
    await assert.rejects(
      async () => {
        for await (const _ of sojourn.backUp()) assert.fail("a chunk");
      },
      { code: "not_found" },
    );
    server.close();
  });

  it("is given up where nobody answers", async () => {
    const server = createServer(() => {});
    server.listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    await using sojourn = connect({ url: `http://127.0.0.1:${port}/api/v1/`, retries: 0, timeoutMs: 100 });
    await assert.rejects(
      async () => {
        for await (const _ of sojourn.backUp()) assert.fail("a chunk");
      },
      { code: "unreachable" },
    );
    server.closeAllConnections();
    server.close();
  });
});
