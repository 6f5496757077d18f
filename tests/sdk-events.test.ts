import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { SessionEvent } from "../src/client/index.ts";
import { faultsOf } from "./faults.ts";
import { PLACES } from "./sdk-places.ts";

function told(events: readonly SessionEvent[]): readonly string[] {
  return events.map(({ type, sessionId }) => `${type} ${sessionId}`);
}

for (const [name, start] of PLACES) {
  describe(`the SDK by ${name} has events`, async () => {
    const place = await start();
    after(() => place[Symbol.asyncDispose]());
    const { sojourn } = place;
    const { events, sessions } = sojourn;
    const now = async (): Promise<string> => (await events.page({ after: "now" })).cursor;

    it("by pages, which go on where they ended", async () => {
      const after = await now();
      const session = await sessions.create({ sessionId: "a", userId: "ann" });
      await session.artifacts.store("a.txt", "x", { type: "user_input" });
      await session.suspend("tea");
      const { events: all, cursor, isEnd } = await events.page({ after });
      assert.deepEqual(told(all), ["session.created a", "session.artifact.stored a", "session.suspended a"]);
      assert.deepEqual([cursor, isEnd], [all[2]?.cursor, true]);
      const operations = await Array.fromAsync(session.operations());
      assert.deepEqual(
        all.map(({ operation }) => operation),
        operations,
      );
      assert.deepEqual([all[0]?.sessionUid, all[0]?.userId], [session.uid, "ann"]);
      const first = await events.page({ after, pageSize: 1 });
      assert.deepEqual([first.events, first.isEnd], [[all[0]], false]);
      assert.deepEqual(await events.page({ after: first.cursor, types: ["session.suspended"] }), {
        events: [all[2]],
        cursor,
        isEnd: true,
      });
      assert.deepEqual(await Array.fromAsync(events.list({ after, pageSize: 1 })), all);
      assert.deepEqual(told(await Array.fromAsync(events.list({ after, types: ["session.artifact.*"] }))), [
        "session.artifact.stored a",
      ]);
      assert.deepEqual(await Array.fromAsync(events.list({ after: cursor })), []);
    });

    it("live, with what there was before, until it is enough", async () => {
      const after = await now();
      await sessions.create({ sessionId: "live-1" });
      const stop = new AbortController();
      const feed = events.follow({ after, types: ["session.created"], signal: stop.signal });
      const [one] = [(await feed.next()).value];
      const coming = feed.next();
      const session = await sessions.create({ sessionId: "live-2" });
      await session.complete();
      const { value: two } = await coming;
      assert.deepEqual(told([one ?? assert.fail(), two ?? assert.fail()]), [
        "session.created live-1",
        "session.created live-2",
      ]);
      const end = feed.next();
      stop.abort();
      assert.deepEqual(await end, { value: undefined, done: true });
      assert.deepEqual(await Array.fromAsync(events.follow({ signal: stop.signal })), []);
    });

    it("which end with Sojourn", async () => {
      await using other = await start();
      const following = Array.fromAsync(other.sojourn.events.follow());
      await other.sojourn.sessions.create();
      await other.sojourn.close();
      assert.ok((await following).length <= 1);
      await assert.rejects(other.sojourn.events.page(), { code: "store_unavailable" });
    });

    it("which are refused for what makes no sense, and to whoever acts as a session", async () => {
      assert.deepEqual(await faultsOf(events.page({ after: "x" })), ["after"]);
      assert.deepEqual(await faultsOf(events.page({ after: "999999999999999" })), ["after"]);
      assert.deepEqual(await faultsOf(events.page({ types: ["session.created", "none.*"] })), ["type.1"]);
      assert.deepEqual(await faultsOf(events.page({ pageSize: 0 })), ["limit"]);
      // Over HTTP no list at all would mean all of them.
      assert.deepEqual(await faultsOf(events.page({ types: [] })), ["type"]);
      assert.deepEqual(await faultsOf(Array.fromAsync(events.follow({ types: [] }))), ["type"]);
      assert.deepEqual(await faultsOf(sojourn.on([], () => undefined)), ["type"]);
      assert.deepEqual(await faultsOf(Array.fromAsync(events.follow({ types: ["none.*"] }))), ["type.0"]);
      const agent = sojourn.actingAs(await sessions.create());
      await assert.rejects(agent.events.page(), { code: "forbidden" });
      await assert.rejects(Array.fromAsync(agent.events.follow()), { code: "forbidden" });
      await assert.rejects(
        agent.on("session.created", () => undefined),
        { code: "forbidden" },
      );
    });

    describe("on()", () => {
      it("calls a handler with what is committed from then on, in order, one at a time", async () => {
        await sessions.create({ sessionId: "before" });
        const seen: string[] = [];
        let running = 0;
        const done = Promise.withResolvers<void>();
        using hook = await sojourn.on(
          ["session.created", "session.artifact.*"],
          async ({ type, sessionId, operation }) => {
            assert.equal(++running, 1);
            // It was committed before.
            assert.equal((await sessions.get(sessionId)).version >= operation.seq, true);
            seen.push(`${type} ${sessionId}`);
            running--;
            if (seen.length === 11) done.resolve();
          },
        );
        await Promise.all(Array.from({ length: 10 }, (_, i) => sessions.create({ sessionId: `h-${i}` })));
        const session = await sessions.get("h-0");
        await session.record();
        await session.artifacts.store("a.txt", "x", { type: "user_input" });
        await done.promise;
        assert.deepEqual(seen.toSorted(), [
          "session.artifact.stored h-0",
          ...Array.from({ length: 10 }, (_, i) => `session.created h-${i}`),
        ]);
        hook.stop();
        await hook.ended;
        await sessions.create({ sessionId: "after" });
        assert.equal(seen.length, 11);
      });

      it("has the inputs of the operation, by its type", async () => {
        const reasons = Promise.withResolvers<string | undefined>();
        using _ = await sojourn.on("session.suspended", ({ operation }) => reasons.resolve(operation.inputs?.reason));
        await (await sessions.create()).suspend("tea");
        assert.equal(await reasons.promise, "tea");
      });

      it("tells what a handler throws, and goes on with the next event, also beside others", async () => {
        const failed: unknown[] = [];
        const seen: string[] = [];
        const done = Promise.withResolvers<void>();
        const both = Promise.withResolvers<void>();
        using _ = await sojourn.on("session.created", ({ sessionId }) => {
          seen.push(sessionId);
          if (seen.length === 2) done.resolve();
        });
        using __ = await sojourn.on(
          "session.created",
          ({ sessionId }) => {
            throw new Error(`no ${sessionId}`);
          },
          {
            onError: (error, event) => {
              failed.push([error instanceof Error && error.message, event?.sessionId]);
              if (failed.length === 2) both.resolve();
              throw new Error("and this one as well");
            },
          },
        );
        await sessions.create({ sessionId: "bad-1" });
        await sessions.create({ sessionId: "bad-2" });
        await Promise.all([done.promise, both.promise]);
        assert.deepEqual(seen, ["bad-1", "bad-2"]);
        assert.deepEqual(failed, [
          ["no bad-1", "bad-1"],
          ["no bad-2", "bad-2"],
        ]);
      });

      it("begins where it is told to, and ends with its signal", async () => {
        const after = await now();
        await sessions.create({ sessionId: "since" });
        const first = Promise.withResolvers<SessionEvent>();
        const stop = new AbortController();
        const hook = await sojourn.on("session.*", first.resolve, { after, signal: stop.signal });
        assert.equal((await first.promise).sessionId, "since");
        stop.abort();
        await hook.ended;
        const reason = new Error("enough");
        const signal = AbortSignal.abort(reason);
        await assert.rejects(sojourn.on("session.*", first.resolve, { signal }), (error) => error === reason);
      });

      it("refuses names that no event has, and what is no cursor", async () => {
        assert.deepEqual(await faultsOf(sojourn.on("none.*", () => undefined)), ["type.0"]);
        // @ts-expect-error: whoever writes JavaScript may give something else
        assert.deepEqual(await faultsOf(sojourn.on("session.created", 5)), ["handler"]);
        assert.deepEqual(await faultsOf(sojourn.on("session.*", () => undefined, { after: "x" })), ["after"]);
      });

      it("ends with Sojourn, which a handler may close, and tells of no failure", async () => {
        await using other = await start();
        const failed: unknown[] = [];
        const hook = await other.sojourn.on("session.created", async () => await other.sojourn.close(), {
          onError: (error) => failed.push(error),
        });
        const idle = await other.sojourn.on("session.failed", () => assert.fail("none failed"), {
          onError: (error) => failed.push(error),
        });
        await other.sojourn.sessions.create();
        await Promise.all([hook.ended, idle.ended]);
        assert.deepEqual(failed, []);
        await assert.rejects(
          other.sojourn.on("session.*", () => undefined),
          { code: "store_unavailable" },
        );
      });
    });
  });
}
