import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SessionEvent } from "../src/client/index.ts";
import { behindGateway } from "./behind-gateway.ts";
import { answer, cut, passOn, refusal } from "./gateway.ts";
import { serverOfSuite } from "./suite.ts";

describe("the SDK's events over HTTP", async () => {
  const { server, api } = await serverOfSuite();

  it("are taken up where the connection was lost, each once, also before the first of them came", async () => {
    await using place = await behindGateway(server.url);
    const { sojourn, gateway } = place;
    const seen: string[] = [];
    const done = Promise.withResolvers<void>();
    using _ = await sojourn.on("session.created", ({ sessionId }) => {
      seen.push(sessionId);
      if (sessionId === "lost-3") done.resolve();
      // What comes while the connection is away must not be missed.
      gateway.drop();
      gateway.next.push(cut, refusal(503, "OVERLOADED"));
    });
    gateway.drop();
    for (const id of ["lost-1", "lost-2", "lost-3"]) await api.create({ session_id: id });
    await done.promise;
    assert.deepEqual(seen, ["lost-1", "lost-2", "lost-3"]);
  });

  it("tell a hook why there are no more, once", async () => {
    await using place = await behindGateway(server.url, {
      logger: { error: (line, text) => void told.push([line, text]) },
    });
    const told: unknown[] = [];
    const { sojourn, gateway } = place;
    gateway.next.push(passOn(server.url), refusal(401, "UNAUTHORIZED"));
    const hook = await sojourn.on("session.created", (_: SessionEvent) => assert.fail("nothing comes"));
    await hook.ended;
    const [[line, text] = assert.fail("it was told"), ...others] = told as [{ err: { code: string } }, string][];
    assert.deepEqual([line.err.code, text, others], ["unauthorized", "a hook hears of no more events", []]);
  });

  it("tell of a webhook that may have been set, and send it once", async () => {
    await using place = await behindGateway(server.url);
    const { sojourn, gateway } = place;
    gateway.next.push(answer(502, "<h1>Bad gateway</h1>"));
    const wanted = { url: "https://example.com/hook", active: false };
    await assert.rejects(sojourn.webhooks.set("w", wanted), { code: "unreachable" });
    assert.deepEqual(await sojourn.webhooks.list(), []);
    const { secret } = await sojourn.webhooks.set("w", wanted);
    assert.match(secret ?? "", /^whsec_/);
    assert.deepEqual(gateway.keys, [undefined, undefined, undefined]);
  });
});
