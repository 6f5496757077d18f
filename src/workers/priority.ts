import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";

/** How far a worker steps back that computes for long, or is started ahead. */
const LOW = 10;

const NORMAL = 0;

/** Clock ticks of /proc. */
const TICKS_PER_SECOND = 100;

/**
 * Lets other processes go first, or no longer. A worker has a session of its own, and Linux shares its processors among
 * sessions before it looks at how nice each process of them is: where it does so, the session is what has to be nice. That
 * may also be taken back by anybody, while only root makes a process less nice again.
 *
 * @returns whether it worked; sessions can be changed every tenth of a second, all together
 */
export function stepBack(pid: number, isBack: boolean): boolean {
  const nice = isBack ? LOW : NORMAL;
  try {
    if (existsSync(`/proc/${pid}/autogroup`)) writeFileSync(`/proc/${pid}/autogroup`, String(nice));
    else setPriority(pid, nice);
    return true;
  } catch {
    return false;
  }
}

/** How long all threads of a process have computed, in milliseconds; `undefined` where nobody tells. */
export function computedMs(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name of the process, in brackets, may hold anything.
    const [user, system] = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 13)
      .map(Number);
    return (((user ?? 0) + (system ?? 0)) * 1_000) / TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}
