import type { OutsideExecutors } from "../src/engine/execute-again.ts";

/** For a replay where no apps are. */
export const NO_TASKS: Pick<OutsideExecutors, "task.queued" | "task.started" | "task.finished" | "task.performed"> = {
  "task.queued": () => "skipped",
  "task.started": () => "skipped",
  "task.finished": () => "skipped",
  "task.performed": () => "skipped",
};
