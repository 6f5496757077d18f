import type { BlobStore } from "../engine/blob-store.ts";
import { type Clock, SECOND } from "../engine/clock.ts";
import type { Store } from "../engine/store.ts";
import type { Contents } from "./contents.ts";

/** How long a file may wait for the commit that refers to it. */
const GRACE_US = 3_600 * SECOND;

/** How many files are looked at at a time. */
const FILES = 500;

interface Ports {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly clock: Clock;
}

/** Removes the files that no content is kept in. */
export class Collector {
  readonly #ports: Ports;
  readonly #contents: Pick<Contents, "isInHand">;

  constructor(ports: Ports, contents: Pick<Contents, "isInHand">) {
    this.#ports = ports;
    this.#contents = contents;
  }

  /** Removes what was abandoned, and what was never referred to within the grace; returns how many files. */
  async collect(): Promise<number> {
    return (await this.removeAbandoned()) + (await this.#removeStrays());
  }

  /** Removes the files of contents that went; a name is struck off once its file is gone. */
  async removeAbandoned(): Promise<number> {
    const { store, blobs, clock } = this.#ports;
    for (let count = 0; ; ) {
      const removed = await store.abandoned(FILES);
      if (removed.length === 0) return count;
      await blobs.delete(removed);
      await store.commit({ now: clock.now(), parts: [], removed });
      count += removed.length;
    }
  }

  async #removeStrays(): Promise<number> {
    const { blobs, clock } = this.#ports;
    let count = 0;
    let old: string[] = [];
    for await (const { name, writtenAtUs } of blobs.list()) {
      if (clock.now() - writtenAtUs <= GRACE_US || this.#contents.isInHand(name)) continue;
      old.push(name);
      if (old.length < FILES) continue;
      count += await this.#removeUnused(old);
      old = [];
    }
    return count + (await this.#removeUnused(old));
  }

  async #removeUnused(names: readonly string[]): Promise<number> {
    if (names.length === 0) return 0;
    const used = new Set(await this.#ports.store.inUse(names));
    const strays = names.filter((name) => !used.has(name));
    await this.#ports.blobs.delete(strays);
    return strays.length;
  }
}
