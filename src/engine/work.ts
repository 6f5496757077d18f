import { given } from "./given.ts";
import type { MadeObject, ObjectPlace } from "./object.ts";
import type { RowChange } from "./store.ts";
import type { AppUse, OpenTask, TaskInputs, TaskUse, Work } from "./task.ts";

/** What an operation of tasks carries, and when and where it stands. */
interface At<K extends keyof TaskInputs> {
  readonly at: number;
  readonly seq: number;
  readonly input: TaskInputs[K];
}

/** The work once a task waits. */
export function withQueued(work: Work, { seq, input }: At<"task.queued">): Work {
  return { ...work, tasks: [...work.tasks, opened(input, seq, { status: "queued" })] };
}

/** The work once a task runs. */
export function withStarted(work: Work, { at, seq, input }: At<"task.started">): Work {
  const running = { status: "running", startedAtUs: at } as const;
  const wasQueued = input.input === undefined;
  const tasks = wasQueued
    ? work.tasks.map((task) => (task.taskId === input.taskId ? { ...task, ...running } : task))
    : [...work.tasks, opened(input, seq, running)];
  return { ...work, apps: withUse(work.apps, input, seq), tasks };
}

/** The work once a task has come to its end; `isOver`: its session had ended before, and no worker stays for that. */
export function withFinished(work: Work, { at, seq, input }: At<"task.finished">, isOver = false): Work {
  const { taskId, processingTimeUs, memoryPeakBytes = 0, worker, staysWarm, snapshot } = input;
  const task = work.tasks.find((one) => one.taskId === taskId);
  const tasks = work.tasks.filter((one) => one !== task);
  const { calls, busyUs, idleUs, memoryPeakBytes: peak } = work.usage;
  const use = task && work.apps[task.app];
  const { warmSinceUs: since, ...rest } = use ?? { version: "", freshSeq: seq };
  const waitedUs = worker === "warm" && since !== undefined ? Math.max(0, (task?.startedAtUs ?? at) - since) : 0;
  // Where no worker was come to, the one that may wait goes on waiting.
  const sinceNow = staysWarm && !isOver ? at : undefined;
  const warmSinceUs = worker === undefined ? since : sinceNow;
  const objects = withObjects(work, input.objects);
  const used: AppUse = {
    ...rest,
    ...(worker !== undefined && { hasRun: true }),
    ...(snapshot === undefined ? {} : { snapshotSeq: seq }),
    ...(warmSinceUs === undefined ? {} : { warmSinceUs }),
  };
  return {
    ...objects,
    apps: task === undefined || use === undefined ? work.apps : { ...work.apps, [task.app]: used },
    tasks,
    usage: {
      calls: calls + 1,
      busyUs: busyUs + processingTimeUs,
      idleUs: idleUs + waitedUs,
      memoryPeakBytes: Math.max(peak, memoryPeakBytes),
    },
  };
}

/** The work once a task was begun and done in one. */
export function withPerformed(work: Work, { seq, input }: At<"task.performed">): Work {
  const { calls, busyUs, ...usage } = work.usage;
  return {
    ...work,
    ...withObjects(work, input.objects),
    apps: withUse(work.apps, input, seq),
    usage: { ...usage, calls: calls + 1, busyUs: busyUs + input.processingTimeUs },
  };
}

/** The work once a worker that waited has gone. */
export function withReleased(work: Work, { at, input: { app } }: At<"worker.released">): Work {
  const use = work.apps[app];
  if (use?.warmSinceUs === undefined) return work;
  const { warmSinceUs, ...rest } = use;
  const { usage } = work;
  const idleUs = usage.idleUs + Math.max(0, at - warmSinceUs);
  return { ...work, apps: { ...work.apps, [app]: rest }, usage: { ...usage, idleUs } };
}

