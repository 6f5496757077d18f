import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";

/** What a process holds, in bytes. */
export interface Held {
  /** All that is in memory, as it is usually told. */
  readonly resident: number;
  /** Of that, what it shares with no other process, more or less. */
  readonly own: number;
}

export const HOLDS_NOTHING: Held = { resident: 0, own: 0 };

const PAGE_BYTES = 4_096;

/** Reads again and again what a process holds, at a system call each time. Linux only; elsewhere it holds nothing. */
export class ProcessMemory {
  readonly #pid: number;
  readonly #buffer = Buffer.alloc(128);
  #fd: number | undefined;

  constructor(pid: number) {
    this.#pid = pid;
    try {
      this.#fd = openSync(`/proc/${pid}/statm`, "r");
    } catch {
      this.#fd = undefined;
    }
  }

  /** @param withOthers  counts what it has started as well, which takes longer */
  read(withOthers: boolean): Held {
    const held = this.#readOwn();
    if (!withOthers) return held;
    // What they all map is counted for the first alone.
    const others = descendantsOf(this.#pid).reduce((sum, pid) => sum + ownOf(pid), 0);
    return { resident: held.resident + others, own: held.own + others };
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #readOwn(): Held {
    if (this.#fd === undefined) return HOLDS_NOTHING;
    try {
      const read = readSync(this.#fd, this.#buffer, 0, this.#buffer.byteLength, 0);
      return heldIn(this.#buffer.toString("latin1", 0, read));
    } catch {
      // It has ended.
      return HOLDS_NOTHING;
    }
  }
}

/** The processes that a process has started, and those that they have, as far as they are there. Linux only. */
export function descendantsOf(pid: number): readonly number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
    return children.flatMap((child) => [child, ...descendantsOf(child)]);
  } catch {
    return [];
  }
}

function ownOf(pid: number): number {
  try {
    return heldIn(readFileSync(`/proc/${pid}/statm`, "latin1")).own;
  } catch {
    return 0;
  }
}

function heldIn(statm: string): Held {
  const [, resident = 0, shared = 0] = statm.split(" ").map(Number);
  return { resident: resident * PAGE_BYTES, own: (resident - shared) * PAGE_BYTES };
}
