import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { blake3 } from "@napi-rs/blake-hash";
import { Author } from "../conformance/index.ts";
import { CHUNK_BYTES, type Content } from "../engine/artifact.ts";
import type { BlobStore } from "../engine/blob-store.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { type ContentSettings, Contents, type Source } from "./contents.ts";
import { openFsBlobStore } from "./fs/fs-blob-store.ts";

const MIB = CHUNK_BYTES;

const SETTINGS: ContentSettings = { sizeMax: 300 * MIB, compressAbove: 10_240, inStoreMax: 65_536 };

describe("contents", () => {
  let directory: string;
  let blobs: BlobStore;
  let author: Author;
  let contents: Contents;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    blobs = openFsBlobStore({ directory: join(directory, "blobs"), durability: "none" });
    author = new Author(openSqliteStore({ directory, durability: "none" }));
    contents = new Contents({ store: author.store, blobs }, SETTINGS);
  });

  after(async () => {
    await author.store.close();
    rmSync(directory, { recursive: true });
  });

  /** Keeps a content for an artifact of a new session. */
  const keep = async (source: Source, settings: Partial<ContentSettings> = {}): Promise<Content> => {
    const own = new Contents({ store: author.store, blobs }, { ...SETTINGS, ...settings });
    await using staged = await own.stage(author.tenant, source);
    const content = await staged.bring();
    assert.deepEqual([content.digest, content.size], [staged.digest, staged.size]);
    const { part } = author.continue(await author.create(), author.artifact("a", content));
    assert.deepEqual(await author.commit([part], { contents: [content] }), { outcome: "committed" });
    return (await author.store.content(author.tenant, content.digest)) ?? assert.fail("It is there");
  };

  /** Some of a content: from one byte up to another. */
  const read = async (content: Content, from = 0, to = content.size, files: BlobStore = blobs): Promise<Buffer> => {
    const own = new Contents({ store: author.store, blobs: files }, SETTINGS);
    await using opened = await own.open(author.tenant, content, { offset: from, length: to - from });
    return Buffer.concat(await Array.fromAsync(opened));
  };

  const fileOf = ({ place }: Content): string =>
    place.in === "file"
      ? join(directory, "blobs", place.name.slice(0, 2), place.name)
      : assert.fail("It is in the store");

  describe("stage()", () => {
    it("keeps what it was given, at the edges of chunks, whether at hand or as it comes", async () => {
      for (const size of [0, 1, 65_536, 65_537, MIB - 1, MIB, MIB + 1, 2 * MIB - 1, 2 * MIB, 3 * MIB + 5]) {
        for (const bytes of [randomBytes(size), text(size)]) {
          const content = await keep(bytes);
          assert.equal(content.digest, blake3(bytes).toString("hex"));
          assert.equal(content.size, size);
          assert.equal(content.chunks.length, Math.ceil(size / MIB));
          assert.equal(
            content.storedSize,
            content.chunks.reduce((sum, { storedSize }) => sum + storedSize, 0),
          );
          assert.deepEqual(await read(content), bytes, `${size} bytes`);
          for (const piece of [7_919, MIB, 5 * MIB]) {
            await using again = await contents.stage(author.tenant, pieces(bytes, piece));
            const { tenant: _, body: __, place: ___, ...same } = await again.bring();
            const { place: ____, ...kept } = content;
            assert.deepEqual(same, kept, `${size} bytes in pieces of ${piece}`);
          }
        }
      }
    });

    it("keeps a stream that was never at hand", async () => {
      const bytes = Buffer.concat([text(2 * MIB), randomBytes(MIB), text(MIB + 3)]);
      const content = await keep(pieces(bytes, 100_000));
      assert.equal(content.place.in, "file");
      assert.deepEqual(await read(content), bytes);
      const sizes = content.chunks.map(({ storedSize }) => storedSize);
      assert.ok((sizes[0] ?? MIB) < MIB / 2 && sizes[2] === MIB && sizes[4] !== undefined);
    });

    it("copies what it holds back, so that a source may use its memory again", async () => {
      const bytes = randomBytes(2 * MIB + 9);
      const memory = Buffer.alloc(65_536);
      const source = async function* (): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < bytes.length; at += memory.length) {
          yield memory.subarray(0, bytes.copy(memory, 0, at));
        }
      };
      assert.deepEqual(await read(await keep(source())), bytes);
      const few = bytes.subarray(0, 300);
      await using staged = await contents.stage(
        author.tenant,
        (async function* () {
          yield few.subarray(0, 100);
          yield few.subarray(100);
        })(),
      );
      assert.equal(staged.digest, blake3(few).toString("hex"));
    });

    it("refuses bytes that change while they are stored", async () => {
      const bytes = randomBytes(3 * MIB);
      await using staged = await contents.stage(author.tenant, bytes);
      bytes[2 * MIB] = (bytes[2 * MIB] ?? 0) ^ 1;
      await assert.rejects(staged.bring(), { code: "invalid" });
    });

    it("tells whether the store has it", async () => {
      const bytes = randomBytes(100);
      await keep(bytes);
      const isKnown = async (tenant: string): Promise<boolean> => {
        await using staged = await contents.stage(tenant, pieces(bytes, 10));
        return staged.isKnown;
      };
      assert.deepEqual([await isKnown(author.tenant), await isKnown("another")], [true, false]);
    });

    it("compresses what has more bytes than the threshold, where that makes it smaller", async () => {
      const [at, past] = [await keep(text(10_240)), await keep(text(10_241))];
      assert.equal(at.storedSize, 10_240);
      assert.ok(past.storedSize < 10_241);
      const noise = await keep(randomBytes(20_000));
      assert.equal(noise.storedSize, 20_000);
      assert.equal((await keep(text(20_001), { compressAbove: Number.POSITIVE_INFINITY })).storedSize, 20_001);
    });

    it("puts what takes little into the store itself, and the rest into a file", async () => {
      const [at, past] = [await keep(randomBytes(65_536)), await keep(randomBytes(65_537))];
      assert.deepEqual([at.place.in, past.place.in], ["store", "file"]);
      // By what it takes, however large it is.
      const zeros = await keep(Buffer.alloc(5 * MIB));
      assert.equal(zeros.place.in, "store");
      assert.deepEqual(await read(zeros), Buffer.alloc(5 * MIB));
      assert.equal((await keep(pieces(Buffer.alloc(6 * MIB), 10_000))).place.in, "store");
    });

    it("gives up a source that has more bytes than it may, and leaves nothing of it", async () => {
      const before = await namesOf(blobs);
      for (const sizeMax of [0, 10, MIB, 3 * MIB]) {
        const small = new Contents({ store: author.store, blobs }, { ...SETTINGS, sizeMax });
        const bytes = randomBytes(sizeMax + 1);
        await using fits = await small.stage(author.tenant, bytes.subarray(1));
        assert.equal(fits.size, sizeMax);
        await assert.rejects(small.stage(author.tenant, bytes), { code: "payload_too_large" });
        let isGivenUp = false;
        const endless = async function* (): AsyncGenerator<Uint8Array> {
          try {
            for (;;) yield randomBytes(100_000);
          } finally {
            isGivenUp = true;
          }
        };
        await assert.rejects(small.stage(author.tenant, endless()), { code: "payload_too_large" });
        assert.ok(isGivenUp);
      }
      assert.deepEqual(await namesOf(blobs), before);
    });

    it("leaves nothing of a source that fails", async () => {
      const before = await namesOf(blobs);
      const failing = async function* (): AsyncGenerator<Uint8Array> {
        yield randomBytes(3 * MIB);
        throw new RangeError("The other side went away");
      };
      await assert.rejects(contents.stage(author.tenant, failing()), RangeError);
      assert.deepEqual(await namesOf(blobs), before);
    });

    it("leaves no file that nothing refers to, and that of a content that is in use", async () => {
      const before = await namesOf(blobs);
      for (const source of [randomBytes(2 * MIB), pieces(randomBytes(2 * MIB), MIB)]) {
        await using _unwanted = await contents.stage(author.tenant, source);
      }
      for (const source of [randomBytes(2 * MIB), pieces(randomBytes(2 * MIB), MIB)]) {
        await using staged = await contents.stage(author.tenant, source);
        const { place } = await staged.bring();
        assert.ok(place.in === "file" && contents.isInHand(place.name));
        assert.deepEqual((await staged.bring()).place, place);
      }
      assert.deepEqual(await namesOf(blobs), before);
      const kept = await keep(randomBytes(2 * MIB));
      assert.equal(kept.place.in === "file" && contents.isInHand(kept.place.name), false);
      assert.equal((await namesOf(blobs)).length, before.length + 1);
    });
  });

  describe("open()", () => {
    it("reads any range, and no chunk that it does not touch", async () => {
      const bytes = Buffer.concat([text(MIB), randomBytes(MIB), text(MIB), randomBytes(10)]);
      const content = await keep(bytes);
      const cases: readonly (readonly [from: number, to: number, chunks: number])[] = [
        [0, 0, 0],
        [0, 1, 1],
        [5, 10, 1],
        [MIB - 1, MIB, 1],
        [MIB - 1, MIB + 1, 2],
        [MIB, 2 * MIB, 1],
        [3 * MIB, 3 * MIB + 10, 1],
        [3 * MIB + 9, 3 * MIB + 10, 1],
        [3 * MIB - 1, 3 * MIB + 10, 2],
        [0, 3 * MIB + 10, 4],
        [3 * MIB + 10, 3 * MIB + 10, 0],
      ];
      for (const [from, to, chunks] of cases) {
        const counted = counting(blobs);
        assert.deepEqual(await read(content, from, to, counted.blobs), bytes.subarray(from, to), `${from} to ${to}`);
        assert.equal(counted.reads(), chunks, `${from} to ${to}`);
      }
    });

    it("reads a few bytes near the end of a large content by one read", async () => {
      const content = await keep(repeated(text(MIB), 100));
      assert.equal(content.size, 100 * MIB);
      const counted = counting(blobs);
      const last = await read(content, 99 * MIB + 7, 99 * MIB + 107, counted.blobs);
      assert.deepEqual(last, text(MIB).subarray(7, 107));
      assert.equal(counted.reads(), 1);
    });

    it("gives out nothing of a chunk that is damaged", async () => {
      const bytes = Buffer.concat([text(MIB), randomBytes(MIB), text(MIB)]);
      for (const [number, chunk] of [0, 1, 2].entries()) {
        const content = await keep(Buffer.concat([bytes, Buffer.from([number])]));
        const file = fileOf(content);
        const stored = readFileSync(file);
        const start = content.chunks.slice(0, chunk).reduce((sum, { storedSize }) => sum + storedSize, 0);
        for (const at of [start, start + 1_000, start + (content.chunks[chunk]?.storedSize ?? 0) - 1]) {
          const flipped = Buffer.from(stored);
          flipped[at] = (stored[at] ?? 0) ^ 1;
          writeFileSync(file, flipped);
          const given: Uint8Array[] = [];
          const reading = async (): Promise<void> => {
            for await (const piece of await contents.open(author.tenant, content)) given.push(piece);
          };
          await assert.rejects(reading(), { code: "content_damaged" });
          assert.deepEqual(Buffer.concat(given), bytes.subarray(0, chunk * MIB), `byte ${at}`);
        }
        // The others are still what they were.
        const other = chunk === 0 ? 2 : 0;
        assert.deepEqual(
          await read(content, other * MIB, (other + 1) * MIB),
          bytes.subarray(other * MIB, (other + 1) * MIB),
        );
      }
    });

    it("tells a file that was cut off, or put together from others", async () => {
      const content = await keep(randomBytes(2 * MIB));
      truncateSync(fileOf(content), 2 * MIB - 1);
      assert.equal((await read(content, 0, MIB)).length, MIB);
      await assert.rejects(read(content), { code: "content_damaged" });
      truncateSync(fileOf(content), 0);
      await assert.rejects(read(content, 0, 2), { code: "content_damaged" });
      const [one, two] = [await keep(text(2 * MIB)), await keep(text(2 * MIB, 1))];
      writeFileSync(fileOf(one), readFileSync(fileOf(two)));
      await assert.rejects(read(one), { code: "content_damaged" });
    });

    it("tells a file that expands to more than there was", async () => {
      const content = await keep(repeated(text(MIB), 2));
      const bomb = zstdCompressSync(Buffer.alloc(64 * MIB));
      const [first] = content.chunks;
      const stored = Buffer.alloc(first?.storedSize ?? 0);
      bomb.copy(stored);
      writeFileSync(fileOf(content), stored);
      await assert.rejects(read(content, 0, 2), { code: "content_damaged" });
    });

    it("tells a file that is gone", async () => {
      const content = await keep(randomBytes(2 * MIB));
      rmSync(fileOf(content));
      await assert.rejects(contents.open(author.tenant, content), { code: "content_damaged" });
    });

    it("lets go of its file when it was read, given up, or never begun", async () => {
      const content = await keep(randomBytes(3 * MIB));
      for (const pieces of [0, 1, 2, 3, 4]) {
        const counted = counting(blobs);
        const own = new Contents({ store: author.store, blobs: counted.blobs }, SETTINGS);
        const opened = await own.open(author.tenant, content);
        if (pieces > 0) await begin(opened, pieces);
        await opened[Symbol.asyncDispose]();
        assert.equal(counted.open(), 0, `after ${pieces} pieces`);
        if (pieces > 0) assert.throws(() => opened[Symbol.asyncIterator](), { code: "internal" });
      }
    });
  });

  it("come and go through memory that does not grow with them", async () => {
    const piece = randomBytes(MIB);
    const base = process.memoryUsage.rss();
    let most = 0;
    const watched = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const one of source) {
        most = Math.max(most, process.memoryUsage.rss() - base);
        yield one;
      }
    };
    const source = async function* (): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 256; i++) {
        piece.writeUInt32LE(i);
        yield piece;
      }
    };
    const content = await keep(watched(source()));
    let size = 0;
    for await (const { length } of watched(await contents.open(author.tenant, content))) size += length;
    assert.equal(size, 256 * MIB);
    assert.ok(most < 100 * MIB, `${most} bytes more`);
  });
});

