import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { byteStream } from "./byte-stream.ts";

/** A download of these pieces that tells what becomes of it. */
class Pieces implements AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly bytes?: number;
  read = 0;
  isDisposed = false;
  readonly #pieces: readonly (string | Error)[];

  constructor(pieces: readonly (string | Error)[], bytes?: number) {
    this.#pieces = pieces;
    if (bytes !== undefined) this.bytes = bytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (const piece of this.#pieces) {
      this.read += 1;
      if (piece instanceof Error) throw piece;
      yield Buffer.from(piece);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true;
  }
}

async function begin(pieces: Pieces, stalledMs = 60_000) {
  const broken = Promise.withResolvers<unknown>();
  const stream = await byteStream(pieces, { patienceMs: () => stalledMs, onBroken: broken.resolve });
  return { stream, broken: broken.promise };
}

describe("byteStream()", () => {
  it("gives out the bytes as they are asked for, one piece ahead, and then disposes of their source", async () => {
    const pieces = new Pieces(["a", "b", "c"], 3);
    const { stream } = await begin(pieces);
    const reader = stream.getReader();
    assert.equal(pieces.read, 1);
    assert.equal(`${Buffer.from((await reader.read()).value ?? [])}`, "a");
    assert.equal(pieces.read, 1);
    assert.equal(`${Buffer.from((await reader.read()).value ?? [])}`, "b");
    assert.equal(pieces.read, 2);
    await reader.read();
    assert.equal((await reader.read()).done, true);
    assert.ok(pieces.isDisposed);
  });

  it("gives out nothing of a source without bytes", async () => {
    const pieces = new Pieces([], 0);
    const { stream } = await begin(pieces);
    assert.deepEqual(await Array.fromAsync(stream), []);
    assert.ok(pieces.isDisposed);
  });

  it("throws what the first bytes fail with", async () => {
    const pieces = new Pieces([new Error("damaged"), "a"], 1);
    await assert.rejects(begin(pieces), { message: "damaged" });
    assert.ok(pieces.isDisposed);
  });

  for (const [what, pieces, bytes] of [
    ["fails later", ["a", new Error("damaged")], 2],
    ["is too short", ["a"], 2],
    ["is too long", ["a", "bc"], 2],
  ] as const) {
    it(`does not end where a source ${what}, and says so`, async () => {
      const source = new Pieces(pieces, bytes);
      const { stream, broken } = await begin(source);
      const reader = stream.getReader();
      await reader.read();
      const rest = reader.read();
      assert.ok((await broken) instanceof Error);
      await reader.cancel();
      assert.equal((await rest).done, true);
      assert.ok(source.isDisposed);
    });
  }

  it("disposes of its source when it is given up", async () => {
    const pieces = new Pieces(["a", "b"], 2);
    const { stream } = await begin(pieces);
    await stream.cancel();
    assert.ok(pieces.isDisposed);
  });

  it("says so when what it gave out is not taken in time", async () => {
    const pieces = new Pieces(["a", "b"], 2);
    const { stream, broken } = await begin(pieces, 10);
    await stream.getReader().read();
    assert.equal(((await broken) as { code?: string }).code, "request_timeout");
    await stream.cancel().catch(() => {});
  });
});
