import { rm } from "node:fs/promises";
import { computedFaults } from "../engine/limits.ts";
import type { Host } from "../engine/runner.ts";
import type { Report } from "../engine/task.ts";
import type { AppSource } from "./app-source.ts";
import { FRAME_LIMITS } from "./frame.ts";
import type { Grants } from "./grants.ts";
import { HostCalls } from "./host-calls.ts";
import { LastWords } from "./last-words.ts";
import { launchOf } from "./launch.ts";
import type { Order, RunOrder } from "./orders.ts";
import { computedMs, stepBack } from "./priority.ts";
import { type Held, HOLDS_NOTHING, ProcessMemory } from "./process-memory.ts";
import { ReportBound } from "./report-bound.ts";
import type { Sandbox } from "./sandbox.ts";
import { Scratch, type ScratchLimits } from "./scratch.ts";
import { isTooLarge, Wire } from "./wire.ts";
import { type Done, type Failed, type Word, wordOf } from "./words.ts";
import { type Exit, WorkerProcess } from "./worker-process.ts";
import { firstFault } from "./zod-faults.ts";

export type WorkerState = "spare" | "starting" | "idle" | "busy" | "draining" | "dead";

/** What a worker is, from before it starts to its end. */
export interface WorkerPlan {
  readonly appName: string;
  readonly source: AppSource;
  readonly grants: Grants;
  readonly sandbox: Sandbox;
  /** A directory of its own, which it removes when it ends. */
  readonly scratch: string;
  /** Default: `SCRATCH_LIMITS`. */
  readonly scratchLimits?: ScratchLimits;
  /** Tells what the module declares, when it is loaded. */
  readonly describes?: boolean;
  /** It may come last, until it is needed. */
  readonly isAhead?: boolean;
}

/** The worker is dead; why, in words that begin with "The worker of". */
export interface Gone {
  readonly type: "gone";
  readonly message: string;
  /** Of the message, how it ended, or what the app said as it crashed. */
  readonly why: string;
}

type Loaded = Extract<Word, { readonly type: "loaded" | "broken" }>;

const BYTES_PER_MIB = 1_048_576;

/** How long after the process has ended what it wrote before may still come. */
const LAST_WORDS_MS = 30;

/** How long the text of a crash may be. */
const CRASH_LENGTH_MAX = 4_096;

/** How long a process may stay that has closed its pipe. */
const CLOSED_MS = 1_000;

/** What it holds is not read more often than so, but where somebody asks. */
const WATCH_AGAIN_MS = 50;

/** A call that computes for so long comes after others. */
const LONG_MS = 250;

/** Of its time, so much must have gone into computing. */
const LONG_SHARE = 0.5;

/**
 * One worker: a process that has loaded an app.
 *
 * ```
 *   spare ──begin──▶ starting ──begun──▶ idle ──run──▶ busy
 *     │                 │                 │ ◀──done──   │
 *     │                 │                 │             │
 *     └──────┬──────────┴─────stop────────┘             │
 *            ▼                                          │
 *         draining ──▶ dead ◀── it ends, by itself or killed, in whichever state
 * ```
 *
 * - `spare`: it loads the app, or has, and belongs to nobody
 * - `starting`: the app starts, or comes back from a snapshot
 * - `idle`: it waits for the next task of its session; `busy`: one is in hand
 * - `draining`: it was told to stop, and the app may put its things away; or it was killed
 * - `dead`: nothing comes after
 *
 * It is asked for one thing at a time, and every question is answered: by `gone`, where the worker ends instead.
 */
export class Worker {
  readonly #plan: WorkerPlan;
  readonly #process: WorkerProcess;
  readonly #wire: Wire;
  readonly #dead: ((gone: Gone) => void)[] = [];
  readonly loaded: Promise<Loaded | Gone>;
  #state: WorkerState = "spare";
  #answer: ((word: Word | Gone) => void) | undefined;
  #asked: readonly Word["type"][] = [];
  #calls: HostCalls | undefined;
  #host: Host | undefined;
  #reports = new ReportBound();
  readonly #scratch: Scratch;
  readonly #memory: ProcessMemory | undefined;
  #held: Held = HOLDS_NOTHING;
  #peakBytes = 0;
  #watchedAtMs = Number.NEGATIVE_INFINITY;
  #gone: Gone | undefined;
  #exit: Exit | undefined;
  #hasEnded = false;
  /** Why this side killed it. */
  #reason: string | undefined;
  /** What it said of its crash. */
  #crash: string | undefined;
  readonly #lastWords = new LastWords();
  #interrupts: NodeJS.Timeout[] = [];
  #isBack: boolean;
  #baseline: { readonly atMs: number; readonly computedMs: number } | undefined;

