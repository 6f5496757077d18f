import type { Fault } from "../engine/errors.ts";
import type { Json, JsonObject } from "../engine/json.ts";
import { exactMs } from "./duration.ts";
import type { SessionWork } from "./session-state.ts";
import type { App, BrokenApp, LogLevel, Task, TaskEvent } from "./task.ts";

/** An app on the wire. */
export interface WireApp extends Pick<App, "name" | "version" | "place" | "recovery" | "permissions"> {
  readonly description?: string | undefined;
  readonly setup_schema?: JsonObject | undefined;
  readonly default_action?: string | undefined;
  readonly actions: readonly {
    readonly name: string;
    readonly description?: string | undefined;
    readonly input_schema: JsonObject;
    readonly output_schema?: JsonObject | undefined;
    readonly is_idempotent: boolean;
  }[];
}

/** What should be an app, on the wire. */
export type WireBrokenApp = Pick<BrokenApp, "source" | "message"> & { readonly version?: string | undefined };

/** A task on the wire. */
export interface WireTask extends Pick<Task, "status" | "app" | "version" | "action"> {
  readonly task_id: string;
  readonly session_id: string;
  readonly input?: Json | undefined;
  readonly output?: Json | undefined;
  readonly error?:
    | { readonly code: string; readonly message: string; readonly details?: readonly Fault[] | undefined }
    | undefined;
  readonly operation_seq: number;
  readonly created_at: string;
  readonly started_at?: string | undefined;
  readonly finished_at?: string | undefined;
  readonly processing_time?: number | undefined;
  readonly worker?: Task["worker"];
}

/** What a session does by apps, on the wire. */
export interface WireWork {
  readonly apps: Readonly<
    Record<string, { readonly version: string; readonly setup?: JsonObject | undefined; readonly is_warm: boolean }>
  >;
  readonly tasks: readonly {
    readonly task_id: string;
    readonly app: string;
    readonly action: string;
    readonly status: "queued" | "running";
    readonly operation_seq: number;
    readonly started_at?: string | undefined;
  }[];
  readonly usage: {
    readonly calls: number;
    readonly busy_time: number;
    readonly idle_time: number;
    readonly memory_peak_bytes: number;
  };
}

/** What an app told, on the wire. */
export interface WireReport {
  readonly output?: Json | undefined;
  readonly fraction?: number | undefined;
  readonly level?: LogLevel | undefined;
  readonly message?: string | undefined;
  readonly timestamp: string;
}

/** An app in the words of the SDK. */
export function decodeBrokenApp({ source, message, version }: WireBrokenApp): BrokenApp {
  return { source, message, version };
}

export function decodeApp(wire: WireApp): App {
  const { name, version, description, place, recovery, permissions } = wire;
  return {
    name,
    version,
    description,
    place,
    recovery,
    setupSchema: wire.setup_schema,
    defaultAction: wire.default_action,
    actions: wire.actions.map((action) => ({
      name: action.name,
      description: action.description,
      inputSchema: action.input_schema,
      outputSchema: action.output_schema,
      isIdempotent: action.is_idempotent,
    })),
    permissions,
  };
}

/** A task in the words of the SDK. */
export function decodeTask(wire: WireTask): Task {
  const { status, app, version, action, input, output, error, worker } = wire;
  const { details: faults, ...failure } = error ?? { code: "", message: "" };
  return {
    taskId: wire.task_id,
    status,
    sessionId: wire.session_id,
    app,
    version,
    action,
    input,
    output,
    error: error && { ...failure, ...(faults && { faults }) },
    operationSeq: wire.operation_seq,
    createdAt: new Date(wire.created_at),
    startedAt: date(wire.started_at),
    finishedAt: date(wire.finished_at),
    processingTimeMs: wire.processing_time === undefined ? undefined : exactMs(wire.processing_time),
    worker,
  };
}

/** An event of a task that is a report; `undefined` for one that nobody knows. */
export function decodeReport(type: string | undefined, wire: WireReport): TaskEvent | undefined {
  const { output = null, fraction, level = "info", message } = wire;
  const timestamp = new Date(wire.timestamp);
  switch (type) {
    case "output":
      return { type, output, timestamp };
    case "progress":
      return { type, fraction, message, timestamp };
    case "log":
      return { type, level, message: message ?? "", timestamp };
    default:
      return undefined;
  }
}

/** What a session does by apps, in the words of the SDK. */
export function decodeWork({ apps, tasks, usage }: WireWork): SessionWork {
  const used = Object.entries(apps).map(([name, { version, setup, is_warm: isWarm }]) => {
    return [name, { version, setup, isWarm }] as const;
  });
  return {
    apps: Object.fromEntries(used),
    tasks: tasks.map(({ task_id: taskId, app, action, status, operation_seq: operationSeq, started_at: startedAt }) => {
      return { taskId, app, action, status, operationSeq, startedAt: date(startedAt) };
    }),
    usage: {
      calls: usage.calls,
      busyTimeMs: exactMs(usage.busy_time),
      idleTimeMs: exactMs(usage.idle_time),
      memoryPeakBytes: usage.memory_peak_bytes,
    },
  };
}

function date(iso: string | undefined): Date | undefined {
  return iso === undefined ? undefined : new Date(iso);
}
