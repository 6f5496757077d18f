import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { behindGateway } from "./behind-gateway.ts";
import { passOn } from "./gateway.ts";
import { serverOfSuite } from "./suite.ts";

describe("the SDK's topics over HTTP", async () => {
  const { server } = await serverOfSuite();

  it("are taken up where the connection was lost, each message once", async () => {
    await using place = await behindGateway(server.url);
    const { sojourn, gateway } = place;
    const { topics } = sojourn;
    await using messages = topics.subscribe("lost", { subscriber: "ann" });
    for (const seq of [1, 2, 3]) {
      await topics.publish("lost", { 2: "b", 1: "a", seq });
      assert.equal((await messages.next()).value?.seq, seq);
      gateway.drop();
    }
  });

  for (const published of [0, 1, 2, 3]) {
    it(`go on with a topic that began anew while the connection was lost, with ${published} messages`, async () => {
      await using place = await behindGateway(server.url);
      const { sojourn, gateway } = place;
      const { topics } = sojourn;
      await using beside = await behindGateway(server.url);
      const others = beside.sojourn.topics;
      const topic = `anew-${published}`;
      for (const content of ["old", "old"]) await topics.publish(topic, content);
      await using messages = topics.subscribe(topic, { subscriber: "ann" });
      await using followed = topics.follow(topic);
      for (const one of [messages, followed])
        for (const _ of "12") assert.equal((await one.next()).value?.content, "old");
      const anew = Promise.withResolvers<void>();
      gateway.next.push(...Array(2).fill(passOn(server.url, anew.promise)));
      gateway.drop();
      await others.delete(topic);
      const contents = Array.from({ length: published }, (_, i) => `new ${i}`);
      for (const content of contents) await others.publish(topic, content);
      anew.resolve();
      assert.deepEqual(await followed.next(), { done: true, value: undefined });
      if (published === 0) {
        contents.push("at last");
        const next = messages.next();
        await others.publish(topic, "at last");
        assert.equal((await next).value?.content, "at last");
        return;
      }
      for (const content of contents) assert.equal((await messages.next()).value?.content, content);
    });
  }
});
