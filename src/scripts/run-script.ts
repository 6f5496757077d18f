import { readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, resolve } from "node:path";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { type Sojourn, SojournError } from "../client/index.ts";
import { CALLS } from "./calls.ts";
import { ScriptHost } from "./script-host.ts";
import { isWithin } from "./sizes.ts";
import {
  ACKNOWLEDGED,
  ANSWERED,
  type Answer,
  type Ended,
  FLAGS_BYTES,
  type FromThread,
  type Language,
  type ThreadOrder,
} from "./wire.ts";

/** Which script to run, and how. */
export interface ScriptOptions {
  /** A file in Lua (`.lua`) or TypeScript (`.ts`). It may take others from its folder, and from below. */
  readonly file: string;
  readonly args?: readonly string[] | undefined;
  /** The id of a session that it acts as, and that is its current one: it has a right to that session and to no other. */
  readonly session?: string | undefined;
  /** How long it may run, with what it waits for: 1 to 2,073,600,000, which is 24 days; default 300,000. */
  readonly timeoutMs?: number | undefined;
  /** How much memory its machine may take: 32 to 2,048; default 256. */
  readonly memoryMiB?: number | undefined;
  /** Directories below which its tool `file` may read; default none, and it is off. */
  readonly fileRoots?: readonly string[] | undefined;
  /** Hosts that its tool `http` may call, with their port where that is not the usual; default none, and it is off. */
  readonly httpHosts?: readonly string[] | undefined;
  /** Takes what it prints, in order; the script waits for a reader that is slow. */
  readonly print: (bytes: Uint8Array) => void | Promise<void>;
  /** Aborting it stops the script, whatever it does. */
  readonly signal?: AbortSignal | undefined;
}

/** How a script ended. What it did until then stays. */
export type ScriptOutcome =
  /** By itself; with a number other than 0 where it asked for that. */
  | { readonly status: "completed"; readonly exitCode: number }
  /** By an error, which has the script's own line. `lost` where the last it was told is that no call can go well. */
  | { readonly status: "failed"; readonly message: string; readonly lost?: SojournError | undefined }
  /** It was stopped. */
  | { readonly status: "stopped"; readonly why: "timeout" | "aborted" };

/** How long a script may run that is not given a time. */
export const TIMEOUT_MS = 300_000;

/** The longest time that it may be given: 24 days. A timer can't wait for 25. */
export const TIMEOUT_MAX_MS: number = 24 * 86_400_000;

/** How much memory it may take that is not given any. */
export const MEMORY_MIB = 256;

/** What may be given to it. */
export const MEMORY_MIN_MIB = 32;
export const MEMORY_MAX_MIB = 2_048;

const STACK_MIB = 16;

const LANGUAGES: Readonly<Record<string, Language>> = { ".lua": "lua", ".ts": "typescript" };

/**
 * Runs a script on sessions, in a thread and a sandbox of its own: of the machine it reaches nothing but what the options
 * give it.
 *
 * @throws {SojournError} `not_found` for a file that can't be read; `invalid` for one in another language, and for options
 *   that can't work; `session_not_found`
 */
export async function runScript(sojourn: Sojourn, options: ScriptOptions): Promise<ScriptOutcome> {
  const { args = [], session, timeoutMs = TIMEOUT_MS, memoryMiB = MEMORY_MIB, print, signal } = options;
  if (!Number.isInteger(memoryMiB) || memoryMiB < MEMORY_MIN_MIB || memoryMiB > MEMORY_MAX_MIB) {
    const message = `A script's memory must be ${MEMORY_MIN_MIB} to ${MEMORY_MAX_MIB} MiB`;
    throw new SojournError("invalid", { message });
  }
  if (!(timeoutMs >= 1 && timeoutMs <= TIMEOUT_MAX_MS)) {
    const message = `A script's time must be 1 to ${TIMEOUT_MAX_MS} milliseconds, which is 24 days`;
    throw new SojournError("invalid", { message });
  }
  const file = resolve(options.file);
  const language = LANGUAGES[extname(file)];
  if (language === undefined) {
    throw new SojournError("invalid", { message: `"${options.file}" is no script: its name must end in .lua or .ts` });
  }
  const source = await sourceOf(file);
  for (const root of options.fileRoots ?? []) await assertDirectory(root);
  const stop = new AbortController();
  const allowed = session === undefined ? sojourn : sojourn.actingAs(await sojourn.sessions.get(session));
  const host = new ScriptHost({ ...options, sojourn: allowed, folder: dirname(file), signal: stop.signal });
  if (session !== undefined) await host.setCurrent(session);
  const name = basename(file);
  const thread = new Thread({ language, name, source, args, memoryMaxBytes: memoryMiB * 1_048_576 }, { host, print });
  let why: "timeout" | "aborted" | undefined;
  const end = (reason: "timeout" | "aborted"): void => {
    why ??= reason;
    stop.abort(new Error("The script was stopped"));
    thread.stop();
  };
  const onAbort = (): void => end("aborted");
  const timer = setTimeout(end, timeoutMs, "timeout");
  signal?.addEventListener("abort", onAbort);
  if (signal?.aborted) onAbort();
  try {
    const ended = await thread.ended;
    if (ended === undefined) return { status: "stopped", why: why ?? "aborted" };
    if (ended.failure !== undefined) {
      return { status: "failed", message: ended.failure, ...(thread.lost && { lost: thread.lost }) };
    }
    return { status: "completed", exitCode: ended.exitCode };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
    stop.abort();
  }
}