/** The work of a session that has ended: no worker waits for it any more. One that runs has waited until it began to. */
export function endedWork(work: Work, at: number): Work {
  const { usage } = work;
  if (Object.values(work.apps).every(({ warmSinceUs }) => warmSinceUs === undefined)) return work;
  let { idleUs } = usage;
  const apps: Record<string, AppUse> = {};
  for (const [name, { warmSinceUs, ...use }] of Object.entries(work.apps)) {
    apps[name] = use;
    const running = work.tasks.find(({ app, status }) => app === name && status === "running");
    if (warmSinceUs !== undefined) idleUs += Math.max(0, (running?.startedAtUs ?? at) - warmSinceUs);
  }
  return { ...work, apps, usage: { ...usage, idleUs } };
}

/** The work of a fork: it has no workers, and runs nothing yet. */
export function forkedWork({ apps, usage, objects }: Work): Work {
  const cold = Object.entries(apps).map(([name, { warmSinceUs: _, ...use }]) => [name, use] as const);
  return { apps: Object.fromEntries(cold), tasks: [], usage, ...given("objects", objects) };
}

/** The rows of tasks that an operation begins or ends, and of the objects that it makes. */
export function taskRows(
  { tasks }: Work,
  {
    kind,
    at,
    seq,
    input,
  }: { readonly kind: string; readonly at: number; readonly seq: number; readonly input?: unknown },
): readonly RowChange[] {
  const begin = (call: TaskUse): RowChange => ({ view: "task", change: "begin", id: call.taskId, seq });
  const end = (id: string): RowChange => ({ view: "task", change: "end", id, seq });
  if (kind === "session.forked") return tasks.map(({ taskId }) => end(taskId));
  if (input === undefined) return [];
  // NOTE: the input of an operation has the shape of its kind.
  switch (kind) {
    case "task.queued":
      return [begin(input as TaskInputs["task.queued"])];
    case "task.started": {
      const call = input as TaskInputs["task.started"];
      return call.input === undefined ? [] : [begin(call)];
    }
    case "task.finished": {
      const { taskId, objects } = input as TaskInputs["task.finished"];
      const task = tasks.find((one) => one.taskId === taskId);
      const { app, action } = task ?? { app: "", action: "" };
      return [end(taskId), ...objectRows(objects, { app, action, taskId, seq, createdAtUs: at })];
    }
    case "task.performed": {
      const call = input as TaskInputs["task.performed"];
      const { app, action, taskId, objects } = call;
      return [begin(call), end(taskId), ...objectRows(objects, { app, action, taskId, seq, createdAtUs: at })];
    }
    default:
      return [];
  }
}

function objectRows(
  objects: readonly MadeObject[] = [],
  maker: Pick<ObjectPlace, "app" | "action" | "taskId" | "seq" | "createdAtUs">,
): readonly RowChange[] {
  return objects.map(({ data: _, ...object }, place) => ({
    view: "object",
    change: "begin",
    ...object,
    ...maker,
    place,
  }));
}

function withObjects({ objects = 0 }: Work, made: readonly MadeObject[] = []): Pick<Work, "objects"> {
  return objects + made.length === 0 ? {} : { objects: objects + made.length };
}

function opened(
  { taskId, app, action, isIdempotent }: TaskUse,
  seq: number,
  state: Pick<OpenTask, "status" | "startedAtUs">,
): OpenTask {
  return { taskId, app, action, ...state, seq, ...(isIdempotent && { isIdempotent }) };
}

function withUse(apps: Work["apps"], { app, version, setup, fresh }: TaskUse, seq: number): Work["apps"] {
  const use = apps[app];
  if (use !== undefined && fresh === undefined) return apps;
  const next: AppUse = {
    version,
    ...(setup === undefined ? {} : { setup }),
    freshSeq: seq,
    // The worker that goes for it has waited until here.
    ...(use?.warmSinceUs === undefined ? {} : { warmSinceUs: use.warmSinceUs }),
  };
  return { ...apps, [app]: next };
}
