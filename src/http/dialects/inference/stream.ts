import { setTimeout as pause } from "node:timers/promises";
import type { Session } from "../../../engine/sessions.ts";
import type { Task, TaskEvent, TimedReport } from "../../../engine/tasks.ts";
import { WakeUp } from "../../../engine/wake-up.ts";
import type { Call } from "../../route.ts";
import { encodeTask, stateOf, TASK_STATES, type TaskDto } from "./encode.ts";

/** How soon a state may follow the one before; the last never waits. */
const PAUSE_MS = 50;

/** Each state is told whole. Large ones follow each other so slowly that no more than this goes out. */
const BYTES_PER_SECOND_MAX = 1_048_576;

/** How much of what a task wrote goes with each state that is not its last. */
const TOLD_MAX = 100;

/**
 * A task as texts of its whole state: as it is now, then after each change, and always, whatever happens, one that says how
 * it ended, since clients wait for that for ever.
 */
export async function* states(call: Call, task: Task, session: Session): AsyncGenerator<string, void, undefined> {
  const followed = new Followed(call, task);
  const gone = call.gone();
  void followed.read(gone);
  const text = (state: Pick<Followed, "task" | "reports">, final = {}): string => {
    const { task, reports } = state;
    const dto = encodeTask({ task, session }, { reports, tenant: session.ref.tenant });
    return JSON.stringify({ ...dto, ...final });
  };
  try {
    for await (const { task, reports } of followed.states()) {
      if (gone.aborted) return;
      if (!(await call.holds())) {
        yield JSON.stringify({ id: task.taskId, ...brokenOff("the API key is not good any more") });
        return;
      }
      const isFinal = task.finishedAtUs !== undefined;
      const told = text({ task, reports: isFinal ? reports : reports.slice(-TOLD_MAX) });
      yield told;
      if (isFinal) return;
      const waitMs = Math.max(PAUSE_MS, (told.length / BYTES_PER_SECOND_MAX) * 1_000);
      await Promise.race([followed.over, pause(waitMs, undefined, { ref: false })]);
    }
    if (!gone.aborted) yield text(followed, brokenOff("the server stopped before the task came to its end"));
  } catch (thrown) {
    const { message } = call.fail(thrown);
    yield text(followed, brokenOff(message));
  }
}

function brokenOff(error: string): Pick<TaskDto, "status" | "status_text" | "error"> {
  return { status: TASK_STATES.failed, status_text: "failed", error };
}

/** A task that is followed: each status that it came to, and in each the newest of what it told. */
class Followed {
  readonly #call: Call;
  readonly #more = new WakeUp();
  readonly #over = Promise.withResolvers<void>();
  #reports: TimedReport[] = [];
  /** What nobody has looked at yet: the task in one status, or in several that followed each other. */
  readonly #due: Task[] = [];
  #isOver = false;
  #failure: unknown;
  task: Task;

  constructor(call: Call, task: Task) {
    this.#call = call;
    this.task = task;
  }

  get reports(): readonly TimedReport[] {
    return this.#reports;
  }

  /** Resolves once nothing more will come. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Follows the task to its end. */
  async read(signal: AbortSignal): Promise<void> {
    const { tasks, caller } = this.#call;
    const { uid, taskId } = this.task;
    try {
      let before: ReadonlySet<TimedReport["report"]> | undefined;
      for await (const event of tasks.follow(caller, uid, taskId, signal)) {
        if (before === undefined) {
          this.#reports = [...(await tasks.reports(caller, uid, taskId))];
          before = new Set(this.#reports.map(({ report }) => report));
        }
        this.#take(event, before);
      }
    } catch (thrown) {
      this.#failure = thrown;
    } finally {
      this.#isOver = true;
      this.#over.resolve();
      this.#more.wake();
    }
  }

  /** The states that there are when somebody looks, up to the end. */
  async *states(): AsyncGenerator<Pick<Followed, "task" | "reports">> {
    for (;;) {
      const task = this.#due.shift();
      if (task !== undefined) yield { task, reports: this.#reports };
      else if (this.#failure !== undefined) throw this.#failure;
      else if (this.#isOver) return;
      else await this.#more.next();
    }
  }

  #take(event: TaskEvent, before: ReadonlySet<TimedReport["report"]>): void {
    if (event.event === "task") this.task = event.task;
    else if (!before.has(event.report)) this.#reports.push({ at: event.at, report: event.report });
    const last = this.#due.at(-1);
    if (last !== undefined && stateOf(last) === stateOf(this.task)) this.#due[this.#due.length - 1] = this.task;
    else this.#due.push(this.task);
    this.#more.wake();
  }
}
