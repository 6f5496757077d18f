import { type ChildProcess, spawn } from "node:child_process";
import { type Duplex, PassThrough } from "node:stream";
import type { Launch } from "./launch.ts";
import { descendantsOf } from "./process-memory.ts";

/** How long a stream that floods is not read. */
const FLOOD_PAUSE_MS = 50;

/** How a process ended: a signal, an exit code, or why it did not start. */
export interface Exit {
  readonly how: string;
}

interface ProcessListeners {
  /** What it, or what it has started, wrote to its streams. Returns whether that is too much by now. */
  readonly onPrinted: (stream: "stdout" | "stderr", text: string) => boolean;
  readonly onExit: (exit: Exit) => void;
}

/** The process of a worker, with all that it starts: one group, which ends as one. */
export class WorkerProcess {
  readonly pipe: Duplex;
  readonly #child: ChildProcess;
  readonly #isNested: boolean;
  #hasExited = false;

  /** @param isNested  whether what it starts is not Node itself, but what Node runs in */
  constructor(
    launch: Launch,
    { directory, isNested, onPrinted, onExit }: { directory: string; isNested: boolean } & ProcessListeners,
  ) {
    this.#isNested = isNested;
    this.#child = spawn(launch.command, launch.args, {
      cwd: directory,
      env: launch.environment,
      stdio: ["ignore", "pipe", "pipe", "pipe", ...(launch.isGuarded ? (["pipe"] as const) : [])],
      detached: true,
    });
    // NOTE: descriptor 3 is a pipe, which `spawn` makes a socket, in both directions. Where this process has no descriptors
    // left, there is not even a list; `error` comes then.
    const streams: readonly unknown[] | undefined = this.#child.stdio;
    this.pipe = (streams?.[3] as Duplex | undefined) ?? new PassThrough().destroy();
    for (const name of ["stdout", "stderr"] as const) {
      const stream = this.#child[name];
      stream?.on("error", () => {});
      stream?.on("data", (chunk: Buffer) => {
        const text = chunk.toString();
        if (!onPrinted(name, text)) return;
        stream.pause();
        setTimeout(() => stream.resume(), FLOOD_PAUSE_MS).unref();
      });
    }
    if (launch.isGuarded) (streams?.[4] as Duplex | undefined)?.on("error", () => {});
    const exited = (how: string): void => {
      if (this.#hasExited) return;
      this.#hasExited = true;
      // Whatever it has started goes with it.
      this.#signalGroup();
      onExit({ how });
    };
    this.#child.on("error", (error) => exited(`could not be started: ${error.message}`));
    this.#child.on("exit", (code, signal) => exited(howOf(code, signal)));
  }

  /** `undefined` where it was not started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The process that runs the app, as this machine numbers it. */
  get innerPid(): number | undefined {
    if (!this.#isNested || this.pid === undefined) return this.pid;
    // The first is the other half of bubblewrap.
    return descendantsOf(this.pid)[1] ?? this.pid;
  }

  /** Asks the app's process to end. */
  terminate(): void {
    const pid = this.innerPid;
    if (pid === undefined || this.#hasExited || (this.#isNested && pid === this.pid)) return;
    try {
      process.kill(pid, "SIGTERM");
    } catch {
      // It has ended.
    }
  }

  /** Ends it, and all that it has started. */
  kill(): void {
    if (!this.#hasExited) this.#signalGroup();
  }

  /** Lets go of its streams; what holds them open may outlive it. */
  close(): void {
    for (const stream of (this.#child.stdio as ChildProcess["stdio"] | undefined) ?? []) stream?.destroy();
  }

  #signalGroup(): void {
    if (this.pid === undefined) return;
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      // There is nobody left.
    }
  }
}

/** By which a shell, and bubblewrap, tell of a signal. */
const SIGNALED = 128;

const SIGNAL_NAMES: Readonly<Record<number, string>> = {
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  15: "SIGTERM",
};

function howOf(code: number | null, signal: NodeJS.Signals | null): string {
  const name = signal ?? SIGNAL_NAMES[(code ?? 0) - SIGNALED];
  return name === undefined ? `exited with code ${code}` : `was killed by ${name}`;
}
