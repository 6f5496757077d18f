import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { blake3 } from "@napi-rs/blake-hash";
import { type Filing, filingForTests, MIB } from "../../tests/filing.ts";
import { faulty } from "../conformance/index.ts";
import type { BlobStore } from "../engine/blob-store.ts";
import { SojournError } from "../engine/errors.ts";
import type { WriteOptions } from "../engine/sessions.ts";
import type { Store } from "../engine/store.ts";
import type { ByteRange, NewArtifact } from "./artifacts.ts";

const filing = filingForTests();

const WANTED: NewArtifact = { name: "a.txt", type: "user_input" };

const LARGE = randomBytes(100_000);

describe("store()", () => {
  it("brings back a file that is lost, for all that refer to it, where the same bytes are stored again", async () => {
    const on = filing();
    await on.begin("a");
    const bytes = randomBytes(200_000);
    const first = await on.put("a", bytes);
    const place = first.content?.place;
    assert.ok(place?.in === "file");
    await on.blobs.delete([place.name]);
    await assert.rejects(on.read("a", first.id), { code: "content_damaged" });
    const again = await on.put("a", bytes);
    for (const { id } of [first, again]) assert.ok((await on.read("a", id)).equals(bytes));
    assert.equal((await on.artifacts.get(on.caller, "a", first.id)).digest, again.digest);
  });

  it("adds an artifact to its session, and to the log", async () => {
    const { artifacts, caller, clock, begin, sessions } = filing();
    const session = await begin("a");
    const wanted = { name: "é.csv", type: "mine", tags: ["x", "y", "x"], metadata: { n: 1 } };
    const bytes = Buffer.from("a,b");
    const { value, at, replayed } = await artifacts.store(caller, "a", wanted, bytes);
    const { content, ...artifact } = value.artifact;
    assert.deepEqual(artifact, {
      id: artifact.id,
      name: "é.csv",
      type: "mine",
      mimeType: "text/csv",
      tags: ["x", "y"],
      metadata: { n: 1 },
      version: 1,
      digest: blake3(bytes).toString("hex"),
      size: 3,
      seq: 2,
      createdAtUs: clock.now(),
      createdBy: "tester",
    });
    assert.equal(content?.storedSize, 3);
    assert.deepEqual([at, replayed], [clock.now(), false]);
    assert.deepEqual(value.session, await sessions.get(caller, "a"));
    assert.deepEqual(value.session.record.artifacts, { count: 1, bytes: 3 });
    const [entry] = (await sessions.operations(caller, session.ref.id, { after: 1, limit: 9 })).items;
    assert.deepEqual(
      [entry?.operation.kind, entry?.operation.made, entry?.operation.actor],
      ["artifact.stored", [artifact.id], "tester"],
    );
  });

  it("counts versions by name, and those that were deleted as well", async () => {
    const { artifacts, caller, begin, put } = filing();
    await begin("a");
    const one = await put("a", "1");
    const two = await put("a", "2");
    await artifacts.delete(caller, "a", two.id);
    const three = await put("a", "3");
    const other = await put("a", "3", { name: "b.txt" });
    assert.deepEqual(
      [one, two, three, other].map(({ version, previousDigest }) => [version, previousDigest]),
      [
        [1, undefined],
        [2, one.digest],
        [3, two.digest],
        [1, undefined],
      ],
    );
  });

  it("knows the media type by the extension", async () => {
    const { put, begin } = filing();
    await begin("a");
    const cases = { "a.JSON": "application/json", json: OCTETS, ".json": OCTETS, "a.": OCTETS, "a.what": OCTETS };
    for (const [name, expected] of Object.entries(cases)) {
      assert.equal((await put("a", "", { name })).mimeType, expected, name);
    }
    assert.equal((await put("a", "", { name: "a.json", mimeType: "text/x" })).mimeType, "text/x");
  });

  it("keeps the same bytes once for a tenant, and again for another", async () => {
    const [one, two] = [filing(), filing()];
    const before = await one.files();
    for (const { begin } of [one, two]) for (const id of ["a", "b"]) await begin(id);
    const first = await one.put("a", LARGE);
    const again = await one.artifacts.store(one.caller, "b", WANTED, pieces(LARGE));
    assert.deepEqual(again.value.artifact.content, first.content);
    assert.equal(await one.files(), before + 1);
    const other = await two.put("a", LARGE);
    assert.notDeepEqual(other.content?.place, first.content?.place);
    assert.equal(await one.files(), before + 2);
    assert.deepEqual(await two.read("a", other.id), LARGE);
  });

  it("keeps one file of bytes that come many times at once", async () => {
    const it = filing();
    await it.begin("a");
    const before = await it.files();
    const bytes = randomBytes(100_000);
    const stored = await Promise.all(Array.from({ length: 8 }, () => it.put("a", bytes)));
    assert.deepEqual(stored.map(({ version }) => version).sort(), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert.equal(await it.files(), before + 1);
    await it.artifacts.collect();
    for (const { id } of stored) assert.deepEqual(await it.read("a", id), bytes);
  });

  it("answers its repetition as it was answered first, and needs the same bytes for that", async () => {
    const { artifacts, caller, begin, sessions, files } = filing();
    await begin("a");
    const store = (bytes: Uint8Array) => artifacts.store(caller, "a", WANTED, pieces(bytes), keyed("k"));
    const first = await store(LARGE);
    assert.deepEqual(await store(LARGE), { ...first, replayed: true });
    await assert.rejects(store(randomBytes(100_000)), { code: "idempotency_mismatch" });
    await assert.rejects(store(LARGE.subarray(1)), { code: "idempotency_mismatch" });
    assert.equal((await sessions.get(caller, "a")).record.artifacts.count, 1);
    // Whatever has become of it.
    await artifacts.delete(caller, "a", first.value.artifact.id);
    await sessions.end(caller, "a");
    await artifacts.collect();
    const before = await files();
    const { value, replayed } = await store(LARGE);
    assert.deepEqual([value.session, replayed], [first.value.session, true]);
    assert.deepEqual(
      [value.artifact.id, value.artifact.goneSeq, value.artifact.content],
      [first.value.artifact.id, 3, undefined],
    );
    assert.equal(await files(), before);
  });

  it("runs once for calls with one key that come at once", async () => {
    const { artifacts, caller, begin, kinds } = filing();
    await begin("a");
    const calls = Array.from({ length: 5 }, () => artifacts.store(caller, "a", WANTED, pieces(LARGE), keyed("k")));
    const answers = await Promise.all(calls);
    assert.equal(answers.filter(({ replayed }) => !replayed).length, 1);
    assert.equal(new Set(answers.map(({ value }) => value.artifact.id)).size, 1);
    assert.deepEqual(await kinds("a"), ["artifact.stored"]);
  });

  it("holds the limits of what is said of an artifact, and reads nothing of one that is over them", async () => {
    const { artifacts, caller, begin, sessions } = filing();
    await begin("a");
    const good: readonly Partial<NewArtifact>[] = [
      { name: "n".repeat(255) },
      { name: `${"é".repeat(127)}n` },
      { type: "t".repeat(64) },
      { tags: Array.from({ length: 64 }, (_, i) => `${i}`.padEnd(64, "x")) },
      { mimeType: `a/${"b".repeat(253)}` },
      { metadata: { m: "x".repeat(65_536 - '{"m":""}'.length) } },
    ];
    for (const more of good) await artifacts.store(caller, "a", { ...WANTED, ...more }, Buffer.from("x"));
    const bad: readonly Partial<NewArtifact>[] = [
      { name: "n".repeat(256) },
      { name: "é".repeat(128) },
      { name: "" },
      { name: "." },
      { name: ".." },
      { name: "a/b" },
      { name: "a\\b" },
      { name: "a\nb" },
      { name: "\ud800" },
      { type: "" },
      { type: "t".repeat(65) },
      { tags: [""] },
      { tags: ["t".repeat(65)] },
      { tags: Array.from({ length: 65 }, (_, i) => `${i}`) },
      { mimeType: `a/${"b".repeat(254)}` },
      { mimeType: "text" },
      { mimeType: "text/html\r\nx: y" },
      { metadata: { m: "x".repeat(65_536 - '{"m":""}'.length + 1) } },
    ];
    for (const more of bad) {
      const call = artifacts.store(caller, "a", { ...WANTED, ...more }, untouched());
      await assert.rejects(call, { code: "invalid" }, JSON.stringify(more).slice(0, 80));
    }
    assert.equal((await sessions.get(caller, "a")).record.artifacts.count, good.length);
  });

  it("holds the limit of one artifact's size, and leaves nothing of one that is over it", async () => {
    const it = filing({ artifacts: { sizeMax: 200_000 } });
    await it.begin("a");
    const before = await it.files();
    const bytes = randomBytes(200_001);
    for (const source of [bytes, pieces(bytes)]) {
      await assert.rejects(it.artifacts.store(it.caller, "a", WANTED, source), { code: "payload_too_large" });
    }
    assert.deepEqual([await it.files(), await it.kinds("a")], [before, []]);
    assert.equal((await it.put("a", bytes.subarray(1))).size, 200_000);
  });

  it("holds the limit of a session's artifacts, also for calls that come at once", async () => {
    const { artifacts, caller, begin, sessions } = filing({ artifacts: { artifactsMax: 3 } });
    await begin("a");
    const calls = Array.from({ length: 6 }, () => artifacts.store(caller, "a", WANTED, Buffer.from("x")));
    const settled = await Promise.allSettled(calls);
    const stored = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value.value.artifact] : []));
    const refused = settled.flatMap((one) => (one.status === "rejected" ? [one.reason.code] : []));
    assert.deepEqual([stored.length, refused], [3, ["limit_reached", "limit_reached", "limit_reached"]]);
    assert.equal((await sessions.get(caller, "a")).record.artifacts.count, 3);
    await assert.rejects(artifacts.store(caller, "a", WANTED, untouched()), { code: "limit_reached" });
    await artifacts.delete(caller, "a", stored[0]?.id ?? "");
    await artifacts.store(caller, "a", WANTED, Buffer.from("x"));
    await assert.rejects(artifacts.store(caller, "a", WANTED, untouched()), { code: "limit_reached" });
  });

  it("holds the limit of a session's bytes, and leaves no file of what is over it", async () => {
    const it = filing({ artifacts: { bytesMax: 200_000 } });
    await it.begin("a");
    const first = await it.put("a", randomBytes(100_000));
    const before = await it.files();
    await assert.rejects(it.put("a", randomBytes(100_001)), { code: "limit_reached" });
    assert.equal(await it.files(), before);
    await it.put("a", randomBytes(100_000));
    await it.put("a", "");
    await assert.rejects(it.put("a", "x"), { code: "limit_reached" });
    await it.artifacts.delete(it.caller, "a", first.id);
    await it.put("a", randomBytes(100_000));
  });

  it("is for active sessions, at the version that was named, and reads nothing where that is not so", async () => {
    const { artifacts, caller, begin, sessions } = filing();
    await begin("a");
    const store = (options: WriteOptions = {}) => artifacts.store(caller, "a", WANTED, untouched(), options);
    await assert.rejects(artifacts.store(caller, "b", WANTED, untouched()), { code: "session_not_found" });
    await assert.rejects(artifacts.store({ ...caller, tenant: "other" }, "a", WANTED, untouched()), {
      code: "session_not_found",
    });
    await assert.rejects(store({ precondition: [2] }), { code: "precondition_failed" });
    await artifacts.store(caller, "a", WANTED, Buffer.from("x"), { precondition: [1] });
    await sessions.suspend(caller, "a");
    await assert.rejects(store(), { code: "invalid_transition" });
    await assert.rejects(store(keyed("never used")), { code: "invalid_transition" });
    await sessions.end(caller, "a");
    await assert.rejects(store(), { code: "invalid_transition" });
  });

  it("brings bytes that it found in the store, and that went before it referred to them", async () => {
    const bytes = randomBytes(100_000);
    for (const source of [bytes, pieces(bytes)]) {
      let meanwhile: (() => Promise<unknown>) | undefined;
      const it = filing({
        around: (store) => ({
          ...passing(store),
          commit: async (commit) => {
            const [act, isStoring] = [meanwhile, commit.contents?.length === 0 || commit.contents === undefined];
            if (isStoring) meanwhile = undefined;
            if (isStoring) await act?.();
            return await store.commit(commit);
          },
        }),
      });
      await it.begin("a");
      const elsewhere = filing({ beside: it });
      const { id } = await it.put("a", bytes);
      meanwhile = () => elsewhere.artifacts.delete(it.caller, "a", id);
      const { value } = await it.artifacts.store(it.caller, "a", WANTED, source);
      assert.equal(meanwhile, undefined);
      await it.artifacts.collect();
      assert.deepEqual(await it.read("a", value.artifact.id), bytes);
    }
  });

  it("leaves no file where the commit fails, and the file of a commit that only seemed to fail", async () => {
    const lost = new SojournError("store_unavailable", { message: "The connection was lost" });
    for (const side of ["before", "after"] as const) {
      let fails = false;
      const it = filing({
        around: (store) => ({
          ...passing(store),
          commit: async (commit) => {
            if (fails && side === "before") throw lost;
            const committed = await store.commit(commit);
            if (fails) throw lost;
            return committed;
          },
        }),
      });
      await it.begin("a");
      const before = await it.files();
      const bytes = randomBytes(100_000);
      fails = true;
      await assert.rejects(it.put("a", bytes), { code: "store_unavailable" });
      fails = false;
      const { items } = await it.artifacts.list(it.caller, "a", { limit: 9 });
      const isThere = side === "after" ? 1 : 0;
      assert.deepEqual([await it.files(), items.length], [before + isThere, isThere]);
      for (const { id } of items) assert.deepEqual(await it.read("a", id), bytes);
    }
  });

  it("leaves nothing where the disk is full, and stores again when it is not", async () => {
    let isFull = true;
    const full = (blobs: BlobStore): BlobStore => ({
      ...passingBlobs(blobs),
      create: async () => {
        const writer = await blobs.create();
        return {
          write: (bytes) => writer.write(bytes),
          finish: async () => {
            if (isFull) throw new SojournError("storage_full", { message: "The disk is full" });
            return await writer.finish();
          },
          [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
        };
      },
    });
    const it = filing({ aroundBlobs: full });
    await it.begin("a");
    const before = await it.files();
    for (const source of [randomBytes(100_000), pieces(randomBytes(3 * MIB))]) {
      await assert.rejects(it.artifacts.store(it.caller, "a", WANTED, source), { code: "storage_full" });
    }
    assert.deepEqual([await it.files(), await it.kinds("a")], [before, []]);
    // Small ones have no file.
    await it.put("a", "small");
    isFull = false;
    await it.put("a", randomBytes(100_000));
    assert.deepEqual(await it.kinds("a"), ["artifact.stored", "artifact.stored"]);
  });

  it("leaves nothing of a source that fails", async () => {
    const it = filing();
    await it.begin("a");
    const before = await it.files();
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield randomBytes(3 * MIB);
      throw new RangeError("The other side went away");
    };
    await assert.rejects(it.artifacts.store(it.caller, "a", WANTED, failing()), RangeError);
    assert.deepEqual([await it.files(), await it.kinds("a")], [before, []]);
  });
});

