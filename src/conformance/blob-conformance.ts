import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { BlobEntry, BlobStore, BlobWriter } from "../engine/blob-store.ts";

/** A driver of `BlobStore`, as its author hands it to `blobConformance`. */
export interface BlobDriver {
  /** Stands in the names of the tests. */
  readonly name: string;
  /** Opens a store without files, apart from every other. */
  open(): Promise<OpenedBlobs>;
}

/** A store of files that was opened on data of its own. */
export interface OpenedBlobs {
  readonly blobs: BlobStore;
  /** The same data once more, as after a crash: nobody disposed of the writers at work. */
  reopen(): Promise<BlobStore>;
  /** Removes the data. */
  remove(): Promise<void>;
}

/** Names that no file has, whatever they would lead to. */
const STRANGE = ["", ".", "..", "../secret", "/etc/passwd", "a/../../b", "a\0b", "a".repeat(5_000), "CON", "🏕️"];

const MIB = 1_048_576;

/**
 * Registers the contract of `BlobStore` as tests of `node:test`.
 *
 *     blobConformance({ name: "my files", open: openOnNewData });
 */
export function blobConformance(driver: BlobDriver): void {
  describe(`the contract of BlobStore: ${driver.name}`, () => {
    let opened: OpenedBlobs;
    before(async () => {
      opened = await driver.open();
    });
    after(async () => await opened.remove());
    writeCases(() => opened.blobs);
    readCases(() => opened.blobs);
    listCases(driver);
  });
}

function writeCases(open: () => BlobStore): void {
  describe("create()", () => {
    it("keeps what was written, in the order of the writes", async () => {
      const [first, second] = [pattern(MIB), pattern(777)];
      const name = await put(open(), first, second, new Uint8Array(), first);
      assert.deepEqual(await bytesOf(open(), name), Buffer.concat([first, second, first]));
    });

    it("keeps a file without bytes", async () => {
      assert.deepEqual(await bytesOf(open(), await put(open())), Buffer.alloc(0));
    });

    it("lets go of the bytes once they are written", async () => {
      const bytes = pattern(MIB);
      await using writer = await open().create();
      await writer.write(bytes);
      bytes.fill(0);
      assert.deepEqual(await bytesOf(open(), await writer.finish()), Buffer.from(pattern(MIB)));
    });

    it("gives every file a name of its own, also where the bytes are the same", async () => {
      const names = await Promise.all(Array.from({ length: 100 }, () => put(open(), pattern(9))));
      assert.equal(new Set(names).size, 100);
      for (const name of names) assert.deepEqual(await bytesOf(open(), name), Buffer.from(pattern(9)));
    });

    it("leaves nothing of a file that is disposed of", async () => {
      const before = await namesOf(open());
      {
        await using writer = await open().create();
        await writer.write(pattern(MIB));
      }
      assert.deepEqual(await namesOf(open()), before);
    });

    it("keeps a finished file whose writer is disposed of", async () => {
      let name: string;
      {
        await using writer = await open().create();
        await writer.write(pattern(5));
        name = await writer.finish();
      }
      assert.deepEqual(await bytesOf(open(), name), Buffer.from(pattern(5)));
    });

    it("writes nothing more once a file is finished, or disposed of", async () => {
      const [finished, disposed] = [await open().create(), await open().create()];
      const name = await finished.finish();
      await disposed[Symbol.asyncDispose]();
      for (const writer of [finished, disposed]) {
        await assert.rejects(writer.write(pattern(1)));
        await assert.rejects(writer.finish());
      }
      assert.deepEqual(await bytesOf(open(), name), Buffer.alloc(0));
    });
  });
}

