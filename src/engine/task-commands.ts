import { type Command, end } from "./commands.ts";
import { SojournError } from "./errors.ts";
import { given } from "./given.ts";
import { type Json, sameJson } from "./json.ts";
import { assertActive, isFinal } from "./lifecycle.ts";
import { assertMayRun } from "./limit-rules.ts";
import { textFaults } from "./limits.ts";
import type { MadeObject } from "./object.ts";
import type { Ran } from "./runner.ts";
import type { SessionRecord } from "./session.ts";
import type { Draft } from "./streams.ts";
import type { AppUse, ReleaseReason, Report, TaskCall, TaskInputs, TaskOutcome, TaskUse } from "./task.ts";

/** Records that a task waits for others. */
export function queueTask(call: TaskCall): Command {
  return (session) => {
    assertActive(session, "run an app in");
    assertMayRun(session, call.app);
    if (!call.fresh) assertVersion(session, call);
    return [{ kind: "task.queued", name: "run", input: call }];
  };
}

/**
 * Records that a task runs from now on. Where the app was set up otherwise meanwhile, its worker begins anew.
 *
 * @throws {SojournError} `version_mismatch` where the session came to another version of the app meanwhile
 */
export function startTask({ input, ...use }: TaskCall): Command {
  return (session) => {
    assertActive(session, "run an app in");
    assertMayRun(session, use.app);
    if (!use.fresh) assertVersion(session, use);
    const isQueued = session.work.tasks.some(({ taskId }) => taskId === use.taskId);
    const before = useOf(session, use.app);
    const isOther = before !== undefined && !sameJson(use.setup ?? {}, before.setup ?? {});
    const begun: TaskUse = isOther ? { ...use, fresh: true } : use;
    return [{ kind: "task.started", name: "run", input: isQueued ? begun : { ...begun, input } }];
  };
}

/** Records what a task told; nothing of one that has finished. */
export function reportTask(taskId: string, reports: readonly Report[]): Command {
  return (session) => (isOpen(session, taskId) ? [reported(taskId, reports)] : []);
}

/** How a task came out. */
export interface TaskEnd extends Omit<TaskInputs["task.finished"], "taskId" | "status" | "code" | "faults"> {
  readonly status: TaskOutcome;
  /** Ids of the objects that it was given. */
  readonly used?: readonly string[];
  readonly output?: Json;
  readonly error?: Ran["error"];
}

/**
 * Records how a task came out, after the last of what it told; with `ends`, the session ends with it. In a session that
 * has ended meanwhile, the outcome is recorded as well.
 */
export function finishTask(
  taskId: string,
  { status, used, output, error, ...rest }: TaskEnd,
  { reports = [], ends }: { readonly reports?: readonly Report[]; readonly ends?: Ran["ends"] } = {},
): Command {
  return (session, now) => {
    if (!isOpen(session, taskId)) return [];
    const drafts: Draft[] = reports.length === 0 ? [] : [reported(taskId, reports)];
    const input = { taskId, status, ...given("code", error?.code), ...given("faults", error?.faults), ...rest };
    drafts.push({
      kind: "task.finished",
      name: "run",
      input,
      ...given("output", output),
      ...given("error", error?.message),
      ...given("used", used),
      ...given("made", rest.objects, idsOf),
      durationUs: rest.processingTimeUs,
    });
    if (ends === undefined || isFinal(session.status)) return drafts;
    // By its name it is told from an end that somebody called for.
    const ending = end("completed", reasonOf(ends.reason), "run")(session, now);
    return ending === "erase" ? drafts : [...drafts, ...ending];
  };
}

/** Records a task that was begun and done in one. */
export function performTask(
  input: TaskInputs["task.performed"],
  { used, output, error }: { readonly used?: readonly string[]; readonly output?: Json; readonly error?: string },
): Command {
  return (session) => {
    assertActive(session, "run an app in");
    assertMayRun(session, input.app);
    assertVersion(session, input);
    const { processingTimeUs: durationUs } = input;
    return [
      {
        kind: "task.performed",
        name: "run",
        input,
        ...given("output", output),
        ...given("error", error),
        ...given("used", used),
        ...given("made", input.objects, idsOf),
        durationUs,
      },
    ];
  };
}

/** Records that a worker has gone that waited, if it is still said to wait. */
export function releaseWorker(app: string, reason: ReleaseReason): Command {
  return ({ work }) => {
    if (work.apps[app]?.warmSinceUs === undefined) return [];
    return [{ kind: "worker.released", name: "release", input: { app, reason } }];
  };
}

/** Refuses another version of an app than the one that a session uses; a prefix of it will do. */
export function assertVersion(
  session: SessionRecord,
  { app, version }: { readonly app: string; readonly version?: string | undefined },
): void {
  const use = useOf(session, app);
  if (use === undefined || version === undefined || use.version.startsWith(version)) return;
  throw new SojournError("version_mismatch", {
    message: `Session "${session.sessionId}" stays on version ${use.version.slice(0, 12)} of ${app}, with which it began; ${version.slice(0, 12)} needs another session`,
  });
}

function idsOf(objects: readonly MadeObject[]): readonly string[] {
  return objects.map(({ objectId }) => objectId);
}

function useOf({ work }: SessionRecord, app: string): AppUse | undefined {
  return Object.hasOwn(work.apps, app) ? work.apps[app] : undefined;
}

function isOpen({ work }: SessionRecord, taskId: string): boolean {
  return work.tasks.some((task) => task.taskId === taskId);
}

function reported(taskId: string, reports: readonly Report[]): Draft<"task.reported"> {
  return { kind: "task.reported", name: "run", input: { taskId, reports } };
}

/** An app's reason, where a session may have it. */
function reasonOf(reason: string | undefined): { readonly reason?: string } {
  if (reason === undefined || textFaults("reason", reason, { min: 1, max: 1_024 }).length > 0) return {};
  return { reason };
}
