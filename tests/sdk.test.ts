import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { NewSession, Operation, Session, SessionQuery, Sojourn } from "../src/client/index.ts";
import { PLACES } from "./sdk-places.ts";
import { until } from "./until.ts";

/** Passed as JavaScript would, which knows no types. */
function untyped<T>(value: unknown): T {
  return value as T;
}

const FINAL = ["completed", "failed", "expired"] as const;
const ENDS = { completed: "complete", failed: "fail", expired: "expire" } as const;

for (const [name, start] of PLACES) {
  describe(`the SDK by ${name}`, async () => {
    const place = await start();
    after(() => place[Symbol.asyncDispose]());
    const { sojourn } = place;
    const { sessions } = sojourn;

    describe("sessions", () => {
      it("are created with all that they may have", async () => {
        await sessions.create({ sessionId: "parent" });
        const wanted = {
          sessionId: "whole",
          userId: "ada",
          name: "Whole",
          description: "has everything",
          tags: ["a", "b"],
          metadata: { nested: { list: [1, null, "ü"] } },
          parentSessionId: "parent",
          idleTimeoutMs: 90_500,
          maxLifetimeMs: 600_000,
        } satisfies NewSession;
        const session = await sessions.create(wanted);
        const { sessionId, userId, name, description, tags, metadata, parentSessionId, idleTimeoutMs, maxLifetimeMs } =
          session;
        assert.deepEqual(
          { sessionId, userId, name, description, tags, metadata, parentSessionId, idleTimeoutMs, maxLifetimeMs },
          wanted,
        );
        assert.equal(session.status, "active");
        assert.equal(session.isActive, true);
        assert.equal(session.version, 1);
        assert.match(session.uid, /^[0-9a-f-]{36}$/);
        assert.match(session.headHash, /^[0-9a-f]{64}$/);
        assert.ok(Math.abs(session.createdAt.getTime() - Date.now()) < 10_000);
        assert.deepEqual(session.updatedAt, session.createdAt);
        assert.deepEqual(session.lastActivity, session.createdAt);
        assert.equal(session.expiresAt?.getTime(), session.createdAt.getTime() + 90_500);
        assert.equal(session.endedAt, undefined);
        assert.equal(session.reason, undefined);
        assert.deepEqual(session.metrics, metrics(0, 0, 0));
        assert.deepEqual((await sessions.get("whole")).toJSON(), session.toJSON());
      });

      it("take the defaults of the server, and none where told", async () => {
        const bare = await sessions.create();
        assert.match(bare.sessionId, /^session_[0-9a-f]{16}$/);
        assert.equal(bare.userId, "default_user");
        assert.equal(bare.idleTimeoutMs, 86_400_000);
        assert.deepEqual([bare.name, bare.maxLifetimeMs, bare.tags, bare.metadata], [undefined, undefined, [], {}]);
        const lasting = await sessions.create({ idleTimeoutMs: null });
        assert.deepEqual([lasting.idleTimeoutMs, lasting.expiresAt], [undefined, undefined]);
      });

      it("have a name where they are got or created: without one each call would make another", async () => {
        for (const id of [undefined, null, 7]) {
          await assert.rejects(sessions.getOrCreate(untyped(id)), { code: "invalid" });
        }
      });

      it("are one JSON.stringify away from JSON", async () => {
        const session = await sessions.create({ name: "json" });
        const json = JSON.parse(JSON.stringify(session));
        assert.equal(json.createdAt, session.createdAt.toISOString());
        assert.equal(json.metrics.requestCount, 0);
        assert.ok(!("description" in json));
      });

      it("are found by name and by uid, and not found by anything else", async () => {
        const { uid } = await sessions.create({ sessionId: "found" });
        for (const id of ["found", uid]) {
          assert.equal((await sessions.get(id)).uid, uid);
          assert.equal((await sessions.find(id))?.uid, uid);
        }
        const foreign = [
          "nobody",
          "",
          ".",
          "..",
          "stats",
          "continue",
          "cleanup",
          "new",
          "import",
          "a/b",
          "ü",
          "a?at=1",
        ];
        for (const id of [...foreign, "x".repeat(129)]) {
          await assert.rejects(sessions.get(id), { code: "session_not_found" }, id);
          assert.equal(await sessions.find(id), undefined, id);
        }
      });

      it("are taken up where they are open, and begun anew where they are not", async () => {
        const first = await sessions.getOrCreate("again", { name: "first" });
        const same = await sessions.getOrCreate("again", { name: "second" });
        assert.deepEqual(same.toJSON(), first.toJSON());
        await assert.rejects(sessions.create({ sessionId: "again" }), { code: "session_exists" });
        await first.complete();
        const next = await sessions.getOrCreate("again");
        assert.notEqual(next.uid, first.uid);
        assert.equal((await first.refresh()).status, "completed", "a handle stays with its session");
      });

      it("say which of a user was used last", async () => {
        const [a, b] = [await sessions.create({ userId: "eve" }), await sessions.create({ userId: "eve" })];
        await b.suspend();
        assert.equal((await sessions.newest({ userId: "eve" })).uid, a.uid);
        await assert.rejects(sessions.newest({ userId: "nobody" }), { code: "no_session_found" });
        assert.equal((await sessions.newest()).userId, "default_user");
      });

      it("are refused with every fault, by the same names", async () => {
        const refused: readonly (readonly [input: unknown, fields: readonly string[]])[] = [
          [{ sessionId: "stats", userId: "" }, ["session_id", "user_id"]],
          [{ name: 7, tags: ["", "x".repeat(65)] }, ["name", "tags.0", "tags.1"]],
          [{ idleTimeoutMs: 999, maxLifetimeMs: "1" }, ["idle_timeout_seconds", "max_lifetime_seconds"]],
          [{ idleTimeoutMs: Number.NaN }, ["idle_timeout_seconds"]],
          [{ metadata: { a: "\0", b: { c: 2 ** 53 } } }, ["metadata.a", "metadata.b.c"]],
          [{ metadata: "text" }, ["metadata"]],
          [{ metadata: { big: 1n } }, [""]],
          [{ user: "ada", labels: [] }, ["user", "labels"]],
        ];
        for (const [input, fields] of refused) {
          await assert.rejects(
            sessions.create(untyped(input)),
            (error: { code: string; faults: { field: string }[] }) => {
              assert.equal(error.code, "invalid");
              assert.deepEqual(
                error.faults.map(({ field }) => field),
                fields,
              );
              return true;
            },
          );
        }
        await assert.rejects(sessions.create({ parentSessionId: "nobody" }), { code: "session_not_found" });
        await assert.rejects(sessions.create({ metadata: { text: "x".repeat(65_536) } }), { code: "invalid" });
        assert.equal((await sessions.create({ idleTimeoutMs: 1_000 })).idleTimeoutMs, 1_000);
      });

      it("keep nothing of the caller's own objects, and lend none of theirs", async () => {
        const metadata = { list: [1] };
        const session = await sessions.create({ sessionId: "copied", metadata });
        metadata.list.push(2);
        untyped<number[]>(session.metadata["list"]).push(3);
        assert.deepEqual((await sessions.get("copied")).metadata, { list: [1] });
      });
    });

    describe("list()", () => {
      const all = async (query: SessionQuery): Promise<readonly string[]> =>
        await Array.fromAsync(sessions.list(query), ({ sessionId }) => sessionId);

      it("gives every session once, over as many pages as it takes", async () => {
        const made = await Promise.all(
          Array.from({ length: 25 }, (_, i) => sessions.create({ sessionId: `paged-${i}`, tags: ["paged"] })),
        );
        for (const pageSize of [1, 7, 25, 26, 1_000, undefined]) {
          const listed = await all({ tags: ["paged"], pageSize });
          assert.equal(listed.length, 25);
          assert.deepEqual(new Set(listed), new Set(made.map(({ sessionId }) => sessionId)));
        }
      });

      it("filters by each filter, and sorts", async () => {
        const parent = await sessions.create({ sessionId: "filter-parent" });
        const [a, b] = [
          await sessions.create({ sessionId: "fb", name: "Beta", userId: "fay", tags: ["f", "g"] }),
          await sessions.create({
            sessionId: "fa",
            name: "Alpha",
            userId: "fay",
            tags: ["f"],
            parentSessionId: "filter-parent",
          }),
        ];
        await b.suspend();
        assert.deepEqual(await all({ userId: "fay", sort: "name" }), ["fa", "fb"]);
        assert.deepEqual(await all({ userId: "fay", sort: "name", order: "desc" }), ["fb", "fa"]);
        assert.deepEqual(await all({ userId: "fay", status: "suspended" }), ["fa"]);
        assert.deepEqual(await all({ tags: ["g", "f"] }), ["fb"]);
        assert.deepEqual(await all({ parentSessionId: parent.sessionId }), ["fa"]);
        assert.deepEqual(await all({ userId: "fay", search: "ALPH" }), ["fa"]);
        const before = new Date(a.createdAt.getTime() - 1);
        assert.deepEqual((await all({ userId: "fay", createdAfter: before })).length, 2);
        assert.deepEqual(await all({ userId: "fay", createdBefore: before.toISOString() }), []);
        assert.equal((await sessions.stats({ userId: "fay" })).sessions, 2);
      });

      it("refuses what can't be asked for, when it is read", async () => {
        const queries = [{ pageSize: 0 }, { pageSize: 1_001 }, { pageSize: 1.5 }, { sort: "age" }, { status: "dead" }];
        for (const query of [
          ...queries,
          { limit: "x" },
          { colour: "red" },
          { createdAfter: "yesterday" },
          { createdAfter: new Date(Number.NaN) },
        ]) {
          await assert.rejects(sessions.list(untyped(query)).next(), { code: "invalid" }, JSON.stringify(query));
        }
      });
    });

    describe("a session", () => {
      it("is changed in part", async () => {
        const session = await sessions.create({ name: "a", description: "d", metadata: { a: 1, b: 2 }, tags: ["x"] });
        const same = await session.update({ name: "b", metadata: { a: null, c: 3 } });
        assert.equal(same, session);
        assert.deepEqual(
          [session.name, session.description, session.metadata, session.tags],
          ["b", "d", { b: 2, c: 3 }, ["x"]],
        );
        await session.update({ description: null, tags: [], idleTimeoutMs: null });
        assert.deepEqual([session.description, session.tags, session.expiresAt], [undefined, [], undefined]);
        await assert.rejects(session.update(untyped({ colour: "red" })), { code: "invalid" });
        assert.equal(session.version, 3);
      });

      it("counts exactly, to the microsecond", async () => {
        const session = await sessions.create();
        await session.record();
        await session.record({});
        assert.deepEqual(session.metrics, metrics(2, 0, 0));
        await session.record({ errors: 3 });
        await session.record({ requests: 0, processingTimeMs: 0.1 });
        await session.record({ processingTimeMs: 0.2004 });
        assert.deepEqual(session.metrics, metrics(2, 3, 0.3));
        await session.record({ requests: 1_000, processingTimeMs: 1_234_567.891 });
        assert.deepEqual(session.metrics, metrics(1_002, 3, 1_234_568.191));
        assert.deepEqual((await sessions.get(session.uid)).toJSON(), session.toJSON());
        const refused: readonly (readonly [unknown, string])[] = [
          [{ requests: -1 }, "requests"],
          [{ errors: 0.5 }, "errors"],
          [{ requests: "1" }, "requests"],
          [{ processingTimeMs: Number.POSITIVE_INFINITY }, "processing_time_seconds"],
          [{ request: 1 }, "request"],
        ];
        for (const [added, field] of refused) {
          await assert.rejects(session.record(untyped(added)), (error: { faults: { field: string }[] }) => {
            return error.faults[0]?.field === field;
          });
        }
      });

      it("counts every one of many calls at once, and shows the last", async () => {
        const session = await sessions.create();
        await Promise.all(Array.from({ length: 200 }, () => session.record({ requests: 1, processingTimeMs: 0.001 })));
        assert.deepEqual(session.metrics, metrics(200, 0, 0.2));
        assert.equal(session.version, 201);
      });

      it("tracks work, its time and its failure, and returns or throws what that did", async () => {
        const session = await sessions.create();
        assert.equal(await session.track(() => "done"), "done");
        assert.equal(await session.track(async () => "done"), "done");
        const failure = new Error("broken");
        await assert.rejects(
          session.track(() => Promise.reject(failure)),
          (error) => error === failure,
        );
        const { requestCount, errorCount, totalProcessingTimeMs } = session.metrics;
        assert.deepEqual([requestCount, errorCount], [3, 1]);
        assert.ok(totalProcessingTimeMs > 0 && totalProcessingTimeMs < 5_000);
      });

      it("does not lose work that could not be counted", async () => {
        const session = await sessions.create();
        await session.complete();
        const uncounted: unknown[] = [];
        const onUncounted = (error: unknown): number => uncounted.push(error);
        assert.equal(await session.track(() => "done", { onUncounted }), "done");
        assert.equal(await session.track(() => "done"), "done");
        const failure = new Error("broken");
        await assert.rejects(
          session.track(() => Promise.reject(failure), { onUncounted }),
          (error) => error === failure,
        );
        assert.deepEqual(
          uncounted.map((error) => untyped<{ code: string }>(error).code),
          ["invalid_transition", "invalid_transition"],
        );
      });

      it("rests and goes on", async () => {
        const session = await sessions.create();
        assert.equal((await session.suspend("lunch")).status, "suspended");
        assert.deepEqual([session.reason, session.isActive], ["lunch", false]);
        await assert.rejects(session.suspend(), { code: "invalid_transition" });
        assert.equal((await session.resume()).status, "active");
        assert.equal(session.reason, undefined);
        const { version } = session;
        assert.equal((await session.keepalive()).version, version + 1);
      });

      for (const status of FINAL) {
        it(`ends as ${status}, once, and stays so whatever end is asked for next`, async () => {
          const session = await sessions.create();
          await session[ENDS[status]]("enough");
          const { version, endedAt } = session;
          assert.deepEqual([session.status, session.reason, session.isActive], [status, "enough", false]);
          assert.ok(endedAt);
          for (const again of FINAL) await session[ENDS[again]]("again");
          assert.deepEqual(
            [session.status, session.reason, session.version, session.endedAt],
            [status, "enough", version, endedAt],
          );
          for (const call of [
            () => session.record(),
            () => session.update({}),
            () => session.resume(),
            () => session.keepalive(),
          ]) {
            await assert.rejects(call(), { code: "invalid_transition" });
          }
        });
      }

      it("that somebody else ended is seen so by whoever ends it otherwise", async () => {
        const session = await sessions.create();
        await (await sessions.get(session.uid)).fail("elsewhere");
        await session.complete();
        assert.deepEqual([session.status, session.reason], ["failed", "elsewhere"]);
      });

      it("is completed when its scope ends, unless it has ended or is gone", async () => {
        const made: Session[] = [];
        {
          await using open = await sessions.create();
          await using failed = await sessions.create();
          await using deleted = await sessions.create();
          await using elsewhere = await sessions.create();
          made.push(open, failed);
          await failed.fail();
          await deleted.delete();
          await (await sessions.get(elsewhere.uid)).delete();
        }
        assert.deepEqual(
          made.map(({ status }) => status),
          ["completed", "failed"],
        );
      });

      it("expires by itself, and says so from then on", async () => {
        const session = await sessions.create({ idleTimeoutMs: 1_000 });
        assert.equal(session.isExpired(), false);
        await until("its time is over by what was seen", async () => session.isExpired());
        assert.equal(session.status, "active");
        await session.refresh();
        assert.deepEqual([session.status, session.isExpired()], ["expired", true]);
        assert.equal(session.endedAt?.getTime(), session.lastActivity.getTime() + 1_000);
        await until("the sweeper has written it", async () => (await session.refresh()).version === 2);
      });

      it("is idle for as long as one says", async () => {
        const session = await sessions.create({ idleTimeoutMs: null });
        assert.equal(session.isExpired(), false);
        assert.equal(session.isExpired({ maxIdleMs: 60_000 }), false);
        await until("it was idle for 1 ms", async () => session.isExpired({ maxIdleMs: 1 }));
        await session.complete();
        assert.equal(session.isExpired({ maxIdleMs: 0 }), false, "it has ended, and not by expiry");
        const expired = await sessions.create();
        await expired.expire();
        assert.equal(expired.isExpired({ maxIdleMs: 60_000 }), true);
      });

      it("is shown as it was", async () => {
        const session = await sessions.create({ name: "first" });
        await session.update({ name: "second" });
        const { headHash } = session;
        await session.complete();
        assert.deepEqual([(await session.at(1)).name, (await session.at(2)).name], ["first", "second"]);
        assert.deepEqual([(await session.at(2)).headHash, (await session.at(2)).status], [headHash, "active"]);
        assert.deepEqual({ ...(await session.at(3)) }, session.toJSON());
        for (const seq of [0, 4, -1, 1.5, Number.NaN])
          await assert.rejects(session.at(seq), { code: "invalid" }, `${seq}`);
      });

      it("is verified, also against a head that was kept", async () => {
        const session = await sessions.create();
        const head = session.headHash;
        await session.record();
        const verdict = {
          ok: true,
          operations: 2,
          headHash: session.headHash,
          firstBadSeq: undefined,
          fault: undefined,
        };
        assert.deepEqual(await session.verify(), verdict);
        assert.deepEqual(await session.verify({ head }), verdict);
        assert.equal((await session.verify({ head: "0".repeat(64) })).fault, "known_head");
        await assert.rejects(session.verify({ head: "short" }), { code: "invalid" });
      });

      it("is gone once it was deleted", async () => {
        const session = await sessions.create({ sessionId: "deleted" });
        await session.delete();
        for (const call of [
          () => session.refresh(),
          () => session.record(),
          () => session.delete(),
          () => session.verify(),
          () => session.at(1),
          () => session.complete(),
          () => session.operations().next(),
          () => session.operations({ follow: true }).next(),
        ]) {
          await assert.rejects(call(), { code: "session_not_found" });
        }
        assert.equal((await sessions.create({ sessionId: "deleted" })).version, 1);
      });
    });

    describe("operations()", () => {
      it("gives the log with typed inputs, over as many pages as it takes", async () => {
        const session = await sessions.create({
          sessionId: "logged",
          name: "n",
          tags: ["t"],
          metadata: { idle_timeout_seconds: 1 },
          idleTimeoutMs: 1_500,
        });
        await session.update({ name: null, idleTimeoutMs: 2_500 });
        await session.record({ requests: 1, processingTimeMs: 0.25 });
        await session.suspend("why");
        await session.expire("over");
        for (const pageSize of [1, 2, 5, undefined]) {
          const log = await Array.fromAsync(session.operations({ pageSize }));
          assert.deepEqual(
            log.map(({ seq, kind, inputs }) => [seq, kind, inputs]),
            [
              [
                1,
                "session.created",
                {
                  sessionId: "logged",
                  userId: "default_user",
                  name: "n",
                  tags: ["t"],
                  metadata: { idle_timeout_seconds: 1 },
                  idleTimeoutMs: 1_500,
                },
              ],
              [2, "session.updated", { name: null, idleTimeoutMs: 2_500 }],
              [3, "metrics.recorded", { requests: 1, errors: 0, processingTimeMs: 0.25 }],
              [4, "session.suspended", { reason: "why" }],
              [5, "session.expired", { reason: "over", endedAt: session.endedAt }],
            ],
          );
          assert.equal(log.at(-1)?.hash, session.headHash);
          assert.deepEqual(log.at(-1)?.timestamp, session.updatedAt);
          assert.deepEqual([log[0]?.name, log[0]?.status, log[0]?.actor], ["create", "completed", "local"]);
        }
        const [recorded] = await Array.fromAsync(session.operations({ kind: "metrics.recorded" }));
        assert.equal(recorded?.inputs?.processingTimeMs, 0.25);
        assert.deepEqual(await Array.fromAsync(session.operations({ after: 3 }), ({ seq }) => seq), [4, 5]);
        await assert.rejects(session.operations({ after: -1 }).next(), { code: "invalid" });
      });

      it("stays on where it is told to follow, until the session is deleted", async () => {
        const session = await sessions.create();
        const seen: number[] = [];
        const following = (async () => {
          for await (const { seq } of session.operations({ follow: true })) seen.push(seq);
        })();
        await until("the first was seen", async () => seen.length === 1);
        for (let i = 0; i < 120; i++) await session.record();
        await until("all were seen", async () => seen.length === 121);
        await session.delete();
        await following;
        assert.deepEqual(
          seen,
          Array.from({ length: 121 }, (_, i) => i + 1),
        );
      });

      it("follows from where, and of what, it is told", async () => {
        const session = await sessions.create();
        await session.record();
        const feed = session.operations({ follow: true, after: 1, kind: "session.suspended" });
        const next = feed.next();
        await session.suspend("seen");
        const { value } = await next;
        assert.deepEqual([value?.seq, value?.inputs?.reason], [3, "seen"]);
        await feed.return();
        await assert.rejects(session.operations({ follow: true, after: 99 }).next(), { code: "invalid" });
      });

      it("ends when the signal aborts", async () => {
        const session = await sessions.create();
        const abort = new AbortController();
        const seen: Operation[] = [];
        const following = (async () => {
          for await (const one of session.operations({ follow: true, signal: abort.signal })) seen.push(one);
        })();
        await until("it is live", async () => seen.length === 1);
        abort.abort();
        await following;
        assert.equal((await session.operations({ follow: true, signal: abort.signal }).next()).done, true);
      });
    });

    describe("calls", () => {
      it("happen once under one idempotency key, and are refused for another request under it", async () => {
        const idempotencyKey = "a key, with blanks";
        const [first, second] = [
          await sessions.create({ name: "once" }, { idempotencyKey }),
          await sessions.create({ name: "once" }, { idempotencyKey }),
        ];
        assert.equal(second.uid, first.uid);
        await assert.rejects(sessions.create({ name: "other" }, { idempotencyKey }), { code: "idempotency_mismatch" });
        for (let i = 0; i < 3; i++) await first.record({ requests: 5 }, { idempotencyKey });
        assert.equal(first.metrics.requestCount, 5);
        for (let i = 0; i < 2; i++) await first.delete({ idempotencyKey });
        for (const bad of ["", "ü", "a\nb", " a", "x".repeat(256)]) {
          await assert.rejects(sessions.create({}, { idempotencyKey: bad }), { code: "invalid" }, JSON.stringify(bad));
        }
        await sessions.create({}, { idempotencyKey: "x".repeat(255) });
      });

      it("are refused upon another version than they name", async () => {
        const session = await sessions.create();
        await session.record();
        await assert.rejects(session.update({ name: "lost" }, { ifMatch: 1 }), { code: "precondition_failed" });
        await assert.rejects(session.complete("lost", { ifMatch: 1 }), { code: "precondition_failed" });
        await session.update({ name: "kept" }, { ifMatch: session.version });
        await assert.rejects(session.update({}, { ifMatch: 1.5 }), { code: "invalid" });
        await assert.rejects(session.delete({ ifMatch: 1 }), { code: "precondition_failed" });
      });

      it("reject with the reason of a signal that has aborted, and do nothing", async () => {
        const session = await sessions.create();
        const reason = { why: "changed my mind" };
        const signal = AbortSignal.abort(reason);
        const calls: readonly (() => Promise<unknown>)[] = [
          () => sojourn.health({ signal }),
          () => sessions.create({}, { signal }),
          () => sessions.get(session.uid, { signal }),
          () => sessions.find(session.uid, { signal }),
          () => sessions.newest({ signal }),
          () => sessions.list({ signal }).next(),
          () => sessions.stats({ signal }),
          () => sessions.cleanup({ maxIdleMs: 0 }, { signal }),
          () => session.refresh({ signal }),
          () => session.update({}, { signal }),
          () => session.record({}, { signal }),
          () => session.suspend("", { signal }),
          () => session.complete("", { signal }),
          () => session.delete({ signal }),
          () => session.operations({ signal }).next(),
          () => session.verify({ signal }),
          () => session.at(1, { signal }),
        ];
        for (const call of calls) await assert.rejects(call(), (error) => error === reason, String(call));
        assert.equal((await session.refresh()).version, 1);
      });

      it("reject with the reason of a signal that aborts in their middle", async () => {
        const session = await sessions.create();
        const abort = new AbortController();
        const calls = [
          session.record({}, { signal: abort.signal }),
          session.verify({ signal: abort.signal }),
          Array.fromAsync(sessions.list({ pageSize: 1, signal: abort.signal })),
        ];
        const reason = new Error("enough");
        abort.abort(reason);
        for (const call of calls) await assert.rejects(call, (error) => error === reason);
        await session.refresh();
      });
    });

    it("cleans up what is idle, and tells what it would", async () => {
      await using own = await start();
      const session = await own.sojourn.sessions.create();
      await until("it is idle", async () => session.isExpired({ maxIdleMs: 1 }));
      assert.deepEqual(await own.sojourn.sessions.cleanup({ maxIdleMs: 3_600_000 }), { cleaned: 0, sessionIds: [] });
      const cleaned = { cleaned: 1, sessionIds: [session.sessionId] };
      assert.deepEqual(await own.sojourn.sessions.cleanup({ maxIdleMs: 1, dryRun: true }), cleaned);
      assert.equal((await session.refresh()).status, "active");
      assert.deepEqual(await own.sojourn.sessions.cleanup({ maxIdleMs: 1 }), cleaned);
      assert.equal((await session.refresh()).status, "expired");
      for (const query of [{}, { maxIdleMs: -1 }, { maxIdleMs: Number.NaN }, { maxIdleMs: "1" }]) {
        await assert.rejects(own.sojourn.sessions.cleanup(untyped(query)), { code: "invalid" });
      }
    });

    it("sums up", async () => {
      await using own = await start();
      const { sessions } = own.sojourn;
      assert.deepEqual(await sessions.stats(), {
        sessions: 0,
        byStatus: { active: 0, suspended: 0, completed: 0, failed: 0, expired: 0 },
        ...metrics(0, 0, 0),
        errorRate: 0,
      });
      await (await sessions.create()).record({ requests: 4, errors: 1, processingTimeMs: 0.002 });
      await (await sessions.create()).fail();
      const stats = await sessions.stats();
      assert.deepEqual(
        [stats.sessions, stats.byStatus.active, stats.byStatus.failed, stats.errorRate],
        [2, 1, 1, 0.25],
      );
      assert.equal(stats.totalProcessingTimeMs, 0.002);
    });

    it("tells when there is no room, and how long to wait", async () => {
      await using own = await start({ maxSessions: 1 });
      const { sessions } = own.sojourn;
      const session = await sessions.create();
      const started = performance.now();
      await assert.rejects(sessions.create(), { code: "limit_reached", retryAfterMs: 60_000 });
      await session.suspend();
      await sessions.create();
      await assert.rejects(session.resume(), { code: "limit_reached" });
      assert.ok(performance.now() - started < 10_000, "nobody waits for a minute");
    });

    it("says that it is well", async () => {
      const { status, version, timestamp } = await sojourn.health();
      assert.equal(status, "healthy");
      assert.match(version, /^\d+\.\d+\.\d+/);
      assert.ok(Math.abs(timestamp.getTime() - Date.now()) < 10_000);
    });

    it("ends feeds and finishes calls when it is closed, and takes no more", async () => {
      await using own = await start();
      const closing: Sojourn = own.sojourn;
      const session = await closing.sessions.create();
      const feed = session.operations({ follow: true });
      assert.equal((await feed.next()).value?.seq, 1);
      const [, ended, recorded] = await Promise.all([
        session.record().then(() => closing.close()),
        feed.next().then(() => feed.next()),
        session.record(),
      ]);
      assert.ok(ended.done === true || ended.value.seq === 3);
      assert.equal(recorded, session);
      await closing.close();
      for (const call of [
        () => session.record(),
        () => closing.health(),
        () => closing.sessions.list().next(),
        () => session.operations({ follow: true }).next(),
        () => closing.sessions.find("x"),
      ]) {
        await assert.rejects(call(), { code: "store_unavailable", message: "The client is closed" });
      }
    });
  });
}

function metrics(requestCount: number, errorCount: number, totalProcessingTimeMs: number): Session["metrics"] {
  const us = Math.round(totalProcessingTimeMs * 1_000);
  const averageProcessingTimeMs = requestCount === 0 ? 0 : Math.floor(us / requestCount) / 1_000;
  return {
    requestCount,
    errorCount,
    totalProcessingTimeMs,
    averageProcessingTimeMs,
    inputTokens: 0,
    outputTokens: 0,
    costUsd: 0,
  };
}
