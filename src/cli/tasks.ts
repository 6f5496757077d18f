import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import {
  type Json,
  type Run,
  type RunOptions,
  type Session,
  type Sojourn,
  type Task,
  TaskFailure,
} from "../client/index.ts";
import { SojournError } from "../engine/errors.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { moment, printJson, safeJson, table } from "./print.ts";
import { TaskProgress } from "./task-progress.ts";
import { wireEvent, wireTask } from "./wire-task.ts";

/** What is called. */
interface Called {
  readonly app: string;
  readonly action: string | undefined;
  readonly input: Json | undefined;
}

/** Where it is called, and how. */
interface Calling extends RunOptions {
  /** `new` for a new one. */
  readonly session: string;
  readonly json?: boolean;
  readonly signal: AbortSignal;
}

/** How long the removal of a session that holds nothing may take. */
const CLEARING_MS = 2_000;

/** `sojourn run-app`: the signal cancels the task. */
export async function runApp(
  sojourn: Sojourn,
  { app, action, input }: Called,
  { session: id, json = false, signal, setup, timeoutMs, version, fresh, whenBusy }: Calling,
): Promise<ExitCode> {
  const isNew = id === "new";
  const session = isNew ? await sojourn.sessions.create({}, { signal }) : await sojourn.sessions.get(id, { signal });
  const run = session.run(app, action, input, { setup, timeoutMs, version, fresh, whenBusy });
  const cancel = (): void => {
    console.error("Canceling; Ctrl+C again leaves it to itself");
    run.cancel().catch(() => {});
  };
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    await run.taskId;
    if (isNew) console.error(`Session ${session.sessionId}`);
    await show(run, json);
    if (!json) printOutput((await run).output);
    return EXIT.ok;
  } catch (error) {
    if (isNew) await clear(session);
    throw error;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** `sojourn tasks list`. */
export async function listTasks(
  sojourn: Sojourn,
  id: string,
  { json = false, open = false, limit }: { readonly json?: boolean; readonly open?: boolean; readonly limit: number },
): Promise<ExitCode> {
  const session = await sojourn.sessions.get(id);
  const found: Task[] = [];
  let isMore = false;
  for await (const task of session.tasks.list({
    status: open ? "open" : "all",
    pageSize: Math.min(limit + 1, 1_000),
  })) {
    isMore = found.length === limit;
    if (isMore) break;
    found.push(task);
  }
  if (json) printJson(found.map(wireTask));
  else if (found.length === 0) console.log("No tasks");
  else console.log(table(["TASK", "STATUS", "APP", "ACTION", "BEGUN", "SECONDS"], found.map(row)));
  if (isMore) console.error("There are more; see them with --limit, or --limit all");
  return EXIT.ok;
}

function row({ taskId, status, app, action, createdAt, processingTimeMs }: Task): readonly string[] {
  return [taskId, status, app, action, moment(createdAt), seconds(processingTimeMs)];
}

/** `sojourn tasks show`. */
export async function showTask(
  sojourn: Sojourn,
  [id, taskId]: readonly [id: string, taskId: string],
  { json = false }: { readonly json?: boolean },
): Promise<ExitCode> {
  const session = await sojourn.sessions.get(id);
  printTask(await session.tasks.get(taskId), json);
  return EXIT.ok;
}

/** `sojourn tasks cancel`: ends with 0 whichever end the task came to. */
export async function cancelTask(
  sojourn: Sojourn,
  [id, taskId]: readonly [id: string, taskId: string],
  { json = false, signal }: { readonly json?: boolean; readonly signal: AbortSignal },
): Promise<ExitCode> {
  const { tasks } = await sojourn.sessions.get(id, { signal });
  await tasks.cancel(taskId, { signal });
  await tasks.follow(taskId, { signal }).catch((error: unknown) => {
    if (!(error instanceof TaskFailure)) throw error;
  });
  printTask(await tasks.get(taskId, { signal }), json);
  return EXIT.ok;
}

/**
 * The input of an action: JSON, or, behind `@`, a file with it, or, as `-`, standard input.
 *
 * @throws {SojournError} `invalid` for what is no JSON; `not_found`
 */
export async function readInput(input: string | undefined, signal: AbortSignal): Promise<Json | undefined> {
  if (input === undefined) return undefined;
  const [json, where] = await inputText(input, signal);
  try {
    return JSON.parse(json) as Json;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `${where} is no JSON (${why}); give JSON, @ and a file with it, or - for standard input`;
    throw new SojournError("invalid", { message, cause });
  }
}

async function inputText(input: string, signal: AbortSignal): Promise<readonly [json: string, where: string]> {
  if (input === "-") return [await text(process.stdin), "Standard input"];
  if (!input.startsWith("@")) return [input, "The input"];
  const file = input.slice(1);
  try {
    return [await readFile(file, { encoding: "utf8", signal }), `"${file}"`];
  } catch (cause) {
    signal.throwIfAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SojournError("not_found", { message: `Cannot read "${file}": ${why}`, cause });
  }
}

/** Tells what happens meanwhile. */
async function show(run: Run, json: boolean): Promise<void> {
  using progress = new TaskProgress();
  for await (const event of run) {
    if (json) printJson(wireEvent(event));
    else if (event.type === "progress") progress.update(event);
    else if (event.type === "log") progress.say(`${event.level}: ${event.message}`);
    else if (event.type === "output") progress.say(safeJson(event.output));
    else if (event.task.status === "queued") progress.say("Others run in the session; the task waits for them");
  }
}

function printTask(task: Task, json: boolean): void {
  if (json) {
    printJson(wireTask(task));
    return;
  }
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["task", task.taskId],
    ["status", task.status],
    ["app", task.app],
    ["version", task.version],
    ["action", task.action],
    ["input", safeJson(task.input)],
    ["output", task.output === undefined ? undefined : safeJson(task.output)],
    ["error", task.error && `${task.error.message} (${task.error.code})`],
    ["begun", moment(task.createdAt)],
    ["finished", task.finishedAt && moment(task.finishedAt)],
    ["seconds", seconds(task.processingTimeMs)],
    ["worker", task.worker],
  ];
  console.log(
    table(
      [],
      facts.flatMap(([name, value]) => (value ? [[name, value]] : [])),
    ),
  );
}

function printOutput(output: Json): void {
  console.log(safeJson(output, process.stdout.isTTY ? 2 : undefined));
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? "" : (ms / 1_000).toFixed(ms < 10_000 ? 3 : 1);
}

/** Removes a session that was made for a task that was never recorded. */
async function clear(session: Session): Promise<void> {
  const signal = AbortSignal.timeout(CLEARING_MS);
  try {
    await session.refresh({ signal });
    if (session.version === 1) await session.delete({ signal });
  } catch {
    // Why the call failed is what there is to tell. The session can still be used, or deleted.
  }
}
