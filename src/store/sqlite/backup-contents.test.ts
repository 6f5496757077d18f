import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Blake3Hasher } from "@napi-rs/blake-hash";
import { openFsBlobStore } from "../../artifacts/fs/fs-blob-store.ts";
import { Author, draft } from "../../conformance/index.ts";
import { randomFrom } from "../../conformance/random.ts";
import type { Store, Stream } from "../../engine/store.ts";
import { SEAL_BYTES } from "../../sealed/seal.ts";
import { type BackupManifest, encodeFrame, type Frame } from "./backup-format.ts";
import { openReader } from "./connection.ts";
import { blobPath, HeldFiles } from "./held-files.ts";
import { backUp, checkBackup, inspectStore, openSqliteStore, restore, saveBackup } from "./index.ts";

const SEED = 20_264;

const release = "1.2.3-test";

const NAMES = ["aa".repeat(16), "ab".repeat(16), "bb".repeat(16)] as const;

const LATE = "cc".repeat(16);

describe("a backup of a store with files of contents", () => {
  let scratch: string;
  let directory: string;
  let file: string;
  let restored: string;
  let store: Store;
  let author: Author;
  let stream: Stream;

  beforeEach(async () => {
    scratch = mkdtempSync(join(tmpdir(), "sojourn-"));
    directory = join(scratch, "data");
    file = join(scratch, "backup");
    restored = join(scratch, "restored");
    store = openSqliteStore({ directory });
    author = new Author(store);
    stream = await author.create();
    for (const [i, name] of NAMES.entries()) await add(name, i);
  });

  afterEach(async () => {
    await store.close();
    rmSync(scratch, { recursive: true });
  });

  const bytesOf = (name: string): Buffer => Buffer.from(name.repeat(10_000));

  /** An artifact whose content is a file. */
  const add = async (name: string, i: number): Promise<void> => {
    const bytes = bytesOf(name);
    mkdirSync(dirname(blobPath(directory, name)), { recursive: true });
    writeFileSync(blobPath(directory, name), bytes);
    const content = {
      ...author.content(name),
      size: bytes.length,
      storedSize: bytes.length,
      place: { in: "file", name },
    } as const;
    const { body: _, ...kept } = content;
    const written = author.continue(stream, author.artifact(name, kept, { artifactId: idOf(i) }));
    assert.deepEqual(await author.commit([written.part], { contents: [kept] }), { outcome: "committed" });
    stream = written.stream;
  };

  /** Deletes the artifact, and its file as whoever collects them does. */
  const remove = async (i: number): Promise<void> => {
    const name = NAMES[i] ?? assert.fail();
    const input = { artifactId: idOf(i), name: name, size: bytesOf(name).length };
    stream = await author.append(stream, draft("artifact.deleted", input));
    rmSync(blobPath(directory, name));
  };

  const idOf = (i: number): string => `artifact_000000000000000${i}`;

  const save = async () => await saveBackup(file, await backUp({ directory, release }));

  const assertRestored = async (names: readonly string[] = NAMES) => {
    const manifest = await restore({ file, directory: restored });
    for (const name of names) assert.deepEqual(readFileSync(blobPath(restored, name)), bytesOf(name));
    const again = openSqliteStore({ directory: restored });
    assert.deepEqual((await again.inUse(NAMES)).toSorted(), [...NAMES]);
    await again.close();
    return manifest;
  };

  it("has them, and restoring brings them back, for their owner alone", async () => {
    const before = readdirSync(directory);
    const manifest = await save();
    assert.deepEqual(readdirSync(directory), before);
    const frames = NAMES.map((name) => encodeFrame({ name, bytes: bytesOf(name).length }).length + 65);
    const stored = NAMES.reduce((sum, name) => sum + bytesOf(name).length, 0) + frames.reduce((sum, n) => sum + n, 0);
    assert.ok(manifest.version === 2);
    assert.deepEqual(manifest.contents, { files: 3, stored_bytes: stored, missing: 0 });
    assert.deepEqual([manifest.holds.artifacts, manifest.holds.contents], [3, 3]);
    assert.deepEqual(await checkBackup(file), manifest);
    assert.deepEqual(await assertRestored(), manifest);
    assert.equal(statSync(blobPath(restored, NAMES[0])).mode & 0o777, 0o600);
    assert.equal(statSync(dirname(blobPath(restored, NAMES[0]))).mode & 0o777, 0o700);
  });

  it("finds files where the driver of the file system keeps them, and puts them there", async () => {
    const blobs = openFsBlobStore({ directory: join(directory, "blobs"), durability: "none" });
    await using writer = await blobs.create();
    await writer.write(Buffer.from("by the driver"));
    const name = await writer.finish();
    const content = author.content("by the driver", { place: { in: "file", name } });
    const { body: _, ...kept } = content;
    const written = author.continue(stream, author.artifact("driver", kept));
    await author.commit([written.part], { contents: [kept] });
    await save();
    await restore({ file, directory: restored });
    const again = openFsBlobStore({ directory: join(restored, "blobs"), durability: "none" });
    await using reader = await again.open(name);
    assert.equal(Buffer.from((await reader?.read(0, 100)) ?? "").toString(), "by the driver");
  });

  it("has a file that is removed after its moment, and not one that comes then", async () => {
    let changed: Promise<void> | undefined;
    const onProgress = (): void => {
      changed ??= remove(1).then(async () => await add(LATE, 3));
    };
    const backup = await backUp({ directory, release, onProgress });
    await changed;
    assert.equal(existsSync(blobPath(directory, NAMES[1] ?? "")), false);
    // And one that is removed while it is read.
    await remove(0);
    await saveBackup(file, backup);
    await assertRestored();
    assert.deepEqual(readdirSync(join(restored, "blobs")).sort(), ["aa", "ab", "bb"]);
    const later = join(scratch, "later");
    await saveBackup(later, await backUp({ directory, release }));
    const manifest = await checkBackup(later);
    assert.equal(manifest.version === 2 && manifest.contents.files, 2);
  });

  it("holds what is in use at its moment, whatever went and came while it was prepared", async () => {
    using held = new HeldFiles(directory);
    held.prepare();
    await remove(0);
    await add(LATE, 3);
    using db = openReader(directory);
    held.hold(db);
    rmSync(blobPath(directory, LATE));
    const found: [string, number][] = [];
    assert.equal(
      held.settle(db, (name, bytes) => found.push([name, bytes])),
      0,
    );
    const expected = [NAMES[1], NAMES[2], LATE];
    assert.deepEqual(
      found,
      expected.map((name) => [name, bytesOf(name).length]),
    );
    const names: string[] = [];
    for await (const { name, file } of held) {
      assert.deepEqual(await file.readFile(), bytesOf(name));
      names.push(name);
    }
    assert.deepEqual(names.sort(), expected);
  });

  it("is made without the files that are lost, and says how many", async () => {
    rmSync(blobPath(directory, NAMES[0]));
    truncateSync(blobPath(directory, NAMES[1]), 10);
    const manifest = await save();
    assert.ok(manifest.version === 2);
    assert.deepEqual([manifest.contents.files, manifest.contents.missing], [1, 2]);
    await assertRestored([NAMES[2]]);
    await store.close();
    for (const where of [directory, restored]) {
      const seen = inspectStore(where, { now: 0, thorough: false });
      assert.ok(seen.state === "closed");
      assert.deepEqual([seen.contents, seen.lost, seen.faults], [3, { files: 2, names: [NAMES[0], NAMES[1]] }, []]);
    }
  });

  it("leaves nothing behind when it is ended, and what a crash left goes with the next", async () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    const before = readdirSync(directory);
    const left = (id: number): string => join(directory, `sojourn.held-${id}-00000000`);
    mkdirSync(left(pid));
    mkdirSync(left(process.ppid));
    const aborted = new AbortController();
    const reason = new Error("enough");
    const backup = await backUp({ directory, release, signal: aborted.signal });
    assert.ok(readdirSync(directory).some((name) => /held-.*-(?!0{8})/.test(name)));
    aborted.abort(reason);
    await assert.rejects(saveBackup(file, backup), reason);
    assert.deepEqual(
      readdirSync(directory),
      [...before, `sojourn.held-${process.ppid}-00000000`].toSorted(),
      "one of a process that lives stays",
    );
    rmSync(left(process.ppid), { recursive: true });
    mkdirSync(left(pid));
    await store.close();
    store = openSqliteStore({ directory });
    assert.deepEqual(readdirSync(directory), before);
  });

  it("copies where a second name is not possible", async (test) => {
    const blobs = join(directory, "blobs");
    rmSync(blobs, { recursive: true });
    mkdirSync(blobs);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", blobs]);
    if (mounted.status !== 0) return test.skip(`cannot mount a tmpfs here: ${mounted.stderr ?? mounted.error}`);
    try {
      for (const name of NAMES) {
        mkdirSync(dirname(blobPath(directory, name)), { recursive: true });
        writeFileSync(blobPath(directory, name), bytesOf(name));
      }
      await save();
    } finally {
      spawnSync("umount", ["-l", blobs]);
    }
    await assertRestored();
  });

  it("is restored into a directory where another attempt was cut off, or that has an empty one for files", async () => {
    await save();
    mkdirSync(join(restored, "blobs"), { recursive: true });
    await assertRestored();
    const second = join(scratch, "second");
    mkdirSync(join(second, "blobs", "aa"), { recursive: true });
    writeFileSync(join(second, "blobs", "aa", "other"), "");
    await assert.rejects(restore({ file, directory: second }), { code: "invalid", message: /"blobs"/ });
    mkdirSync(join(second, "sojourn.restoring"));
    await restore({ file, directory: second });
    assert.deepEqual(readdirSync(join(second, "blobs", "aa")), [NAMES[0]]);
  });

  it(`is refused where any single bit was changed, or an end is missing (seed ${SEED})`, async () => {
    await save();
    const whole = readFileSync(file);
    const random = randomFrom(SEED);
    const start = startOfFrames(whole);
    const edges = [start, start + 1, start + 70, whole.length - SEAL_BYTES - 1, whole.length - SEAL_BYTES - 65];
    for (const position of [
      ...edges,
      ...Array.from({ length: 60 }, () => start + Math.floor(random() * (whole.length - start))),
    ]) {
      const bytes = Buffer.from(whole);
      bytes[position] = (bytes[position] ?? 0) ^ (1 << Math.floor(random() * 8));
      writeFileSync(file, bytes);
      await assert.rejects(restore({ file, directory: restored }), { name: "SojournError" }, `byte ${position}`);
      writeFileSync(file, whole.subarray(0, position));
      await assert.rejects(checkBackup(file), { code: "invalid" });
      assert.equal(existsSync(restored), false);
    }
  });

  it("is refused where it is sealed well but its files are others", async () => {
    await save();
    const whole = readFileSync(file);
    const manifest = JSON.parse(whole.subarray(0, whole.indexOf("\n")).toString());
    const frames = NAMES.map((name) => ({ name, content: bytesOf(name) }));
    const [first, second, third] = frames as [Framed, Framed, Framed];
    const longer = { ...second, content: Buffer.concat([second.content, Buffer.from("x")]) };
    const cases: readonly (readonly [frames: readonly Framed[], message: RegExp])[] = [
      [[first, second, { ...third, name: "../sojourn.db" }], /something else where the file of a content should be/],
      [[first, second, { ...third, name: "/etc/passwd" }], /something else/],
      [[first, second, { ...third, name: `${NAMES[2]}x` }], /something else/],
      [[first, second, { ...third, digest: "0".repeat(64) }], /holds another "bbbb/],
      [[first, second, { ...third, bytes: third.content.length + 1 }], /holds another|takes more than|is cut off/],
      [[first, second, { ...third, bytes: Number.MAX_SAFE_INTEGER }], /is cut off/],
      [[first, second, { ...third, name: LATE }], /2 files of contents are those that it has, and 1 are missing/],
      [[first, longer, third], /"abab.*" should take/],
      [[first, second], /2 files of contents .* and 1 are missing/],
      [[first, second, third, { ...third, name: LATE }], /3 files of contents|4 files/],
    ];
    for (const [these, message] of cases) {
      const packed = Buffer.concat(these.flatMap(frameOf));
      const contents = { files: these.length, stored_bytes: packed.length, missing: 0 };
      writeFileSync(file, sealed({ ...manifest, contents }, whole, packed));
      await assert.rejects(restore({ file, directory: restored }), { code: "invalid", message }, String(message));
      assert.equal(existsSync(restored), false);
    }
    const packed = Buffer.concat(frames.flatMap(frameOf));
    writeFileSync(file, sealed({ ...manifest, contents: { ...manifest.contents, files: 2 } }, whole, packed));
    await assert.rejects(checkBackup(file), { code: "invalid", message: /more files of contents/ });
    writeFileSync(file, sealed(manifest, whole, packed));
    await assertRestored();
  });
});

interface Framed extends Partial<Frame> {
  readonly name: string;
  readonly content: Buffer;
  readonly digest?: string;
}

function frameOf({ name, content, bytes = content.length, digest }: Framed): Buffer[] {
  const last = digest ?? new Blake3Hasher().update(content).digest("hex");
  return [encodeFrame({ name, bytes }), content, Buffer.from(`${last}\n`)];
}

function startOfFrames(whole: Buffer): number {
  const line = whole.indexOf("\n") + 1;
  const { files } = JSON.parse(whole.subarray(0, line).toString()) as BackupManifest;
  return line + files[0].stored_bytes;
}

/** The backup with other files and another manifest, sealed anew. */
function sealed(manifest: object, whole: Buffer, frames: Buffer): Buffer {
  const database = whole.subarray(whole.indexOf("\n") + 1, startOfFrames(whole));
  const body = Buffer.concat([Buffer.from(`${JSON.stringify(manifest)}\n`), database, frames]);
  return Buffer.concat([body, Buffer.from(`${new Blake3Hasher().update(body).digest("hex")}\n`)]);
}
