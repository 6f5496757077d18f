import { type Fault, invalid, SojournError } from "./errors.ts";
import { given } from "./given.ts";
import { isArray, type Json, type JsonObject, sameJson } from "./json.ts";
import { assertActive } from "./lifecycle.ts";
import { jsonFaults } from "./limits.ts";
import type { App, Runner } from "./runner.ts";
import type { SessionRecord } from "./session.ts";
import type { AppUse, TaskCall } from "./task.ts";
import { assertVersion } from "./task-commands.ts";

/** What becomes of a call where another runs in the session: it waits, is refused, or cancels those before it. */
export const WHEN_BUSY = ["enqueue", "reject", "interrupt"] as const;

export type WhenBusy = (typeof WHEN_BUSY)[number];

/** A call of an action. */
export interface NewTask {
  readonly app: string;
  /** The digest that is wanted, or its beginning of at least 8 digits; another is `version_mismatch`. Default: the session's. */
  readonly version?: string;
  /** Default: `input.action`, where the input is an object that has one, or the app's default. */
  readonly action?: string;
  /** Default: `{}`. */
  readonly input?: Json;
  /** Default: as the session set the app up before. Another one begins a fresh worker. */
  readonly setup?: JsonObject;
  /** Leaves what the app remembers behind. */
  readonly fresh?: boolean;
  /** From when it runs; default and most: what the operator allows. */
  readonly timeoutMs?: number;
  /** Default: `enqueue`. */
  readonly whenBusy?: WhenBusy;
}

/** How long a task may take. */
export interface TaskLimits {
  readonly timeoutMs: number;
}

/** A call that fits its app. */
export interface Fitted {
  readonly app: App;
  readonly action: App["actions"][number];
  readonly input: Json;
  readonly setup: JsonObject | undefined;
  readonly timeoutMs: number;
}

/** What a call means, for a session that uses the app so; refuses what does not fit. */
export async function fitted(
  wanted: NewTask,
  use: AppUse | undefined,
  { runner, limits }: { readonly runner: Runner; readonly limits: TaskLimits },
): Promise<Fitted> {
  const app = await appFor(wanted, use, runner);
  const { input = {} } = wanted;
  const action = actionOf(app, wanted.action, input);
  const setup = wanted.setup ?? use?.setup;
  const timeoutMs = wanted.timeoutMs ?? limits.timeoutMs;
  const faults = [
    ...jsonFaults(input, "input"),
    ...(wanted.setup === undefined ? [] : jsonFaults(wanted.setup, "setup")),
    ...timeoutFaults(timeoutMs, limits),
  ];
  if (faults.length > 0) throw invalid(faults);
  const misfits = [
    ...app.inputFaults(action.name, input).map((fault) => ({ ...fault, field: within("input", fault.field) })),
    ...app.setupFaults(setup ?? {}).map((fault) => ({ ...fault, field: within("setup", fault.field) })),
  ];
  if (misfits.length > 0) throw invalid(misfits);
  return { app, action, input, setup, timeoutMs };
}

/** The version that the session began with; where that is not here, as after an import, whoever begins anew gets what is. */
async function appFor(wanted: NewTask, use: AppUse | undefined, runner: Runner): Promise<App> {
  try {
    return await runner.app(wanted.app, use?.version ?? wanted.version);
  } catch (error) {
    const isMissing = error instanceof SojournError && error.code === "app_not_found" && use !== undefined;
    if (!isMissing || wanted.version !== undefined) throw error;
    if (wanted.fresh) return await runner.app(wanted.app);
    const message = `${error.message}; with fresh: true the session begins anew with the version that is`;
    throw new SojournError(error.code, { message, cause: error });
  }
}

/** The call as it is recorded of this session, and the app's files kept for it. */
export async function callIn(
  record: SessionRecord,
  wanted: NewTask,
  {
    before,
    taskId,
    ...ports
  }: {
    readonly runner: Runner;
    readonly limits: TaskLimits;
    readonly taskId: string;
    /** The last call of the app that has not finished: this one comes after it. */
    readonly before?: TaskCall;
  },
): Promise<{ readonly app: App; readonly call: TaskCall }> {
  assertActive(record, "run an app in");
  assertVersion(record, wanted);
  const used = Object.hasOwn(record.work.apps, wanted.app) ? record.work.apps[wanted.app] : undefined;
  const use = before === undefined ? used : asLeftBy(before, used);
  const { app, action, input, setup, timeoutMs } = await fitted(wanted, use, ports);
  const isOther = wanted.setup !== undefined && use !== undefined && !sameJson(wanted.setup, use.setup ?? {});
  const call = {
    taskId,
    app: app.name,
    version: app.version,
    action: action.name,
    input,
    ...given("setup", setup),
    ...((wanted.fresh || isOther) && { fresh: true as const }),
    ...(action.isIdempotent && { isIdempotent: true as const }),
    timeoutMs,
  };
  if (used?.version !== app.version && app.place === "process") await ports.runner.keep(app);
  return { app, call };
}

/** How a session will use an app once this call has begun to run. */
function asLeftBy({ version, setup }: TaskCall, used: AppUse | undefined): AppUse {
  return { freshSeq: 0, ...used, version: used?.version ?? version, ...given("setup", setup) };
}

function actionOf(app: App, wanted: string | undefined, input: Json): App["actions"][number] {
  const named = wanted ?? memberOf(input) ?? app.defaultAction;
  const action = app.actions.find(({ name }) => name === named);
  if (action !== undefined) return action;
  const names = app.actions.map(({ name }) => name).join(", ");
  const message =
    named === undefined ? `is missing; ${app.name} has ${names}` : `is none of ${app.name}, which has ${names}`;
  throw invalid([{ field: "action", message, type: named === undefined ? "required" : "invalid_action" }]);
}

function memberOf(input: Json): string | undefined {
  if (typeof input !== "object" || input === null || isArray(input)) return undefined;
  const { action } = input;
  return typeof action === "string" ? action : undefined;
}

function timeoutFaults(timeoutMs: number, { timeoutMs: max }: TaskLimits): readonly Fault[] {
  if (timeoutMs >= 1 && timeoutMs <= max) return [];
  const message = `must be more than 0 and at most ${max / 1_000}`;
  return [{ field: "timeout_seconds", message, type: timeoutMs > max ? "too_big" : "too_small" }];
}

function within(path: string, field: string): string {
  return field === "" ? path : `${path}.${field}`;
}
