import type {
  Moment,
  NewSession,
  Session,
  SessionPatch,
  SessionQuery,
  SessionState,
  Sojourn,
} from "../client/index.ts";
import { encodeLimits } from "../client/limits.ts";
import { SojournError } from "../engine/errors.ts";
import { eachOf } from "./each.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { count, moment, printJson, shown, size, table } from "./print.ts";
import { wireOperation, wireSession } from "./wire.ts";

/** Whether programs read what is printed. */
interface ForPrograms {
  readonly json?: boolean;
}

/** `sojourn sessions create`. */
export async function createSession(sojourn: Sojourn, wanted: NewSession, { json }: ForPrograms): Promise<ExitCode> {
  const session = await sojourn.sessions.create(wanted);
  if (json) printJson(wireSession(session.toJSON()));
  else console.log(session.sessionId);
  return EXIT.ok;
}

/** `sojourn sessions list`. */
export async function listSessions(
  sojourn: Sojourn,
  { json, limit, ...query }: SessionQuery & ForPrograms & { readonly limit: number },
): Promise<ExitCode> {
  const found: Session[] = [];
  let isMore = false;
  for await (const session of sojourn.sessions.list({ ...query, pageSize: Math.min(limit + 1, 1_000) })) {
    isMore = found.length === limit;
    if (isMore) break;
    found.push(session);
  }
  if (json) printJson(found.map((session) => wireSession(session.toJSON())));
  else if (found.length === 0) console.log("No sessions");
  else console.log(table(["SESSION", "STATUS", "USER", "REQUESTS", "ERRORS", "LAST ACTIVITY", "NAME"], found.map(row)));
  if (isMore) console.error(`There are more; see them with --limit, or --limit all`);
  return EXIT.ok;
}

function row({ sessionId, status, userId, metrics, lastActivity, name = "" }: Session): readonly string[] {
  return [sessionId, status, userId, `${metrics.requestCount}`, `${metrics.errorCount}`, moment(lastActivity), name];
}

/** `sojourn sessions show`. */
export async function showSession(
  sojourn: Sojourn,
  id: string,
  { json, at }: ForPrograms & { readonly at?: Moment | undefined },
): Promise<ExitCode> {
  const session = await sojourn.sessions.get(id);
  const state = at === undefined ? session.toJSON() : await session.at(at);
  if (json) printJson(wireSession(state));
  else console.log(table([], facts(state)));
  return EXIT.ok;
}

function facts(session: SessionState): readonly (readonly string[])[] {
  const { metrics, idleTimeoutMs, maxLifetimeMs, tags, metadata, usage, origin } = session;
  const all: readonly (readonly [string, string | undefined])[] = [
    ["session", session.sessionId],
    ["uid", session.uid],
    ["user", session.userId],
    ["status", session.status],
    ["reason", session.reason],
    ["name", session.name],
    ["description", session.description],
    ["tags", tags.length === 0 ? undefined : tags.join(", ")],
    ["metadata", Object.keys(metadata).length === 0 ? undefined : JSON.stringify(metadata)],
    ["parent", session.parentSessionId],
    ["fork of", origin && `${origin.uid}, at operation ${origin.seq}`],
    ["created", moment(session.createdAt)],
    ["last activity", moment(session.lastActivity)],
    ["expires", session.expiresAt && moment(session.expiresAt)],
    ["ended", session.endedAt && moment(session.endedAt)],
    ["idle timeout", idleTimeoutMs === undefined ? undefined : `${idleTimeoutMs / 1_000} s`],
    ["lifetime", maxLifetimeMs === undefined ? undefined : `${maxLifetimeMs / 1_000} s`],
    ["limits", Object.keys(session.limits).length === 0 ? undefined : JSON.stringify(encodeLimits(session.limits))],
    ["apps", session.apps?.join(", ")],
    ["cost", metrics.costUsd === 0 ? undefined : `${metrics.costUsd} US dollars`],
    ["requests", `${metrics.requestCount}, ${metrics.errorCount} failed`],
    ["time", `${metrics.totalProcessingTimeMs / 1_000} s, ${metrics.averageProcessingTimeMs} ms on average`],
    ["artifacts", usage.artifactCount === 0 ? "0" : `${usage.artifactCount}, ${size(usage.artifactBytes)}`],
    ["objects", usage.objectCount === 0 ? undefined : `${usage.objectCount}`],
    ["version", `${session.version}`],
    ["head", session.headHash],
  ];
  return all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
}

