import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { zstdDecompressSync } from "node:zlib";
import {
  type Bundling,
  bundlingOn,
  contentOf,
  noise,
  randomDrafts,
  streamOf,
  writeSample,
} from "../../tests/bundles.ts";
import { until } from "../../tests/until.ts";
import { draft, requests, sha256 } from "../conformance/index.ts";
import { randomFrom } from "../conformance/random.ts";
import type { Entry } from "../engine/operation.ts";
import type { Stream } from "../engine/store.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { exportBundle } from "./export.ts";
import { verifyBundle } from "./verify.ts";

const SEED = 20_262;

const release = "1.2.3-test";

describe("exportBundle()", () => {
  let directory: string;
  let bundling: Bundling;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    bundling = bundlingOn(openSqliteStore({ directory, durability: "none" }), directory);
  });

  afterEach(async () => {
    await bundling.author.store.close();
    rmSync(directory, { recursive: true });
  });

  const assertGood = async (bundle: Buffer) => {
    const verdict = await verifyBundle(streamOf(bundle), { digest: sha256 });
    assert.ok(verdict.ok, verdict.ok ? "" : verdict.message);
    return verdict.manifest;
  };

  it("writes what the format says, so that another program can read it", async () => {
    const stream = await writeSample(bundling.author);
    const bundle = await bundling.exported("sample");
    const unpacked = zstdDecompressSync(bundle.subarray(bundle.indexOf("\n") + 1, -65));
    let at = 0;
    const line = (): unknown => {
      const end = unpacked.indexOf("\n", at);
      const read = JSON.parse(unpacked.subarray(at, end).toString());
      at = end + 1;
      return read;
    };
    let hash = sha256(`sojourn/1\nsession\n${stream.ref.id}`);
    for (let seq = 1; seq <= 23; seq++) {
      // NOTE: the test is what holds it to this shape.
      const entry = line() as {
        operation: unknown[];
        payload_digest: string;
        hash: string;
        payload: Record<string, string>;
      };
      assert.deepEqual(Object.keys(entry), ["operation", "payload_digest", "hash", "payload"]);
      assert.equal(entry.operation[0], seq);
      assert.equal(entry.payload_digest, sha256(`${entry.payload["salt"]}${entry.payload["body"]}`));
      hash = sha256(`${hash}\n${JSON.stringify(entry.operation)}\n${entry.payload_digest}`);
      assert.equal(entry.hash, hash);
    }
    assert.equal(hash, stream.head.hash);
    const bodies = ["a,b\n1,2\n", noise(200_000, 1), ""].map((body) => Buffer.from(body));
    for (const body of bodies) {
      assert.deepEqual(line(), { digest: contentOf("", body).digest, size: body.length });
      assert.deepEqual(unpacked.subarray(at, at + body.length), body);
      at += body.length;
    }
    assert.deepEqual(line(), { end: true });
    assert.equal(at, unpacked.length);
  });

  it("takes the moment of the call, whatever is written while it is read", async () => {
    const { author } = bundling;
    const stream = await writeSample(author);
    const expected = await bundling.exported("sample");
    const bundle = await exportBundle(bundling.ports, bundling.caller, "sample", { release });
    await author.append(stream, requests(1), draft("session.completed", {}));
    assert.deepEqual(Buffer.concat(await Array.fromAsync(bundle)), expected);
    const later = await assertGood(await bundling.exported("sample"));
    assert.equal(later.operations, 25);
  });

  it("ends without a last line where a content, or the session, goes meanwhile", async () => {
    const { author } = bundling;
    const stream = await writeSample(author);
    const read = async (change: () => Promise<unknown>): Promise<unknown> => {
      const bundle = await exportBundle(bundling.ports, bundling.caller, "sample", { release });
      await change();
      const pieces: Uint8Array[] = [];
      try {
        for await (const piece of bundle) pieces.push(piece);
      } catch (error) {
        const cut = await verifyBundle(streamOf(Buffer.concat(pieces)), { digest: sha256 });
        assert.equal(cut.ok, false);
        return error;
      }
      return undefined;
    };
    const artifactId = (await author.store.artifacts(stream.ref, { name: "b.bin", limit: 1 })).items[0]?.id ?? "";
    let next: Stream = stream;
    const deleted = await read(async () => {
      next = await author.append(stream, draft("artifact.deleted", { artifactId, name: "b.bin", size: 200_000 }));
    });
    assert.ok(deleted instanceof Error && "code" in deleted && deleted.code === "content_missing", `${deleted}`);
    await assertGood(await bundling.exported("sample"));
    const erased = await read(async () => await author.erase(next));
    assert.ok(erased instanceof Error && "code" in erased && erased.code === "session_not_found", `${erased}`);
    await assert.rejects(bundling.exported("sample"), { code: "session_not_found" });
  });

  it("lets go of all it reads where nobody reads on, and ends when its signal is aborted", async () => {
    const { author, blobs } = bundling;
    await writeSample(author);
    const bundle = await bundling.exported("sample");
    const elsewhere = { tenant: "elsewhere", actor: "tester" };
    await bundling.imported(bundle, elsewhere);
    const files = await Array.fromAsync(blobs.list());
    assert.equal(files.length, 1);
    const [{ name } = { name: "" }] = files;
    {
      // By now one of its contents is a file, which is open when the reading stops.
      await using again = await exportBundle(bundling.ports, elsewhere, "sample", { release });
      let read = 0;
      for await (const piece of again) {
        read += piece.length;
        if (read > 100_000) break;
      }
    }
    if (existsSync(OPEN)) await until("the file is closed", async () => !isOpen(name));
    await using unread = await exportBundle(bundling.ports, elsewhere, "sample", { release });
    assert.equal(unread.manifest.contents, 3);
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    const aborted = await exportBundle(bundling.ports, elsewhere, "sample", { release, signal });
    await assert.rejects(Array.fromAsync(aborted), reason);
  });

  it("takes a fork with all of its history, and says which bytes were freed before", async () => {
    const { author } = bundling;
    const content = contentOf(author.tenant, Buffer.from("here"));
    const freed = contentOf(author.tenant, Buffer.from("freed"));
    const begun = await author.create({ sessionId: "origin" });
    const { part, stream } = author.continue(
      begun,
      author.artifact("freed", freed, { artifactId: "artifact_00000000000000aa" }),
      author.artifact("here", content),
    );
    await author.commit([part], { contents: [content, freed] });
    const entries: readonly Entry[] = await author.store.operations(stream.ref, { after: 0, limit: 10 });
    await author.append(
      stream,
      draft("artifact.deleted", { artifactId: "artifact_00000000000000aa", name: "freed", size: 5 }),
    );
    const fork = author.fork(stream, entries, "fork");
    await author.commit([fork.part], {
      guards: [
        { guard: "name", tenant: author.tenant, sessionId: "fork", expected: undefined, next: fork.stream.ref.id },
      ],
    });
    const bundle = await bundling.exported("fork");
    const { root, uid, artifacts, contents, bytes } = await assertGood(bundle);
    assert.deepEqual(
      { root, uid, artifacts, contents, bytes },
      { root: stream.ref.id, uid: fork.stream.ref.id, artifacts: 2, contents: 1, bytes: 4 },
    );
    const elsewhere = { tenant: "elsewhere", actor: "tester" };
    const imported = await bundling.imported(bundle, elsewhere);
    assert.deepEqual(imported.record, fork.stream.record);
    const { items } = await author.store.artifacts(imported.ref, { limit: 10 });
    assert.deepEqual(
      items.map(({ name, content }) => [name, content?.size]),
      [
        ["here", 4],
        ["freed", undefined],
      ],
    );
    assert.deepEqual(await bundling.exported("fork", elsewhere), bundle);
  });

  it(`makes the same bytes of what was imported (seed ${SEED})`, async () => {
    const { author, exported, imported } = bundling;
    for (let run = 0; run < 30; run++) {
      const random = randomFrom(SEED + run);
      const { part, stream } = author.begin({ sessionId: `s${run}` });
      const { drafts, contents } = randomDrafts(author, random, Math.floor(random() * 60));
      await author.commit([part], {
        guards: [
          { guard: "name", tenant: author.tenant, sessionId: `s${run}`, expected: undefined, next: stream.ref.id },
        ],
      });
      author.clock.advance(Math.floor(random() * 1_000_000));
      if (drafts.length > 0) await author.commit([author.continue(stream, ...drafts).part], { contents });
      const bundle = await exported(`s${run}`);
      const elsewhere = { tenant: `elsewhere-${run}`, actor: "tester" };
      const session = await imported(bundle, elsewhere);
      assert.deepEqual(await exported(`s${run}`, elsewhere), bundle, `seed ${SEED + run}`);
      assert.equal((await bundling.sessions.verify(elsewhere, `s${run}`)).ok, true);
      const [before, after] = await Promise.all([stream.ref, session.ref].map((ref) => bundling.observed(ref)));
      assert.deepEqual(after, before);
    }
  });
});

/** Where Linux tells what this process has open. */
const OPEN = "/proc/self/fd";

function isOpen(name: string): boolean {
  return readdirSync(OPEN).some((fd) => {
    try {
      return readlinkSync(join(OPEN, fd)).includes(name);
    } catch {
      // That of the directory itself.
      return false;
    }
  });
}
