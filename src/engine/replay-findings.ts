import { operationHash } from "./chain.ts";
import { decideAgain, type Rules } from "./decide-again.ts";
import type { Digest } from "./digest.ts";
import { SojournError } from "./errors.ts";
import { given } from "./given.ts";
import type { Json } from "./json.ts";
import { jsonDifferences } from "./json-differences.ts";
import type { Operation } from "./operation.ts";
import type { Finding, Outcome } from "./replay-report.ts";
import type { SessionRecord } from "./session.ts";
import type { Head } from "./store.ts";
import type { Draft } from "./streams.ts";
import type { Step } from "./walk.ts";

/** What is wrong with an entry: its place, its hash, its payload, what it folds to. */
export function stepFindings(step: Step, head: Head, digest: Digest): readonly Finding[] {
  const { previous, entry, payload } = step;
  const { operation } = entry;
  const { seq, hash } = operation;
  const findings: Finding[] = [];
  if (seq !== previous.seq + 1) findings.push(different("seq", previous.seq + 1, seq));
  const linked = operationHash(previous.hash, operation, digest);
  if (linked !== hash) findings.push(different("hash", hash, linked));
  if (payload !== "erased") findings.push(...damage(step));
  findings.push(...stateFindings(step));
  if (seq === head.seq && hash !== head.hash) findings.push(different("head", head.hash, hash));
  return findings;
}

/** How an entry comes out that is decided again on the state before it; see `decideAgain`. */
export async function decisionFindings(step: Step, rules: Rules): Promise<Outcome> {
  const { entry, payload, body, before, previous } = step;
  const { operation } = entry;
  if (payload === "erased") return "skipped";
  if (body === undefined || payload !== "whole") return [...damage(step), ...stateFindings(step)];
  // What went before is not known.
  if (!step.isWholeBefore) return "skipped";
  const { input, output, error } = body;
  try {
    const recorded = { operation, input, output, error, before, previous };
    const drafts = await decideAgain(recorded, rules);
    return [...draftFindings(operation, body, drafts), ...stateFindings(step)];
  } catch (error) {
    return [refused(error), ...stateFindings(step)];
  }
}

/** What is wrong with an entry of which more is left than its header. */
export function damage({ payload, unfit }: Step): readonly Finding[] {
  if (payload === "lost") return [failed("payload", "Its payload is lost")];
  if (payload === "changed") return [failed("payload", "Its payload is not what was hashed")];
  return unfit === undefined ? [] : [failed("fold", unfit)];
}

/** What went wrong with a call. What the store can't do is no finding, and thrown on. */
export function refused(error: unknown): Finding {
  if (error instanceof SojournError && error.code === "store_unavailable") throw error;
  return failed("call", error instanceof Error ? error.message : String(error));
}

/** Where two JSON values differ, as findings. */
export function differing(expected: Json | undefined, actual: Json | undefined, path: string): readonly Finding[] {
  return [...jsonDifferences(expected, actual, path)].map((found) =>
    different(found.path, found.expected, found.actual),
  );
}

/** The finding that something is not as it is recorded. */
export function different(what: string, expected: Json | undefined, actual: Json | undefined): Finding {
  return { outcome: "different", what, ...given("expected", expected), ...given("actual", actual) };
}

function failed(what: string, message: string): Finding {
  return { outcome: "failed", what, message };
}

function draftFindings(
  operation: Operation,
  { input, output, error }: NonNullable<Step["body"]>,
  drafts: readonly Draft[] | "erase",
): readonly Finding[] {
  const [draft] = drafts === "erase" ? [] : drafts;
  if (draft?.kind !== operation.kind) return [different("kind", operation.kind, draft?.kind)];
  const { kind: _, durationUs, used = [], made = [], ...decided } = draft;
  const recorded = { name: operation.name, input, output, error, durationUs: operation.durationUs };
  const again = asJson({ ...decided, durationUs, used, made });
  const before = asJson({ ...recorded, used: operation.used, made: operation.made });
  return differing(before, again, "");
}

/** Where what is stored of the session is not what its log folds to; and where the log ends too early. */
function stateFindings({ entry, kept, after, isWholeAfter, isCutOff }: Step): readonly Finding[] {
  const findings: Finding[] = [];
  for (const record of kept) {
    if (record === "unreadable") findings.push(failed("state", "The snapshot can't be read"));
    else if (isWholeAfter) findings.push(...differing(asJson(record), asJson(after), "state"));
  }
  if (isCutOff) findings.push(failed("log", `No operation follows ${entry.operation.seq}, although there were more`));
  return findings;
}

function asJson(value: SessionRecord | object | undefined): Json | undefined {
  // NOTE: records, drafts and payloads are made of JSON's types; `undefined` members count as absent.
  return value as Json | undefined;
}
