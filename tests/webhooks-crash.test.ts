import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { connect } from "../src/client/index.ts";
import { ChildServer } from "./child-server.ts";
import { isSigned, startTarget } from "./hook-target.ts";

const ENV = { SOJOURN_WEBHOOK_TARGETS: "any" };

describe("a server that is killed between an event and its target", () => {
  it("brings after its restart what was not taken, in order, and goes on from its cursors", async () => {
    const data = await mkdtemp(join(tmpdir(), "sojourn-crash-"));
    try {
      await using target = await startTarget();
      target.answer(503);
      let secret = "";
      let cursor = "";
      {
        await using server = await ChildServer.start(data, ENV);
        await using sojourn = connect({ url: server.url });
        await sojourn.sessions.create({ sessionId: "before" });
        cursor = (await sojourn.events.page({ after: "now" })).cursor;
        const webhook = await sojourn.webhooks.set("w", { url: target.url, types: ["session.created"] });
        secret = webhook.secret ?? assert.fail("it is told once");
        for (const sessionId of ["a", "b", "c"]) await sojourn.sessions.create({ sessionId });
        // The first was refused, and the others wait behind it.
        await target.arrivals(1);
        await server.end("SIGKILL");
      }
      target.answer(204);
      await using server = await ChildServer.start(data, ENV);
      await using sojourn = connect({ url: server.url });
      const events = await Array.fromAsync(sojourn.events.list({ after: cursor, types: ["session.created"] }));
      assert.deepEqual(
        events.map(({ sessionId }) => sessionId),
        ["a", "b", "c"],
      );
      const all = ["session.created a", ...["a", "b", "c"].map((id) => `session.created ${id}`)];
      assert.deepEqual(await target.arrivals(4), all);
      const ids = target.brought.map(({ headers }) => headers["webhook-id"]);
      assert.equal(ids[0], ids[1]);
      assert.equal(new Set(ids).size, 3);
      for (const one of target.brought) assert.ok(isSigned(one, [secret]));
    } finally {
      await rm(data, { recursive: true });
    }
  });
});
