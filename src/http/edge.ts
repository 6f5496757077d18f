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
  "sec-fetch-dest",
  "sec-fetch-mode",
  "sec-fetch-site",
  "x-act-as-session",
  "x-api-key",
  "x-request-id",
  "x-session-id",
]);

/** Names under which a machine reaches only itself. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

/** A host name or address, with or without a port. Source: RFC 9110, section 7.2 */
const HOST = /^(?:[\w.~%!$&'()*+,;=-]+|\[[0-9a-f:.]+\])(?::\d{0,5})?$/i;

/** What proxies add to what they send on. */
const PROXIED = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"] as const;

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** Tells whether a host name or address, as it stands in a URL or a `Host` header, is this machine's own. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** Tells whether a text is a host name or address, with or without a port. */
export function isHost(text: string): boolean {
  return HOST.test(text);
}

/** What is wrong with a request before anyone looks at its route, if anything. */
export function refusalAtEdge({ rawHeaders, headers }: IncomingMessage): SojournError | undefined {
  const repeated = repeatedHeader(rawHeaders);
  if (repeated !== undefined) return badHeader(repeated, "must be given once");
  if (headers.host === undefined) return badHeader("host", "is missing");
  if (!HOST.test(headers.host)) return badHeader("host", "must be a host, with or without a port");
  const requestId = headers["x-request-id"];
  if (requestId !== undefined && !REQUEST_ID.test(String(requestId))) {
    return badHeader("x-request-id", "must be 1 to 128 printable ASCII characters");
  }
  return undefined;
}

/**
 * Refuses, with `forbidden`, what the browser of a person on this machine could be lent for: a foreign `Host` (DNS
 * rebinding), a foreign `Origin`, a cross-site fetch, and what a proxy sends on from elsewhere. It matters in local mode, where nobody shows a key.
 *
 * @param isPage  whether it is for a page that other sites may link to: whoever follows the link sees it, and they don't
 */
export function assertFromHere(incoming: IncomingMessage, { isPage }: { readonly isPage: boolean }): void {
  const { headers, url = "" } = incoming;
  const { host = "", origin } = headers;
  if (!isLoopback(host.replace(/:\d{1,5}$/, ""))) {
    throw forbidden(`Host "${host}" is not this machine; use 127.0.0.1 or localhost`);
  }
  // A target in absolute form names a host of its own, which counts more than the header.
  if (!url.startsWith("/") && URL.canParse(url) && !isLoopback(hostOf(url))) {
    throw forbidden(`"${hostOf(url)}" is not this machine; use 127.0.0.1 or localhost`);
  }
  if (PROXIED.some((name) => headers[name] !== undefined)) {
    throw forbidden(
      "A proxy sent this on, so that it may come from anywhere; make an API key first: sojourn keys create",
    );
  }
  if (origin !== undefined && !(/^https?:/.test(origin) && isLoopback(hostOf(origin)))) {
    throw forbidden(`Origin "${origin}" may not call this server`);
  }
  if (headers["sec-fetch-site"] === "cross-site" && !(isPage && isVisit(incoming))) {
    throw forbidden("Pages of other sites may not call this server");
  }
}

/** Whether a browser asks for what it shows in a window of its own. Source: Fetch Metadata Request Headers, W3C */
function isVisit({ method, headers }: IncomingMessage): boolean {
  const { "sec-fetch-mode": mode, "sec-fetch-dest": destination } = headers;
  return (method === "GET" || method === "HEAD") && mode === "navigate" && destination === "document";
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