describe("storeFile()", () => {
  it("is off without roots", async () => {
    const { artifacts, caller, begin } = filing();
    await begin("a");
    const file = { path: import.meta.filename, type: "user_input" };
    await assert.rejects(artifacts.storeFile(caller, "a", file), { code: "forbidden" });
  });

  it("stores a file of the machine, under its own name or another", async () => {
    const { artifacts, caller, begin, read } = filing({ artifacts: { roots: [import.meta.dirname] } });
    await begin("a");
    const file = { path: `${import.meta.dirname}/chunk.ts`, type: "user_input" };
    const own = await artifacts.storeFile(caller, "a", file, keyed("k"));
    const other = await artifacts.storeFile(caller, "a", { ...file, name: "b.txt" });
    assert.deepEqual([own.value.artifact.name, other.value.artifact.name], ["chunk.ts", "b.txt"]);
    assert.equal(other.value.artifact.mimeType, "text/plain");
    assert.match((await read("a", own.value.artifact.id)).toString(), /export async function packed/);
    assert.deepEqual(await artifacts.storeFile(caller, "a", file, keyed("k")), { ...own, replayed: true });
  });
});

describe("get() and open()", () => {
  it("find what is there, as of a moment where one is given", async () => {
    const { artifacts, caller, begin, put, read } = filing();
    await begin("a");
    await begin("b");
    const one = await put("a", "1");
    const two = await put("a", "2");
    await put("b", "1");
    await artifacts.delete(caller, "a", one.id);
    await artifacts.delete(caller, "a", two.id);
    const missing = { code: "artifact_not_found" };
    for (const id of [one.id, two.id, "artifact_0000000000000000", "", "x".repeat(1_000)]) {
      await assert.rejects(artifacts.get(caller, "a", id), missing);
      await assert.rejects(artifacts.open(caller, "a", id), missing);
    }
    const three = await put("a", "3");
    assert.deepEqual(await artifacts.get(caller, "a", three.id), three);
    await assert.rejects(artifacts.get(caller, "b", three.id), missing);
    await assert.rejects(artifacts.get({ ...caller, tenant: "other" }, "a", three.id), { code: "session_not_found" });
    assert.deepEqual([three.id, (await read("a", three.id)).toString()], [three.id, "3"]);
    // Stored by 2 and 3, deleted by 4 and 5.
    for (const at of [1, 4, 6]) await assert.rejects(artifacts.get(caller, "a", one.id, at), missing, `${at}`);
    for (const at of [2, 3]) assert.equal((await artifacts.get(caller, "a", one.id, at)).goneSeq, 4);
    // The bytes of the one are still those of another session's.
    await using opened = await artifacts.open(caller, "a", one.id, { at: 3 });
    assert.deepEqual(Buffer.concat(await Array.fromAsync(opened)).toString(), "1");
    await assert.rejects(artifacts.open(caller, "a", two.id, { at: 3 }), { ...missing, message: /bytes went with it/ });
  });

  it("give a part, and say which", async () => {
    const { artifacts, caller, begin, put } = filing();
    await begin("a");
    const { id } = await put("a", "0123456789");
    const { id: none } = await put("a", "");
    const cases: readonly (readonly [ByteRange, offset: number, text: string])[] = [
      [{ first: 0 }, 0, "0123456789"],
      [{ first: 0, last: 0 }, 0, "0"],
      [{ first: 3, last: 5 }, 3, "345"],
      [{ first: 9, last: 99 }, 9, "9"],
      [{ first: -1 }, 9, "9"],
      [{ first: -99 }, 0, "0123456789"],
    ];
    for (const [range, offset, text] of cases) {
      await using opened = await artifacts.open(caller, "a", id, { range });
      assert.deepEqual([opened.artifact.id, opened.offset, opened.length], [id, offset, text.length]);
      assert.equal(Buffer.concat(await Array.fromAsync(opened)).toString(), text);
    }
    for (const range of [{ first: 10 }, { first: 5, last: 4 }, { first: 0, last: -1 }, { first: Number.NaN }]) {
      await assert.rejects(artifacts.open(caller, "a", id, { range }), { code: "range_not_satisfiable" });
    }
    for (const range of [{ first: 0 }, { first: -1 }]) {
      await assert.rejects(artifacts.open(caller, "a", none, { range }), { code: "range_not_satisfiable" });
    }
    await using empty = await artifacts.open(caller, "a", none);
    assert.deepEqual([empty.length, await Array.fromAsync(empty)], [0, []]);
  });

  it("read on to the end of what is deleted and collected meanwhile", async () => {
    const it = filing();
    await it.begin("a");
    const bytes = randomBytes(3 * MIB);
    const { id } = await it.put("a", bytes);
    await using opened = await it.artifacts.open(it.caller, "a", id);
    await it.artifacts.delete(it.caller, "a", id);
    const before = await it.files();
    await it.artifacts.collect();
    assert.ok((await it.files()) < before);
    assert.deepEqual(Buffer.concat(await Array.fromAsync(opened)), bytes);
  });

  it("find bytes that went while they were opened, and came back elsewhere", async () => {
    const bytes = randomBytes(100_000);
    let meanwhile: (() => Promise<unknown>) | undefined;
    const it = filing({
      aroundBlobs: (blobs) => ({
        ...passingBlobs(blobs),
        open: async (name) => {
          const act = meanwhile;
          meanwhile = undefined;
          await act?.();
          return await blobs.open(name);
        },
      }),
    });
    await it.begin("a");
    const gone = async (it: Filing): Promise<void> => {
      for (const { id } of (await it.artifacts.list(it.caller, "a", { limit: 9 })).items) {
        await it.artifacts.delete(it.caller, "a", id);
      }
      await it.artifacts.collect();
    };
    const { id } = await it.put("a", bytes);
    meanwhile = async () => {
      await gone(it);
      await it.put("a", bytes);
    };
    assert.deepEqual(await it.read("a", id), bytes);
    const { id: another } = await it.put("a", bytes);
    meanwhile = () => gone(it);
    await assert.rejects(it.read("a", another), { code: "artifact_not_found" });
  });

  it("tell a file that is lost", async () => {
    const it = filing();
    await it.begin("a");
    const { id, content } = await it.put("a", randomBytes(100_000));
    await it.blobs.delete(content?.place.in === "file" ? [content.place.name] : []);
    await assert.rejects(it.read("a", id), { code: "content_damaged" });
  });
});