/** Text of which no part repeats exactly, and which compresses well. */
function text(size: number, seed = 0): Buffer {
  let state = seed + 1;
  const words: string[] = [];
  for (let length = 0; length <= size; length += (words.at(-1)?.length ?? 0) + 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    words.push(`word-${state >>> 22}`);
  }
  return Buffer.from(words.join(" ")).subarray(0, size);
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Reads so many pieces, where there are so many. */
async function begin(bytes: AsyncIterable<Uint8Array>, count: number): Promise<void> {
  let read = 0;
  for await (const _ of bytes) if (++read === count) break;
}

async function* repeated(bytes: Uint8Array, times: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < times; i++) yield bytes;
}

async function namesOf(blobs: BlobStore): Promise<readonly string[]> {
  return (await Array.fromAsync(blobs.list())).map(({ name }) => name).sort();
}

/** The same files, with a count of the reads, and of the readers that are open. */
function counting(blobs: BlobStore): { readonly blobs: BlobStore; reads(): number; open(): number } {
  let [reads, open] = [0, 0];
  const counted: BlobStore = {
    create: () => blobs.create(),
    delete: (names) => blobs.delete(names),
    list: () => blobs.list(),
    open: async (name) => {
      const reader = await blobs.open(name);
      if (reader === undefined) return undefined;
      open += 1;
      let isOpen = true;
      return {
        read: (offset, length) => {
          reads += 1;
          return reader.read(offset, length);
        },
        [Symbol.asyncDispose]: async () => {
          if (isOpen) open -= 1;
          isOpen = false;
          await reader[Symbol.asyncDispose]();
        },
      };
    },
  };
  return { blobs: counted, reads: () => reads, open: () => open };
}
