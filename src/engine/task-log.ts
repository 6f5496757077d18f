import { given } from "./given.ts";
import { charactersOf, type Entry, type Operation, type PayloadBody, payloadBody } from "./operation.ts";
import type { Session } from "./sessions.ts";
import { entries, entryAt } from "./state-at.ts";
import type { Page, Store } from "./store.ts";
import type { TaskInputs } from "./task.ts";
import { calledIn, outcomeIn, type Task } from "./task-view.ts";

/** A task that has come to its end, with the ids of the objects that it was given. */
export interface LoggedTask extends Task {
  readonly used: readonly string[];
}

/**
 * How many characters of payloads a page has at most, but for the last of its tasks: so much that what is usual is told at once, to
 * whoever asks for the first page alone.
 */
export const LOG_CHARACTERS_MAX = 16 * 1_048_576;

/** The tasks that came to an end after an operation, in the order in which they did: read in one go through the log. */
export async function readEnded(
  store: Store,
  session: Session,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<Page<LoggedTask>> {
  const items: LoggedTask[] = [];
  let characters = 0;
  for await (const { call, end } of ends(store, session, after)) {
    const last = items.at(-1);
    if (last !== undefined && (items.length >= limit || characters >= LOG_CHARACTERS_MAX)) {
      return { items, next: String(last.seq) };
    }
    items.push(taskOf(session, call, end));
    characters += end.characters + (call === end ? 0 : call.characters);
  }
  return { items };
}

/** An operation of a task, as it is read. */
interface Read {
  readonly operation: Operation;
  /** Absent where it was erased. */
  readonly body: PayloadBody | undefined;
  /** `""` where that was erased. */
  readonly taskId: string;
  readonly characters: number;
}

/** The last operation of each task that ended, with the one that has its call. */
async function* ends(
  store: Store,
  session: Session,
  after: number,
): AsyncGenerator<{ readonly call: Read; readonly end: Read }> {
  const calls = new Map<string, Read>();
  for await (const entry of entries(store, session, { after, through: session.head.seq })) {
    const { kind } = entry.operation;
    if (!kind.startsWith("task.") || kind === "task.reported") continue;
    const read = readIn(entry);
    if (kind === "task.performed") yield { call: read, end: read };
    else if (kind === "task.finished") {
      const { taskId } = read;
      yield { call: calls.get(taskId) ?? (await callOf(store, session, taskId)) ?? read, end: read };
      calls.delete(taskId);
    } else if (hasCall(read)) calls.set(read.taskId, read);
  }
}

async function callOf(store: Store, { ref }: Session, taskId: string): Promise<Read | undefined> {
  const place = await store.task(ref.tenant, taskId, ref.id);
  return place && readIn(await entryAt(store, { ref }, place.seq));
}

function taskOf({ ref, record }: Session, call: Read, { operation, body, taskId }: Read): LoggedTask {
  const startedAtUs = call.operation.kind === "task.started" ? call.operation.at : undefined;
  return {
    taskId,
    uid: ref.id,
    sessionId: record.sessionId,
    ...calledIn(call.body),
    seq: operation.seq,
    createdAtUs: call.operation.at,
    ...given("startedAtUs", startedAtUs),
    ...outcomeIn(operation, body),
    used: operation.used,
  };
}

function readIn(entry: Entry): Read {
  const { operation } = entry;
  const body = payloadBody(entry);
  // NOTE: each kind of operation of a task carries the task's id.
  const { taskId = "" } = (body?.input ?? {}) as { readonly taskId?: string };
  return { operation, body, taskId, characters: charactersOf([entry]) };
}

/** Whether an operation has what was called: one that was queued has it there, and not where it began to run. */
function hasCall({ body }: Read): boolean {
  // NOTE: this is one of those two.
  return (body?.input as TaskInputs["task.started"] | undefined)?.input !== undefined;
}