  constructor(plan: WorkerPlan) {
    this.#plan = plan;
    this.#scratch = new Scratch(plan.scratch, (what) => this.kill(`was killed: it wrote ${what}`), plan.scratchLimits);
    this.#isBack = plan.isAhead === true;
    this.#process = new WorkerProcess(launchOf(plan.grants, plan.sandbox, plan.scratch), {
      directory: plan.scratch,
      isNested: plan.sandbox.level === "bubblewrap",
      onPrinted: (stream, text) => this.#printed(stream, text),
      onExit: (exit) => this.#exited(exit),
    });
    this.#wire = new Wire(this.#process.pipe, {
      onMessage: (message, body) => this.#heard(message, body),
      onGarbage: (what) => this.kill(`wrote what is no message to the server: ${what}`),
      onEnd: () => this.#ended(),
    });
    const { pid } = this.#process;
    if (pid !== undefined) {
      this.#memory = new ProcessMemory(pid);
      if (this.#isBack) stepBack(pid, true);
    }
    this.loaded = this.#ask<Loaded>({ type: "load", ...(plan.describes ? { describes: true } : {}), ...plan.source });
  }

  get state(): WorkerState {
    return this.#state;
  }

  get appName(): string {
    return this.#plan.appName;
  }

  /** As the machine numbers it; for tests, and for whoever looks. */
  get pid(): number | undefined {
    return this.#process.innerPid;
  }

  /** What it held when it was last looked at. */
  get held(): Held {
    return this.#held;
  }

  /** The most that it was seen to hold, in bytes. */
  get memoryPeakBytes(): number {
    return this.#peakBytes;
  }

  /** Calls once it is dead; at once, where it is. */
  onDead(listener: (gone: Gone) => void): void {
    if (this.#gone === undefined) this.#dead.push(listener);
    else listener(this.#gone);
  }

  /** Starts the app for somebody, or restores it; it has to be loaded. */
  async begin(
    given: Omit<Extract<Order, { readonly type: "begin" }>, "type">,
    host: Host,
  ): Promise<Failed | Gone | undefined> {
    this.#comeForward();
    this.#enter("starting");
    this.#host = host;
    this.#reports = new ReportBound();
    const word = await this.#ask<Extract<Word, { type: "begun" }> | Failed>({ type: "begin", ...given });
    this.#host = undefined;
    if (word.type !== "begun") return word;
    this.#enter("idle");
    return undefined;
  }

  /** Runs an action for a task, or does one of the past again. */
  async run(given: Omit<RunOrder, "type" | "session">, host: Host): Promise<Done | Failed | Gone> {
    const order = { type: "run", ...given, session: host.session } as const;
    const text = JSON.stringify(order);
    if (isTooLarge(text)) return TOO_LARGE;
    this.#enter("busy");
    this.#host = host;
    this.#calls = new HostCalls(host, this.#wire);
    this.#reports = new ReportBound();
    const word = await this.#ask<Done | Failed>(order, text);
    this.#calls.end();
    this.#calls = undefined;
    this.#host = undefined;
    this.#baseline = undefined;
    this.#comeForward();
    if (word.type === "gone") return word;
    this.#enter("idle");
    return checked(word, order.outputBytesMax);
  }

  /**
   * Tells the task in hand that it is not wanted any more; a while later asks the process to end, and then ends it. Nothing
   * happens any more once the question in hand is answered.
   */
  interrupt({ asks, graceMs }: { readonly asks: boolean; readonly graceMs: number }, reason: string): void {
    if (this.#answer === undefined || this.#interrupts.length > 0) return;
    this.#wire.send({ type: "cancel" });
    const kill = (): void => this.kill(reason);
    if (!asks) {
      this.#interrupts = [setTimeout(kill, graceMs)];
      return;
    }
    const terminate = (): void => {
      this.#reason ??= reason;
      this.#process.terminate();
    };
    this.#interrupts = [setTimeout(terminate, graceMs), setTimeout(kill, graceMs * 2)];
  }

  /** Lets the app put its things away, for a time; resolves once the worker is dead. */
  async stop(graceMs: number): Promise<void> {
    const dead = new Promise<void>((resolve) => this.onDead(() => resolve()));
    if (this.#state !== "dead" && this.#state !== "draining") {
      const isIdle = this.#answer === undefined;
      this.#enter("draining");
      if (isIdle) this.#wire.send({ type: "stop" });
      const timer = setTimeout(() => this.kill("was stopped"), isIdle ? graceMs : 0);
      this.onDead(() => clearTimeout(timer));
    }
    await dead;
  }

  /** Ends it at once. `reason` follows "The worker of …". */
  kill(reason: string): void {
    this.#reason ??= reason;
    this.#enter("draining");
    this.#process.kill();
  }

  /** Looks at what it holds, in memory and on disk, and for how long it computes; ends it where it holds too much. */
  watch(): void {
    this.#watchedAtMs = performance.now();
    this.#scratch.look();
    const { grants, sandbox } = this.#plan;
    const held = this.#memory?.read(grants.childProcesses || sandbox.level === "bubblewrap") ?? HOLDS_NOTHING;
    if (held.resident === 0) return;
    this.#held = held;
    this.#peakBytes = Math.max(this.#peakBytes, held.resident);
    if (held.resident > grants.memoryMiB * BYTES_PER_MIB) {
      const mib = Math.ceil(held.resident / BYTES_PER_MIB);
      this.kill(`was killed: it held ${mib} MiB of memory, and may hold ${grants.memoryMiB}`);
    }
    if (this.#state === "busy" && !this.#isBack) this.#yieldWhereLong();
    // Where that did not work when it was done.
    if (this.#state === "idle") this.#comeForward();
  }

  /** `watch`, unless it was looked at a moment ago. */
  watchWhereDue(): void {
    if (performance.now() - this.#watchedAtMs >= WATCH_AGAIN_MS) this.watch();
  }

  #yieldWhereLong(): void {
    const pid = this.#process.innerPid;
    const nowMs = performance.now();
    if (pid === undefined || (this.#baseline !== undefined && nowMs - this.#baseline.atMs < LONG_MS)) return;
    const computed = computedMs(pid);
    if (computed === undefined) return;
    if (this.#baseline !== undefined) {
      const share = (computed - this.#baseline.computedMs) / (nowMs - this.#baseline.atMs);
      this.#isBack = share > LONG_SHARE && stepBack(pid, true);
    }
    this.#baseline = { atMs: nowMs, computedMs: computed };
  }

  #comeForward(): void {
    if (!this.#isBack) return;
    // In bubblewrap, the worker has a session of its own below that of its process here.
    const pid = this.#process.innerPid;
    if (pid !== undefined) this.#isBack = !stepBack(pid, false);
  }

  #enter(state: WorkerState): void {
    // What comes after draining is its end.
    if (this.#state !== "dead" && this.#state !== "draining") this.#state = state;
  }

  // NOTE: `#heard` lets only words through that answer the question.
  #ask<T extends Word>(order: Order, text: string = JSON.stringify(order)): Promise<T | Gone> {
    return new Promise((resolve) => {
      if (this.#gone !== undefined) return resolve(this.#gone);
      this.#answer = resolve as (word: Word | Gone) => void;
      this.#asked = ANSWERS[order.type as keyof typeof ANSWERS];
      this.#wire.sendText(text);
    });
  }

  #heard(message: unknown, body: Uint8Array | undefined): string | undefined {
    const word = wordOf(message);
    if (word === undefined) return "a message that it does not know";
    if (body !== undefined && word.type !== "call") return `bytes with "${word.type}"`;
    switch (word.type) {
      case "report":
        this.#report(word.report);
        return undefined;
      case "call":
        this.#calls?.take(word.id, { name: word.name, given: word.given, body });
        return undefined;
      case "crash":
        this.#crash ??= word.message.slice(0, CRASH_LENGTH_MAX);
        return undefined;
      default: {
        const answer = this.#answer;
        if (answer === undefined || !this.#asked.includes(word.type)) return `"${word.type}" where that was not asked`;
        this.#settle();
        answer(word);
        return undefined;
      }
    }
  }

  #settle(): void {
    this.#answer = undefined;
    for (const timer of this.#interrupts) clearTimeout(timer);
    this.#interrupts = [];
  }

  #report(report: Report): void {
    if (this.#host === undefined) return;
    if (this.#reports.admit(report, this.#wire)) this.#host.report(report);
  }

  #printed(stream: "stdout" | "stderr", text: string): boolean {
    const lines = text.split("\n");
    for (const line of stream === "stderr" ? this.#lastWords.without(lines) : lines) {
      const message = line.toWellFormed().replaceAll("\0", "\uFFFD");
      if (message !== "") this.#report({ type: "log", level: stream === "stdout" ? "info" : "error", message });
    }
    return this.#reports.isFull;
  }

  #exited(exit: Exit): void {
    this.#exit = exit;
    // What Node says as it aborts comes by another way, and may be late.
    if (this.#hasEnded && !exit.how.includes("SIGABRT")) this.#die();
    else setTimeout(() => this.#die(), LAST_WORDS_MS);
  }

  #ended(): void {
    this.#hasEnded = true;
    if (this.#exit !== undefined && !this.#exit.how.includes("SIGABRT")) this.#die();
    // One that can't be told anything any more is of no use. Mostly it is about to end; then how it did says more.
    else if (this.#state !== "draining") setTimeout(() => this.#leave(), CLOSED_MS);
  }

  #leave(): void {
    if (this.#exit === undefined) this.kill("closed its pipe to the server");
  }

  #die(): void {
    if (this.#gone !== undefined) return;
    this.#state = "dead";
    const how = this.#howItEnded();
    const why = this.#reason === undefined ? (this.#crash ?? how) : how;
    const gone: Gone = { type: "gone", message: `The worker of "${this.#plan.appName}" ${how}`, why };
    this.#gone = gone;
    this.#calls?.end();
    this.#memory?.close();
    this.#process.close();
    const answer = this.#answer;
    this.#settle();
    answer?.(gone);
    for (const listener of this.#dead.splice(0)) listener(gone);
    // NOTE: what stays behind is removed with the directory that it is in.
    rm(this.#plan.scratch, { recursive: true, force: true }).catch(() => {});
  }

  #howItEnded(): string {
    const { how } = this.#exit ?? { how: "ended" };
    const reason = this.#reason ?? (this.#crash === undefined ? undefined : `crashed: ${this.#crash}`);
    if (reason !== undefined) return `${reason} (${how.replace(/^was killed by /, "")})`;
    if (this.#lastWords.areOfMemory && how.includes("SIGABRT")) {
      return `ran out of memory: it may hold ${this.#plan.grants.memoryMiB} MiB (${how})`;
    }
    return how;
  }
}

/** By what each question is answered. */
const ANSWERS = {
  load: ["loaded", "broken"],
  begin: ["begun", "failed"],
  run: ["done", "failed"],
} as const satisfies Partial<Record<Order["type"], readonly Word["type"][]>>;

/** The answer to an order that no message holds. */
const TOO_LARGE: Failed = {
  type: "failed",
  code: "invalid",
  message: `The input and the objects that it names are too large: more than ${FRAME_LIMITS.textBytes} bytes of JSON`,
};

/** What came of a task, as far as a store can keep it. */
function checked(word: Done | Failed, bytesMax: number): Done | Failed {
  const made = word.type === "done" ? (word.made ?? []) : [];
  if (made.length > 0 && Buffer.byteLength(JSON.stringify(made)) > bytesMax) {
    return failedAfter(word, {
      code: "output_too_large",
      message: `What was made has more than ${bytesMax} bytes of JSON`,
    });
  }
  const faults = [
    ...(word.type === "done" ? computedFaults(word.output, "output") : []),
    ...made.flatMap(({ data }, i) => computedFaults(data, `made.${i}.data`)),
    ...(word.snapshot === undefined ? [] : computedFaults(word.snapshot, "snapshot")),
  ];
  if (faults.length === 0) return word;
  const message = `What the app made can't be kept: ${firstFault(faults)}`;
  return failedAfter(word, { code: "app_failed", message });
}

function failedAfter({ ends, isAborted }: Done | Failed, failure: Pick<Failed, "code" | "message">): Failed {
  return {
    type: "failed",
    ...failure,
    ...(ends === undefined ? {} : { ends }),
    ...(isAborted === undefined ? {} : { isAborted }),
  };
}
