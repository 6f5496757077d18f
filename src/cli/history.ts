import { styleText } from "node:util";
import type {
  Change,
  Checkpoint,
  Diff,
  Difference,
  Family,
  Json,
  JsonObject,
  NewFork,
  ReplayReport,
  ReplayRequest,
  Side,
  Sojourn,
} from "../client/index.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { count, moment, printJson, shown, table } from "./print.ts";
import { wireSession } from "./wire.ts";
import { wireCheckpoint, wireDiff, wireFamily, wireReplay } from "./wire-history.ts";

/** Whether programs read what is printed. */
interface ForPrograms {
  readonly json?: boolean;
}

/** `sojourn checkpoint`. */
export async function makeCheckpoint(
  sojourn: Sojourn,
  id: string,
  { name, data, json }: ForPrograms & { readonly name: string; readonly data?: JsonObject | undefined },
): Promise<ExitCode> {
  const session = await sojourn.sessions.get(id);
  const made = await session.checkpoint(name, data);
  if (json) printJson(wireCheckpoint(made));
  else console.log(`${session.sessionId}: "${shown(made.name)}" is operation ${made.seq}`);
  return EXIT.ok;
}

/** `sojourn checkpoints`. */
export async function listCheckpoints(sojourn: Sojourn, id: string, { json }: ForPrograms): Promise<ExitCode> {
  const session = await sojourn.sessions.get(id);
  const found: Checkpoint[] = [];
  for await (const one of session.checkpoints()) found.push(one);
  if (json) printJson(found.map(wireCheckpoint));
  else if (found.length === 0) console.log("No checkpoints");
  else {
    const rows = found.map(({ name, seq, createdAt, data }) => [
      name,
      `${seq}`,
      moment(createdAt),
      data === undefined ? "" : JSON.stringify(data),
    ]);
    console.log(table(["CHECKPOINT", "OPERATION", "MADE", "DATA"], rows));
  }
  return EXIT.ok;
}

/** `sojourn fork`. */
export async function forkSession(
  sojourn: Sojourn,
  id: string,
  { json, at, sessionId, name }: ForPrograms & NewFork,
): Promise<ExitCode> {
  const session = await sojourn.sessions.get(id);
  const fork = await session.fork({ at, sessionId, name });
  if (json) printJson(wireSession(fork.toJSON()));
  else console.log(`${fork.sessionId}: fork of ${session.sessionId} at operation ${fork.origin?.seq}`);
  return EXIT.ok;
}

/** `sojourn replay`. Fails where anything came out otherwise, or not all of it was gone through. */
export async function replaySession(
  sojourn: Sojourn,
  id: string,
  options: ForPrograms & ReplayRequest & { readonly signal: AbortSignal },
): Promise<ExitCode> {
  // One by one: a replay takes no option that it does not know, such as where the session is.
  const { json, signal, mode, from, to, stopOnError, timeoutMs } = options;
  const session = await sojourn.sessions.get(id, { signal });
  const report = await session.replay({ mode, from, to, stopOnError, timeoutMs, signal });
  if (json) printJson(wireReplay(report));
  else printReport(session.sessionId, report);
  return report.different + report.failed === 0 && report.stopped === undefined ? EXIT.ok : EXIT.failed;
}

const STOPPED = { error: "stopped at the first", timeout: "stopped, its time was over" } as const;

function printReport(name: string, report: ReplayReport): void {
  const { mode, from, to, operationsReplayed, equal, different, failed, skipped, differences } = report;
  for (const difference of differences) printDifference(difference);
  const more = different + failed - differences.length;
  if (more > 0) console.log(`… and ${more} more`);
  const counts = [`${equal} equal`, `${different} different`, `${failed} failed`];
  if (skipped > 0) counts.push(`${skipped} skipped`);
  if (report.stopped !== undefined) counts.push(STOPPED[report.stopped]);
  const range = `operations ${from} to ${to}`;
  console.log(`${name}, ${mode}, ${range}: ${count(operationsReplayed, "operation")} replayed, ${counts.join(", ")}`);
  if (report.fork !== undefined) console.log(`It was executed in ${report.fork.sessionId}, a fork`);
}

