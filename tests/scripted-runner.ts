import assert from "node:assert/strict";
import { type Fault, SojournError } from "../src/engine/errors.ts";
import type { Json } from "../src/engine/json.ts";
import type { ActionInfo, App, BrokenApp, Job, Ran, Runner } from "../src/engine/runner.ts";
import type { StreamRef } from "../src/engine/store.ts";
import type { ReleaseReason, Report, WorkerOrigin } from "../src/engine/task.ts";

/** A version of an app, of one hex digit. */
export function scriptedApp(name: string, digit: string, more: Partial<App> = {}): App {
  const action = (called: string, isIdempotent = false): ActionInfo => {
    return { name: called, inputSchema: { type: "object" }, isIdempotent };
  };
  return {
    name,
    version: digit.repeat(64),
    place: "process",
    recovery: "replay",
    defaultAction: "add",
    actions: [action("add"), action("look", true)],
    permissions: {},
    inputFaults: (_, input) => faultsIn(input, "count"),
    inputObjects: () => [],
    setupFaults: (setup) => faultsIn(setup, "size"),
    ...more,
  };
}

/** A job that a test settles itself: what it reports, what it returns, how it is lost. */
export class ScriptedJob {
  readonly job: Job;
  readonly ran: Promise<Ran>;
  /** What the worker was when the job came to it. */
  readonly worker: WorkerOrigin;
  readonly #settle: (ran: Ran) => void;

  constructor(job: Job, worker: WorkerOrigin) {
    const { promise, resolve } = Promise.withResolvers<Ran>();
    this.job = job;
    this.worker = worker;
    this.ran = promise;
    this.#settle = resolve;
  }

  report(report: Report): void {
    this.job.host.report(report);
  }

  complete(output: Json = {}, more: Partial<Ran> = {}): void {
    this.#settle({ status: "completed", output, worker: this.worker, staysWarm: true, ...more });
  }

  /** The app throws. */
  fail(message: string): void {
    const error = { code: "app_failed", message };
    this.#settle({ status: "failed", error, worker: this.worker, staysWarm: true });
  }

  /** Its app could not start: it never came to a worker. */
  failToStart(message: string): void {
    this.#settle({ status: "failed", error: { code: "app_failed", message }, staysWarm: false });
  }

  cancel(): void {
    const error = { code: "canceled", message: "It was canceled" };
    this.#settle({ status: "canceled", error, worker: this.worker, staysWarm: true });
  }

  /** Its worker dies. */
  lose(): void {
    const error = { code: "worker_lost", message: "The worker was killed by SIGKILL" };
    this.#settle({ status: "lost", error, worker: this.worker, staysWarm: false });
  }
}

/** Apps whose jobs a test settles. A job whose signal aborts is canceled at once, unless it is `deaf`. */
export class ScriptedRunner implements Runner {
  /** Those that have come, in their order. */
  readonly jobs: ScriptedJob[] = [];
  /** The versions that were to be kept. */
  readonly kept: string[] = [];
  readonly released: string[] = [];
  isDeaf = false;
  /** What becomes of each job, by itself; absent: what the test settles. */
  answers: ((job: Job) => Promise<Ran> | Ran) | undefined;
  readonly #versions: App[];
  readonly #warm = new Set<string>();
  readonly #waiting: ((job: ScriptedJob) => void)[] = [];
  #taken = 0;
  #listener: (ref: StreamRef<"session">, app: string, reason: ReleaseReason) => void = () => undefined;

  constructor(...versions: readonly App[]) {
    this.#versions = [...versions];
  }

  /** The next job that no test has taken; waits for it. */
  async next(): Promise<ScriptedJob> {
    const there = this.jobs[this.#taken++];
    return there ?? (await new Promise((resolve) => this.#waiting.push(resolve)));
  }

  /** There is a newer version of an app. */
  change(app: App): void {
    this.#versions.push(app);
  }

  remove(name: string): void {
    const left = this.#versions.filter((app) => app.name !== name);
    this.#versions.splice(0, this.#versions.length, ...left);
  }

  /** A worker goes between two tasks. */
  let(ref: StreamRef<"session">, app: string, reason: ReleaseReason): void {
    this.#warm.delete(keyOf(ref, app));
    this.#listener(ref, app, reason);
  }

  async apps(): Promise<readonly App[]> {
    return this.#versions.filter((app, i) => this.#versions.findLastIndex(({ name }) => name === app.name) === i);
  }

  async broken(): Promise<readonly BrokenApp[]> {
    return [];
  }

  async app(name: string, version?: string): Promise<App> {
    const of = this.#versions.filter((app) => app.name === name);
    const found = version === undefined ? of.at(-1) : of.findLast((app) => app.version.startsWith(version));
    if (found !== undefined) return found;
    throw new SojournError("app_not_found", { message: `There is no app "${name}" of that version` });
  }

  async keep(app: App): Promise<void> {
    this.kept.push(app.version);
  }

  async run(job: Job): Promise<Ran> {
    const key = keyOf(job.ref, job.app.name);
    const unused = job.past === undefined ? "new" : "restored";
    const scripted = new ScriptedJob(job, this.#warm.has(key) && !job.fresh ? "warm" : unused);
    if (!this.isDeaf) {
      job.signal.addEventListener("abort", () => scripted.cancel());
      if (job.signal.aborted) scripted.cancel();
    }
    this.jobs.push(scripted);
    this.#waiting.shift()?.(scripted);
    const ran = await (this.answers?.(job) ?? scripted.ran);
    if (ran.staysWarm) this.#warm.add(key);
    else this.#warm.delete(key);
    return ran;
  }

  release({ id }: StreamRef<"session">): void {
    this.released.push(id);
  }

  onReleased(listener: (ref: StreamRef<"session">, app: string, reason: ReleaseReason) => void): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    for (const job of this.jobs) job.lose();
  }
}

/** The recorded tasks that a job would be brought back by. */
export async function pastOf({ job }: ScriptedJob): Promise<readonly Json[]> {
  assert.ok(job.past, "It has a past");
  return (await Array.fromAsync(job.past.tasks())).map(({ action, input }) => [action, input]);
}

function keyOf({ tenant, id }: StreamRef, app: string): string {
  return JSON.stringify([tenant, id, app]);
}

/** The fault of an object whose member is no number. */
function faultsIn(value: Json, member: string): readonly Fault[] {
  const { [member]: count } = { ...(value as Readonly<Record<string, Json>>) };
  if (count === undefined || typeof count === "number") return [];
  return [{ field: member, message: "must be a number", type: "invalid_type" }];
}
