import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type Bundling, bundlingOn, contentOf, noise, SETTINGS, streamOf, writeSample } from "../../tests/bundles.ts";
import { draft, noting, sha256 } from "../conformance/index.ts";
import { randomFrom } from "../conformance/random.ts";
import { SECOND } from "../engine/clock.ts";
import type { Caller } from "../engine/sessions.ts";
import type { Commit, Stream } from "../engine/store.ts";
import type { Draft } from "../engine/streams.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { importBundle } from "./import.ts";
import { encodeEntry } from "./lines.ts";
import { verifyBundle } from "./verify.ts";
import { writeBundle } from "./write.ts";

const SEED = 20_263;

const elsewhere: Caller = { tenant: "elsewhere", actor: "tester" };

describe("importBundle()", () => {
  let directory: string;
  let bundling: Bundling;
  let stream: Stream;
  let bundle: Buffer;
  const commits: Commit[] = [];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    bundling = bundlingOn(noting(openSqliteStore({ directory, durability: "none" }), commits), directory);
    stream = await writeSample(bundling.author);
    bundle = await bundling.exported("sample");
    commits.length = 0;
  });

  afterEach(async () => {
    await bundling.author.store.close();
    rmSync(directory, { recursive: true });
  });

  const assertNothingLeft = async () => {
    assert.deepEqual(await Array.fromAsync(bundling.blobs.list()), []);
    assert.equal((await bundling.sessions.list(elsewhere, { sort: "name", order: "asc", limit: 10 })).items.length, 0);
    assert.equal(
      await bundling.author.store.content(elsewhere.tenant, contentOf("", Buffer.from("")).digest),
      undefined,
    );
  };

  it("brings the session as it was, with one commit", async () => {
    const { ref, head, record } = await bundling.imported(bundle, elsewhere);
    assert.deepEqual({ ref, head, record }, { ...stream, ref: { ...stream.ref, tenant: "elsewhere" } });
    assert.equal(commits.length, 1);
    assert.deepEqual(await bundling.observed(ref), await bundling.observed(stream.ref));
    assert.deepEqual(await bundling.sessions.get(elsewhere, "sample"), { ref, head, record });
    assert.equal((await bundling.sessions.verify(elsewhere, "sample", stream.head.hash)).ok, true);
    const { store } = bundling.author;
    const grants = await store.grants(ref, "artifact_00000000000000aa");
    assert.deepEqual(
      grants.map(({ permission }) => permission),
      ["write"],
    );
    assert.deepEqual(grants, await store.grants(stream.ref, "artifact_00000000000000aa"));
    // And it goes on.
    await bundling.sessions.keepalive(elsewhere, "sample");
    assert.equal((await bundling.sessions.verify(elsewhere, "sample", stream.head.hash)).ok, true);
  });

  it("brings what the session did by apps, where its log has it, and closes what was open: it goes on elsewhere", async () => {
    const { author } = bundling;
    const use = { app: "tally", version: "a".repeat(64), action: "add", timeoutMs: 1_000 };
    const end = { staysWarm: true, processingTimeUs: 3 } as const;
    const worked = await author.append(
      await author.create({ sessionId: "worked" }),
      draft("task.started", { ...use, taskId: "task_1", setup: { size: 1 }, input: { count: 1 } }),
      draft("task.queued", { ...use, taskId: "task_2", input: [null], isIdempotent: true }),
      draft("task.reported", { taskId: "task_1", reports: [{ type: "progress", fraction: 0.5, message: "Half" }] }),
      {
        ...draft("task.finished", { ...end, taskId: "task_1", status: "completed", worker: "new", snapshot: [1] }),
        output: 1,
      },
      draft("task.started", { ...use, taskId: "task_2", isIdempotent: true }),
      draft("worker.released", { app: "tally", reason: "memory" }),
      draft("task.performed", {
        ...use,
        taskId: "task_3",
        app: "pure",
        input: 1,
        status: "failed",
        processingTimeUs: 1,
      }),
    );
    const { ref, record } = await bundling.imported(await bundling.exported("worked"), elsewhere);
    const { work, ...rest } = record;
    assert.deepEqual(work.tasks, []);
    assert.deepEqual(work.apps, worked.record.work.apps);
    assert.deepEqual(rest.checkpoints, worked.record.checkpoints);
    const { store } = author;
    const [closed] = await store.operations(ref, { after: worked.head.seq, limit: 9 });
    assert.deepEqual(
      [closed?.operation.seq, closed?.operation.kind, closed?.operation.actor],
      [9, "task.finished", "system"],
    );
    assert.deepEqual((await store.tasks(ref, { limit: 9 })).items, [
      { ref, id: "task_3", seq: 8, goneSeq: 8 },
      { ref, id: "task_2", seq: 3, goneSeq: 9 },
      { ref, id: "task_1", seq: 2, goneSeq: 5 },
    ]);
    assert.equal((await bundling.sessions.verify(elsewhere, "worked", worked.head.hash)).ok, true);
  });

  it("brings objects with what they were made from", async () => {
    const { author } = bundling;
    const { store } = author;
    const use = { app: "kitchen", version: "a".repeat(64), action: "cook", timeoutMs: 1_000, input: {} };
    const made = (taskId: string, used: readonly string[], objectId: string, degraded = false): Draft => {
      const degradation = degraded ? { degradation: { reason: "burnt", objectId } } : {};
      const objects = [{ objectId, type: "dish", data: { of: objectId }, ...degradation }];
      const performed = draft("task.performed", { ...use, taskId, status: "completed", processingTimeUs: 1, objects });
      return { ...performed, used, made: [objectId] };
    };
    const cooked = await author.append(
      await author.create({ sessionId: "cooked" }),
      made("task_1", [], "dish_1"),
      made("task_2", ["dish_1"], "dish_2", true),
    );
    const exported = await bundling.exported("cooked");
    const { ref } = await bundling.imported(exported, elsewhere);
    assert.deepEqual(await store.objects(ref, { limit: 9 }), await store.objects(cooked.ref, { limit: 9 }));
    assert.equal((await store.objects(ref, { limit: 9 })).items.length, 2);
    assert.deepEqual((await store.lineage(ref, "dish_2"))?.edges, [{ from: "dish_1", to: "dish_2" }]);
    assert.equal((await bundling.sessions.verify(elsewhere, "cooked", cooked.head.hash)).ok, true);
  });

  it("refuses a session that is there, and an open one's name", async () => {
    const there = { code: "session_exists", message: /"sample" is there with the uid .*; import it under another id/ };
    await assert.rejects(bundling.imported(bundle), there);
    await bundling.sessions.create(elsewhere, { sessionId: "sample" });
    const taken = { code: "session_exists", message: /"sample" exists and is active/ };
    await assert.rejects(bundling.imported(bundle, elsewhere), taken);
    assert.deepEqual(await Array.fromAsync(bundling.blobs.list()), []);
    await bundling.sessions.end(elsewhere, "sample");
    assert.deepEqual((await bundling.imported(bundle, elsewhere)).ref.id, stream.ref.id);
    assert.equal((await bundling.sessions.get(elsewhere, "sample")).ref.id, stream.ref.id);
  });

  it("refuses a uid that is another session's name, and a name that is another's uid", async () => {
    const { ref } = await bundling.imported(bundle, elsewhere, { sessionId: "fork" });
    await assert.rejects(bundling.imported(bundle, elsewhere, { sessionId: ref.id }), { code: "session_exists" });
    const third = { tenant: "third", actor: "tester" };
    await bundling.sessions.create(third, { sessionId: stream.ref.id });
    await assert.rejects(bundling.imported(bundle, third), { code: "session_exists" });
  });

  it("makes room for one that is active, as a new session does", async () => {
    const { author } = bundling;
    const one = bundlingOn(author.store, directory, { maxSessions: 1, cleanupIdleUs: SECOND });
    const { value } = await one.sessions.create(elsewhere, { sessionId: "idle" });
    one.author.clock.advance(2 * SECOND);
    await one.imported(bundle, elsewhere);
    assert.equal((await one.sessions.get(elsewhere, value.session.ref.id)).record.status, "expired");
  });

  it("makes a fork of itself under another name, which is shared with nobody", async () => {
    await bundling.sessions.end(bundling.caller, "sample");
    bundle = await bundling.exported("sample");
    const { head } = await bundling.sessions.get(bundling.caller, "sample");
    const fork = await bundling.imported(bundle, bundling.caller, { sessionId: "fork" });
    const { status, sessionId, origin, artifacts } = fork.record;
    assert.deepEqual(
      { status, sessionId, origin, artifacts },
      {
        status: "active",
        sessionId: "fork",
        origin: { uid: stream.ref.id, seq: 24, hash: head.hash, root: stream.ref.id },
        artifacts: stream.record.artifacts,
      },
    );
    assert.equal(fork.head.seq, 25);
    assert.deepEqual(await bundling.author.store.grants(fork.ref, "artifact_00000000000000aa"), []);
    assert.equal((await bundling.sessions.verify(bundling.caller, "fork", head.hash)).ok, true);
    const again = await verifyBundle(streamOf(await bundling.exported("fork")), { digest: sha256, head: head.hash });
    assert.ok(again.ok && again.manifest.root === stream.ref.id && again.manifest.uid === fork.ref.id);
    // A fork of the fork knows the same root.
    const second = await bundling.imported(await bundling.exported("fork"), elsewhere, { sessionId: "second" });
    assert.deepEqual(second.record.origin, { uid: fork.ref.id, ...fork.head, root: stream.ref.id });
    await assert.rejects(bundling.imported(bundle, bundling.caller, { sessionId: "a b" }), { code: "invalid" });
  });

  it(`leaves nothing of one that is damaged, wherever it is (seed ${SEED})`, async () => {
    const random = randomFrom(SEED);
    for (let i = 0; i < 60; i++) {
      const position = Math.floor(random() * bundle.length);
      const bytes = Buffer.from(bundle);
      bytes[position] = (bytes[position] ?? 0) ^ (1 << Math.floor(random() * 8));
      await assert.rejects(bundling.imported(bytes, elsewhere), { name: "SojournError" }, `byte ${position}`);
      const cut = bundle.subarray(0, position);
      await assert.rejects(bundling.imported(cut, elsewhere), { code: "invalid" }, `cut off at ${position}`);
    }
    await assertNothingLeft();
    assert.equal(commits.length, 0);
  });

  it("leaves nothing where the source fails, the signal aborts, or the commit is refused", async () => {
    const reason = new Error("gone");
    const failing = (async function* () {
      yield bundle.subarray(0, bundle.length - 10);
      throw reason;
    })();
    await assert.rejects(bundling.importedFrom(failing, elsewhere), reason);
    const aborted = new AbortController();
    const slow = (async function* () {
      yield bundle.subarray(0, bundle.length - 10);
      aborted.abort(reason);
      yield bundle.subarray(bundle.length - 10);
    })();
    await assert.rejects(bundling.importedFrom(slow, elsewhere, { signal: aborted.signal }), reason);
    const full = bundlingOn(bundling.author.store, directory, { maxSessions: 0 });
    await assert.rejects(full.imported(bundle, elsewhere), { code: "limit_reached", message: /max_sessions/ });
    await assertNothingLeft();
  });

  it("holds the limits of the server", async () => {
    const refused = async (settings: object, code: string, message: RegExp) => {
      await assert.rejects(bundling.imported(bundle, elsewhere, {}, settings), { code, message });
      await assertNothingLeft();
    };
    await refused({ artifactsMax: 3 }, "limit_reached", /4 artifacts/);
    await refused({ bytesMax: 200_015 }, "limit_reached", /200016 bytes/);
    await refused({ sizeMax: 199_999 }, "payload_too_large", /200000 bytes/);
    await refused({ metadataBytes: 10 }, "invalid", /metadata/);
    const narrow = bundlingOn(bundling.author.store, directory, { maxSessions: 1 });
    await narrow.imported(bundle, elsewhere, {}, { artifactsMax: 4, bytesMax: 200_016, sizeMax: 200_000 });
    await bundling.sessions.end(elsewhere, "sample");
    const ended = await bundling.exported("sample", elsewhere);
    await bundling.sessions.delete(elsewhere, "sample");
    // One that is not active needs no room.
    const full = bundlingOn(bundling.author.store, directory, { maxSessions: 0 });
    await full.imported(ended, elsewhere);
  });

  it("refuses a log that would take too much memory", async () => {
    const { author } = bundling;
    const manifest = { ...JSON.parse(bundle.subarray(0, bundle.indexOf("\n")).toString()), operations: 20 };
    const { part, stream } = author.begin({ sessionId: "large" });
    const entries = (async function* () {
      yield* part.entries;
      const message = { role: "user", content: "x".repeat(60_000_000), tokens: 1 } as const;
      for (let head = stream, i = 0; i < 5; i++) {
        const more = author.continue(head, {
          kind: "messages.added",
          name: "messages",
          input: { messages: [message] },
        });
        head = more.stream;
        yield* more.part.entries;
      }
    })();
    const { id: uid } = stream.ref;
    const large = writeBundle({
      manifest: { ...manifest, uid, root: uid, session_id: "large" },
      entries,
      contents: [],
    });
    await assert.rejects(bundling.importedFrom(large, elsewhere), {
      code: "payload_too_large",
      message: /268435456 bytes/,
    });
    await bundling.imported(bundle, elsewhere);
  });

  it("refuses what a newer release wrote as the caller's to mend, and not as a fault of the store", async () => {
    const end = bundle.indexOf("\n");
    const manifest = { ...JSON.parse(bundle.subarray(0, end).toString()), version: 2 };
    const newer = Buffer.concat([Buffer.from(JSON.stringify(manifest)), bundle.subarray(end)]);
    const faults = [
      {
        field: "bundle",
        message: "The bundle has format version 2, and this release of Sojourn knows 1",
        type: "newer_release",
      },
    ];
    await assert.rejects(bundling.imported(newer, elsewhere), { code: "invalid", faults });
  });

  it("refuses an erased operation, which nobody can fold", async () => {
    const manifest = JSON.parse(bundle.subarray(0, bundle.indexOf("\n")).toString());
    const entries = await bundling.author.store.operations(stream.ref, { after: 0, limit: 100 });
    const erased = entries.with(5, { operation: entries[5]?.operation ?? assert.fail(), payload: "erased" });
    assert.ok(encodeEntry(erased[5] ?? assert.fail()).includes('"erased"'));
    const parts = { manifest, entries: erased, contents: await bundling.contentsOf(stream) };
    const bytes = Buffer.concat(await Array.fromAsync(writeBundle(parts)));
    assert.equal((await verifyBundle(streamOf(bytes), { digest: sha256 })).ok, true);
    await assert.rejects(bundling.imported(bytes, elsewhere), { code: "invalid", message: /erased operation 6/ });
    await assertNothingLeft();
  });

  it("answers a call that comes again as it was answered first", async () => {
    const idempotency = { key: "k", scope: "POST /sessions/import", request: "?" };
    const bring = async (bytes: Buffer) =>
      await importBundle({ ports: bundling.ports, settings: SETTINGS }, elsewhere, streamOf(bytes), { idempotency });
    const first = await bring(bundle);
    await bundling.sessions.keepalive(elsewhere, "sample");
    assert.deepEqual(await bring(bundle), { ...first, replayed: true });
    await bundling.sessions.keepalive(bundling.caller, "sample");
    await assert.rejects(bring(await bundling.exported("sample")), { code: "idempotency_mismatch" });
    const large = contentOf("", noise(200_000, 1)).digest;
    const { place } = (await bundling.author.store.content(elsewhere.tenant, large)) ?? assert.fail();
    assert.ok(place.in === "file");
    const files = await Array.fromAsync(bundling.blobs.list());
    assert.deepEqual(
      files.map(({ name }) => name),
      [place.name],
      "the second left none",
    );
  });

  it("is held to its precondition, by the session that has the name", async () => {
    await assert.rejects(bundling.imported(bundle, elsewhere, { precondition: "any" }), {
      code: "precondition_failed",
    });
    await bundling.sessions.create(elsewhere, { sessionId: "sample" });
    await bundling.sessions.end(elsewhere, "sample");
    await assert.rejects(bundling.imported(bundle, elsewhere, { precondition: [1] }), { code: "precondition_failed" });
    await bundling.imported(bundle, elsewhere, { precondition: [2] });
  });

  it("needs the head that was kept, where one is given", async () => {
    await assert.rejects(bundling.imported(bundle, elsewhere, { head: "0".repeat(64) }), {
      code: "invalid",
      message: /no operation with the hash 0/,
    });
    await assertNothingLeft();
    await bundling.imported(bundle, elsewhere, { head: stream.head.hash });
  });

  it("refuses who acts as a session", async () => {
    const acting = { ...elsewhere, actingAs: stream.ref.id };
    await assert.rejects(bundling.imported(bundle, acting), { code: "forbidden" });
  });

  it("lets nobody descend from themselves", async () => {
    const { sessions, caller } = bundling;
    await sessions.create(caller, { sessionId: "parent" });
    await sessions.create(caller, { sessionId: "child", parentSessionId: "parent" });
    const child = await bundling.exported("child");
    // Its parent need not be there.
    await bundling.imported(child, elsewhere);
    await sessions.delete(elsewhere, "child");
    await sessions.create(elsewhere, { sessionId: "orphan" });
    await sessions.create(elsewhere, { sessionId: "child" });
    await sessions.create(elsewhere, { sessionId: "parent", parentSessionId: "child" });
    await sessions.delete(elsewhere, "child");
    await assert.rejects(bundling.imported(child, elsewhere), { code: "invalid", message: /that of an ancestor/ });
  });

  it("shows a session whose time is over as what it is", async () => {
    const { sessions, caller, author } = bundling;
    await sessions.create(caller, { sessionId: "idle", idleTimeoutUs: SECOND });
    const idle = await bundling.exported("idle");
    const full = bundlingOn(author.store, directory, { maxSessions: 0 });
    full.author.clock.advance(4 * SECOND);
    const { record } = await full.imported(idle, elsewhere);
    assert.equal(record.status, "expired");
  });
});