/** `sojourn sessions update`. */
export async function updateSession(
  sojourn: Sojourn,
  id: string,
  { patch, json }: ForPrograms & { readonly patch: SessionPatch },
): Promise<ExitCode> {
  if (Object.values(patch).every((value) => value === undefined)) {
    throw new SojournError("invalid", { message: "Say what to change: sojourn sessions update --help" });
  }
  const session = (await (await sojourn.sessions.get(id)).update(patch)).toJSON();
  if (json) printJson(wireSession(session));
  else console.log(`${session.sessionId}: ${session.status}`);
  return EXIT.ok;
}

/** `sojourn sessions end`. */
export async function endSessions(
  sojourn: Sojourn,
  ids: readonly string[],
  { status, reason, json }: ForPrograms & { readonly status: FinalStatus; readonly reason?: string },
): Promise<ExitCode> {
  const verb = ({ completed: "complete", failed: "fail", expired: "expire" } as const)[status];
  const ended: SessionState[] = [];
  const code = await eachOf(ids, async (id) => {
    const session = (await (await sojourn.sessions.get(id))[verb](reason)).toJSON();
    ended.push(session);
    // One that had ended before is left as it is, and so may show another status.
    if (!json) console.log(`${session.sessionId}: ${session.status}`);
  });
  if (json) printJson(ended.map(wireSession));
  return code;
}

type FinalStatus = "completed" | "failed" | "expired";

/** `sojourn sessions suspend`, `resume` and `keepalive`. */
export async function moveSessions(
  sojourn: Sojourn,
  ids: readonly string[],
  { verb, reason, json }: ForPrograms & { readonly verb: "suspend" | "resume" | "keepalive"; readonly reason?: string },
): Promise<ExitCode> {
  const moved: SessionState[] = [];
  const code = await eachOf(ids, async (id) => {
    const session = await sojourn.sessions.get(id);
    const state = (verb === "keepalive" ? await session.keepalive() : await session[verb](reason)).toJSON();
    moved.push(state);
    if (!json) console.log(`${state.sessionId}: ${verb === "keepalive" ? kept(state) : state.status}`);
  });
  if (json) printJson(moved.map(wireSession));
  return code;
}

function kept({ status, expiresAt }: SessionState): string {
  return expiresAt === undefined ? `${status}, and does not expire` : `${status}, expires ${moment(expiresAt)}`;
}

/** `sojourn sessions delete`. */
export async function deleteSessions(
  sojourn: Sojourn,
  ids: readonly string[],
  { json }: ForPrograms,
): Promise<ExitCode> {
  const deleted: string[] = [];
  const code = await eachOf(ids, async (id) => {
    const session = await sojourn.sessions.get(id);
    await session.delete();
    deleted.push(session.sessionId);
    if (!json) console.log(`${session.sessionId}: deleted`);
  });
  if (json) printJson({ deleted });
  return code;
}

/** `sojourn sessions cleanup`. */
export async function cleanUpSessions(
  sojourn: Sojourn,
  { maxIdleMs, dryRun = false, json }: ForPrograms & { readonly maxIdleMs: number; readonly dryRun?: boolean },
): Promise<ExitCode> {
  const { cleaned, sessionIds } = await sojourn.sessions.cleanup({ maxIdleMs, dryRun });
  if (json) printJson({ cleaned, session_ids: sessionIds, dry_run: dryRun });
  else {
    for (const id of sessionIds) console.log(id);
    console.log(`${count(cleaned, "session")} ${dryRun ? "would be expired" : "expired"}`);
  }
  return EXIT.ok;
}

/** `sojourn log`. Programs get one line of JSON for each operation. */
export async function printLog(
  sojourn: Sojourn,
  id: string,
  options: ForPrograms & { readonly follow?: boolean; readonly after: number; readonly signal: AbortSignal },
): Promise<ExitCode> {
  const { json, follow = false, after, signal } = options;
  const session = await sojourn.sessions.get(id);
  for await (const operation of session.operations({ after, follow, pageSize: 1_000, signal })) {
    if (json) printJson(wireOperation(operation));
    else {
      const { seq, timestamp, kind, actor, inputs } = operation;
      const what = inputs === undefined ? "(erased)" : JSON.stringify(inputs);
      console.log(shown(`${`${seq}`.padStart(6)}  ${timestamp.toISOString()}  ${kind.padEnd(18)}  ${actor}  ${what}`));
    }
  }
  return EXIT.ok;
}
