import type { IncomingMessage } from "node:http";
import type { z } from "zod";
import { invalid } from "../engine/errors.ts";
import { jsonFaults, LIMITS } from "../engine/limits.ts";
import type { Precondition } from "../engine/precondition.ts";
import type { WriteOptions } from "../engine/sessions.ts";
import { faultsOf } from "../workers/issue-faults.ts";
import { badHeader, isHost } from "./edge.ts";

/** The members of a query string; one that is repeated becomes an array. */
export function queryOf(url: string): Record<string, string | string[]> {
  const start = url.indexOf("?");
  if (start < 0) return {};
  const members = new Map<string, string | string[]>();
  for (const [key, value] of new URLSearchParams(url.slice(start + 1))) {
    const before = members.get(key);
    members.set(key, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(members);
}

/**
 * Where the client reaches the server, by what its proxies say, or by the `Host` that it named. It is told nothing that it
 * did not say itself.
 */
export function originOf({ headers }: Pick<IncomingMessage, "headers">): string {
  const [scheme = "http", host = headers.host ?? ""] = (["x-forwarded-proto", "x-forwarded-host"] as const).map(
    (name) => headers[name]?.toString().split(",", 1)[0]?.trim(),
  );
  const origin = `${scheme}://${host}`;
  return /^https?$/.test(scheme) && isHost(host) ? origin : `http://${headers.host ?? ""}`;
}

/** Parses a value with a shape, or throws `invalid` with every fault. */
export function parse<T>(shape: z.ZodType<T>, value: unknown): T {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(parsed.error.issues.flatMap(faultsOf));
}

/** Like `parse`, for a query: its texts are held against what a store can keep, as a body's are. */
export function parseQuery<T>(shape: z.ZodType<T>, url: string): T {
  assertEncoded(url);
  const query = queryOf(url);
  const faults = jsonFaults(query, "");
  if (faults.length > 0) throw invalid(faults);
  return parse(shape, query);
}

// What is no UTF-8 would otherwise be replaced, and something else be looked for than what was meant.
function assertEncoded(url: string): void {
  try {
    decodeURIComponent(url);
  } catch {
    throw invalid([{ field: "url", message: "must be UTF-8 in percent-encoding", type: "invalid_url" }]);
  }
}

/**
 * The idempotency key and the precondition of a write. One that is made as a session is another request.
 *
 * What a request is told apart by stays as it is from release to release: stores keep its digest for a day, and who tries
 * again after an update is to be answered as before it.
 */
export function writeOptionsOf(
  { method, url, headers }: Pick<IncomingMessage, "method" | "url" | "headers">,
  { body, actingAs }: { readonly body: string; readonly actingAs?: string | undefined },
): WriteOptions {
  const key = headers["idempotency-key"];
  const match = headers["if-match"];
  const path = url?.split("?", 1)[0];
  return {
    ...(key === undefined
      ? {}
      : {
          idempotency: {
            key: keyOf(String(key)),
            scope: `${method} ${path}`,
            request: `${actingAs === undefined ? "" : `as ${actingAs}\n`}${method} ${url}\n${body}`,
          },
        }),
    ...(match === undefined ? {} : { precondition: preconditionOf(match) }),
  };
}

const KEY = /^[\x20-\x7e]+$/;

function keyOf(key: string): string {
  if (key.length <= LIMITS.idempotencyKeyLength && KEY.test(key)) return key;
  throw badHeader("idempotency-key", `must be 1 to ${LIMITS.idempotencyKeyLength} printable ASCII characters`);
}

const ENTITY_TAGS = /^\s*(?:W\/)?"[^"]*"\s*(?:,\s*(?:W\/)?"[^"]*"\s*)*$/;

function preconditionOf(value: string): Precondition {
  if (value.trim() === "*") return "any";
  if (!ENTITY_TAGS.test(value)) throw badHeader("if-match", 'must be * or quoted versions, such as "7"');
  // A weak tag, or one that is no version, is well formed and matches nothing.
  return [...value.matchAll(/(W\/)?"([^"]*)"/g)].flatMap(([, weak, tag = ""]) =>
    weak === undefined && /^\d{1,15}$/.test(tag) ? [Number(tag)] : [],
  );
}
