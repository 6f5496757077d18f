import { fileURLToPath } from "node:url";
import type { Grants } from "./grants.ts";
import type { Sandbox } from "./sandbox.ts";

/** How a worker's process is started. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Whether a shell beside it reads descriptor 4, and ends it once that is closed. */
  readonly isGuarded: boolean;
}

/** Open files, and the size of each file that a worker writes, in blocks of 512 bytes: 1 GiB. */
const FILES_MAX = 1_024;
const FILE_BLOCKS_MAX = 2_097_152;

/** Of what a worker may hold, so much is not for its heap. */
const BESIDE_HEAP_MIB = 48;

const ENDING = import.meta.url.endsWith(".ts") ? "ts" : "js";
const RUNTIME = fileURLToPath(new URL(`./runtime/main.${ENDING}`, import.meta.url));
const SIGNALS = fileURLToPath(new URL(`./runtime/signals.${ENDING}`, import.meta.url));

/**
 * The command of a worker: a shell that sets limits and makes way for what follows; then, where the machine has them,
 * `setpriv`, so that the kernel ends the worker with the server, and bubblewrap; then Node with its permission model.
 *
 * @param scratch  the only directory that it may write to
 */
export function launchOf(grants: Grants, sandbox: Sandbox, scratch: string): Launch {
  // The kernel's signal ends the worker itself, and not what it has started.
  const isGuarded = !sandbox.hasSetpriv || (grants.childProcesses && sandbox.level === "process");
  const command = [
    ...(sandbox.hasSetpriv ? ["setpriv", "--no-new-privs", "--pdeathsig", "KILL", "--"] : []),
    ...(sandbox.level === "bubblewrap" ? bubblewrap(grants, sandbox, scratch) : []),
    process.execPath,
    ...nodeFlags(grants, scratch),
    RUNTIME,
  ];
  return {
    command: "/bin/sh",
    args: [
      "-c",
      isGuarded ? `${GUARD}\n${LIMITS}\nexec "$@" 4<&-` : `${LIMITS}\nexec "$@"`,
      "sojourn-worker",
      ...command,
    ],
    environment: { ...grants.environment, HOME: scratch, TMPDIR: scratch },
    isGuarded,
  };
}

// The kernel is to take a worker before it takes the server.
const LIMITS = `ulimit -c 0; ulimit -n ${FILES_MAX} 2>/dev/null; ulimit -f ${FILE_BLOCKS_MAX} 2>/dev/null
{ echo 500 > /proc/self/oom_score_adj; } 2>/dev/null`;

// Ends the whole group, itself too, once the server has closed its end, or is gone.
const GUARD = "(exec 3>&- >/dev/null 2>&1; read _ <&4; kill -KILL -$$) &";

function nodeFlags(grants: Grants, scratch: string): readonly string[] {
  const { addons, childProcesses, threads, network, wasi, memoryMiB } = grants;
  const allowed: readonly (readonly [boolean, string])[] = [
    [addons, "--allow-addons"],
    [childProcesses, "--allow-child-process"],
    [threads, "--allow-worker"],
    [wasi, "--allow-wasi"],
    [network, "--allow-net"],
  ];
  return [
    "--permission",
    ...allowed.flatMap(([is, flag]) => (is && process.allowedNodeEnvironmentFlags.has(flag) ? [flag] : [])),
    // Node takes away what was granted above a path that came before it: parents first.
    ...[...grants.read, scratch].sort((a, b) => a.length - b.length).map((path) => `--allow-fs-read=${path}`),
    `--allow-fs-write=${scratch}`,
    // What guards signals has to be in each thread.
    ...(threads ? [`--require=${SIGNALS}`] : []),
    `--max-old-space-size=${Math.max(32, memoryMiB - BESIDE_HEAP_MIB)}`,
    "--disable-warning=SecurityWarning",
    "--disable-warning=ExperimentalWarning",
  ];
}

/** Of the machine's own; each where it is there. */
const SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt"];
const SYSTEM_SETTINGS = [
  "/etc/ld.so.cache",
  "/etc/ld.so.conf",
  "/etc/ld.so.conf.d",
  "/etc/alternatives",
  "/etc/fonts",
  "/etc/localtime",
];
const NETWORK_SETTINGS = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl", "/etc/ca-certificates"];

function bubblewrap({ read, network }: Grants, { hasUsers }: Sandbox, scratch: string): readonly string[] {
  const settings = network ? [...SYSTEM_SETTINGS, ...NETWORK_SETTINGS] : SYSTEM_SETTINGS;
  return [
    "bwrap",
    "--die-with-parent",
    "--new-session",
    // Where the server is root's, bubblewrap would leave the worker all that root may, as to make writable what is bound here.
    ...["--cap-drop", "ALL"],
    ...(hasUsers === true ? ["--unshare-user"] : []),
    ...["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
    ...(network ? [] : ["--unshare-net"]),
    ...["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"],
    ...[...SYSTEM, ...settings, process.execPath, ...read].flatMap((path) => ["--ro-bind-try", path, path]),
    ...["--bind", scratch, scratch, "--chdir", scratch],
    "--",
  ];
}
