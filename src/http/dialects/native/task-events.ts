import type { Caller } from "../../../engine/sessions.ts";
import type { Signal } from "../../../engine/signal.ts";
import type { TaskStatus } from "../../../engine/task.ts";
import type { Task, TaskEvent, Tasks } from "../../../engine/tasks.ts";
import { isOver } from "./tasks.ts";

/** Which task, from where on, and until when. */
type Wanted = {
  readonly signal: Signal;
  /** The number of the last report that is known. */
  readonly after?: number;
} & ({ readonly id: string; readonly taskId: string } | { readonly task: Task });

/**
 * All that happened to a task, and happens: how it stands, each of its reports once, in order, and last its outcome. Ends
 * early where the signal aborts or the server stops.
 *
 * @param wanted.task  as it was begun, which comes first unless it has finished
 */
export async function* taskEvents(
  it: Tasks,
  caller: Caller,
  wanted: Wanted,
): AsyncGenerator<TaskEvent, void, undefined> {
  const { signal, after = 0 } = wanted;
  const [id, taskId] = "task" in wanted ? [wanted.task.uid, wanted.task.taskId] : [wanted.id, wanted.taskId];
  let status: TaskStatus | undefined;
  let known: number | undefined;
  const isNews = ({ task }: Pick<Standing, "task">): boolean => {
    const isNew = task.status !== status && !isOver(task.status);
    if (isNew) status = task.status;
    return isNew;
  };
  if ("task" in wanted && isNews(wanted)) yield { event: "task", task: wanted.task };
  for await (const happened of it.follow(caller, id, taskId, signal)) {
    if (happened.event === "task" && isNews(happened)) yield happened;
    // Read only once it is followed, so that nothing falls between the two.
    if (known === undefined) {
      const reports = await it.reports(caller, id, taskId);
      known = Math.max(after, reports.length);
      yield* reports.map((report, i) => ({ event: "report" as const, number: i + 1, ...report })).slice(after);
    }
    const isRest = happened.event === "report" ? happened.number > known : isOver(happened.task.status);
    if (isRest) yield happened;
    if (isRest && happened.event === "task") return;
  }
}

type Standing = Extract<TaskEvent, { event: "task" }>;
