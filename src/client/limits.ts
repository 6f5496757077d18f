import type { Reaction } from "../engine/limit-rules.ts";

/** What of a session may be limited. Where it says seconds, it means seconds. */
export type Measure =
  | "calls"
  | "errors"
  /** Errors by calls: 0 to 1. */
  | "errorRate"
  /** Of language models, in and out. */
  | "tokens"
  | "costUsd"
  /** Of artifacts. */
  | "bytes"
  | "processingSeconds"
  /** Since the session began. */
  | "wallSeconds";

/** When something becomes of a session, and what. It has either `at` or `over`. */
export interface LimitRule {
  /** The value that is too much already. */
  readonly at?: number | undefined;
  /** The last value that is not too much. */
  readonly over?: number | undefined;
  /** `warn`: an operation says so; `pause`: the session is suspended; `fail`: it ends. */
  readonly action: Reaction;
  /** Of `errorRate`: not before so many calls; default 1. */
  readonly minCalls?: number | undefined;
}

/** The limits of a session. */
export type Limits = { readonly [M in Measure]?: readonly LimitRule[] };

/** Limits as they are wanted: rules, or the number at which the session is paused; `null` takes those of a measure away. */
export type WantedLimits = {
  readonly [M in Measure]?: number | LimitRule | readonly LimitRule[] | null | undefined;
};

/** The rules of a measure, on the wire. */
export interface WireRule extends Omit<LimitRule, "minCalls"> {
  readonly min_calls?: number | undefined;
}

/** Limits on the wire. */
export type WireLimits = { readonly [measure: string]: readonly WireRule[] | null | undefined };

const NAMES: Readonly<Record<Measure, string>> = {
  calls: "calls",
  errors: "errors",
  errorRate: "error_rate",
  tokens: "tokens",
  costUsd: "cost_usd",
  bytes: "bytes",
  processingSeconds: "processing_seconds",
  wallSeconds: "wall_seconds",
};

/** Limits in the words of the wire. What is none of them goes along, to be refused where it is read. */
export function encodeLimits(limits: unknown): unknown {
  if (!isObject(limits)) return limits;
  const members = Object.entries(limits).map(([measure, rules]) => {
    const name = Object.hasOwn(NAMES, measure) ? NAMES[measure as Measure] : measure;
    return [name, Array.isArray(rules) ? rules.map(encodeRule) : encodeRule(rules)];
  });
  return Object.fromEntries(members);
}

/** Limits in the words of the SDK; in a change of them, `null` stays what it is. */
export function decodeLimits(wire: WireLimits): Limits {
  const members = Object.entries(NAMES).flatMap(([measure, name]) => {
    const rules = wire[name];
    return rules === undefined ? [] : [[measure, rules?.map(decodeRule) ?? null]];
  });
  return Object.fromEntries(members);
}

function encodeRule(rule: unknown): unknown {
  if (!isObject(rule)) return rule;
  const { minCalls, ...rest } = rule;
  return { ...rest, ...(minCalls !== undefined && { min_calls: minCalls }) };
}

function decodeRule({ min_calls: minCalls, ...rule }: WireRule): LimitRule {
  return { ...rule, ...(minCalls !== undefined && { minCalls }) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
