import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { constants, createZstdCompress, zstdCompressSync } from "node:zlib";
import { compressed, decompressed } from "./zstd.ts";

async function* streamOf(...pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

async function unpacked(...pieces: readonly Buffer[]): Promise<string> {
  const bytes = decompressed(streamOf(...pieces), (why) => new Error(`refused: ${why}`));
  return Buffer.concat(await Array.fromAsync(bytes)).toString();
}

describe("decompressed()", () => {
  const packed = zstdCompressSync(Buffer.from("some text"));

  it("gives back what was compressed", async () => {
    const bytes = Buffer.alloc(300_000, "text");
    const stored = Buffer.concat(await Array.fromAsync(compressed(streamOf(bytes))));
    assert.ok(stored.length < 1_000);
    assert.equal(await unpacked(stored), bytes.toString());
  });

  it("refuses too little, too much, and something else", async () => {
    await assert.rejects(unpacked(packed.subarray(0, -1)), /refused: unexpected end/);
    await assert.rejects(unpacked(), /refused: unexpected end/);
    await assert.rejects(unpacked(Buffer.concat([packed, Buffer.from("more")])), /refused: 4 bytes follow its end/);
    await assert.rejects(unpacked(packed, Buffer.from("more")), /refused: 4 bytes follow its end/);
    await assert.rejects(unpacked(Buffer.from("something else")), /refused: Unknown frame/);
  });

  it("refuses what would need a large window", async () => {
    const params = { [constants.ZSTD_c_windowLog]: 27 };
    const large = zstdCompressSync(Buffer.alloc(1), { params });
    assert.equal(await unpacked(large), "\0", "a small content needs none");
    const stored: Buffer[] = [];
    const stream = createZstdCompress({ params });
    stream.on("data", (piece: Buffer) => stored.push(piece));
    for (let i = 0; i < 32; i++) stream.write(Buffer.alloc(1_048_576, i));
    stream.end();
    await new Promise((resolve) => stream.once("end", resolve));
    await assert.rejects(unpacked(...stored), /refused: .*(too much memory|[Ww]indow)/);
  });

  it("lets errors of the source pass, and ends the source where nobody reads on", async () => {
    const broken = (async function* (): AsyncGenerator<Buffer> {
      yield packed.subarray(0, 5);
      throw new Error("the disk");
    })();
    await assert.rejects(Array.fromAsync(decompressed(broken, assert.fail)), /the disk/);
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const endless = (async function* (): AsyncGenerator<Buffer> {
      try {
        for (;;) yield Buffer.alloc(65_536);
      } finally {
        resolve();
      }
    })();
    for await (const _ of compressed(endless)) break;
    await ended;
  });
});
