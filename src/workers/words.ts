import { isPrefix, isTypeName } from "../app-format/object.ts";
import type { Fault } from "../engine/errors.ts";
import type { Json, JsonObject } from "../engine/json.ts";
import { computedFaults } from "../engine/limits.ts";
import { type Making, TASK_OBJECTS_MAX } from "../engine/object.ts";
import type { Report } from "../engine/task.ts";
import { REASON_LENGTH_MAX } from "./orders.ts";

/** Why an action, or the start of an app, did not succeed. */
export const FAILURES = ["app_failed", "invalid", "output_too_large"] as const;

export type Failure = (typeof FAILURES)[number];

/** What an app may ask of its session. */
export const CALLS = [
  "workingMemory",
  "setWorkingMemory",
  "mergeWorkingMemory",
  "messages",
  "addMessages",
  "chat",
  "storeArtifact",
  "readArtifact",
  "artifacts",
] as const;

export type CallName = (typeof CALLS)[number];

/** What goes with the end of a task, however it ended. */
interface After {
  /** JSON that a store may be unable to keep; so are the output and the data of what was made. */
  readonly snapshot?: Json;
  /** The app wants its session to end. */
  readonly ends?: { readonly reason?: string };
  /** It was told to stop before it was done. */
  readonly isAborted?: true;
}

/** A call of an action that succeeded. */
export type Done = { readonly type: "done"; readonly output: Json; readonly made?: readonly Making[] } & After;

/** A call of an action, or the start of an app, that did not. */
export type Failed = {
  readonly type: "failed";
  readonly code: Failure;
  readonly message: string;
  readonly faults?: readonly Fault[];
} & After;

/** What a worker tells the server. It runs foreign code, so that nothing of it is believed before it was looked at. */
export type Word =
  | { readonly type: "loaded"; readonly description: unknown }
  | { readonly type: "broken"; readonly message: string }
  | { readonly type: "begun" }
  | Done
  | Failed
  | { readonly type: "report"; readonly report: Report }
  | { readonly type: "call"; readonly id: number; readonly name: CallName; readonly given: JsonObject }
  | { readonly type: "crash"; readonly message: string };

/** The word that a message is, or `undefined` where it is none; checked by hand, since one comes with every call. */
export function wordOf(message: unknown): Word | undefined {
  if (!isObject(message)) return undefined;
  const { type } = message;
  if (type === "done") return isDone(message) ? (message as unknown as Done) : undefined;
  if (type === "report") return isReport(message["report"]) ? (message as unknown as Word) : undefined;
  return isRareWord(message) ? (message as unknown as Word) : undefined;
}

function isDone(message: Readonly<Record<string, unknown>>): boolean {
  const { output, made } = message;
  return isAfter(message) && output !== undefined && (made === undefined || isMade(made));
}

function isMade(made: unknown): boolean {
  return Array.isArray(made) && made.length <= TASK_OBJECTS_MAX && made.every(isMaking);
}

function isMaking(making: unknown): boolean {
  if (!isObject(making)) return false;
  const { type, prefix, data, reason } = making;
  return (
    typeof type === "string" &&
    isTypeName(type) &&
    typeof prefix === "string" &&
    isPrefix(prefix) &&
    data !== undefined &&
    (reason === undefined || isReason(reason))
  );
}

function isReason(reason: unknown): boolean {
  return isText(reason) && String(reason).length > 0 && String(reason).length <= REASON_LENGTH_MAX;
}

// NOTE: what these have looked at is a `Word`; the casts above say so.
function isRareWord(message: Readonly<Record<string, unknown>>): boolean {
  switch (message["type"]) {
    case "loaded":
      return isJson(message["description"]);
    case "begun":
      return true;
    case "broken":
    case "crash":
      return isText(message["message"]);
    case "failed":
      return (
        isAfter(message) &&
        FAILURES.some((code) => code === message["code"]) &&
        isText(message["message"]) &&
        (message["faults"] === undefined || (Array.isArray(message["faults"]) && message["faults"].every(isFault)))
      );
    case "call":
      return (
        Number.isSafeInteger(message["id"]) &&
        CALLS.some((name) => name === message["name"]) &&
        isObject(message["given"]) &&
        isJson(message["given"])
      );
    default:
      return false;
  }
}

function isReport(report: unknown): boolean {
  if (!isObject(report)) return false;
  const { type, fraction, message, level, output } = report;
  switch (type) {
    case "output":
      return isJson(output);
    case "progress":
      return (
        (fraction === undefined || (typeof fraction === "number" && fraction >= 0 && fraction <= 1)) &&
        (message === undefined || isText(message))
      );
    case "log":
      return (level === "debug" || level === "info" || level === "warn" || level === "error") && isText(message);
    default:
      return false;
  }
}

function isAfter({ ends, isAborted }: Readonly<Record<string, unknown>>): boolean {
  return (
    (ends === undefined || (isObject(ends) && (ends["reason"] === undefined || isText(ends["reason"])))) &&
    (isAborted === undefined || isAborted === true)
  );
}

function isFault(fault: unknown): boolean {
  return isObject(fault) && isText(fault["field"]) && isText(fault["message"]) && isText(fault["type"]);
}

function isText(value: unknown): boolean {
  return typeof value === "string" && isJson(value);
}

/** Whether a store can keep it. */
function isJson(value: unknown): boolean {
  return value !== undefined && computedFaults(value, "").length === 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
