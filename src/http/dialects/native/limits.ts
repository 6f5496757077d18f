import { z } from "zod";
import { given } from "../../../engine/given.ts";
import {
  type LimitRule,
  type Limits,
  type LimitsPatch,
  MEASURES,
  type Measure,
  REACTIONS,
} from "../../../engine/limit-rules.ts";
import { LIMITS } from "../../../engine/limits.ts";

const RuleShape = z.strictObject({
  at: z.number().optional().describe("the value that is too much already"),
  over: z.number().optional().describe("the last value that is not too much; a rule has either this or at"),
  action: z.enum(REACTIONS).describe("warn: an operation says so; pause: the session is suspended; fail: it ends"),
  min_calls: z.number().optional().describe("of error_rate: not before so many calls; default 1"),
});

const amount = z.union(
  [z.number().describe("the same as { at: it, action: pause }"), RuleShape, z.array(RuleShape).max(LIMITS.limitRules)],
  {
    error: () =>
      `must be a number, a rule such as {"over": 5, "action": "warn"} (at or over, and warn, pause or fail), or at most ${LIMITS.limitRules} rules`,
  },
);

/** Limits as they are wanted: a rule for a measure, some, or the number at which the session is paused. */
export const WantedLimitsShape = z
  .strictObject(ofMeasures(amount.nullable()))
  .describe("of each measure; null takes those of it away");

/** Limits as they are. */
export const LimitsShape = z.strictObject(ofMeasures(z.array(RuleShape))).meta({ id: "Limits" });

/** Limits as they change others. */
export const LimitsPatchShape = z.strictObject(ofMeasures(z.array(RuleShape).nullable()));

export function decodeLimits(wanted: z.output<typeof WantedLimitsShape>): LimitsPatch {
  return mapped(wanted, (one) => (one === null ? null : rulesOf(one)));
}

export function encodeLimits(limits: Limits): z.output<typeof LimitsShape> {
  return mapped(limits, (rules) => rules.map(encodeRule));
}

export function encodeLimitsPatch(limits: LimitsPatch): z.output<typeof LimitsPatchShape> {
  return mapped(limits, (rules) => (rules === null ? null : rules.map(encodeRule)));
}

function rulesOf(wanted: z.output<typeof amount>): readonly LimitRule[] {
  if (typeof wanted === "number") return [{ at: wanted, action: "pause" }];
  return (Array.isArray(wanted) ? wanted : [wanted]).map(decodeRule);
}

function decodeRule({ at, over, action, min_calls: minCalls }: z.output<typeof RuleShape>): LimitRule {
  return { ...given("at", at), ...given("over", over), action, ...given("minCalls", minCalls) };
}

function encodeRule({ minCalls, ...rule }: LimitRule): z.output<typeof RuleShape> {
  return { ...rule, ...given("min_calls", minCalls) };
}

function ofMeasures<T extends z.ZodType>(shape: T): { readonly [M in Measure]: z.ZodOptional<T> } {
  // NOTE: one entry for each measure.
  return Object.fromEntries(MEASURES.map((measure) => [measure, shape.optional()])) as {
    readonly [M in Measure]: z.ZodOptional<T>;
  };
}

function mapped<T, U>(
  of: { readonly [M in Measure]?: T | undefined },
  change: (value: T) => U,
): { [M in Measure]?: U } {
  const members = MEASURES.flatMap((measure) => {
    const value = of[measure];
    return value === undefined ? [] : [[measure, change(value)] as const];
  });
  // NOTE: by measure, as it came.
  return Object.fromEntries(members) as { [M in Measure]?: U };
}
