import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { type Access, type Identity, LOCAL } from "../engine/access.ts";
import { type ErrorCode, SojournError } from "../engine/errors.ts";
import type { Scope } from "../engine/key.ts";
import { assertFromHere } from "./edge.ts";

/** What whoever calls a route must be allowed to do; `open` routes ask nobody. */
export type RouteScope = Scope | "open";

/** The same for what may be a page, which is `open`, and which other sites may link to also in local mode. */
export type ServerScope = RouteScope | "page";

/** How often a key may call each route within a minute. Absent: as often as it likes. */
export interface RateLimits {
  readonly readsPerMinute?: number;
  readonly writesPerMinute?: number;
}

/** What the gate is set to. */
export interface GateOptions extends RateLimits {
  /** How many keys that are not good an address may try within a minute before it is told to wait. */
  readonly failedAttemptsPerMinute: number;
}

/** What is left of a rate limit after a call. */
export interface Left {
  readonly calls: number;
  /** Until they all may be made again. */
  readonly resetMs: number;
}

const MINUTE_S = 60;

/** What is no reason to refuse where nobody has to be known. */
const UNKNOWN: readonly ErrorCode[] = ["unauthorized", "forbidden", "rate_limited"];

/** A call that is counted. */
export interface Counted {
  readonly route: string;
  readonly isRead: boolean;
  /** Headers that tell what is left in another way. */
  readonly tell?: ((left: Left) => Readonly<Record<string, string>>) | undefined;
}

/** Says who calls and whether they may, before anything else of a request is looked at. */
export class Gate {
  readonly #access: Access;
  readonly #failures: RateLimiterMemory;
  readonly #reads: RateLimiterMemory | undefined;
  readonly #writes: RateLimiterMemory | undefined;

  constructor(access: Access, { failedAttemptsPerMinute, readsPerMinute, writesPerMinute }: GateOptions) {
    this.#access = access;
    this.#failures = perMinute(failedAttemptsPerMinute);
    this.#reads = readsPerMinute === undefined ? undefined : perMinute(readsPerMinute);
    this.#writes = writesPerMinute === undefined ? undefined : perMinute(writesPerMinute);
  }

  /**
   * The caller of a request, if it may do what the scope says; `undefined` where nobody has to be known.
   *
   * @throws {SojournError} `unauthorized`, `forbidden`; `rate_limited` for an address that tried too many keys
   */
  async admit(incoming: IncomingMessage, scope: ServerScope): Promise<Identity | undefined> {
    if (scope === "open" || scope === "page") {
      if ((await this.#access.mode()) === "local") assertFromHere(incoming, { isPage: scope === "page" });
      return undefined;
    }
    const identity = await this.#identify(incoming);
    if (identity.actor === LOCAL.actor) assertFromHere(incoming, { isPage: false });
    if (identity.scopes.includes(scope) || identity.scopes.includes("admin")) return identity;
    throw new SojournError("forbidden", {
      message: `The API key ${identity.actor} does not have the scope ${scope}; it has ${identity.scopes.join(", ")}`,
    });
  }

  /**
   * The caller of a request that an open route answers for anybody, where it may do what the scope says; `undefined` for all
   * others, and where its key has made as many such calls as it may.
   */
  async recognize(incoming: IncomingMessage, scope: Scope, counted: Counted): Promise<Identity | undefined> {
    try {
      const identity = await this.admit(incoming, scope);
      if (identity !== undefined) await this.count(identity, counted, {});
      return identity;
    } catch (error) {
      if (error instanceof SojournError && UNKNOWN.includes(error.code)) return undefined;
      throw error;
    }
  }

  /**
   * Counts a call against the limit of its key and route, and fills in the headers that tell what is left, with those that
   * `tell` makes.
   *
   * Nobody is limited in local mode.
   *
   * @throws {SojournError} `rate_limited`
   */
  async count({ actor }: Identity, { route, isRead, tell }: Counted, headers: Record<string, string>): Promise<void> {
    const limiter = isRead ? this.#reads : this.#writes;
    if (limiter === undefined || actor === LOCAL.actor) return;
    const { result, isOver } = await take(limiter, `${actor} ${isRead ? "read" : "write"} ${route}`);
    headers["ratelimit-policy"] = `${limiter.points};w=${MINUTE_S}`;
    headers["ratelimit-limit"] = String(limiter.points);
    headers["ratelimit-remaining"] = String(result.remainingPoints);
    headers["ratelimit-reset"] = String(Math.ceil(result.msBeforeNext / 1_000));
    Object.assign(headers, tell?.({ calls: result.remainingPoints, resetMs: result.msBeforeNext }));
    if (isOver) throw tooMany(`Maximum ${limiter.points} requests per ${MINUTE_S} seconds`, result);
  }

  async #identify({ headers, socket }: IncomingMessage): Promise<Identity> {
    const shown = keyOf(headers);
    try {
      return await this.#access.identify(shown);
    } catch (error) {
      if (!(error instanceof SojournError && error.code === "unauthorized") || shown === undefined) throw error;
      // A good key always gets in: who shares an address with someone who guesses is not shut out.
      const { result, isOver } = await take(this.#failures, socket.remoteAddress ?? "");
      throw isOver ? tooMany("Too many API keys that are not good came from this address", result) : error;
    }
  }
}

function keyOf({ authorization, "x-api-key": header }: IncomingHttpHeaders): string | undefined {
  if (authorization === undefined) return header?.toString();
  const bearer = /^bearer +(\S+) *$/i.exec(authorization)?.[1];
  // What is no bearer token is a key that is not good, and not a missing one.
  const key = bearer ?? "";
  if (header === undefined || header === key) return key;
  throw new SojournError("unauthorized", {
    message: "Authorization and X-API-Key hold different keys; send one of them",
  });
}

function perMinute(points: number): RateLimiterMemory {
  return new RateLimiterMemory({ points, duration: MINUTE_S });
}

async function take(
  limiter: RateLimiterMemory,
  key: string,
): Promise<{ readonly result: RateLimiterRes; readonly isOver: boolean }> {
  try {
    return { result: await limiter.consume(key), isOver: false };
  } catch (rejected) {
    if (!(rejected instanceof RateLimiterRes)) throw rejected;
    return { result: rejected, isOver: true };
  }
}

function tooMany(what: string, { msBeforeNext }: RateLimiterRes): SojournError {
  return new SojournError("rate_limited", {
    message: `Rate limit exceeded. ${what}.`,
    retryAfterMs: msBeforeNext,
  });
}
