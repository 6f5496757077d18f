import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeFrame, FRAME_LIMITS, FrameReader } from "./frame.ts";

function reading(): { readonly reader: FrameReader; readonly read: (readonly [string, Uint8Array | undefined])[] } {
  const read: (readonly [string, Uint8Array | undefined])[] = [];
  return { reader: new FrameReader((text, body) => read.push([text, body])), read };
}

const FRAMES = [
  ["{}", undefined],
  ["", new Uint8Array([1, 2, 3])],
  ["äöü €\u{1f600}", undefined],
  ["x".repeat(70_000), new Uint8Array(100_000).fill(7)],
] as const;

describe("FrameReader", () => {
  it("finds frames in pieces of any size", () => {
    const all = Buffer.concat(FRAMES.map(([text, body]) => encodeFrame(text, body)));
    for (const size of [1, 7, 8, 9, 4_096, 65_536, all.byteLength]) {
      const { reader, read } = reading();
      for (let at = 0; at < all.byteLength; at += size) {
        assert.equal(reader.push(all.subarray(at, at + size)), undefined);
      }
      assert.deepEqual(read, FRAMES, `pieces of ${size}`);
    }
  });

  it("says what is too large, before it holds any of it", () => {
    const head = Buffer.alloc(8);
    head.writeUInt32LE(FRAME_LIMITS.textBytes + 1, 0);
    assert.equal(reading().reader.push(head), `a message of ${FRAME_LIMITS.textBytes + 1} bytes`);
    head.writeUInt32LE(0, 0);
    head.writeUInt32LE(FRAME_LIMITS.bodyBytes + 1, 4);
    assert.equal(reading().reader.push(head), `a body of ${FRAME_LIMITS.bodyBytes + 1} bytes`);
  });

  it("keeps no hold of the piece that a body came in", () => {
    const { reader, read } = reading();
    const frame = Buffer.from(encodeFrame("{}", new Uint8Array([1])));
    reader.push(frame);
    frame.fill(9);
    assert.deepEqual(read, [["{}", new Uint8Array([1])]]);
  });
});
