import type { Clock } from "../engine/clock.ts";
import { type JsonObject, sameJson } from "../engine/json.ts";
import type { App, Job, Ran, Runner } from "../engine/runner.ts";
import type { StreamRef } from "../engine/store.ts";
import type { ReleaseReason, WorkerOrigin } from "../engine/task.ts";
import type { AppSource } from "./app-source.ts";
import { bringUp } from "./bring-up.ts";
import { Ending } from "./ending.ts";
import { grantsOf } from "./grants.ts";
import type { Isolation } from "./isolation.ts";
import { OUTPUT_BYTES_MAX } from "./orders.ts";
import { failed, interrupted, notBegun, ranTo, refused } from "./outcome.ts";
import { Room } from "./room.ts";
import type { ScratchLimits } from "./scratch.ts";
import { Spares } from "./spares.ts";
import { Worker } from "./worker.ts";

export interface PoolOptions {
  readonly clock: Clock;
  readonly isolation: Isolation;
  readonly sourceOf: (app: App) => AppSource;
  /** What all workers together may hold, in bytes. */
  readonly memoryBytes: number;
  /** After how much time without a task a worker goes. */
  readonly idleMs: number;
  /** How many workers are started ahead. */
  readonly spares: number;
  /** How long an app may take to heed that a task was canceled, and again to end; default: 2 s. */
  readonly cancelGraceMs?: number;
  /** How long an app's `stop` may take; default: 2 s. */
  readonly stopGraceMs?: number;
  /** Most that an action returns, with the objects that it makes, in bytes of JSON; default: 4 MiB. */
  readonly outputBytesMax?: number;
  /** What a worker may have on disk; default: 1 GiB. */
  readonly scratchLimits?: ScratchLimits;
  readonly onReleased: Parameters<Runner["onReleased"]>[0];
  /** A worker died between two tasks. */
  readonly onWorkerDied?: (died: WorkerDeath) => void;
}

/** That a worker died of which nobody was waiting for an answer. */
export interface WorkerDeath {
  readonly ref: StreamRef<"session">;
  readonly app: string;
  /** Why, in words that begin with "The worker of". */
  readonly message: string;
}

/** A worker that belongs to a session and an app. */
interface Kept {
  readonly key: string;
  readonly ref: StreamRef<"session">;
  readonly app: string;
  readonly version: string;
  readonly setup: JsonObject;
  readonly worker: Worker;
  /** Whether the app has started, or came back: from here on it has something to lose. */
  hasBegun: boolean;
  isInUse: boolean;
  idleSinceUs: number;
  /** It goes when its task is done. */
  isReleased: boolean;
}

const STOP_GRACE_MS = 2_000;

/** How often workers in use are looked at, and all of them. */
const WATCH_MS = 50;
const WATCH_ALL_TICKS = 20;

/** Of how many lost workers it is remembered why they went. */
const REASONS_MAX = 10_000;

