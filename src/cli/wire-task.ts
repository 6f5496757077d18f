import type { App, SessionWork, Task, TaskEvent } from "../client/index.ts";

/** An app as the REST API shows it. */
export function wireApp({ setupSchema, defaultAction, actions, ...app }: App): object {
  return {
    ...app,
    setup_schema: setupSchema,
    default_action: defaultAction,
    actions: actions.map(({ inputSchema, outputSchema, isIdempotent, ...action }) => ({
      ...action,
      input_schema: inputSchema,
      output_schema: outputSchema,
      is_idempotent: isIdempotent,
    })),
  };
}

/** A task as the REST API shows it. */
export function wireTask(task: Task): object {
  const { faults, ...failure } = task.error ?? {};
  return {
    task_id: task.taskId,
    status: task.status,
    session_id: task.sessionId,
    app: task.app,
    version: task.version,
    action: task.action,
    input: task.input,
    output: task.output,
    error: task.error && { ...failure, details: faults },
    operation_seq: task.operationSeq,
    created_at: task.createdAt,
    started_at: task.startedAt,
    finished_at: task.finishedAt,
    processing_time: task.processingTimeMs === undefined ? undefined : task.processingTimeMs / 1_000,
    worker: task.worker,
  };
}

/** An event of a task, with its name as its type. */
export function wireEvent(event: TaskEvent): object {
  return event.type === "task" ? { type: "task", task: wireTask(event.task) } : event;
}

/** What a session does by apps, as the REST API shows it. */
export function wireWork({ apps, tasks, usage }: SessionWork): object {
  const used = Object.entries(apps).map(([name, { isWarm, ...use }]) => [name, { ...use, is_warm: isWarm }]);
  return {
    apps: Object.fromEntries(used),
    tasks: tasks.map(({ taskId, operationSeq, startedAt, ...task }) => ({
      task_id: taskId,
      ...task,
      operation_seq: operationSeq,
      started_at: startedAt,
    })),
    usage: {
      calls: usage.calls,
      busy_time: usage.busyTimeMs / 1_000,
      idle_time: usage.idleTimeMs / 1_000,
      memory_peak_bytes: usage.memoryPeakBytes,
    },
  };
}