async function sourceOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new SojournError("not_found", { message: `Cannot read the script "${file}"`, cause });
  }
}

async function assertDirectory(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return;
  throw new SojournError("invalid", { message: `Files can't be read below "${path}": it is no directory` });
}

const TOO_LARGE = "What was to be returned takes more than the script's memory: ask for less";

const LOST: ReadonlySet<string> = new Set(["unreachable", "unauthorized"]);

/** A script that runs. */
class Thread {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #flags = new Int32Array(new SharedArrayBuffer(FLAGS_BYTES));
  readonly #host: ScriptHost;
  readonly #print: ScriptOptions["print"];
  readonly #answerMaxBytes: number;
  #outcome: Ended | undefined;
  /** What is to be printed, and answered, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #lost: SojournError | undefined;
  /** How it ended by itself, once all that it printed was read; `undefined` where it was stopped. */
  readonly ended: Promise<Ended | undefined>;

  constructor(
    order: Omit<ThreadOrder, "port" | "flags">,
    { host, print }: { readonly host: ScriptHost; readonly print: ScriptOptions["print"] },
  ) {
    this.#host = host;
    this.#print = print;
    this.#answerMaxBytes = order.memoryMaxBytes;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const workerData: ThreadOrder = { ...order, port: port2, flags: this.#flags };
    const module = new URL(import.meta.url.endsWith(".ts") ? "./thread/main.ts" : "./thread/main.js", import.meta.url);
    this.#worker = new Worker(module, {
      workerData,
      transferList: [port2],
      env: {},
      // Its own objects; what the script has is in the memory of its machine. Past it Node may end the whole process, not only the
      // thread: what goes between the two is bounded, so that it is never reached.
      resourceLimits: {
        maxOldGenerationSizeMb: 256 + 4 * Math.ceil(order.memoryMaxBytes / 1_048_576),
        // The engines bound recursion by stacks of their own, which need more of this one.
        stackSizeMb: STACK_MIB,
      },
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    const left = Promise.withResolvers<void>();
    port1.on("message", (message: FromThread) => {
      this.#work = this.#work.then(() => this.#hear(message));
      // Nobody would answer the script then; what it was is told at the end.
      this.#work.catch(() => this.stop());
    });
    port1.on("close", () => left.resolve());
    this.#worker.on("error", (error: Error) => {
      this.#outcome ??= { type: "ended", exitCode: 1, failure: `${order.name}: ${error.message}` };
    });
    this.ended = left.promise.then(async () => {
      await this.#work;
      await this.#worker.terminate();
      return this.#outcome;
    });
  }

  /** Why the last call was refused, where any other would be as well: nobody answers, or the key is missing. */
  get lost(): SojournError | undefined {
    return this.#lost;
  }

  stop(): void {
    void this.#worker.terminate();
  }

  async #hear(message: FromThread): Promise<void> {
    if (message.type === "ended") this.#outcome = message;
    else if (message.type === "print") {
      await this.#print(message.bytes);
      Atomics.add(this.#flags, ACKNOWLEDGED, 1);
      Atomics.notify(this.#flags, ACKNOWLEDGED);
    } else {
      this.#send(await this.#answer(message));
      Atomics.store(this.#flags, ANSWERED, 1);
      Atomics.notify(this.#flags, ANSWERED);
    }
  }

  #send(answer: Answer): void {
    try {
      this.#port.postMessage(answer);
    } catch {
      // Threads copy what they send, by a stack of their own.
      this.#port.postMessage({ refused: "What was to be returned is too deep" } satisfies Answer);
    }
  }

  async #answer({ name, args }: Extract<FromThread, { readonly type: "call" }>): Promise<Answer> {
    const call = CALLS.get(name);
    if (call === undefined) return { refused: `There is no ${name}` };
    this.#lost = undefined;
    try {
      const value = await call(this.#host, args);
      return isWithin(value, this.#answerMaxBytes) ? { value } : { refused: TOO_LARGE };
    } catch (error) {
      if (error instanceof SojournError && LOST.has(error.code)) this.#lost = error;
      return { refused: error instanceof Error ? error.message : String(error) };
    }
  }
}
