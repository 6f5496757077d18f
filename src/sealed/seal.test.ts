import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SEAL_BYTES, sealed, Unsealed } from "./seal.ts";

async function* piecesOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Buffer, size: number) {
  const file = new Unsealed(piecesOf(bytes, size));
  const content = Buffer.concat(await Array.fromAsync(file));
  return { content: content.toString(), isWhole: file.isWhole, size: file.size };
}

describe("Unsealed", () => {
  it("gives the bytes without the last line, which holds for all of them, however they come", async () => {
    for (const text of ["", "a", "x".repeat(64), "y".repeat(1_000)]) {
      const whole = Buffer.concat(await Array.fromAsync(sealed(piecesOf(Buffer.from(text), 100))));
      assert.equal(whole.length, text.length + SEAL_BYTES);
      for (const size of [1, 64, 65, 66, 2_000]) {
        assert.deepEqual(await read(whole, size), { content: text, isWhole: true, size: whole.length });
      }
    }
  });

  it("knows what is not whole", async () => {
    const whole = Buffer.concat(await Array.fromAsync(sealed(piecesOf(Buffer.from("text"), 100))));
    for (const bytes of [whole.subarray(0, -1), whole.subarray(1), Buffer.concat([whole, whole]), Buffer.alloc(0)]) {
      assert.equal((await read(bytes, 7)).isWhole, false);
    }
  });
});