function readCases(open: () => BlobStore): void {
  describe("open()", () => {
    it("reads the bytes that were asked for, and fewer at the end", async () => {
      const bytes = Buffer.from(pattern(MIB + 10));
      const name = await put(open(), bytes);
      await using reader = (await open().open(name)) ?? assert.fail("It is there");
      const cases: readonly (readonly [offset: number, length: number])[] = [
        [0, 1],
        [MIB, 10],
        [MIB - 1, 3],
        [0, MIB + 10],
        [MIB, 11],
        [MIB + 10, 5],
        [2 * MIB, 5],
        [3, 0],
      ];
      for (const [offset, length] of cases) {
        assert.deepEqual(
          Buffer.from(await reader.read(offset, length)),
          bytes.subarray(offset, offset + length),
          `${length} bytes at ${offset}`,
        );
      }
    });

    it("reads in parallel", async () => {
      const bytes = Buffer.from(pattern(MIB));
      await using reader = (await open().open(await put(open(), bytes))) ?? assert.fail("It is there");
      const offsets = Array.from({ length: 64 }, (_, i) => i * 16_384);
      const pieces = await Promise.all(offsets.map((offset) => reader.read(offset, 16_384)));
      assert.deepEqual(Buffer.concat(pieces), bytes);
    });

    it("finds nothing under a name that no file has", async () => {
      const name = await put(open(), pattern(1));
      await open().delete([name]);
      for (const other of [...STRANGE, name, name.slice(1), `${name}x`]) {
        assert.equal(await open().open(other), undefined, other);
      }
    });

    it("reads on to the end of a file that was deleted", async () => {
      const name = await put(open(), pattern(100));
      await using reader = (await open().open(name)) ?? assert.fail("It is there");
      await open().delete([name]);
      assert.deepEqual(Buffer.from(await reader.read(0, 100)), Buffer.from(pattern(100)));
    });
  });

  describe("delete()", () => {
    it("removes these files and no others, and those that are gone once more", async () => {
      const names = await Promise.all(Array.from({ length: 100 }, () => put(open(), pattern(3))));
      const [kept = "", ...others] = names;
      await open().delete(others);
      await open().delete([...others, ...STRANGE]);
      await open().delete([]);
      for (const name of others) assert.equal(await open().open(name), undefined);
      assert.deepEqual(await bytesOf(open(), kept), Buffer.from(pattern(3)));
    });
  });
}

function listCases(driver: BlobDriver): void {
  describe("list()", () => {
    it("tells every finished file, and when it was written", async () => {
      await withOpened(driver, async ({ blobs }) => {
        assert.deepEqual(await namesOf(blobs), []);
        const startUs = Date.now() * 1_000;
        const names = await Promise.all(Array.from({ length: 300 }, () => put(blobs, pattern(3))));
        const entries = await entriesOf(blobs);
        assert.deepEqual(entries.map(({ name }) => name).sort(), names.sort());
        // Some file systems know times to two seconds alone.
        for (const { writtenAtUs } of entries) assert.ok(Math.abs(writtenAtUs - startUs) < 120_000_000);
      });
    });

    it("does not tell of files that are being written", async () => {
      await withOpened(driver, async ({ blobs }) => {
        await using writer = await blobs.create();
        await writer.write(pattern(3));
        assert.deepEqual(await namesOf(blobs), []);
        const name = await writer.finish();
        assert.deepEqual(await namesOf(blobs), [name]);
      });
    });

    it("tells after a crash what is left of files that were never finished, which nobody can read", async () => {
      await withOpened(driver, async ({ blobs, reopen }) => {
        const kept = await put(blobs, pattern(MIB));
        const left: BlobWriter = await blobs.create();
        await left.write(pattern(3));
        const again = await reopen();
        const others = (await namesOf(again)).filter((name) => name !== kept);
        for (const name of others) assert.equal(await again.open(name), undefined);
        await again.delete(others);
        assert.deepEqual(await namesOf(again), [kept]);
        assert.deepEqual(await bytesOf(again, kept), Buffer.from(pattern(MIB)));
        await left[Symbol.asyncDispose]();
      });
    });
  });
}

async function withOpened(driver: BlobDriver, test: (opened: OpenedBlobs) => Promise<void>): Promise<void> {
  const opened = await driver.open();
  try {
    await test(opened);
  } finally {
    await opened.remove();
  }
}

async function put(blobs: BlobStore, ...pieces: readonly Uint8Array[]): Promise<string> {
  await using writer = await blobs.create();
  for (const piece of pieces) await writer.write(piece);
  return await writer.finish();
}

async function bytesOf(blobs: BlobStore, name: string): Promise<Buffer> {
  await using reader = (await blobs.open(name)) ?? assert.fail(`There is no file ${name}`);
  const pieces: Uint8Array[] = [];
  for (let offset = 0; ; ) {
    const piece = await reader.read(offset, MIB);
    if (piece.length === 0) return Buffer.concat(pieces);
    pieces.push(piece);
    offset += piece.length;
  }
}

async function namesOf(blobs: BlobStore): Promise<readonly string[]> {
  return (await entriesOf(blobs)).map(({ name }) => name).sort();
}

async function entriesOf(blobs: BlobStore): Promise<readonly BlobEntry[]> {
  return await Array.fromAsync(blobs.list());
}

/** Bytes of which none stands for its neighbour. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
}
