import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/**
 * How far apps are kept apart from the machine. `process`: a closed environment, limits, and Node's permission model,
 * which by its makers' own word is no boundary. `bubblewrap`: namespaces besides, in which there is nothing else.
 */
export const SANDBOX_LEVELS = ["process", "bubblewrap"] as const;

export type SandboxLevel = (typeof SANDBOX_LEVELS)[number];

/** What this machine has to keep apps apart with. */
export interface Sandbox {
  readonly level: SandboxLevel;
  /** Why not more; absent at the highest level. */
  readonly missing?: string;
  /** Whether `setpriv` can make the kernel end a worker with the server; otherwise a shell beside it does. */
  readonly hasSetpriv: boolean;
  /** Whether bubblewrap can give a worker users of its own, so that even one of root's is nobody outside. */
  readonly hasUsers?: true;
}

const PROBE_MS = 5_000;

/** Looks once what works here, by running it. `wanted: "process"` goes no further than that. */
export function probeSandbox(wanted: "auto" | SandboxLevel = "auto"): Sandbox {
  const sandbox = probed.get(wanted) ?? probe(wanted);
  probed.set(wanted, sandbox);
  return sandbox;
}

/** What was found, by what was wanted: a server asks for its health, and for its workers. */
const probed = new Map<"auto" | SandboxLevel, Sandbox>();

function probe(wanted: "auto" | SandboxLevel): Sandbox {
  const hasSetpriv = runs("setpriv", ["--no-new-privs", "--pdeathsig", "KILL", "true"]) === undefined;
  if (wanted === "process") return { level: "process", missing: "it is configured so", hasSetpriv };
  const missing = process.platform === "linux" ? bubblewrapFault() : "bubblewrap is for Linux";
  if (missing !== undefined) return { level: "process", missing, hasSetpriv };
  const hasUsers = bubblewrapFault(["--unshare-user"]) === undefined;
  return { level: "bubblewrap", hasSetpriv, ...(hasUsers ? { hasUsers } : {}) };
}

/** Whether a level is at least another. */
export function reaches(level: SandboxLevel, minimum: SandboxLevel): boolean {
  return SANDBOX_LEVELS.indexOf(level) >= SANDBOX_LEVELS.indexOf(minimum);
}

function bubblewrapFault(more: readonly string[] = []): string | undefined {
  const system = ["/usr", "/bin", "/lib", "/lib64"].filter((path) => existsSync(path));
  const binds = system.flatMap((path) => ["--ro-bind", path, path]);
  const apart = ["--unshare-pid", "--unshare-net", "--die-with-parent", "--cap-drop", "ALL", "--new-session"];
  return runs("bwrap", [...apart, ...more, ...binds, "--proc", "/proc", "--dev", "/dev", "true"]);
}

/** Why a command does not run, or `undefined` where it does. */
function runs(command: string, args: readonly string[]): string | undefined {
  const { error, status, stderr } = spawnSync(command, args, { timeout: PROBE_MS, encoding: "utf8", stdio: "pipe" });
  if (error !== undefined) {
    return "code" in error && error.code === "ENOENT" ? `${command} is not installed` : `${command}: ${error.message}`;
  }
  if (status === 0) return undefined;
  return `${command} does not work here: ${stderr.trim().split("\n").at(-1) ?? `exit code ${status}`}`;
}
