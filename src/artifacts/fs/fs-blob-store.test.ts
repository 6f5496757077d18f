import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { blobConformance } from "../../conformance/index.ts";
import type { BlobStore } from "../../engine/blob-store.ts";
import { asDiskError } from "./disk-error.ts";
import { type FsBlobOptions, openFsBlobStore } from "./fs-blob-store.ts";

for (const durability of ["full", "none"] as const) {
  blobConformance({
    name: `files of a directory, with durability ${durability}`,
    open: async () => {
      const directory = mkdtempSync(join(tmpdir(), "sojourn-"));
      const open = (): BlobStore => openFsBlobStore({ directory, durability });
      return { blobs: open(), reopen: async () => open(), remove: async () => rmSync(directory, { recursive: true }) };
    },
  });
}

describe("openFsBlobStore()", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-"));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it("keeps everything for its owner alone", async () => {
    const path = join(directory, "a", "b");
    const blobs = openFsBlobStore({ directory: path });
    const name = await put(blobs);
    const modes = [path, join(path, name.slice(0, 2)), join(path, name.slice(0, 2), name)].map(
      (one) => statSync(one).mode & 0o777,
    );
    assert.deepEqual(modes, [0o700, 0o700, 0o600]);
  });

  it("spreads files over folders", async () => {
    const blobs = openFsBlobStore({ directory, durability: "none" });
    const names = await Promise.all(Array.from({ length: 50 }, () => put(blobs)));
    for (const name of names) assert.deepEqual(readdirSync(join(directory, name.slice(0, 2))).includes(name), true);
    assert.ok(new Set(names.map((name) => name.slice(0, 2))).size > 10);
  });

  it("neither lists nor removes what is not its own", async () => {
    const blobs = openFsBlobStore({ directory });
    const strange = [
      join(directory, "notes.txt"),
      join(directory, "ab", "notes.txt"),
      join(directory, "ab", "a".repeat(31)),
    ];
    for (const path of strange) writeFileSync(path, "mine");
    assert.deepEqual(await Array.fromAsync(blobs.list()), []);
    await blobs.delete(["notes.txt", "../notes.txt", "ab/notes.txt", "a".repeat(31), `${"a".repeat(32)}/../notes.txt`]);
    for (const path of strange) assert.ok(statSync(path).isFile(), path);
  });

  it("removes a link of that name, and not what it leads to", async () => {
    const blobs = openFsBlobStore({ directory });
    const target = join(directory, "target");
    writeFileSync(target, "mine");
    const name = "ab".repeat(16);
    symlinkSync(target, join(directory, "ab", name));
    await blobs.delete([name]);
    assert.ok(statSync(target).isFile());
  });

  it("refuses a directory that can't be used", () => {
    const path = join(directory, "file");
    writeFileSync(path, "");
    const options: FsBlobOptions = { directory: path };
    assert.throws(() => openFsBlobStore(options), { code: "store_unavailable" });
  });

  it("tells of a disk that fails, by every method", async () => {
    const blobs = openFsBlobStore({ directory });
    const name = await put(blobs);
    const other = await blobs.create();
    await other.write(Buffer.from("x"));
    // Every folder is a file now, and what was open leads nowhere.
    for (const folder of readdirSync(directory)) {
      rmSync(join(directory, folder), { recursive: true });
      writeFileSync(join(directory, folder), "");
    }
    const failed = { code: "store_unavailable" };
    await assert.rejects(blobs.create(), failed);
    await assert.rejects(other.finish(), failed);
    await assert.rejects(blobs.open(name), failed);
    await assert.rejects(blobs.delete([name]), failed);
    await assert.rejects(Array.fromAsync(blobs.list()), failed);
    await other[Symbol.asyncDispose]();
  });

  it("lists what can be read again once the disk works again", async () => {
    const blobs = openFsBlobStore({ directory });
    const folder = join(directory, "00");
    rmSync(folder, { recursive: true });
    await assert.rejects(Array.fromAsync(blobs.list()), { code: "store_unavailable" });
    mkdirSync(folder);
    assert.deepEqual(await Array.fromAsync(blobs.list()), []);
  });
});

describe("asDiskError()", () => {
  it("tells a full disk from one that fails, and lets other errors pass", () => {
    const error = (code: string): Error => Object.assign(new Error(code), { code, syscall: "write" });
    const codes = ["ENOSPC", "EDQUOT", "EIO"].map((code) => asDiskError(error(code), "Cannot write"));
    assert.deepEqual(
      codes.map((one) => (one instanceof Error && "code" in one ? one.code : one)),
      ["storage_full", "storage_full", "store_unavailable"],
    );
    const other = new TypeError("A fault of ours");
    assert.equal(asDiskError(other, "Cannot write"), other);
  });
});

async function put(blobs: BlobStore): Promise<string> {
  await using writer = await blobs.create();
  await writer.write(Buffer.from("bytes"));
  return await writer.finish();
}
