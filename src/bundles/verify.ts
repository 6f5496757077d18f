import type { Digest } from "../engine/digest.ts";
import { type BundleFault, damageOf } from "./damaged.ts";
import type { BundleManifest } from "./manifest.ts";
import { readBundle } from "./read.ts";

/** What `verifyBundle` found. */
export type BundleVerdict =
  | { readonly ok: true; readonly manifest: BundleManifest }
  | {
      readonly ok: false;
      /** As it claims to be, where that much can be read. */
      readonly manifest?: BundleManifest;
      readonly fault: BundleFault;
      /** The first operation that is not what it should be. */
      readonly firstBadSeq?: number;
      /** What is wrong, for people. */
      readonly message: string;
    };

/**
 * Checks a bundle by itself, without any store: that all of it is there and as it was written, every link of the chain from
 * the first operation of `root` on, every payload and content against its digest, that Sojourn would have written such a
 * log, and that the manifest says what the bundle holds.
 *
 * A bundle that somebody made anew, hashes and all, it finds only against a hash that was kept elsewhere.
 *
 * @param head    a `head_hash` of the session, of any earlier time
 * @param digest  BLAKE3
 * @throws {SojournError} `store_newer` for a bundle of a newer release; what the source throws, and the signal's reason
 */
export async function verifyBundle(
  source: AsyncIterable<Uint8Array>,
  options: { readonly digest: Digest; readonly head?: string; readonly signal?: AbortSignal },
): Promise<BundleVerdict> {
  let claimed: BundleManifest | undefined;
  const visitor = {
    manifest: (manifest: BundleManifest): void => {
      claimed = manifest;
    },
  };
  try {
    return { ok: true, manifest: await readBundle(source, visitor, options) };
  } catch (error) {
    const damage = damageOf(error);
    if (damage === undefined) throw error;
    const { message } = error as Error;
    return {
      ok: false,
      ...(claimed === undefined ? {} : { manifest: claimed }),
      fault: damage.fault,
      ...(damage.seq === undefined ? {} : { firstBadSeq: damage.seq }),
      message,
    };
  }
}
