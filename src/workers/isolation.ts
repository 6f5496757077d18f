import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Allowance } from "./grants.ts";
import { probeSandbox, type Sandbox, type SandboxLevel } from "./sandbox.ts";

/** In what apps run here: how they are kept apart, what they may be given, and where they write. */
export interface Isolation {
  readonly sandbox: Sandbox;
  readonly allowance: Allowance;
  /** Makes a directory for a worker, which removes it when it ends. */
  readonly scratch: () => string;
  /** Removes what is left of those directories. All workers have to be dead. */
  readonly close: () => Promise<void>;
}

export interface IsolationOptions extends Allowance {
  /** Default: the most that works on this machine. */
  readonly sandbox?: "auto" | SandboxLevel;
  /** Below which workers get their directories: the system's for temporary files, say. */
  readonly directory: string;
}

const PREFIX = "sojourn-workers-";

/** Looks what works on this machine, and makes a directory for what apps write, which goes with this process. */
export function openIsolation({ sandbox: wanted, directory, ...allowance }: IsolationOptions): Isolation {
  mkdirSync(directory, { recursive: true });
  removeLeftovers(directory);
  const own = mkdtempSync(join(directory, `${PREFIX}${process.pid}-`));
  return {
    sandbox: probeSandbox(wanted),
    allowance,
    scratch: () => mkdtempSync(join(own, "worker-")),
    close: () => rm(own, { recursive: true, force: true }),
  };
}

/** What processes left behind that were killed. */
function removeLeftovers(directory: string): void {
  for (const name of readdirSync(directory)) {
    const pid = Number(/^sojourn-workers-(\d+)-/.exec(name)?.[1] ?? Number.NaN);
    if (Number.isInteger(pid) && !isAlive(pid)) rmSync(join(directory, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's is alive, too.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
