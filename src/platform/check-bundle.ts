import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { type BundleVerdict, verifyBundle } from "../bundles/verify.ts";
import { given } from "../engine/given.ts";
import { blake3 } from "./ports.ts";

export type { BundleVerdict };

/** What a file is held against, and who is told how far its reading is. */
export interface CheckOptions {
  /** A `headHash` of the session, of any time, that was kept elsewhere. */
  readonly head?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** In bytes of the file. */
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
}

/**
 * Checks the export of a session by itself, without a server and without a store: that it is whole, that its log was not
 * changed, and that it holds what its log says.
 *
 * @throws {SojournError} `store_newer` for one of a newer release; what reading the file throws, and the signal's reason
 */
export async function checkBundle(
  path: string,
  { head, signal, onProgress }: CheckOptions = {},
): Promise<BundleVerdict> {
  const { size: total } = await stat(path);
  const read = async function* (): AsyncGenerator<Uint8Array> {
    let done = 0;
    // NOTE: without an encoding the pieces are buffers.
    for await (const piece of createReadStream(path, { highWaterMark: 1_048_576 }) as AsyncIterable<Buffer>) {
      done += piece.length;
      onProgress?.({ done, total });
      yield piece;
    }
  };
  return await verifyBundle(read(), { digest: blake3, ...given("head", head), ...given("signal", signal) });
}
