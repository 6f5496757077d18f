import { SojournError } from "../../../engine/errors.ts";
import type { Answer } from "../../../engine/idempotency.ts";
import type { Json } from "../../../engine/json.ts";
import { isFinal } from "../../../engine/lifecycle.ts";
import { assertMatches } from "../../../engine/precondition.ts";
import type { Session, WriteOptions } from "../../../engine/sessions.ts";
import type { Begun, Finished, NewTask } from "../../../engine/tasks.ts";
import { unlessGone } from "../../leaving.ts";
import type { Call, Reply } from "../../route.ts";
import { sessionIdOf } from "./decode.ts";
import { encodeResult } from "./encode.ts";
import { encodeFailure, ofBody, refusalIn } from "./errors.ts";

/** An action that is a route. */
export interface CalledAction {
  readonly app: string;
  readonly action: string;
}

/** What sessions are made with. */
export interface SessionTerms {
  readonly idleTimeoutUs: number;
}

type ActionCall = Call<unknown, Json>;

/**
 * Calls an action in the session that the request names, and answers its output. The session begins with its first call;
 * one that has ended is followed by a fresh one. What does not fit the action begins none.
 */
export async function callAction(call: ActionCall, called: CalledAction, terms: SessionTerms): Promise<Reply> {
  const sessionId = sessionIdOf(call);
  call.setHeader("x-session-id", sessionId);
  const finishing = finished(call, { ...called, input: call.body }, { sessionId, ...terms });
  const { replayed, value } = await unlessGone(finishing, call.gone());
  if (replayed) call.setHeader("idempotent-replayed", "true");
  return answerOf(value);
}

interface Wanted extends SessionTerms {
  readonly sessionId: string;
}

async function finished(call: ActionCall, task: NewTask, wanted: Wanted): Promise<Answer<Finished>> {
  try {
    const { value, ...answer } = await begun(call, task, wanted);
    return { ...answer, value: await value.done };
  } catch (error) {
    throw error instanceof SojournError && error.code === "invalid" ? ofBody(error) : error;
  }
}

async function begun(call: ActionCall, task: NewTask, wanted: Wanted): Promise<Answer<Begun>> {
  const { sessions, tasks, caller, write } = call;
  const begin = async (): Promise<Answer<Begun>> => {
    const { ref } = await openSession(call, task, wanted);
    return await tasks.begin(caller, ref.id, task, within(write, ref.id));
  };
  try {
    return await begin();
  } catch (error) {
    if (!(error instanceof SojournError && error.code === "invalid_transition")) throw error;
    // It may have ended just now: then another follows it, as if it had ended before.
    const after = await sessions.find(caller, wanted.sessionId);
    if (after !== undefined && !isFinal(after.record.status)) throw error;
    return await begin();
  }
}

/** The session of that name. Of calls that come at once, one begins it; one that wants a version of it begins none. */
async function openSession(
  { sessions, tasks, caller, write }: ActionCall,
  task: NewTask,
  wanted: Wanted,
): Promise<Session> {
  const found = await sessions.find(caller, wanted.sessionId);
  if (found !== undefined && !isFinal(found.record.status)) return found;
  assertMatches(write.precondition, undefined);
  await tasks.check(task);
  const { value } = await sessions.create(caller, { ...wanted, ifExists: "return" });
  return value.session;
}

/** A key stands for a call of its session: that is not in the path here. */
function within({ idempotency, ...write }: WriteOptions, uid: string): WriteOptions {
  if (idempotency === undefined) return write;
  return { ...write, idempotency: { ...idempotency, scope: `${idempotency.scope} ${uid}` } };
}

/** What came out; or, where that is why nothing did, what was wrong with the call or went wrong with its worker. */
function answerOf({ task, session }: Finished): Reply {
  const { status, error } = task;
  if (status === "completed") return encodeResult(task, session);
  const refusal = error && refusalIn(error);
  if (refusal !== undefined) throw refusal;
  if (status !== "lost" || error?.code === "timed_out") return encodeFailure(task);
  throw new SojournError("worker_lost", { message: error?.message ?? "Its worker is gone" });
}
