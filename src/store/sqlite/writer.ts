/**
 * The thread that writes. It takes all commits that wait, puts them into one transaction, and answers them after COMMIT:
 * many sessions share one fsync, and the event loop never waits for the disk.
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { SojournError } from "../../engine/errors.ts";
import type { Commit } from "../../engine/store.ts";
import { CommitWriter } from "./commit.ts";
import { asStoreError, BUSY_MS, type Durability, openWriter } from "./connection.ts";
import { withBodies } from "./lean.ts";
import { errorReply, type Message, type Reply, type Request, requestsOf } from "./thread.ts";

/** What the thread is asked to do. */
export type Write = Commit | "scrub";

/** How many commits one transaction takes at most, so that the first of them does not wait long. */
const GROUP_MAX = 512;

/** How many bytes of contents one transaction takes; these take as long as many commits (measured: 64 KiB 0.3 ms). */
const GROUP_BYTES_MAX = 4 * 1_048_576;

/** The write-ahead log is moved into the database once nothing was written for so long. */
const IDLE_MS = 100;

// NOTE: the only one to start this thread is `sqlite-store.ts`, with this data.
const { directory, ...options } = workerData as {
  readonly directory: string;
  readonly durability: Durability;
  readonly maxBytes?: number;
};

const port = parentPort ?? fail();
const db = openWriter(directory, options);
const writer = new CommitWriter(db);
const begin = db.prepare("BEGIN IMMEDIATE");
const commit = db.prepare("COMMIT");
const checkpoint = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
const truncate = db.prepare("PRAGMA wal_checkpoint(TRUNCATE)");

let idle: NodeJS.Timeout | undefined;
let hasWritten = false;
let hasErased = false;

port.on("message", (first: Message) => {
  const waiting: Request<Write>[] = [];
  let isClosing = false;
  for (let message: Message | undefined = first; message !== undefined; message = receiveMessageOnPort(port)?.message) {
    const requests = requestsOf<Write>(message);
    if (requests === undefined) isClosing = true;
    else waiting.push(...requests);
  }
  for (const group of groupsOf(waiting.filter(isCommit))) port.postMessage(write(group));
  // One is as good as many.
  const scrubs = waiting.filter((request) => !isCommit(request));
  if (scrubs.length > 0) port.postMessage(scrub(scrubs));
  if (isClosing) close();
  else idle ??= setTimeout(tidy, IDLE_MS);
});

/** The commits in groups that are written as one transaction. */
function groupsOf(commits: readonly Request<Commit>[]): readonly (readonly Request<Commit>[])[] {
  const groups: Request<Commit>[][] = [];
  let bytes = 0;
  for (const { id, call, bodies = [] } of commits) {
    const group = groups.at(-1);
    bytes += bodies.reduce((sum, { length }) => sum + length, 0);
    const request = { id, call: withBodies(call, bodies) };
    if (group !== undefined && group.length < GROUP_MAX && bytes <= GROUP_BYTES_MAX) group.push(request);
    else {
      groups.push([request]);
      bytes = bodies.reduce((sum, { length }) => sum + length, 0);
    }
  }
  return groups;
}

/**
 * Writes a group of commits; none is answered before all are durable.
 *
 * @param isCareful  so that a commit that can't be applied costs no other; tried only after one was met
 */
function write(group: readonly Request<Commit>[], isCareful = false): readonly Reply[] {
  hasWritten = true;
  const replies: Reply[] = [];
  try {
    begin.run();
    for (const { id, call } of group) {
      replies.push(isCareful ? applyAlone(id, call) : { id, value: writer.apply(call) });
    }
    commit.run();
    hasErased ||= group.some(({ call }) => call.parts.some((part) => part.change === "erase"));
    return replies;
  } catch (error) {
    // Full disk, I/O error: nothing of the group is there, and each of its callers is told so.
    if (db.isTransaction) db.exec("ROLLBACK");
    const reason = asStoreError(error);
    if (!isCareful && reason === error) return write(group, true);
    return group.map(({ id }) => errorReply(id, reason));
  }
}

function applyAlone(id: number, call: Commit): Reply {
  try {
    return { id, value: writer.applyAlone(call) };
  } catch (error) {
    // A fault of this commit alone, unless it cost the whole transaction.
    if (db.isTransaction && asStoreError(error) === error) return errorReply(id, error);
    throw error;
  }
}

function isCommit(request: Request<Write>): request is Request<Commit> {
  return request.call !== "scrub";
}

/**
 * Leaves nothing of what was erased in the files: the log is emptied, and the database written anew, since pages keep
 * traces of rows that were moved. Waits for readers, and holds up all commits.
 */
function scrub(requests: readonly Request<Write>[]): readonly Reply[] {
  try {
    emptyLog();
    db.exec("VACUUM");
    emptyLog();
    hasErased = false;
    return requests.map(({ id }) => ({ id, value: null }));
  } catch (error) {
    return requests.map(({ id }) => errorReply(id, asStoreError(error)));
  }
}

function emptyLog(): void {
  if (truncate.get()?.busy === 0) return;
  throw new SojournError("store_unavailable", {
    message: "What was erased is gone, but a reader, such as a backup, holds up its removal from the files; call again",
  });
}

function tidy(): void {
  idle = undefined;
  if (hasWritten) {
    // Commits came while the timer ran: look again later.
    hasWritten = false;
    idle = setTimeout(tidy, IDLE_MS);
    return;
  }
  try {
    if (hasErased) forgetErased();
    else checkpoint.get();
  } catch {
    // Nothing is lost: the log keeps what could not be moved, and the next commit says what is wrong.
  }
}

/** Empties the write-ahead log, which still holds what was erased; a reader may hold that up until another time. */
function forgetErased(): void {
  db.exec("PRAGMA busy_timeout = 0");
  hasErased = truncate.get()?.busy !== 0;
  db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
}

function close(): void {
  clearTimeout(idle);
  db.close();
  port.close();
}

function fail(): never {
  throw new Error("The writer runs as a thread");
}
