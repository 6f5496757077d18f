import type { NewSession, Session, SessionFilter, SessionQuery, Status, WantedLimits } from "../client/index.ts";
import { ArgumentError, Fields, someText, text } from "./arguments.ts";
import type { Call, CallsOf } from "./calls.ts";
import { beside, epochSeconds, spanOf } from "./epoch.ts";
import { replay, replayable, replayMetadata } from "./replay-calls.ts";
import type { ScriptHost } from "./script-host.ts";
import { LIST_MAX } from "./sizes.ts";
import type { Value } from "./value.ts";

/** What `Session` can do. */
export const SESSION_CALLS: CallsOf<"Session"> = {
  "Session.create": async ({ sojourn, signal }, [options]) => {
    const { sessionId } = await sojourn.sessions.create(newSession(options), { signal });
    return sessionId;
  },
  "Session.get": async (host, [id]) => {
    const found = await host.sojourn.sessions.find(someText(id, "the session's id"), { signal: host.signal });
    return found === undefined ? undefined : shownSession(found);
  },
  "Session.list": async (host, [query]) => await list(host, query),
  "Session.suspend": async (host, [id, reason]) => {
    await (await host.session(text(id, "the session's id"))).suspend(text(reason, "the reason"), {
      signal: host.signal,
    });
    return undefined;
  },
  "Session.resume": async (host, [id, reason]) => {
    await (await host.session(text(id, "the session's id"))).resume(text(reason, "the reason"), {
      signal: host.signal,
    });
    return undefined;
  },
  // What has ended stays as it is, and is no error: a script may end a session in one place, and again in another.
  "Session.complete": async (host, [id, reason]) => {
    await (await host.session(text(id, "the session's id"))).complete(text(reason, "the reason"), {
      signal: host.signal,
    });
    return undefined;
  },
  "Session.fail": async (host, [id, reason]) => {
    await (await host.session(text(id, "the session's id"))).fail(text(reason, "the reason"), { signal: host.signal });
    return undefined;
  },
  "Session.delete": async (host, [id]) => {
    await (await host.session(someText(id, "the session's id"))).delete({ signal: host.signal });
    return undefined;
  },
  // What was done is kept already: there is nothing to write, but to tell that the session is there.
  "Session.save": async (host, [id]) => {
    await host.session(text(id, "the session's id"));
    return undefined;
  },
  "Session.load": async ({ sojourn, signal }, [id]) => {
    const found = await sojourn.sessions.find(someText(id, "the session's id"), { signal });
    return found?.sessionId;
  },
  "Session.setCurrent": async (host, [id]) => {
    await host.setCurrent(text(id, "the session's id"));
    return undefined;
  },
  "Session.getCurrent": async ({ current }) => current,
  "Session.canReplay": async (host, args) => (await replayMetadata(host, args))["can_replay"],
  "Session.replay": replay,
  "Session.getReplayMetadata": replayMetadata,
  "Session.listReplayable": replayable,
} satisfies Readonly<Record<string, Call>>;

/** A session as scripts see it. */
export function shownSession(session: Session): { readonly [key: string]: Value } {
  const { sessionId, uid, userId, name, description, tags, metadata, status, reason, parentSessionId } = session;
  const { createdAt, updatedAt, lastActivity, endedAt, expiresAt, version, usage, metrics } = session;
  return {
    id: sessionId,
    session_id: sessionId,
    uid,
    user_id: userId,
    name,
    description,
    tags,
    metadata,
    custom_metadata: metadata,
    status,
    reason,
    parent_session_id: parentSessionId,
    created_at: epochSeconds(createdAt),
    updated_at: epochSeconds(updatedAt),
    last_activity: epochSeconds(lastActivity),
    ended_at: epochSeconds(endedAt),
    expires_at: epochSeconds(expiresAt),
    version,
    operation_count: usage.operationCount,
    artifact_count: usage.artifactCount,
    total_artifact_size: usage.artifactBytes,
    request_count: metrics.requestCount,
    error_count: metrics.errorCount,
  };
}

function newSession(options: Value): NewSession {
  const fields = new Fields(options, "the options of Session.create");
  const idleSeconds = fields.number("idle_timeout", "idleTimeout");
  const wanted: NewSession = {
    sessionId: fields.text("id", "session_id", "sessionId"),
    userId: fields.text("user_id", "userId"),
    name: fields.text("name"),
    description: fields.text("description"),
    tags: fields.texts("tags"),
    metadata: fields.json("metadata"),
    parentSessionId: fields.text("parent_session_id", "parentSessionId", "parent"),
    idleTimeoutMs: idleSeconds === undefined ? undefined : idleSeconds * 1_000,
    template: fields.text("template"),
    // NOTE: in the words of the REST API, which go along as they are and are held against their shape where they are read.
    limits: fields.json("limits") as WantedLimits | undefined,
    apps: fields.texts("apps"),
  };
  fields.refuseOthers();
  return wanted;
}

async function list({ sojourn, signal }: ScriptHost, query: Value): Promise<Value> {
  const fields = new Fields(query, "the query of Session.list");
  const skipped = fields.count("offset") ?? 0;
  const limit = fields.count("limit") ?? Number.POSITIVE_INFINITY;
  const filter = queryOf(fields);
  fields.refuseOthers();
  const found: Value[] = [];
  let seen = 0;
  const wanted = skipped + limit;
  const pageSize = Number.isFinite(wanted) ? Math.min(Math.max(wanted, 1), PAGE_MAX) : PAGE_MAX;
  if (limit === 0) return found;
  for await (const session of sojourn.sessions.list({ ...filter, pageSize, signal })) {
    if (found.length === LIST_MAX) {
      throw new ArgumentError(`Session.list has more than ${LIST_MAX} sessions: ask for fewer by limit and offset`);
    }
    if (seen++ >= skipped) found.push(shownSession(session));
    if (found.length >= limit) break;
  }
  return found;
}

const PAGE_MAX = 1_000;

function queryOf(fields: Fields): SessionQuery {
  const span = spanOf(fields.value("created_after", "createdAfter"), fields.value("created_before", "createdBefore"));
  const sort = fields.text("sort_by", "sortBy");
  if (sort !== undefined && !isSort(sort)) {
    throw new ArgumentError(`sort_by must be one of ${SORTS.join(", ")}`);
  }
  const isDown = fields.boolean("sort_desc", "sortDesc");
  return {
    status: statusOf(fields.text("status")),
    userId: fields.text("user_id", "userId"),
    tags: fields.texts("tags"),
    parentSessionId: fields.text("parent_session_id", "parentSessionId", "parent"),
    search: fields.text("search_text", "searchText", "search"),
    // The SDK's ends do not belong to the span; ours do.
    createdAfter: beside(span.first, -1),
    createdBefore: beside(span.last, 1),
    sort,
    order: order(sort, isDown),
  };
}

const SORTS = ["created_at", "updated_at", "last_activity", "name"] as const;

function isSort(text: string): text is (typeof SORTS)[number] {
  return SORTS.some((sort) => sort === text);
}

const STATUSES: readonly Status[] = ["active", "suspended", "completed", "failed", "expired"];

function statusOf(text: string | undefined): SessionFilter["status"] {
  if (text === undefined) return undefined;
  const found = STATUSES.find((status) => status === text);
  if (found === undefined) throw new ArgumentError(`status must be one of ${STATUSES.join(", ")}`);
  return found;
}

function order(sort: string | undefined, isDown: boolean | undefined): SessionQuery["order"] {
  if (isDown !== undefined) return isDown ? "desc" : "asc";
  return sort === undefined ? undefined : "asc";
}
