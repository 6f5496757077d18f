import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";

/** What a worker may have on disk, all together. */
export interface ScratchLimits {
  readonly bytes: number;
  /** Files and directories; this also bounds how long it takes to look. */
  readonly entries: number;
}

export const SCRATCH_LIMITS: ScratchLimits = { bytes: 1_073_741_824, entries: 50_000 };

/** A directory is looked at again after this time, and after so many times as long as looking took. */
const AGAIN_MS = 900;
const AGAIN_TIMES = 10;

const BLOCK_BYTES = 512;

/** Watches how much is in the directory of a worker. */
export class Scratch {
  readonly #directory: string;
  readonly #limits: ScratchLimits;
  readonly #onTooMuch: (what: string) => void;
  #dueAtMs = 0;

  /** @param onTooMuch  gets what is too much, in words that follow "it wrote" */
  constructor(directory: string, onTooMuch: (what: string) => void, limits: ScratchLimits = SCRATCH_LIMITS) {
    this.#directory = directory;
    this.#limits = limits;
    this.#onTooMuch = onTooMuch;
  }

  /** Looks, where that is due. */
  look(): void {
    const startedMs = performance.now();
    if (startedMs < this.#dueAtMs) return;
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    this.#excess().then(
      (excess) => {
        const nowMs = performance.now();
        this.#dueAtMs = nowMs + Math.max(AGAIN_MS, (nowMs - startedMs) * AGAIN_TIMES);
        if (excess !== undefined) this.#onTooMuch(excess);
      },
      () => {
        // It has gone, or is changing; it is looked at again.
        this.#dueAtMs = performance.now() + AGAIN_MS;
      },
    );
  }

  async #excess(): Promise<string | undefined> {
    const { bytes: bytesMax, entries: entriesMax } = this.#limits;
    const directories = [this.#directory];
    let bytes = 0;
    let entries = 0;
    for (let at = directories.pop(); at !== undefined; at = directories.pop()) {
      const directory = await opendir(at).catch(() => undefined);
      for await (const entry of directory ?? []) {
        entries++;
        const path = join(at, entry.name);
        if (entry.isDirectory()) directories.push(path);
        else bytes += ((await lstat(path).catch(() => undefined))?.blocks ?? 0) * BLOCK_BYTES;
        if (bytes > bytesMax) return `more than ${bytesMax} bytes, which is what it may have on disk`;
        if (entries > entriesMax) return `more than ${entriesMax} files, which is what it may have on disk`;
      }
    }
    return undefined;
  }
}
