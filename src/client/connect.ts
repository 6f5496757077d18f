import { type Fault, invalid } from "../engine/errors.ts";
import { Connection } from "./connection.ts";
import type { FailureLog } from "./hook.ts";
import { HttpTransport } from "./http-transport.ts";
import { Sojourn } from "./sojourn.ts";

/** How to reach a server. */
export interface ConnectOptions {
  /** Default `http://127.0.0.1:7070`. May have a path, where a proxy puts one before the server's. */
  readonly url?: string | undefined;
  /** Sent as `Authorization: Bearer`; needed where the server is not in local mode. */
  readonly apiKey?: string | undefined;
  /** How often a call is repeated that failed for what soon passes, 0 to 100; default 3. */
  readonly retries?: number | undefined;
  /**
   * How long a call may take in all, its retries included; default 30,000. What waits for a model has 120,000 where this is
   * left out. For a chat it is how long nothing may come, not how long the answer may take.
   */
  readonly timeoutMs?: number | undefined;
  /** Instead of the platform's own. */
  readonly fetch?: typeof fetch | undefined;
  /** More headers, of every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Told what goes wrong beside the calls, such as in a handler of `on`; one of pino will do. Default: nobody is told. */
  readonly logger?: FailureLog | undefined;
}

const TIMEOUT_MS = 30_000;

/** A server gives its model a minute, where nobody says otherwise, and there may be somebody before us. */
const MODEL_TIMEOUT_MS = 120_000;

const DEFAULT_URL = "http://127.0.0.1:7070";

/** The longest time that a timer can wait. */
const TIMEOUT_MAX_MS = 2_147_483_647;

const RETRIES_MAX = 100;

/**
 * Sojourn on a server. No request is made before the first call.
 *
 * Calls that get no answer in time, or none at all, are `unreachable`. Retries are safe: a write's attempts share one
 * idempotency key, so that it happens once.
 *
 * @throws {SojournError} `invalid` for options that can't work
 */
export function connect(options: ConnectOptions = {}): Sojourn {
  const {
    url = DEFAULT_URL,
    apiKey,
    retries = 3,
    timeoutMs = TIMEOUT_MS,
    fetch = globalThis.fetch,
    headers = {},
  } = options;
  const faults = [
    ...urlFaults(url),
    ...Object.entries(headers).flatMap(([name, value]) => headerFaults(name, value)),
    ...(apiKey === undefined || /^[\x21-\x7e]+$/.test(apiKey)
      ? []
      : [{ field: "apiKey", message: "must be printable ASCII without blanks", type: "invalid_header" }]),
    ...numberFaults("retries", retries, 0, RETRIES_MAX),
    ...numberFaults("timeoutMs", timeoutMs, 1, TIMEOUT_MAX_MS),
  ];
  if (faults.length > 0) throw invalid(faults);
  const sent = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return new Sojourn(
    new HttpTransport(
      new Connection({
        // With the base of the API, as it stands in its documentation, it means the same.
        url: url.replace(/\/+$/, "").replace(/\/api\/v1$/, ""),
        headers: { ...sent, ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }) },
        retries,
        timeoutMs,
        modelTimeoutMs: options.timeoutMs ?? MODEL_TIMEOUT_MS,
        fetch,
      }),
    ),
    { logger: options.logger },
  );
}

function urlFaults(text: string): readonly Fault[] {
  const fault = (message: string): readonly Fault[] => [{ field: "url", message, type: "invalid_url" }];
  if (!URL.canParse(text)) return fault('must be a URL, such as "http://127.0.0.1:7070"');
  const { protocol, username, password, search, hash } = new URL(text);
  if (protocol !== "http:" && protocol !== "https:") return fault("must begin with http:// or https://");
  if (username !== "" || password !== "") return fault("must hold no user and password; use apiKey, or headers");
  return search === "" && hash === "" ? [] : fault("must hold neither a query nor a fragment");
}

// What is wrong is said without the value, which may be a secret.
function headerFaults(name: string, value: unknown): readonly Fault[] {
  const field = `headers.${name}`;
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name))
    return [{ field, message: "is no name of a header", type: "invalid_header" }];
  if (typeof value === "string" && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)) return [];
  return [{ field, message: "must be text that a header can carry", type: "invalid_header" }];
}

function numberFaults(field: string, value: number, min: number, max: number): readonly Fault[] {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return [];
  return [{ field, message: `must be a whole number from ${min} to ${max}`, type: "out_of_range" }];
}
