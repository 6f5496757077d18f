import type { OutsideExecutors } from "./execute-again.ts";
import { given } from "./given.ts";
import type { Json } from "./json.ts";
import type { Caller, Session } from "./sessions.ts";
import type { TaskUse } from "./task.ts";
import type { NewTask } from "./task-call.ts";

/** What of a replay concerns tasks. */
export type TaskExecutors = Pick<OutsideExecutors, "task.queued" | "task.started" | "task.finished" | "task.performed">;

/** Of how many tasks it is kept that a replay has passed them. */
const PASSED_MAX = 10_000;

/** A call that is made again under the id that it had, so that what it makes is called as it was. */
export interface TaskAgain extends NewTask {
  readonly taskId: string;
}

/**
 * How tasks are replayed: the apps run again. What is queued or started is kept in mind, and runs where it has ended; so
 * what the app did meanwhile comes before its outcome, as it did.
 */
export function taskExecutors(
  run: (caller: Caller, uid: string, wanted: TaskAgain) => Promise<unknown>,
): TaskExecutors {
  const passed = new Map<string, TaskAgain>();
  const keyOf = ({ ref }: Session, taskId: string): string => `${ref.id}\n${taskId}`;
  const note = ({ fork, input }: { readonly fork: Session; readonly input: TaskUse & { readonly input?: Json } }) => {
    const { taskId, app, action, setup, fresh, timeoutMs } = input;
    const key = keyOf(fork, taskId);
    const call = { taskId, app, action, timeoutMs, ...given("setup", setup), ...given("fresh", fresh) };
    if (passed.size < PASSED_MAX) passed.set(key, { ...call, input: input.input ?? passed.get(key)?.input ?? {} });
    return "skipped" as const;
  };
  return {
    "task.queued": note,
    "task.started": note,
    "task.finished": ({ caller, fork, input, timeoutMs }) => {
      const key = keyOf(fork, input.taskId);
      const call = passed.get(key);
      passed.delete(key);
      // It began before the stretch that is replayed, or it never ran.
      if (call === undefined || input.worker === undefined) return "skipped";
      return run(caller, fork.ref.id, { ...call, timeoutMs: Math.min(timeoutMs, call.timeoutMs ?? timeoutMs) });
    },
    "task.performed": ({ caller, fork, input: { taskId, app, action, setup, input } }) =>
      run(caller, fork.ref.id, { taskId, app, action, input, ...given("setup", setup) }),
  };
}