/** Keeps workers, one for each session and app, and runs jobs in them. */
export class Pool {
  readonly #options: PoolOptions;
  /** The least recently used first. */
  readonly #kept = new Map<string, Kept>();
  readonly #reasons = new Map<string, string>();
  readonly #room: Room;
  readonly #spares: Spares;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  #ticks = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#room = new Room({
      maxBytes: options.memoryBytes,
      evict: () => this.#spares.drop() || this.#evict(),
    });
    this.#spares = new Spares({
      max: options.spares,
      start: (app) => this.#start(app, true),
      hasRoom: () => this.#room.isFree,
    });
  }

  /** Starts workers ahead for an app, as far as there are to be any. */
  prepare(app: App): void {
    this.#spares.want(app);
  }

  /** Runs a job; see `Runner.run`. */
  async run(job: Job): Promise<Ran> {
    const ending = new Ending(job, this.#options.cancelGraceMs);
    try {
      return await this.#run(job, ending);
    } finally {
      ending.close();
      this.#spares.want(job.app);
    }
  }

  /** The workers that there are. */
  get count(): { readonly kept: number; readonly spare: number } {
    return { kept: this.#kept.size, spare: this.#spares.ready };
  }

  /** See `Runner.release`. */
  release(ref: StreamRef<"session">): void {
    for (const kept of this.#kept.values()) {
      if (kept.ref.id !== ref.id || kept.ref.tenant !== ref.tenant) continue;
      if (kept.isInUse) kept.isReleased = true;
      else this.#letGo(kept);
    }
  }

  /** Lets those go that had nothing to do for too long. */
  sweep(): void {
    const longAgoUs = this.#options.clock.now() - this.#options.idleMs * 1_000;
    for (const kept of this.#kept.values()) {
      if (!kept.isInUse && kept.idleSinceUs < longAgoUs) this.#letGo(kept, "idle");
    }
  }

  /** Ends all workers, and lets apps put their things away for a bounded time; jobs in hand are lost. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#spares.close();
    for (const kept of this.#kept.values()) {
      if (kept.isInUse) kept.worker.kill("was stopped with the server");
      else this.#letGo(kept, "shutdown");
    }
    this.#room.close();
    await Promise.all([...this.#room.workers].map((worker) => worker.stop(this.#stopGraceMs)));
    clearInterval(this.#timer);
  }

  get #stopGraceMs(): number {
    return this.#options.stopGraceMs ?? STOP_GRACE_MS;
  }

  async #run(job: Job, ending: Ending): Promise<Ran> {
    const found = this.#kept.get(keyOf(job));
    if (found !== undefined && fits(found, job)) {
      if (ending.cause !== undefined) return { ...notBegun(job, ending), staysWarm: true };
      found.isInUse = true;
      return await this.#runIn(found, { job, ending, origin: "warm" });
    }
    const begun = await this.#begin(job, ending, found);
    return "status" in begun ? begun : await this.#runIn(begun.kept, { job, ending, origin: begun.origin });
  }

  async #runIn(
    kept: Kept,
    { job, ending, origin }: { readonly job: Job; readonly ending: Ending; readonly origin: WorkerOrigin },
  ): Promise<Ran> {
    const { worker } = kept;
    ending.aim(worker);
    const { taskId, action, input, objects, host } = job;
    const outputBytesMax = this.#options.outputBytesMax ?? OUTPUT_BYTES_MAX;
    const word = await worker.run({ taskId, action, input, objects, outputBytesMax }, host);
    worker.watchWhereDue();
    const inIt = { worker: origin, memoryPeakBytes: worker.memoryPeakBytes };
    if (word.type === "gone") return { ...interrupted(job, ending, word.message), ...inIt };
    this.#keep(kept);
    return { ...ranTo(word, { job, ending }), ...inIt, staysWarm: !kept.isReleased };
  }

  /** A worker for a job that finds none that fits it, brought up. */
  async #begin(
    job: Job,
    ending: Ending,
    found: Kept | undefined,
  ): Promise<{ readonly kept: Kept; readonly origin: WorkerOrigin } | Ran> {
    // One that is there, and is not what is wanted, takes the past with it.
    const isAnew = job.fresh || found?.worker.state === "idle";
    if (found !== undefined) this.#letGo(found);
    const past = isAnew ? undefined : job.past;
    if (past !== undefined && job.app.recovery === "refuse") return refused(job, this.#reasons.get(keyOf(job)));
    const worker = await this.#lease(job.app, ending);
    if (worker === undefined) return notBegun(job, ending);
    const kept = this.#take(job, worker);
    ending.aim(worker);
    try {
      const origin = await bringUp(worker, { job, past, ending });
      if (origin === "new" || origin === "restored") {
        kept.hasBegun = true;
        this.#reasons.delete(kept.key);
        return { kept, origin };
      }
      const isLost = origin === "stopped" || origin.type === "gone" || ending.cause !== undefined;
      const ran = isLost ? interrupted(job, ending, typeof origin === "string" ? "" : origin.message) : failed(origin);
      this.#kill(kept, "could not be used");
      return { ...ran, memoryPeakBytes: worker.memoryPeakBytes };
    } catch (error) {
      this.#kill(kept, "could not be brought back to where it was");
      throw error;
    }
  }

  /** A worker that is loaded or loading; `undefined` where the job ends before there is room for one. */
  async #lease(app: App, ending: Ending): Promise<Worker | undefined> {
    const spare = this.#spares.take(app);
    if (spare !== undefined) return spare;
    const hasRoom = await this.#room.ask((giveUp) => ending.onCause(giveUp));
    if (!hasRoom) return undefined;
    try {
      return this.#isClosed ? undefined : this.#start(app);
    } finally {
      this.#room.settle();
    }
  }

  #start(app: App, isAhead = false): Worker {
    const { isolation, sourceOf, scratchLimits } = this.#options;
    const source = sourceOf(app);
    const worker = new Worker({
      appName: app.name,
      source,
      grants: grantsOf(app.permissions, source, isolation.allowance),
      sandbox: isolation.sandbox,
      scratch: isolation.scratch(),
      ...(scratchLimits === undefined ? {} : { scratchLimits }),
      isAhead,
    });
    this.#room.add(worker);
    this.#timer ??= setInterval(() => this.#watch(), WATCH_MS).unref();
    return worker;
  }

  #take({ ref, app, setup = {} }: Job, worker: Worker): Kept {
    const key = keyOf({ ref, app });
    const kept: Kept = {
      ...{ key, ref, app: app.name, version: app.version, setup, worker },
      ...{ hasBegun: false, isInUse: true, idleSinceUs: 0, isReleased: false },
    };
    this.#kept.set(key, kept);
    worker.onDead(({ message, why }) => {
      if (this.#kept.get(key) !== kept) return;
      this.#kept.delete(key);
      if (kept.hasBegun) this.#remember(key, `${WHY.lost}: ${why}`);
      if (kept.isInUse) return;
      this.#options.onWorkerDied?.({ ref, app: app.name, message });
      this.#options.onReleased(ref, app.name, "lost");
    });
    return kept;
  }

  /** Its task is done. */
  #keep(kept: Kept): void {
    kept.isInUse = false;
    if (kept.isReleased) {
      this.#letGo(kept);
      return;
    }
    kept.idleSinceUs = this.#options.clock.now();
    this.#kept.delete(kept.key);
    this.#kept.set(kept.key, kept);
    if (this.#room.isWaitedFor) this.#room.look();
  }

  /** Stops a worker that is not in use; tells of it where its session stays. */
  #letGo(kept: Kept, reason?: ReleaseReason): void {
    if (this.#kept.get(kept.key) === kept) this.#kept.delete(kept.key);
    kept.worker.stop(this.#stopGraceMs).catch(() => {});
    if (reason === undefined) return;
    this.#remember(kept.key, WHY[reason]);
    this.#options.onReleased(kept.ref, kept.app, reason);
  }

  #kill(kept: Kept, reason: string): void {
    if (this.#kept.get(kept.key) === kept) this.#kept.delete(kept.key);
    kept.worker.kill(reason);
  }

  /** Lets the one go that was used least recently. */
  #evict(): boolean {
    const idle = this.#kept.values().find(({ isInUse }) => !isInUse);
    if (idle !== undefined) this.#letGo(idle, "memory");
    return idle !== undefined;
  }

  #remember(key: string, why: string): void {
    this.#reasons.set(key, why);
    const [oldest] = this.#reasons.keys();
    if (this.#reasons.size > REASONS_MAX && oldest !== undefined) this.#reasons.delete(oldest);
  }

  #watch(): void {
    const isForAll = this.#ticks++ % WATCH_ALL_TICKS === 0;
    for (const worker of this.#room.workers) {
      if (isForAll || worker.state === "busy" || worker.state === "starting") worker.watch();
    }
    if (!isForAll) return;
    this.#room.look();
    this.sweep();
  }
}

const WHY: Readonly<Record<ReleaseReason, string>> = {
  idle: "its worker had nothing to do for too long",
  memory: "others needed its worker's memory",
  lost: "its worker died",
  shutdown: "the server stopped",
};

function fits({ version, setup, worker, isInUse, isReleased }: Kept, job: Job): boolean {
  const isReady = !isInUse && !isReleased && worker.state === "idle";
  return isReady && !job.fresh && version === job.app.version && sameJson(setup, job.setup ?? {});
}

function keyOf({ ref, app }: Pick<Job, "ref" | "app">): string {
  return JSON.stringify([ref.tenant, ref.id, app.name]);
}
