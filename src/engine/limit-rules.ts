import { SECOND } from "./clock.ts";
import { DOLLAR } from "./conversation.ts";
import { type Fault, invalid, SojournError } from "./errors.ts";
import { given } from "./given.ts";
import { sameJson } from "./json.ts";
import { LIMITS } from "./limits.ts";
import type { SessionRecord } from "./session.ts";
import type { Draft } from "./streams.ts";

/** What of a session is measured, as it is called everywhere. */
export const MEASURES = [
  "calls",
  "errors",
  "error_rate",
  "tokens",
  "cost_usd",
  "bytes",
  "processing_seconds",
  "wall_seconds",
] as const;

export type Measure = (typeof MEASURES)[number];

/** What becomes of a session that reaches a limit. */
export const REACTIONS = ["warn", "pause", "fail"] as const;

export type Reaction = (typeof REACTIONS)[number];

/** When something becomes of a session: when a measure is `at` a value or more, or `over` it. It has one of the two. */
export type LimitRule = {
  readonly at?: number;
  readonly over?: number;
  readonly action: Reaction;
  /** Of a rate of errors: not before so many calls; default 1. */
  readonly minCalls?: number;
};

/** The rules for each measure. */
export type Limits = { readonly [M in Measure]?: readonly LimitRule[] };

/** A change of limits; `null` removes those of a measure. */
export type LimitsPatch = { readonly [M in Measure]?: readonly LimitRule[] | null };

/** What a session is warned of. */
export interface Warning {
  readonly reason: string;
  readonly measure: Measure;
  /** What it was. */
  readonly value: number;
}

/** By whom an operation was written that a limit brought about. */
export const BY_LIMIT = "limit";

/** Refuses, with `invalid`, rules that can't be: too many, of values that are none, for a rate over 1. */
export function assertLimits(limits: LimitsPatch): void {
  const faults: Fault[] = [];
  for (const measure of MEASURES) {
    const rules = limits[measure] ?? [];
    const field = `limits.${measure}`;
    if (rules.length > LIMITS.limitRules) {
      faults.push({ field, message: `must be at most ${LIMITS.limitRules} rules`, type: "too_big" });
    }
    for (const [i, rule] of rules.entries()) faults.push(...ruleFaults(measure, rule, `${field}.${i}`));
  }
  if (faults.length > 0) throw invalid(faults);
}

/** Refuses, with `invalid`, apps that can't be told apart from others, or too many. */
export function assertApps(apps: readonly string[] | null | undefined): void {
  if (apps == null) return;
  const faults: Fault[] = apps.length <= LIMITS.appsOfSession ? [] : [tooMany("apps", LIMITS.appsOfSession)];
  for (const [i, app] of apps.entries()) {
    if (app.length === 0 || app.length > LIMITS.nameLength) {
      const message = `must have 1 to ${LIMITS.nameLength} characters`;
      faults.push({ field: `apps.${i}`, message, type: app.length === 0 ? "too_small" : "too_big" });
    }
  }
  if (faults.length > 0) throw invalid(faults);
}

