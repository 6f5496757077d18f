import { type MadeObject, madeObject } from "../engine/object.ts";
import type { Job, Ran } from "../engine/runner.ts";
import type { TaskError } from "../engine/task.ts";
import { type Ending, late } from "./ending.ts";
import type { Done, Failed } from "./words.ts";

const CANCELED = {
  status: "canceled",
  error: { code: "canceled", message: "The task was canceled" },
  staysWarm: false,
} as const;

/** What came of a job that its worker answered. */
export function ranTo(word: Done | Failed, { job, ending }: { readonly job: Job; readonly ending: Ending }): Ran {
  const { ends, snapshot, isAborted } = word;
  const after = {
    staysWarm: true,
    ...(ends === undefined ? {} : { ends }),
    ...(snapshot === undefined ? {} : { snapshot }),
  };
  if (ending.cause === "canceled" && isAborted === true) {
    const output = word.type === "done" ? { output: word.output } : {};
    return { ...CANCELED, ...output, ...after };
  }
  if (ending.cause === "timed_out" && isAborted === true) {
    return { status: "failed", error: timedOut(job, "and heeded that it was to end"), ...after };
  }
  if (word.type === "failed") return { ...failed(word), ...after };
  return { status: "completed", output: word.output, ...madeBy(word, job), ...after };
}

function madeBy({ made = [] }: Done, { taskId, objects }: Job): { readonly made?: readonly MadeObject[] } {
  if (made.length === 0) return {};
  return { made: made.map((making, i) => madeObject(making, { taskId, number: i + 1, given: objects })) };
}

/** What came of a job whose app did not start, or did not do what it was asked. */
export function failed({ code, message, faults }: Failed): Ran {
  return { status: "failed", error: { code, message, ...(faults === undefined ? {} : { faults }) }, staysWarm: false };
}

/** What came of a job whose worker died. */
export function interrupted(job: Job, { cause }: Ending, message: string): Ran {
  const error = cause === "timed_out" ? timedOut(job, "and its worker was killed") : { code: "worker_lost", message };
  return cause === "canceled" ? CANCELED : { status: "lost", error, staysWarm: false };
}

/** What came of a job that ended before there was room for its worker. */
export function notBegun(job: Job, { cause }: Ending): Ran {
  const stopping = { code: "worker_lost", message: "The server is about to stop" };
  const error = cause === "timed_out" ? timedOut(job, "and found no room for a worker") : stopping;
  return cause === "canceled" ? CANCELED : { status: "lost", error, staysWarm: false };
}

function timedOut(job: Job, more: string): TaskError {
  return { code: "timed_out", message: `Timed out: ${late(job)}, ${more}` };
}

/** The answer to a job whose app has lost what it remembered, and does not want to go on without. */
export function refused({ app }: Job, why: string | undefined): Ran {
  const known = why === undefined ? "" : ` (${why})`;
  const message =
    `What "${app.name}" remembered for this session is lost${known}; ` +
    "begin a new session, or call again with fresh: true";
  return { status: "lost", error: { code: "worker_lost", message }, staysWarm: false };
}