describe("list()", () => {
  it("gives the artifacts that match, and refuses a pattern that is none", async () => {
    const { artifacts, caller, begin, put } = filing();
    await begin("a");
    await put("a", "1");
    const { id } = await put("a", "2", { name: "b.csv" });
    const { items } = await artifacts.list(caller, "a", { limit: 9, namePattern: "*.csv" });
    assert.deepEqual(
      items.map((one) => one.id),
      [id],
    );
    await assert.rejects(artifacts.list(caller, "a", { limit: 9, namePattern: "[a" }), { code: "invalid" });
    await assert.rejects(artifacts.list(caller, "b", { limit: 9 }), { code: "session_not_found" });
  });
});

describe("delete()", () => {
  it("removes the artifact, and its bytes with the last that refers to them", async () => {
    const it = filing();
    for (const id of ["a", "b"]) await it.begin(id);
    const before = await it.files();
    const bytes = randomBytes(100_000);
    const [one, two] = [await it.put("a", bytes), await it.put("b", bytes)];
    const { value } = await it.artifacts.delete(it.caller, "a", one.id);
    assert.equal(value.artifactId, one.id);
    assert.deepEqual(value.session.record.artifacts, { count: 0, bytes: 0 });
    await it.artifacts.collect();
    assert.deepEqual(await it.read("b", two.id), bytes);
    await it.artifacts.delete(it.caller, "b", two.id);
    await it.artifacts.collect();
    assert.equal(await it.files(), before);
  });

  it("frees the bytes of a session that is deleted", async () => {
    const it = filing();
    await it.begin("a");
    const before = await it.files();
    for (let i = 0; i < 5; i++) await it.put("a", randomBytes(100_000));
    await it.sessions.delete(it.caller, "a");
    await it.artifacts.collect();
    assert.equal(await it.files(), before);
  });

  it("happens once, however many ask at once", async () => {
    const { artifacts, caller, begin, put, kinds } = filing();
    await begin("a");
    const { id } = await put("a", "1");
    const settled = await Promise.allSettled(Array.from({ length: 20 }, () => artifacts.delete(caller, "a", id)));
    const refused = settled.filter((one) => one.status === "rejected").map((one) => one.reason.code);
    assert.deepEqual(refused, Array(19).fill("artifact_not_found"));
    await assert.rejects(artifacts.delete(caller, "a", id), { code: "artifact_not_found" });
    assert.deepEqual(await kinds("a"), ["artifact.stored", "artifact.deleted"]);
  });

  it("of many artifacts at once removes them all", async () => {
    const { artifacts, caller, begin, put, sessions } = filing();
    await begin("a");
    const stored = await Promise.all(Array.from({ length: 40 }, (_, i) => put("a", `${i}`)));
    await Promise.all(stored.map(({ id }) => artifacts.delete(caller, "a", id)));
    assert.deepEqual((await sessions.get(caller, "a")).record.artifacts, { count: 0, bytes: 0 });
  });

  it("answers its repetition as it was answered first, and may come to an ended session", async () => {
    const { artifacts, caller, begin, put, sessions } = filing();
    await begin("a");
    const { id } = await put("a", "1");
    await sessions.end(caller, "a");
    const first = await artifacts.delete(caller, "a", id, keyed("k"));
    assert.deepEqual(await artifacts.delete(caller, "a", id, keyed("k")), { ...first, replayed: true });
  });
});

