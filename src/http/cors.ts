import type { IncomingMessage, ServerResponse } from "node:http";
import cors from "cors";
import type { Access } from "../engine/access.ts";

/** Runs before anything else of a request; answers preflights itself, and hands everything else on. */
export type Cors = (incoming: IncomingMessage, outgoing: ServerResponse, next: () => void) => void;

/** No page of another origin may read what the server answers. */
export const noCors: Cors = (_, __, next) => next();

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/** What a page may send. */
const ALLOWED = [
  "Authorization",
  "Content-Type",
  "Idempotency-Key",
  "If-Match",
  "If-None-Match",
  "If-Range",
  "Last-Event-ID",
  "Range",
  "X-Act-As-Session",
  "X-API-Key",
  "X-API-Version",
  "X-Client-Source",
  "X-Request-ID",
  "X-Session-ID",
];

/** What a page may read of an answer, beyond what every page may. */
const EXPOSED = [
  "Accept-Ranges",
  "Content-Disposition",
  "Content-Range",
  "ETag",
  "Idempotent-Replayed",
  "RateLimit-Limit",
  "RateLimit-Policy",
  "RateLimit-Remaining",
  "RateLimit-Reset",
  "Retry-After",
  "WWW-Authenticate",
  "Warning",
  "X-RateLimit-Remaining",
  "X-RateLimit-Reset",
  "X-Request-ID",
  "X-Response-Time",
  "X-Session-ID",
];

/** For how long a browser may keep the answer to a preflight. */
const PREFLIGHT_S = 600;

/**
 * Lets pages of these origins call the server from a browser: they show keys of their own, and no cookie or other right
 * of the browser's. In local mode no page of another origin gets in, whatever is configured.
 *
 * @param origins  `*` for all
 */
export function corsFor(origins: readonly string[], access: Access): Cors {
  const origin = origins.includes("*") ? "*" : [...origins];
  const allowing = { origin, methods: METHODS, allowedHeaders: ALLOWED, exposedHeaders: EXPOSED, maxAge: PREFLIGHT_S };
  const handle = cors<IncomingMessage>((_, decide) => {
    access.mode().then(
      (mode) => decide(null, mode === "keys" ? allowing : { origin: false }),
      // The store does not answer; the route will say so.
      () => decide(null, { origin: false }),
    );
  });
  return (incoming, outgoing, next) => handle(incoming, outgoing, next);
}
