import type { Job } from "../engine/runner.ts";
import type { Worker } from "./worker.ts";

/** Why a job is to end before it is done. */
export type Cause = "canceled" | "timed_out";

/** How long an app may take to heed that it is not wanted any more: until it is asked to end, and again until it is killed. */
const CANCEL_GRACE_MS = 2_000;

/** One whose time is over gets this long. */
const TIMEOUT_GRACE_MS = 500;

/** Watches over a job: its deadline, and whether it is still wanted. Ends the worker that has it where it has to. */
export class Ending {
  readonly #job: Job;
  readonly #cancelGraceMs: number;
  readonly #timer: NodeJS.Timeout;
  readonly #waiting: (() => void)[] = [];
  readonly #onAbort = (): void => this.#happen("canceled");
  #worker: Worker | undefined;
  #cause: Cause | undefined;

  constructor(job: Job, cancelGraceMs: number = CANCEL_GRACE_MS) {
    this.#job = job;
    this.#cancelGraceMs = cancelGraceMs;
    this.#timer = setTimeout(() => this.#happen("timed_out"), job.timeoutMs);
    job.signal.addEventListener("abort", this.#onAbort);
    if (job.signal.aborted) this.#happen("canceled");
  }

  get cause(): Cause | undefined {
    return this.#cause;
  }

  /** The worker that has the job from here on. */
  aim(worker: Worker): void {
    this.#worker = worker;
  }

  /** Calls once the job is to end. */
  onCause(listener: () => void): void {
    if (this.#cause === undefined) this.#waiting.push(listener);
    else listener();
  }

  /** The job is done. */
  close(): void {
    clearTimeout(this.#timer);
    this.#job.signal.removeEventListener("abort", this.#onAbort);
  }

  #happen(cause: Cause): void {
    if (this.#cause !== undefined) return;
    this.#cause = cause;
    const isCanceled = cause === "canceled";
    this.#worker?.interrupt(
      { asks: isCanceled, graceMs: isCanceled ? this.#cancelGraceMs : Math.min(TIMEOUT_GRACE_MS, this.#cancelGraceMs) },
      isCanceled ? "was ended, since the task was canceled" : `was killed: ${late(this.#job)}`,
    );
    for (const listener of this.#waiting.splice(0)) listener();
  }
}

/** That a job took too long, in words. */
export function late({ timeoutMs }: Pick<Job, "timeoutMs">): string {
  return `the task took longer than ${timeoutMs / 1_000} s`;
}
