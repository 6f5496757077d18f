import { z } from "zod";
import { invalid, SojournError, unlessMissing } from "../../../engine/errors.ts";
import { given } from "../../../engine/given.ts";
import type { Json } from "../../../engine/json.ts";
import type { Session } from "../../../engine/sessions.ts";
import type { Begun, Finished, NewTask } from "../../../engine/tasks.ts";
import type { Call } from "../../route.ts";
import { mintId } from "./capability.ts";
import { decodeRun, type RunShape, type WantedRun } from "./decode.ts";
import { STATELESS } from "./encode.ts";
import { anotherApp, noSuchSession, workerLost } from "./errors.ts";
import { usable } from "./session-routes.ts";

/** For how long what became of a call without a session can be asked for. */
const STATELESS_IDLE_US = 60_000_000;

/** How long a call may take to be told that its app can't come back to where it was. */
const REFUSAL_MS = 1_000;

type RunCall = Call<unknown, z.output<typeof RunShape>>;

/** A call that has begun, and whether whoever made it waits for its end. */
export interface Run {
  readonly begun: Begun;
  readonly wait: boolean | undefined;
}

/** Begins a call as its request says, in a session of its own where it has none. What is refused leaves no session. */
export async function beginRun(call: RunCall): Promise<Run> {
  const decoded = decodeRun(call.body, call.now());
  const wanted = { ...decoded, task: await withDefault(call, decoded.task) };
  try {
    const begun =
      wanted.in.session === "known" ? await inKnown(call, wanted.in.id, wanted.task) : await inNew(call, wanted);
    return { begun, wait: decoded.wait };
  } catch (error) {
    throw inItsWords(error, { body: call.body, action: decoded.task.action });
  }
}

/** What is wrong with an action is told of the member that named it, with what it said. */
function inItsWords(
  error: unknown,
  { body, action }: { readonly body: RunCall["body"]; readonly action: string | undefined },
): unknown {
  const fault = error instanceof SojournError && error.code === "invalid" ? error.faults[0] : undefined;
  if (fault?.field !== "action") return error;
  if (fault.type !== "invalid_action") return invalid([{ ...fault, field: "function" }]);
  const member = action === undefined ? "input.action" : "app";
  const named = action ?? memberOf(body.input);
  if (named === undefined) return error;
  const message = fault.message.replace(/^is /, () => `is ${JSON.stringify(named)}, `);
  return invalid([{ ...fault, field: body.function == null ? member : "function", message }]);
}

function memberOf(input: Json | undefined): string | undefined {
  const { data } = z.object({ action: z.string() }).safeParse(input);
  return data?.action;
}

/** A call as it began: clients that poll wait for its end, and miss one that they were told already. */
export function asBegun({ task, session }: Begun): Finished {
  const { finishedAtUs: _, output: __, error: ___, ...begun } = task;
  return { session, task: task.status === "queued" ? task : { ...begun, status: "running" } };
}

/** The end of a call; how it stands once the client has gone, or its end can't be told. The task goes on in any case. */
export async function awaited({ gone }: Pick<Call, "gone">, { task, session, done }: Begun): Promise<Finished> {
  const signal = gone();
  const leaving = Promise.withResolvers<Finished>();
  const leave = (): void => leaving.resolve({ task, session });
  signal.addEventListener("abort", leave);
  if (signal.aborted) leave();
  try {
    return await Promise.race([done, leaving.promise]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/** Every app of the contract has a function `run`: of one that calls it otherwise, its default is meant. */
async function withDefault({ tasks }: RunCall, { action, ...wanted }: NewTask): Promise<NewTask> {
  if (action !== "run") return { ...wanted, ...given("action", action) };
  const app = (await tasks.apps()).find(({ name }) => name === wanted.app);
  const isMissing = app !== undefined && !app.actions.some(({ name }) => name === action);
  return isMissing ? wanted : { ...wanted, action };
}

async function inKnown(call: RunCall, id: string, wanted: NewTask): Promise<Begun> {
  const session = await usable(call, id);
  const { work } = session.record;
  const [its] = Object.keys(work.apps);
  if (its !== undefined && !Object.hasOwn(work.apps, wanted.app)) {
    throw anotherApp(session.record.sessionId, { its, wanted: wanted.app });
  }
  const begun = await begin(call, session, wanted);
  const use = work.apps[wanted.app];
  const mayBeLost = use !== undefined && use.warmSinceUs === undefined && work.tasks.length === 0;
  if (mayBeLost && (await call.tasks.app(wanted.app)).recovery === "refuse") await assertCameBack(begun);
  return begun;
}

/** A worker that can't be brought back is told at once, and not by a task that fails. */
async function assertCameBack({ done }: Begun): Promise<void> {
  const patience = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => patience.resolve(undefined), REFUSAL_MS);
  const finished = await Promise.race([done, patience.promise]).finally(() => clearTimeout(timer));
  if (finished === undefined) return;
  const { sessionId, error, worker } = finished.task;
  if (error?.code !== "worker_lost" || worker !== undefined) return;
  throw new SojournError("worker_lost", { message: workerLost(sessionId, error.message) });
}

async function inNew(call: RunCall, { task, in: wanted }: WantedRun): Promise<Begun> {
  const { sessions, tasks, caller } = call;
  await tasks.check(task);
  const { value } = await sessions.create(caller, {
    sessionId: mintId("sess_"),
    ...(wanted.session === "new"
      ? { idleTimeoutUs: wanted.idleTimeoutUs }
      : { idleTimeoutUs: STATELESS_IDLE_US, temporary: true as const, tags: [STATELESS] }),
  });
  try {
    return await begin(call, value.session, task);
  } catch (refusal) {
    await unlessMissing(sessions.delete(caller, value.session.ref.id));
    throw refusal;
  }
}

async function begin({ tasks, caller }: RunCall, { ref, record }: Session, wanted: NewTask): Promise<Begun> {
  try {
    return (await tasks.begin(caller, ref.id, wanted)).value;
  } catch (error) {
    // It was deleted meanwhile.
    if (error instanceof SojournError && error.code === "session_not_found") throw noSuchSession(record.sessionId);
    throw error;
  }
}
