import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { Family, Progress, Session } from "../src/client/index.ts";
import { PLACES } from "./sdk-places.ts";
import { until } from "./until.ts";

/** Passed as JavaScript would, which knows no types. */
function untyped<T>(value: unknown): T {
  return value as T;
}

for (const [name, start] of PLACES) {
  describe(`the SDK by ${name} travels in time`, async () => {
    const place = await start();
    after(() => place[Symbol.asyncDispose]());
    const { sojourn } = place;
    const { sessions } = sojourn;

    /** A session with some of everything. */
    async function storied(wanted: Parameters<typeof sessions.create>[0] = {}): Promise<Session> {
      const session = await sessions.create({ metadata: { step: 1 }, ...wanted });
      await session.messages.add({ role: "user", content: "Hello" });
      await session.workingMemory.set({ plan: "first" });
      await session.artifacts.store("plan.md", "# First", { type: "agent_output" });
      await session.checkpoint("planned", { by: "test" });
      await session.update({ metadata: { step: 2 } });
      await session.messages.add({ role: "assistant", content: "Hi" });
      await session.workingMemory.update({ plan: "second" });
      await session.artifacts.store("plan.md", "# Second", { type: "agent_output" });
      return session;
    }

    describe("checkpoints", () => {
      it("give a moment a name, once, and keep what is said of it", async () => {
        const session = await sessions.create();
        const { createdAt, ...named } = await session.checkpoint("before", { why: ["a", 1, null] });
        assert.deepEqual(named, { name: "before", seq: 2, data: { why: ["a", 1, null] } });
        assert.ok(Math.abs(createdAt.getTime() - Date.now()) < 10_000);
        assert.equal(session.version, 2);
        await assert.rejects(session.checkpoint("before"), { code: "checkpoint_exists" });
        await session.complete();
        const bare = await session.checkpoint("ü / after");
        assert.deepEqual([bare.seq, bare.data, session.version], [4, undefined, 4]);
        assert.deepEqual(await Array.fromAsync(session.checkpoints()), [{ ...named, createdAt }, bare]);
        for (const name of ["", "7", "x".repeat(129), untyped<string>(7), untyped<string>(undefined)]) {
          await assert.rejects(session.checkpoint(name), { code: "invalid" }, name);
        }
        await assert.rejects(session.checkpoint("late", {}, { ifMatch: 1 }), { code: "precondition_failed" });
        const [, again] = [1, 2].map(() => session.checkpoint("once", {}, { idempotencyKey: "c-1" }));
        assert.equal((await again)?.seq, 5);
      });

      it("are read over as many pages as it takes", async () => {
        const session = await sessions.create();
        const names = Array.from({ length: 120 }, (_, i) => `c${i}`);
        for (const name of names) await session.checkpoint(name);
        const read = await Array.fromAsync(session.checkpoints());
        assert.deepEqual(
          read.map(({ name }) => name),
          names,
        );
      });
    });

    describe("at()", () => {
      it("shows all of a session as it was, by an operation or a checkpoint", async () => {
        const session = await storied();
        const { seq } = (await Array.fromAsync(session.checkpoints()))[0] ?? assert.fail();
        for (const moment of [seq, "planned", String(seq)]) {
          const past = await session.at(moment);
          assert.deepEqual([past.version, past.metadata, past.usage.artifactCount], [seq, { step: 1 }, 1]);
          const messages = await Array.fromAsync(past.messages());
          assert.deepEqual(
            messages.map(({ content }) => content),
            ["Hello"],
          );
          assert.deepEqual(await past.workingMemory(), { plan: "first" });
          const artifacts = await Array.fromAsync(past.artifacts());
          assert.deepEqual(await Promise.all(artifacts.map((artifact) => artifact.text())), ["# First"]);
          assert.deepEqual(JSON.parse(JSON.stringify(past)).headHash, past.headHash);
        }
        assert.deepEqual({ ...(await session.at(session.version)) }, session.toJSON());
        const born = await session.at(1);
        assert.deepEqual(await Array.fromAsync(born.messages()), []);
        assert.deepEqual(await born.workingMemory(), {});
        assert.deepEqual(await Array.fromAsync(born.artifacts()), []);
      });

      it("gives the messages of then page by page, and from wherever", async () => {
        const session = await sessions.create();
        const said = (content: string) => ({ role: "user", content }) as const;
        await session.messages.add(Array.from({ length: 5 }, (_, i) => said(`${i + 1}`)));
        const past = await session.at(2);
        await session.messages.add([said("6"), said("7")]);
        const numbers = async (query: object): Promise<readonly number[]> =>
          (await Array.fromAsync(past.messages(query))).map(({ number }) => number);
        assert.deepEqual(await numbers({ pageSize: 2 }), [1, 2, 3, 4, 5]);
        assert.deepEqual(await numbers({ pageSize: 5 }), [1, 2, 3, 4, 5]);
        assert.deepEqual(await numbers({ after: 3 }), [4, 5]);
        assert.deepEqual(await numbers({ after: 5 }), []);
      });

      it("is refused for what never was", async () => {
        const session = await sessions.create();
        for (const moment of [0, 2, -1, 1.5, Number.NaN]) {
          await assert.rejects(session.at(moment), { code: "invalid" }, `${moment}`);
        }
        await assert.rejects(session.at("nobody"), { code: "checkpoint_not_found" });
        await assert.rejects(session.at(untyped({})), { code: "checkpoint_not_found" });
      });
    });

    describe("fork()", () => {
      it("begins a session with the history of another, which stays as it is", async () => {
        const session = await storied({ sessionId: "origin", name: "Origin" });
        await session.complete();
        const before = session.toJSON();
        const fork = await session.fork({ at: "planned", sessionId: "fork", name: "Fork" });
        const past = await session.at("planned");
        assert.deepEqual(
          [fork.sessionId, fork.name, fork.status, fork.version, fork.metadata],
          ["fork", "Fork", "active", past.version + 1, { step: 1 }],
        );
        assert.deepEqual(fork.origin, { uid: session.uid, seq: past.version, hash: past.headHash });
        assert.deepEqual([(await session.refresh()).toJSON(), session.origin], [before, undefined]);
        assert.deepEqual(await fork.workingMemory.get(), { plan: "first" });
        const [artifact] = await fork.artifacts.query();
        assert.deepEqual([artifact?.sessionId, await artifact?.text()], ["fork", "# First"]);
        await fork.artifacts.store("plan.md", "# Other", { type: "x" });
        await fork.messages.add({ role: "assistant", content: "Another way" });
        assert.equal((await fork.verify({ head: past.headHash })).ok, true);
        const kinds = (await Array.fromAsync(fork.operations({ after: past.version }))).map(({ kind }) => kind);
        assert.deepEqual(kinds, ["session.forked", "artifact.stored", "messages.added"]);
        const [forked] = await Array.fromAsync(fork.operations({ kind: "session.forked" }));
        assert.deepEqual(forked?.inputs, {
          uid: fork.uid,
          sessionId: "fork",
          name: "Fork",
          origin: { ...fork.origin, root: session.uid },
        });
      });

      it("takes now, and an id of its own, where nothing is said", async () => {
        const session = await storied();
        const fork = await session.fork();
        assert.notEqual(fork.uid, session.uid);
        assert.deepEqual(
          [fork.origin?.seq, fork.metadata, fork.usage.artifactCount],
          [session.version, { step: 2 }, 2],
        );
        assert.equal((await session.fork({ at: 1 })).usage.artifactCount, 0);
        const again = await fork.fork({ at: session.version }, { idempotencyKey: "fork-1" });
        const same = await fork.fork({ at: session.version }, { idempotencyKey: "fork-1" });
        assert.equal(same.uid, again.uid);
      });

      it("is refused for a name that is taken, and for what never was", async () => {
        const session = await sessions.create({ sessionId: "taken" });
        await assert.rejects(session.fork({ sessionId: "taken" }), { code: "session_exists" });
        await assert.rejects(session.fork({ at: "nobody" }), { code: "checkpoint_not_found" });
        for (const wanted of [{ at: 2 }, { at: 0 }, { at: 1.5 }, { sessionId: "a/b" }, { colour: "red" }]) {
          await assert.rejects(session.fork(untyped(wanted)), { code: "invalid" }, JSON.stringify(wanted));
        }
        await assert.rejects(session.fork({}, { ifMatch: 7 }), { code: "precondition_failed" });
        await session.delete();
        await assert.rejects(session.fork(), { code: "session_not_found" });
      });
    });

    describe("diff()", () => {
      it("tells where two histories part, and how the sessions differ", async () => {
        const session = await storied();
        const fork = await session.fork({ at: "planned" });
        await fork.update({ metadata: { step: 3 } });
        const { common, a, b, changes } = await session.diff(fork);
        const past = await session.at("planned");
        assert.deepEqual(common, { seq: past.version, hash: past.headHash });
        assert.deepEqual(
          [a.sessionId, a.uid, a.version, a.headHash, a.operationsSince],
          [session.sessionId, session.uid, session.version, session.headHash, 4],
        );
        assert.deepEqual(
          b.operations.map(({ seq, kind, status }) => ({ seq, kind, status })),
          [
            { seq: past.version + 1, kind: "session.forked", status: "completed" },
            { seq: past.version + 2, kind: "session.updated", status: "completed" },
          ],
        );
        assert.ok(b.operations.every(({ timestamp }) => timestamp instanceof Date));
        const step = changes.find(({ path }) => path === "metadata.step");
        assert.deepEqual(step, { path: "metadata.step", a: 2, b: 3 });
        assert.ok(changes.some(({ path }) => path === "working_memory.plan"));
      });

      it("tells of strangers that they have nothing in common, and of one that it is the same", async () => {
        const [one, other] = [await sessions.create(), await sessions.create()];
        assert.deepEqual((await one.diff(other.sessionId)).common, { seq: 0, hash: undefined });
        const same = await one.diff(one);
        assert.deepEqual([same.common.seq, same.changes, same.a.operations], [1, [], []]);
        for (const id of ["nobody", "a/b", ""]) {
          await assert.rejects(one.diff(id), { code: "session_not_found" }, id);
        }
      });
    });

    it("shows the tree of those that descend from a session", async () => {
      const root = await sessions.create({ name: "Root" });
      const child = await sessions.create({ parentSessionId: root.sessionId });
      const second = await sessions.create({ parentSessionId: root.sessionId });
      const grandchild = await sessions.create({ parentSessionId: second.sessionId });
      await child.complete();
      const shape = ({ uid, status, children }: Family): unknown => [uid, status, children.map(shape)];
      const tree = await root.tree();
      assert.deepEqual(shape(tree), [
        root.uid,
        "active",
        [
          [child.uid, "completed", []],
          [second.uid, "active", [[grandchild.uid, "active", []]]],
        ],
      ]);
      const { sessionId, userId, name, createdAt, isCut } = tree;
      assert.equal(isCut, false);
      assert.deepEqual([sessionId, userId, name, createdAt], [root.sessionId, "default_user", "Root", root.createdAt]);
    });

    describe("replay()", () => {
      it("goes through a log, and finds it as it is", async () => {
        const session = await storied();
        const { durationMs, ...report } = await session.replay({ mode: "verify" });
        const { version } = session;
        assert.deepEqual(report, {
          mode: "verify",
          from: 1,
          to: version,
          operationsReplayed: version,
          equal: version,
          different: 0,
          failed: 0,
          skipped: 0,
          differences: [],
          stopped: undefined,
          fork: undefined,
        });
        assert.ok(durationMs >= 0);
        const part = await session.replay({ mode: "recorded", from: 2, to: 4, stopOnError: true, timeoutMs: 60_000 });
        assert.deepEqual([part.from, part.to, part.equal, part.failed], [2, 4, 3, 0]);
        assert.equal((await session.refresh()).version, version);
      });

      it("makes the calls again in a fork", async () => {
        const session = await storied();
        const { fork, failed, to } = await session.replay({ mode: "execute" });
        assert.deepEqual([failed, to], [0, session.version]);
        const made = await sessions.get(fork?.uid ?? "");
        assert.deepEqual([made.sessionId, made.metadata], [fork?.sessionId, { step: 2 }]);
      });

      it("is refused for what it can't do", async () => {
        const session = await sessions.create();
        for (const request of [
          { mode: "guess" },
          {},
          { mode: "verify", from: 0 },
          { mode: "verify", to: 2 },
          { mode: "verify", timeoutMs: 1 },
          { mode: "verify", timeoutMs: Number.NaN },
        ]) {
          await assert.rejects(session.replay(untyped(request)), { code: "invalid" }, JSON.stringify(request));
        }
      });
    });

    describe("export() and import()", () => {
      it("take a session to another place, whole", async () => {
        await using there = await start();
        const session = await storied({ sessionId: "moved" });
        await session.artifacts.store("large.bin", new Uint8Array(5_000_000).fill(7), { type: "x" });
        await session.complete();
        const file = Buffer.concat(await Array.fromAsync(session.export()));
        const told: Progress[] = [];
        const moved = await there.sojourn.sessions.import(file, {
          head: session.headHash,
          onProgress: (progress) => told.push(progress),
        });
        assert.deepEqual(moved.toJSON(), session.toJSON());
        assert.deepEqual(told.at(-1), { done: file.length, total: file.length });
        assert.deepEqual(await Array.fromAsync(moved.operations()), await Array.fromAsync(session.operations()));
        assert.equal((await moved.verify()).ok, true);
        const large = await moved.artifacts.query({ name: "large.bin" });
        assert.deepEqual((await large[0]?.bytes())?.length, 5_000_000);
        await assert.rejects(there.sojourn.sessions.import(file), { code: "session_exists" });
        const twice = [1, 2].map(() =>
          there.sojourn.sessions.import(file, { sessionId: "once", idempotencyKey: "i-1" }),
        );
        assert.equal(new Set((await Promise.all(twice)).map(({ uid }) => uid)).size, 1);
        const renamed = await there.sojourn.sessions.import(new Blob([file]), { sessionId: "renamed" });
        assert.deepEqual([renamed.sessionId, renamed.origin?.uid], ["renamed", session.uid]);
      });

      it("pass from one place straight to the other", async () => {
        await using there = await start();
        const session = await storied();
        const moved = await there.sojourn.sessions.import(session.export());
        assert.equal(moved.headHash, session.headHash);
        assert.deepEqual(
          (await moved.artifacts.query()).map(({ version }) => version),
          [2, 1],
        );
      });

      it("are refused for what is no export, or not the one that is meant", async () => {
        await using there = await start();
        const { sessions: others } = there.sojourn;
        const session = await storied();
        const file = Buffer.concat(await Array.fromAsync(session.export()));
        const damaged = Buffer.from(file);
        damaged.writeUInt8((damaged.at(-40) ?? 0) ^ 1, damaged.length - 40);
        for (const [content, options] of [
          ["", {}],
          ["no export", {}],
          [file.subarray(0, file.length - 1), {}],
          [damaged, {}],
          [file, { head: "0".repeat(64) }],
          [file, { head: "short" }],
          [file, { sessionId: "a/b" }],
        ] as const) {
          await assert.rejects(others.import(content, options), { code: "invalid" });
        }
        assert.deepEqual(await Array.fromAsync(others.list()), []);
        const failure = new Error("the source broke");
        async function* broken(): AsyncGenerator<Uint8Array> {
          yield file.subarray(0, 100);
          throw failure;
        }
        await assert.rejects(others.import(broken()), (error) => error === failure);
        await assert.rejects(others.import(untyped(7)), { code: "invalid" });
        await session.delete();
        await assert.rejects(session.export().next(), { code: "session_not_found" });
      });

      it("end with their signal", async () => {
        const session = await storied();
        const reason = new Error("enough");
        const signal = AbortSignal.abort(reason);
        await assert.rejects(session.export({ signal }).next(), (error) => error === reason);
        await assert.rejects(sessions.import("", { signal }), (error) => error === reason);
        for await (const piece of session.export()) {
          assert.ok(piece.length > 0);
          break;
        }
      });
    });

    describe("prune()", () => {
      it("removes what has ended, as far as it is told, with its artifacts", async () => {
        await using own = await start();
        const { sessions } = own.sojourn;
        const made: Session[] = [];
        for (const end of ["complete", "fail", "expire", "suspend"] as const) {
          const session = await sessions.create({ sessionId: end });
          await session.artifacts.store("a", end, { type: "x" });
          made.push(session);
          await session[end]();
        }
        const none = { deleted: 0, sessionIds: [], artifactBytes: 0 };
        assert.deepEqual(await sessions.prune({ olderThanMs: 3_600_000 }), none);
        assert.deepEqual(await sessions.prune({ olderThanMs: 0, keepLatest: 3 }), none);
        const failed = { deleted: 1, sessionIds: ["fail"], artifactBytes: 4 };
        const policy = { statuses: ["failed"], olderThanMs: 0 } as const;
        await until("it is older", async () => (await sessions.prune({ ...policy, dryRun: true })).deleted === 1);
        assert.deepEqual(await sessions.prune({ ...policy, dryRun: true }), failed);
        assert.equal((await made[1]?.refresh())?.status, "failed");
        assert.deepEqual(await sessions.prune(policy), failed);
        assert.equal(await sessions.find("fail"), undefined);
        const oldest = await sessions.prune({ maxSessions: 1 });
        assert.deepEqual(oldest, { deleted: 1, sessionIds: ["complete"], artifactBytes: 8 });
        assert.deepEqual((await sessions.prune({ maxArtifactBytes: 0 })).sessionIds, ["expire"]);
        assert.equal((await sessions.get("suspend")).status, "suspended");
        for (const query of [
          {},
          undefined,
          { maxSessions: -1 },
          { statuses: ["active"] },
          { olderThanMs: Number.NaN },
          { age: 1 },
        ]) {
          await assert.rejects(sessions.prune(untyped(query)), { code: "invalid" }, JSON.stringify(query));
        }
      });
    });

    it("rejects with the reason of a signal that has aborted, and does nothing", async () => {
      const session = await sessions.create();
      const stored = await session.artifacts.store("a", "a", { type: "x" });
      const reason = { why: "changed my mind" };
      const signal = AbortSignal.abort(reason);
      const calls: readonly (() => Promise<unknown>)[] = [
        () => session.artifacts.store("a", "b", { type: "x", signal }),
        () => session.artifacts.storeFile("/a", { type: "x", signal }),
        () => session.artifacts.get(stored.artifactId, { signal }),
        () => session.artifacts.query({ signal }),
        () => session.artifacts.delete(stored.artifactId, { signal }),
        () => session.artifacts.grant(stored.artifactId, session, "read", { signal }),
        () => session.artifacts.revoke(stored.artifactId, session, { signal }),
        () => session.artifacts.grants(stored.artifactId, { signal }),
        () => stored.bytes({ signal }),
        () => session.checkpoint("c", {}, { signal }),
        () => session.checkpoints({ signal }).next(),
        () => session.at(1, { signal }),
        () => session.fork({}, { signal }),
        () => session.replay({ mode: "verify", signal }),
        () => session.diff(session, { signal }),
        () => session.tree({ signal }),
        () => sessions.prune({ maxSessions: 0 }, { signal }),
      ];
      for (const call of calls) await assert.rejects(call(), (error) => error === reason, String(call));
      assert.equal((await session.refresh()).version, 2);
    });
  });
}
