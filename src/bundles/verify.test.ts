import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Bundling, bundlingOn, noise, streamOf, writeSample } from "../../tests/bundles.ts";
import { draft, requests, sha256 } from "../conformance/index.ts";
import { randomFrom } from "../conformance/random.ts";
import { operationHash } from "../engine/chain.ts";
import type { JsonObject } from "../engine/json.ts";
import { type Entry, payloadBody } from "../engine/operation.ts";
import type { SessionInputs } from "../engine/session.ts";
import type { Stream } from "../engine/store.ts";
import { compressed } from "../sealed/zstd.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import type { BundleFault } from "./damaged.ts";
import { encodeEntry } from "./lines.ts";
import { type BundleManifest, encodeManifest } from "./manifest.ts";
import { verifyBundle } from "./verify.ts";
import { type BundledContent, writeBundle } from "./write.ts";

const SEED = 20_261;

const SEAL_BYTES = 65;

const MIB = 1_048_576;

describe("verifyBundle()", () => {
  let directory: string;
  let bundling: Bundling;
  let stream: Stream;
  let whole: Buffer;
  let manifest: BundleManifest;
  let entries: readonly Entry[];

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    bundling = bundlingOn(openSqliteStore({ directory, durability: "none" }), directory);
    stream = await writeSample(bundling.author);
    whole = await bundling.exported("sample");
    manifest = JSON.parse(whole.subarray(0, whole.indexOf("\n")).toString());
    entries = await bundling.author.store.operations(stream.ref, { after: 0, limit: 100 });
  });

  after(async () => {
    await bundling.author.store.close();
    rmSync(directory, { recursive: true });
  });

  const verify = async (bytes: Buffer, head?: string) =>
    await verifyBundle(streamOf(bytes), { digest: sha256, ...(head === undefined ? {} : { head }) });

  const assertFault = async (bytes: Buffer, fault: BundleFault, message: RegExp, firstBadSeq?: number) => {
    const verdict = await verify(bytes);
    assert.ok(!verdict.ok, "it was found to be good");
    assert.match(verdict.message, message);
    assert.deepEqual({ fault: verdict.fault, seq: verdict.firstBadSeq }, { fault, seq: firstBadSeq });
  };

  it("says of a good one what it holds, however its bytes come", async () => {
    for (const size of [64, 65, 66, 1_000, whole.length]) {
      const found = await verifyBundle(streamOf(whole, size), { digest: sha256 });
      assert.deepEqual(found, { ok: true, manifest });
    }
    const byteByByte = (async function* () {
      yield* streamOf(whole.subarray(0, 1_000), 1);
      yield whole.subarray(1_000, -100);
      yield* streamOf(whole.subarray(-100), 1);
    })();
    assert.deepEqual(await verifyBundle(byteByByte, { digest: sha256 }), { ok: true, manifest });
    assert.deepEqual(manifest, {
      format: "sojourn-session",
      version: 1,
      release: "1.2.3-test",
      created_at: "2026-01-01T00:00:01.000Z",
      session_id: "sample",
      uid: stream.ref.id,
      root: stream.ref.id,
      operations: 23,
      head_hash: stream.head.hash,
      artifacts: 4,
      contents: 3,
      bytes: 200_008,
      compression: "zstd",
    });
  });

  it("holds its log against a hash that was kept elsewhere", async () => {
    for (const { operation } of entries) assert.equal((await verify(whole, operation.hash)).ok, true);
    const verdict = await verify(whole, "0".repeat(64));
    assert.ok(!verdict.ok && verdict.fault === "known_head");
  });

  it(`finds any single bit that was changed (seed ${SEED})`, async () => {
    const random = randomFrom(SEED);
    const start = whole.indexOf("\n") + 1;
    const end = whole.length - SEAL_BYTES;
    const edges = [0, 1, start - 2, start - 1, start, start + 1, start + 4, end - 1, end, end + 1, whole.length - 1];
    const inManifest = Array.from({ length: 60 }, () => Math.floor(random() * start));
    const inLog = Array.from({ length: 60 }, () => start + Math.floor(random() * 3_000));
    const anywhere = Array.from({ length: 60 }, () => Math.floor(random() * whole.length));
    for (const position of [...edges, ...inManifest, ...inLog, ...anywhere]) {
      const bit = Math.floor(random() * 8);
      const bytes = Buffer.from(whole);
      bytes[position] = (bytes[position] ?? 0) ^ (1 << bit);
      try {
        assert.equal((await verify(bytes)).ok, false, `bit ${bit} of byte ${position}`);
      } catch (error) {
        // A version that is 9 instead of 1 is a newer one, as far as anybody can tell.
        assert.ok(error instanceof Error && "code" in error && error.code === "store_newer", `${error}`);
      }
    }
  });

  it("finds what was cut off, or added, at every kind of place", async () => {
    const start = whole.indexOf("\n") + 1;
    const { length } = whole;
    const places = [0, 1, 10, start - 1, start, start + 1, start + SEAL_BYTES, start + 500, length >> 1];
    for (const left of [...places, length - SEAL_BYTES - 1, length - SEAL_BYTES, length - 2, length - 1]) {
      assert.equal((await verify(whole.subarray(0, left))).ok, false, `${left} of ${length} bytes`);
    }
    for (const more of ["\n", "more", whole]) {
      assert.equal((await verify(Buffer.concat([whole, Buffer.from(more)]))).ok, false);
    }
  });

  it("finds what is no bundle", async () => {
    for (const text of ["", "\n", "{", '{"format":"sojourn-backup","version":2}\n', `${"x".repeat(70_000)}\n`]) {
      await assertFault(Buffer.from(text), "file", /is none of Sojourn's/);
    }
    await assertFault(noise(200_000, 3), "file", /is none of Sojourn's/);
    const none = await made({ manifest: { ...manifest, operations: 0 } });
    await assertFault(none, "file", /^The bundle has a manifest that is not well formed: "operations" .+$/);
  });

  it("refuses a newer format, and operations that a newer release wrote", async () => {
    const newer = await made({ manifest: { ...manifest, version: 2 as 1 } });
    await assert.rejects(verify(newer), { code: "store_newer", message: /version 2, and .* knows 1/ });
    const [last] = bundling.author.continue(stream, requests(1)).part.entries;
    const operation = { ...(last ?? assert.fail()).operation, kind: "session.dreamt" as "session.created" };
    const hash = operationHash(stream.head.hash, operation, sha256);
    const dreamt = {
      manifest: { ...manifest, operations: 24, head_hash: hash },
      entries: [...entries, { ...last, operation: { ...operation, hash } }],
    };
    await assert.rejects(verify(await made(dreamt)), {
      code: "store_newer",
      message: /24 of the kind "session.dreamt"/,
    });
  });

  describe("of one that is sealed well", () => {
    it("finds a log that does not follow, or is not what was hashed", async () => {
      const swapped = entries.with(4, entries[5] as Entry).with(5, entries[4] as Entry);
      await assertFault(await made({ entries: swapped }), "chain", /operation 5 that does not follow/, 5);
      await assertFault(await made({ entries: entries.toSpliced(3, 1) }), "chain", /operation 4/, 4);
      const renamed = changed(2, ({ operation, payload }) => ({ operation: { ...operation, actor: "eve" }, payload }));
      await assertFault(await made({ entries: renamed }), "chain", /operation 3/, 3);
      const edited = changed(2, ({ operation, payload }) => {
        assert.ok(typeof payload === "object");
        return { operation, payload: { ...payload, body: payload.body.replace("Hello", "Adieu") } };
      });
      await assertFault(await made({ entries: edited }), "payload", /another payload of operation 3/, 3);
      const foreign = { ...manifest, root: "00000000-0000-7000-8000-0000000000aa" };
      await assertFault(await made({ manifest: foreign }), "chain", /operation 1/, 1);
    });

    it("finds a manifest that says something else", async () => {
      const others = {
        session_id: "other",
        uid: "00000000-0000-7000-8000-0000000000aa",
        head_hash: "0".repeat(64),
        artifacts: 5,
        contents: 2,
        bytes: 1,
      };
      for (const [member, value] of Object.entries(others)) {
        const verdict = await verify(await made({ manifest: { ...manifest, [member]: value } }));
        assert.ok(!verdict.ok && verdict.fault === "manifest", member);
        assert.match(verdict.message, new RegExp(`${member} is `));
      }
      const fewer = { ...manifest, operations: 22, head_hash: entries[21]?.operation.hash ?? "" };
      await assertFault(await made({ manifest: fewer }), "file", /content/);
      await assertFault(await made({ manifest: { ...manifest, operations: 24 } }), "operation", /operation 24/, 24);
    });

    it("finds contents that are missing, others, or in another order", async () => {
      const contents = await bundling.contentsOf(stream);
      const [first, second, third] = contents as [BundledContent, BundledContent, BundledContent];
      await assertFault(await made({ contents: [first, second] }), "file", /no content where one should follow/);
      await assertFault(await made({ contents: [second, first, third] }), "content", /lacks the content/);
      const other = { ...second, bytes: [noise(200_000, 2)] };
      await assertFault(await made({ contents: [first, other, third] }), "content", /other bytes/);
      const shorter = { ...second, bytes: [noise(199_999, 1)] };
      const verdict = await verify(await made({ contents: [first, shorter, third] }));
      assert.equal(verdict.ok, false);
      const freed = { ...second, freed: true, bytes: [] } as const;
      await assertFault(await made({ contents: [first, freed, third] }), "content", /lacks the bytes/);
      await assertFault(
        await made({ contents: [...contents, first] }),
        "file",
        /does not end where it should|line that/,
      );
    });

    it("finds operations that Sojourn would not have written", async () => {
      const created = payloadBody(entries[0] ?? assert.fail())?.input as JsonObject;
      const origin = { uid: stream.ref.id, seq: 23, hash: stream.head.hash, root: stream.ref.id };
      const fork = { uid: "00000000-0000-7000-8000-0000000000aa", sessionId: "f", origin };
      const cases: readonly (readonly [kind: keyof SessionInputs, input: object, message: RegExp])[] = [
        ["session.created", created, /not possible there/],
        ["session.updated", { tags: ["\0"] }, /NUL/],
        [
          "session.updated",
          { metadata: JSON.parse(`${'{"a":'.repeat(1_000)}1${"}".repeat(1_000)}`) },
          /object of JSON/,
        ],
        ["session.updated", { name: 7 }, /name/],
        ["messages.added", { messages: [{ role: "god", content: "", tokens: 0 }] }, /role/],
        ["messages.added", { messages: [{ role: "user", content: "", tokens: -1 }] }, /tokens/],
        ["turn.completed", { messages: [], facts: {}, processingTimeUs: 1 }, /expected/],
        ["conversation.compacted", { strategy: "truncate", through: 99, tokens: 0 }, /fewer messages/],
        ["checkpoint.created", { name: "before" }, /has a checkpoint "before"/],
        ["checkpoint.created", { name: "7" }, /must not be a number/],
        ["artifact.stored", { ...STORED, name: "../x" }, /without path separators/],
        ["artifact.stored", { ...STORED, artifactId: "artifact_00000000000000aa" }, /there was an artifact/],
        ["artifact.stored", { ...STORED, size: -1 }, /size/],
        [
          "artifact.deleted",
          { artifactId: "artifact_00000000000000bb", name: "gone", size: 4 },
          /there is no artifact/,
        ],
        ["artifact.deleted", { artifactId: "artifact_00000000000000aa", name: "a.csv", size: 4 }, /is another one/],
        ["artifact.revoked", { artifactId: "artifact_00000000000000bb", grantee: stream.ref.id }, /was not shared/],
        ["task.performed", { ...PERFORMED, objects: [{ ...OBJECT, objectId: "../x" }] }, /objectId/],
        ["task.performed", { ...PERFORMED, objects: [OBJECT] }, /not those that it made/],
        ["session.forked", { ...fork, origin: { ...origin, seq: 22 } }, /fork of something else/],
        ["session.forked", { ...fork, origin: { ...origin, root: fork.uid } }, /fork of something else/],
        ["session.forked", { ...fork, sessionId: "a/b" }, /session_id/],
      ];
      for (const [kind, input, message] of cases) {
        // NOTE: what is wrong about it is what is tested.
        const { part } = bundling.author.continue(stream, draft(kind, input as never));
        const hash = part.entries[0]?.operation.hash ?? "";
        const longer = {
          manifest: { ...manifest, operations: 24, head_hash: hash },
          entries: [...entries, ...part.entries],
        };
        await assertFault(await made(longer), "operation", message, 24);
      }
    });
  });

  it("takes little memory for what would take much", async () => {
    const endless = async function* (start: readonly Buffer[], piece: Buffer): AsyncGenerator<Buffer> {
      yield* start;
      for (let i = 0; i < 4_096; i++) yield piece;
    };
    const log = entries.map(encodeEntry);
    // A line of gigabytes, and a content of gigabytes where one of some bytes is meant.
    const line = Buffer.from(
      `${JSON.stringify({ digest: (await bundling.contentsOf(stream))[0]?.digest, size: 8 })}\n`,
    );
    for (const bomb of [endless([], Buffer.alloc(MIB, "x")), endless([...log, line], Buffer.alloc(MIB))]) {
      const before = process.memoryUsage().rss;
      let most = 0;
      const bytes = (async function* () {
        yield encodeManifest(manifest);
        for await (const piece of compressed(bomb)) {
          most = Math.max(most, process.memoryUsage().rss - before);
          yield piece;
        }
      })();
      assert.equal((await verifyBundle(bytes, { digest: sha256 })).ok, false);
      assert.ok(most < 400 * MIB, `it took ${most} bytes`);
    }
  });

  it("ends when its signal is aborted", async () => {
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await assert.rejects(verifyBundle(streamOf(whole), { digest: sha256, signal }), reason);
  });

  /** The sample with other parts, sealed. */
  async function made(parts: {
    readonly manifest?: BundleManifest;
    readonly entries?: readonly Entry[];
    readonly contents?: readonly BundledContent[];
  }): Promise<Buffer> {
    const contents = parts.contents ?? (await bundling.contentsOf(stream));
    return Buffer.concat(await Array.fromAsync(writeBundle({ manifest, entries, ...parts, contents })));
  }

  function changed(index: number, change: (entry: Entry) => object): readonly Entry[] {
    return entries.with(index, change(entries[index] as Entry) as Entry);
  }
});

/** A task that is like any other, and what it may have made. */
const PERFORMED = {
  ...{ taskId: "task_1", app: "a", version: "a".repeat(64), action: "b", timeoutMs: 1, input: {} },
  ...{ status: "completed", processingTimeUs: 1 },
};
const OBJECT = { objectId: "obj_1", type: "t", data: null };

/** What is said of an artifact that is like any other. */
const STORED = {
  artifactId: "artifact_00000000000000cc",
  digest: "0".repeat(64),
  size: 1,
  name: "c",
  type: "user_input",
  mimeType: "text/plain",
  tags: [],
  metadata: {},
};
