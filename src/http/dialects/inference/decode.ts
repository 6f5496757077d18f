import { z } from "zod";
import { SECOND } from "../../../engine/clock.ts";
import { type Fault, invalid } from "../../../engine/errors.ts";
import { given } from "../../../engine/given.ts";
import type { Json, JsonObject } from "../../../engine/json.ts";
import type { NewTask } from "../../../engine/tasks.ts";

/** After how long without a call a session of this dialect expires, where its call does not say. */
const IDLE_TIMEOUT_S = 60;

// NOTE: what a body holds is JSON: it was parsed as that, and searched for what can't be kept.
const json = z.any() as z.ZodType<Json>;

/** `POST /apps/run` and `POST /run`. Clients send more than is known here; that is passed over. */
export const RunShape = z.object({
  app: z.string().optional().describe("namespace/name, with @version and :function where that is wanted"),
  app_id: z.string().optional().describe("the same"),
  version_id: z.string().nullish().describe("the digest of the app's version, or its beginning"),
  function: z.string().nullish().describe("left out: what the app's name says, else input.action, else the app's own"),
  input: json.optional().describe("left out: {}"),
  setup: z.record(z.string(), json).nullish().describe("another one than before begins a fresh worker"),
  session: z.string().nullish().describe("new, or a session's id; left out: one for this call alone"),
  session_timeout: z
    .unknown()
    .optional()
    .describe("with a new session: seconds from 1 to 3600; 60 where it is left out"),
  wait: z.boolean().nullish().describe("whether to answer once the task has come to its end"),
  stream: z.boolean().nullish(),
  infra: z.string().nullish(),
  workers: z.array(z.string()).nullish(),
  metadata: json.optional(),
  webhook: z.string().nullish().describe("is not supported: refused where it is not empty"),
  run_at: z.string().nullish().describe("is not supported: refused where it lies in the future"),
});

/** Which session a call is made in: one for itself, a new one, or one that is there. */
export type WantedSession =
  | { readonly session: "none" }
  | { readonly session: "new"; readonly idleTimeoutUs: number }
  | { readonly session: "known"; readonly id: string };

/** A call as it is wanted. */
export interface WantedRun {
  readonly task: NewTask;
  readonly in: WantedSession;
  readonly wait?: boolean;
}

/** @throws {SojournError} `invalid`, naming each field that can't be carried out as it stands */
export function decodeRun(body: z.output<typeof RunShape>, now: number): WantedRun {
  const faults: Fault[] = [];
  const add = (field: string, message: string, type: string): unknown => faults.push({ field, message, type });
  const named = body.app ?? body.app_id;
  const reference = named === undefined ? undefined : REFERENCE.exec(named)?.groups;
  if (named === undefined) add("app", "is required: namespace/name", "required");
  else if (reference === undefined) {
    add("app", "must be namespace/name, namespace/name@version or namespace/name@version:function", "invalid_app");
  }
  const { name = "", version: short, action } = reference ?? {};
  const version = body.version_id ?? short;
  if (version !== undefined && !VERSION.test(version)) {
    const field = body.version_id == null ? "app" : "version_id";
    add(field, "must name a version by at least 8 of its hex digits", "invalid_version");
  }
  if ((body.webhook ?? "") !== "") add("webhook", "is not supported; leave it out", "unsupported");
  if (body.run_at) checkRunAt(Date.parse(body.run_at), now, add);
  const timeout = timeoutOf(body, add);
  if (faults.length > 0) throw invalid(faults);
  const wanted = body.function ?? action;
  return {
    task: {
      app: name,
      ...given("version", version),
      ...given("action", wanted),
      input: body.input ?? {},
      // NOTE: its members are JSON.
      ...given("setup", (body.setup ?? undefined) as JsonObject | undefined),
    },
    in: sessionOf(body.session, timeout),
    ...given("wait", body.wait ?? undefined),
  };
}

/** `GET` and `POST` of `/run` and `/apps/run`: what may be said beside the body. */
export const WaitQueryShape = z.object({ wait: z.enum(["true", "false"]).optional() });

/** `POST /tasks/list` and `POST /files/list`; what else clients send is passed over. */
export const ListShape = z.object({
  cursor: z.string().nullish(),
  limit: z.int().min(1).max(1_000).nullish(),
});

/** How many items a page has where nobody says. */
const PAGE = 20;

export function decodeList({ cursor, limit }: z.output<typeof ListShape>): {
  readonly limit: number;
  readonly cursor?: string;
} {
  return { limit: limit ?? PAGE, ...(cursor ? { cursor } : {}) };
}

const REFERENCE = /^(?<name>[^\s@:]+)(?:@(?<version>[^\s@:]+))?(?::(?<action>[^\s@:]+))?$/;

const VERSION = /^[0-9a-f]{8,64}$/;

type AddFault = (field: string, message: string, type: string) => unknown;

function timeoutOf(
  { session, session_timeout: timeout }: z.output<typeof RunShape>,
  add: AddFault,
): number | undefined {
  if (timeout === undefined || timeout === null) return undefined;
  if (session !== "new") add("session_timeout", 'goes with session "new" alone', "invalid_timeout");
  else if (!Number.isInteger(timeout) || Number(timeout) < 1 || Number(timeout) > 3_600) {
    add("session_timeout", "must be a whole number of seconds from 1 to 3600", "invalid_timeout");
  }
  return Number(timeout);
}

function sessionOf(session: string | null | undefined, timeout = IDLE_TIMEOUT_S): WantedSession {
  if (session === undefined || session === null || session === "") return { session: "none" };
  return session === "new" ? { session, idleTimeoutUs: timeout * SECOND } : { session: "known", id: session };
}

function checkRunAt(ms: number, now: number, add: AddFault): void {
  if (Number.isNaN(ms)) add("run_at", "must be a time in ISO 8601, as 2026-01-31T12:00:00Z", "invalid_time");
  else if (ms * 1_000 > now + SECOND) add("run_at", "must not lie in the future; calls run at once", "unsupported");
}
