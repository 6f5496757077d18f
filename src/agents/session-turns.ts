import { AsyncLocalStorage } from "node:async_hooks";
import type { Sojourn } from "../client/sojourn.ts";
import { SojournError } from "../engine/errors.ts";
import { untilAborted } from "./until-aborted.ts";

/** Whose turn it is in a session. */
interface Turn {
  readonly sojourn: Sojourn;
  readonly sessionId: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Does the work once all that was asked for before in the same session is over, whichever agent it is of.
 *
 * @throws {SojournError} `session_busy` where a tool of an agent asks for another turn in the session of its own: it would
 *   wait for itself
 */
export async function inTurn<T>(turn: Turn, work: () => Promise<T>): Promise<T> {
  const { sojourn, sessionId, signal } = turn;
  const outer = own.getStore() ?? [];
  if (outer.some((other) => other.sojourn === sojourn && other.sessionId === sessionId)) {
    const message = `Cannot begin a task in session "${sessionId}" from within another: give it a session of its own`;
    throw new SojournError("session_busy", { message });
  }
  const queue = queueOf(sojourn);
  const before = queue.get(sessionId) ?? Promise.resolve();
  const { promise: mine, resolve: leave } = Promise.withResolvers<void>();
  const last = before.then(() => mine);
  queue.set(sessionId, last);
  try {
    await untilAborted(before, signal);
    return await own.run([...outer, turn], work);
  } finally {
    leave();
    if (queue.get(sessionId) === last) queue.delete(sessionId);
  }
}

const own = new AsyncLocalStorage<readonly Turn[]>();

const queues = new WeakMap<Sojourn, Map<string, Promise<void>>>();

function queueOf(sojourn: Sojourn): Map<string, Promise<void>> {
  const found = queues.get(sojourn);
  if (found !== undefined) return found;
  const made = new Map<string, Promise<void>>();
  queues.set(sojourn, made);
  return made;
}