/** The limits once a change was made; `undefined` where none are left. */
export function changedLimits(limits: Limits = {}, patch: LimitsPatch = {}): Limits | undefined {
  const kept = MEASURES.flatMap((measure) => {
    const rules = patch[measure] === undefined ? limits[measure] : patch[measure];
    return rules == null || rules.length === 0 ? [] : [[measure, rules] as const];
  });
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/**
 * What becomes of a session by its limits, when a call has changed it. It is warned when it reaches a limit, and paused or
 * failed while it is at one.
 */
export function consequences(before: SessionRecord, after: SessionRecord, now: number): readonly Draft[] {
  if (after.limits === undefined || after.endedAtUs !== undefined) return [];
  const isNews = ({ measure, rule }: Reached): boolean => {
    const wasRule = before.limits?.[measure]?.some((one) => sameJson(one, rule)) ?? false;
    return !wasRule || !isReached(rule, measure, before, now);
  };
  const reached = reachedBy(after, now);
  return [
    ...reached.filter((one) => one.rule.action === "warn" && isNews(one)).map(warned),
    ...stopped(after, reached),
  ];
}

/** What becomes of a session by time alone. */
export function dueByTime(session: SessionRecord, now: number): readonly Draft[] {
  if (session.limits?.wall_seconds === undefined || session.endedAtUs !== undefined) return [];
  const reached = reachedBy(session, now).filter(({ measure }) => measure === "wall_seconds");
  const warnings = reached.filter(({ rule }) => {
    return rule.action === "warn" && !isReached(rule, "wall_seconds", session, session.updatedAtUs);
  });
  return [...warnings.map(warned), ...stopped(session, reached)];
}

/** When the next thing becomes of a session by time alone, in microseconds since the epoch. */
export function limitAtUs(session: SessionRecord): number | undefined {
  const { limits, createdAtUs, updatedAtUs, status, endedAtUs } = session;
  if (limits?.wall_seconds === undefined || endedAtUs !== undefined) return undefined;
  const times = limits.wall_seconds.flatMap(({ at, over = 0, action }) => {
    const us = createdAtUs + (at === undefined ? Math.floor(over * SECOND) + 1 : Math.ceil(at * SECOND));
    const isOver = action === "warn" ? us <= updatedAtUs : action === "pause" && status === "suspended";
    return isOver ? [] : [us];
  });
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Everything that the limits of a session say at `now`, whether or not it was said before. */
export function allReached(session: SessionRecord, now: number): readonly Draft[] {
  const reached = reachedBy(session, now);
  return [...reached.filter(({ rule }) => rule.action === "warn").map(warned), ...stopped(session, reached)];
}

/** Refuses to go on with a session that is at a limit which stops it, with `invalid_transition`. */
export function assertUnderLimits(session: SessionRecord, now: number, verb: string): void {
  const [reached] = reachedBy(session, now).filter(({ rule }) => rule.action !== "warn");
  if (reached === undefined) return;
  throw new SojournError("invalid_transition", {
    message: `Cannot ${verb} session "${session.sessionId}": ${reasonOf(reached)}; raise or remove limits.${reached.measure} first`,
  });
}

/** Refuses an app that a session may not run, with `forbidden`. */
export function assertMayRun({ sessionId, apps }: SessionRecord, app: string): void {
  if (apps === undefined || apps.includes(app)) return;
  const may = apps.length === 0 ? "none" : apps.join(", ");
  throw new SojournError("forbidden", { message: `Session "${sessionId}" may not run ${app}; its apps are: ${may}` });
}

/** A rule that a session has reached. */
interface Reached {
  readonly measure: Measure;
  readonly rule: LimitRule;
  readonly value: number;
}

function reachedBy(session: SessionRecord, now: number): readonly Reached[] {
  return MEASURES.flatMap((measure) => {
    const rules = session.limits?.[measure] ?? [];
    if (rules.length === 0) return [];
    const value = measured(session, measure, now);
    return rules.filter((rule) => isReached(rule, measure, session, now)).map((rule) => ({ measure, rule, value }));
  });
}

function isReached(
  { at, over, minCalls = 1 }: LimitRule,
  measure: Measure,
  session: SessionRecord,
  now: number,
): boolean {
  if (measure === "error_rate" && session.metrics.requestCount < minCalls) return false;
  const value = measured(session, measure, now);
  return at === undefined ? value > (over ?? Number.POSITIVE_INFINITY) : value >= at;
}

function measured({ metrics, artifacts, createdAtUs }: SessionRecord, measure: Measure, now: number): number {
  const { requestCount, errorCount, processingTimeUs, inputTokens, outputTokens, costNanoUsd = 0 } = metrics;
  switch (measure) {
    case "calls":
      return requestCount;
    case "errors":
      return errorCount;
    case "error_rate":
      return requestCount === 0 ? 0 : errorCount / requestCount;
    case "tokens":
      return inputTokens + outputTokens;
    case "cost_usd":
      return costNanoUsd / DOLLAR;
    case "bytes":
      return artifacts.bytes;
    case "processing_seconds":
      return processingTimeUs / SECOND;
    case "wall_seconds":
      return Math.max(0, now - createdAtUs) / SECOND;
  }
}

function warned(reached: Reached): Draft<"session.warned"> {
  const { measure, value } = reached;
  return { kind: "session.warned", name: BY_LIMIT, input: { reason: reasonOf(reached), measure, value } };
}

/** The end or the pause that the limits of a session demand; an end goes first. */
function stopped({ status }: SessionRecord, reached: readonly Reached[]): readonly Draft[] {
  const failing = reached.find(({ rule }) => rule.action === "fail");
  if (failing !== undefined) return [{ kind: "session.failed", name: BY_LIMIT, input: { reason: reasonOf(failing) } }];
  const pausing = status === "active" ? reached.find(({ rule }) => rule.action === "pause") : undefined;
  if (pausing === undefined) return [];
  return [{ kind: "session.suspended", name: BY_LIMIT, input: { reason: reasonOf(pausing) } }];
}

function reasonOf({ measure, rule: { at, over }, value }: Reached): string {
  const shown = Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
  return at === undefined ? `${measure} is ${shown}, over ${over}` : `${measure} is ${shown}, the limit is ${at}`;
}

function ruleFaults(measure: Measure, { at, over, minCalls }: LimitRule, field: string): readonly Fault[] {
  const faults: Fault[] = [];
  if ((at === undefined) === (over === undefined)) {
    faults.push({ field, message: "must have either at or over", type: "required" });
  }
  const max = VALUE_MAX[measure];
  for (const [name, value] of Object.entries({ ...given("at", at), ...given("over", over) })) {
    const isFine = name === "at" ? value > 0 : value >= 0;
    if (isFine && value <= max) continue;
    const message = name === "at" ? `must be more than 0, and at most ${max}` : `must be 0 to ${max}`;
    faults.push({ field: `${field}.${name}`, message, type: isFine ? "too_big" : "too_small" });
  }
  if (minCalls === undefined) return faults;
  if (measure !== "error_rate") {
    faults.push({ field: `${field}.min_calls`, message: "is of error_rate alone", type: "invalid_value" });
  } else if (!Number.isSafeInteger(minCalls) || minCalls < 1) {
    faults.push({ field: `${field}.min_calls`, message: "must be a whole number of at least 1", type: "too_small" });
  }
  return faults;
}

/** The largest value of a rule. */
const VALUE_MAX: Readonly<Record<Measure, number>> = {
  calls: Number.MAX_SAFE_INTEGER,
  errors: Number.MAX_SAFE_INTEGER,
  error_rate: 1,
  tokens: Number.MAX_SAFE_INTEGER,
  // Kept in nano-dollars.
  cost_usd: 1_000_000,
  bytes: Number.MAX_SAFE_INTEGER,
  processing_seconds: LIMITS.durationSeconds,
  wall_seconds: LIMITS.durationSeconds,
};

function tooMany(field: string, max: number): Fault {
  return { field, message: `must be at most ${max}`, type: "too_big" };
}