describe("grant(), revoke() and grants()", () => {
  it("share an artifact with a session, more or less, or no more", async () => {
    const { artifacts, caller, begin, put, kinds } = filing();
    const { ref } = await begin("a");
    const [b, c] = [await begin("b"), await begin("c")];
    const { id } = await put("a", "1");
    const grant = async (sessionId: string, permission: "read" | "write") =>
      (await artifacts.grant(caller, ref.id, id, { sessionId, permission })).value;
    const first = await grant("b", "read");
    assert.deepEqual(first, { artifactId: id, grantee: b.ref.id, permission: "read", seq: 3 });
    const second = await grant(c.ref.id, "read");
    assert.deepEqual(await artifacts.grants(caller, "a", id), [first, second]);
    const raised = await grant("b", "write");
    assert.deepEqual(raised, { ...first, permission: "write", seq: 5 });
    // What is so already changes nothing.
    assert.deepEqual(await grant("b", "write"), raised);
    assert.deepEqual(await artifacts.grants(caller, "a", id), [second, raised]);
    const { value } = await artifacts.revoke(caller, "a", id, "b");
    assert.deepEqual(value, { artifactId: id, grantee: b.ref.id });
    assert.deepEqual(await artifacts.grants(caller, "a", id), [second]);
    await assert.rejects(artifacts.revoke(caller, "a", id, "b"), { code: "not_found" });
    assert.deepEqual(await kinds("a"), [
      "artifact.stored",
      "artifact.granted",
      "artifact.granted",
      "artifact.granted",
      "artifact.revoked",
    ]);
  });

  it("refuse what is not there, and the artifact's own session", async () => {
    const { artifacts, caller, begin, put } = filing();
    await begin("a");
    await begin("b");
    const { id } = await put("a", "1");
    const grant = (artifactId: string, sessionId: string) =>
      artifacts.grant(caller, "a", artifactId, { sessionId, permission: "read" });
    await assert.rejects(grant(id, "a"), { code: "invalid" });
    await assert.rejects(grant(id, "c"), { code: "session_not_found" });
    await assert.rejects(grant("artifact_0000000000000000", "b"), { code: "artifact_not_found" });
    await assert.rejects(artifacts.grants(caller, "a", "none"), { code: "artifact_not_found" });
    await assert.rejects(artifacts.revoke(caller, "a", id, "c"), { code: "not_found" });
    await grant(id, "b");
    await artifacts.delete(caller, "a", id);
    await assert.rejects(grant(id, "b"), { code: "artifact_not_found" });
    await assert.rejects(artifacts.revoke(caller, "a", id, "b"), { code: "artifact_not_found" });
  });

  it("happen one after the other", async () => {
    const { artifacts, caller, begin, put, kinds } = filing();
    await begin("a");
    await begin("b");
    const { id } = await put("a", "1");
    const calls = Array.from({ length: 30 }, (_, i) =>
      i % 3 === 2
        ? artifacts.revoke(caller, "a", id, "b")
        : artifacts.grant(caller, "a", id, { sessionId: "b", permission: "read" }),
    );
    // A revocation may find nothing to revoke, and nothing else may go wrong.
    const settled = await Promise.allSettled(calls);
    const refused = settled.flatMap((one) => (one.status === "rejected" ? [one.reason.code] : []));
    assert.ok(
      refused.every((code) => code === "not_found"),
      refused.join(),
    );
    const written = (await kinds("a")).slice(1);
    assert.ok(written.every((kind, i) => kind === (i % 2 === 0 ? "artifact.granted" : "artifact.revoked")));
    assert.equal((await artifacts.grants(caller, "a", id)).length, written.length % 2);
  });

  it("answer their repetition as it was answered first", async () => {
    const { artifacts, caller, begin, put } = filing();
    await begin("a");
    await begin("b");
    const { id } = await put("a", "1");
    const shared = { sessionId: "b", permission: "read" } as const;
    const granted = await artifacts.grant(caller, "a", id, shared, keyed("g"));
    const revoked = await artifacts.revoke(caller, "a", id, "b", keyed("r"));
    assert.deepEqual(await artifacts.grant(caller, "a", id, shared, keyed("g")), { ...granted, replayed: true });
    assert.deepEqual(await artifacts.revoke(caller, "a", id, "b", keyed("r")), { ...revoked, replayed: true });
  });

  it("end the sharing with a session that was deleted, by its uid", async () => {
    const { artifacts, caller, begin, put, sessions } = filing();
    await begin("a");
    const b = await begin("b");
    const { id } = await put("a", "1");
    await artifacts.grant(caller, "a", id, { sessionId: "b", permission: "read" });
    await sessions.delete(caller, "b");
    await artifacts.revoke(caller, "a", id, b.ref.id);
    assert.deepEqual(await artifacts.grants(caller, "a", id), []);
  });
});

const OCTETS = "application/octet-stream";

function keyed(key: string): WriteOptions {
  return { idempotency: { key, scope: "POST", request: "the same" } };
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 60_000) yield bytes.subarray(at, at + 60_000);
}

/** A source that must not be read from. */
function untouched(): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => assert.fail("It was read from") };
}

/** A store, with methods that can be replaced. */
function passing(store: Store): Store {
  return faulty(store, { seed: 0, delays: 0 });
}

function passingBlobs(blobs: BlobStore): BlobStore {
  return {
    create: () => blobs.create(),
    open: (name) => blobs.open(name),
    delete: (names) => blobs.delete(names),
    list: () => blobs.list(),
  };
}
