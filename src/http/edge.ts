import type { IncomingMessage } from "node:http";
import { type Fault, invalid, SojournError } from "../engine/errors.ts";

/** Headers that mean something once, and nothing clear when they are repeated. */
const SINGLE = new Set([
  "authorization",
  "content-type",
  "host",
  "idempotency-key",
  "last-event-id",
  "origin",
  "sec-fetch-site",
  "x-act-as-session",
  "x-api-key",
  "x-request-id",
]);

/** Names under which a machine reaches only itself. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** Tells whether a host name or address, as it stands in a URL or a `Host` header, is this machine's own. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/**
 * What is wrong with a request before anyone looks at its route, if anything.
 *
 * In local mode nobody shows a key, so that the browser of a person on this machine must not be lent to a web page: a
 * foreign `Host` (DNS rebinding), a foreign `Origin` and a cross-site fetch are `forbidden`.
 */
export function refusalAtEdge({ rawHeaders, headers, url = "" }: IncomingMessage): SojournError | undefined {
  const repeated = repeatedHeader(rawHeaders);
  if (repeated !== undefined) return badHeader(repeated, "must be given once");
  const { host, origin } = headers;
  if (host === undefined) return badHeader("host", "is missing");
  if (!isLoopback(host.replace(/:\d{1,5}$/, ""))) {
    return forbidden(`Host "${host}" is not this machine; use 127.0.0.1 or localhost`);
  }
  // A target in absolute form names a host of its own, which counts more than the header.
  if (!url.startsWith("/") && URL.canParse(url) && !isLoopback(hostOf(url))) {
    return forbidden(`"${hostOf(url)}" is not this machine; use 127.0.0.1 or localhost`);
  }
  if (origin !== undefined && !isLoopback(hostOf(origin)))
    return forbidden(`Origin "${origin}" may not call this server`);
  if (headers["sec-fetch-site"] === "cross-site") return forbidden("Pages of other sites may not call this server");
  const requestId = headers["x-request-id"];
  if (requestId !== undefined && !REQUEST_ID.test(String(requestId))) {
    return badHeader("x-request-id", "must be 1 to 128 printable ASCII characters");
  }
  if (headers["x-act-as-session"] !== undefined) {
    return badHeader("x-act-as-session", "is not supported by this release");
  }
  return undefined;
}

/** The error for a header. */
export function badHeader(field: string, message: string): SojournError {
  return invalid([{ field, message, type: "invalid_header" } satisfies Fault]);
}

function forbidden(message: string): SojournError {
  return new SojournError("forbidden", { message });
}

function repeatedHeader(rawHeaders: readonly string[]): string | undefined {
  const seen = new Set<string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]?.toLowerCase() ?? "";
    if (!SINGLE.has(name)) continue;
    if (seen.has(name)) return name;
    seen.add(name);
  }
  return undefined;
}

function hostOf(url: string): string {
  return URL.parse(url)?.hostname ?? "";
}