function printDifference({ seq, kind, outcome, what, expected, actual, message }: Difference): void {
  console.log(
    shown(`${`${seq}`.padStart(6)}  ${kind.padEnd(18)}  ${outcome}: ${what}${message ? `: ${message}` : ""}`),
  );
  printChange("        ", { a: expected, b: actual });
}

/** `sojourn diff`. */
export async function printDiff(
  sojourn: Sojourn,
  [a, b]: readonly [string, string],
  { json }: ForPrograms,
): Promise<ExitCode> {
  const diff = await (await sojourn.sessions.get(a)).diff(b);
  if (json) printJson(wireDiff(diff));
  else for (const line of diffLines(diff)) console.log(line);
  return EXIT.ok;
}

function* diffLines({ common, a, b, changes, isCut }: Diff): Generator<string> {
  if (common.seq === 0) yield "Nothing in common";
  else yield `In common: ${count(common.seq, "operation")}, through ${common.hash}`;
  yield* sideLines("-", a);
  yield* sideLines("+", b);
  if (changes.length === 0) yield "\nNo difference in what they are now";
  else yield "\nWhat they are now:";
  for (const { path, ...change } of changes) {
    yield `  ${shown(path)}`;
    yield* changeLines("    ", change);
  }
  if (isCut) yield "  … and more";
}

function* sideLines(sign: "-" | "+", { sessionId, version, operationsSince, operations }: Side): Generator<string> {
  yield "";
  yield coloured(sign, `${sign} ${sessionId}: ${count(operationsSince, "operation")} since, at ${version} now`);
  for (const { seq, timestamp, kind, actor, status } of operations) {
    const line = `${`${seq}`.padStart(6)}  ${timestamp.toISOString()}  ${kind.padEnd(18)}  ${actor}`;
    yield shown(status === "failed" ? `${line}  failed` : line);
  }
  if (operationsSince > operations.length) yield `        … and ${operationsSince - operations.length} more`;
}

function printChange(indent: string, change: Omit<Change, "path">): void {
  for (const line of changeLines(indent, change)) console.log(line);
}

function* changeLines(indent: string, { a, b }: Omit<Change, "path">): Generator<string> {
  if (a !== undefined) yield coloured("-", `${indent}- ${inWords(a)}`);
  if (b !== undefined) yield coloured("+", `${indent}+ ${inWords(b)}`);
}

function inWords(value: Json): string {
  return shown(JSON.stringify(value));
}

function coloured(sign: "-" | "+", text: string): string {
  return styleText(sign === "-" ? "red" : "green", text, { stream: process.stdout });
}

/** `sojourn tree`. */
export async function printTree(sojourn: Sojourn, id: string, { json }: ForPrograms): Promise<ExitCode> {
  const family = await (await sojourn.sessions.get(id)).tree();
  if (json) printJson(wireFamily(family));
  else for (const line of treeLines(family)) console.log(line);
  return EXIT.ok;
}

function* treeLines(root: Family): Generator<string> {
  yield memberLine(root);
  // A stack of its own: a family may be deeper than calls can be.
  const waiting = [...branchesOf(root, "")].reverse();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    yield next.line;
    if (next.family !== undefined) waiting.push(...[...branchesOf(next.family, next.indent)].reverse());
  }
}

interface Branch {
  readonly line: string;
  /** What stands before the lines of its own branches. */
  readonly indent: string;
  /** Left out for what says that there may be more. */
  readonly family?: Family;
}

function* branchesOf({ children, isCut }: Family, indent: string): Generator<Branch> {
  for (const [i, family] of children.entries()) {
    const isLast = i === children.length - 1 && !isCut;
    const line = `${indent}${isLast ? "└─ " : "├─ "}${memberLine(family)}`;
    yield { line, indent: `${indent}${isLast ? "   " : "│  "}`, family };
  }
  if (isCut) yield { line: `${indent}└─ … and more`, indent };
}

function memberLine({ sessionId, status, name }: Family): string {
  return `${sessionId}  ${status}${name === undefined ? "" : `  ${shown(name)}`}`;
}
