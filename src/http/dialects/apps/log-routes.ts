import { SojournError } from "../../../engine/errors.ts";
import { isFinal } from "../../../engine/lifecycle.ts";
import type { Session } from "../../../engine/sessions.ts";
import { type Call, type Route, route } from "../../route.ts";
import { decodeLog, LogQueryShape } from "./decode.ts";
import { encodeLog, LogShape } from "./encode.ts";

/** More tasks than may wait in a session. */
const OPEN_MAX = 1_000;

/**
 * What became of the calls in a session, and what they made.
 *
 * @param baseOf  where the actions of an app are, if it has routes
 */
export function logRoute(baseOf: (app: string) => string | undefined): Route {
  return route({
    method: "GET",
    path: "/session/{id}/log",
    operationId: "sessionLog",
    summary: "The objects and operations of a session, oldest first",
    scope: "sessions:read",
    query: LogQueryShape,
    isWrite: false,
    answers: { 200: LogShape },
    refusals: ["session_not_found"],
    handle: async (call) => {
      const range = decodeLog(call.query);
      const session = await living(call);
      const { tasks, caller } = call;
      const { ref, record } = session;
      // Asked for first, so that what ends meanwhile is told once, as ended.
      const open = record.work.tasks.length === 0 ? [] : await openTasks(call, ref.id);
      const { items: ended, next } = await tasks.ended(caller, ref.id, range);
      const isEnded = new Set(ended.map(({ taskId }) => taskId));
      const rest = next === undefined ? open.filter(({ taskId }) => !isEnded.has(taskId)) : [];
      return { body: encodeLog({ session, ended, open: rest, next }, baseOf) };
    },
  });
}

/** The session, while it can be used or will be able to. */
async function living({ sessions, caller, id }: Call): Promise<Session> {
  const session = await sessions.find(caller, id);
  if (session !== undefined && !isFinal(session.record.status)) return session;
  throw new SojournError("session_not_found", { message: `Session ${id} not found; it may have expired` });
}

async function openTasks({ tasks, caller }: Call, uid: string) {
  const { items } = await tasks.list(caller, uid, { limit: OPEN_MAX, open: true });
  return items.toReversed();
}
