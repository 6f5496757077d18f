import { assertWritable, type QueryValue, toJson } from "./encode.ts";
import type { WriteOptions } from "./inputs.ts";
import type { SentBody, Upload } from "./upload.ts";

/** Where a server is, and how to call it; all of it valid. */
export interface ConnectionOptions {
  /** Without a slash at its end. */
  readonly url: string;
  /** Of every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** How often a call is repeated that failed for what soon passes. */
  readonly retries: number;
  /** How long a call may take, its repetitions included. */
  readonly timeoutMs: number;
  /** How long it may take where it waits for a model, or, where the answer comes bit by bit, for the next of it. */
  readonly modelTimeoutMs: number;
  readonly fetch: typeof fetch;
}

/** One request to the API. */
export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly body?: object;
  /** Whether it may take as long as a model does. */
  readonly isSlow?: boolean;
  /** How long the server was told that it may work, beside what any call may take. */
  readonly workMs?: number;
  /** The version that what it changes must have. */
  readonly ifMatch?: number | undefined;
}

/** Bytes that are asked for, and what is known of them. */
export interface BytesRequest extends Request {
  /** The bytes of them that are wanted, as a header has it. */
  readonly range?: string | undefined;
  /** How many come. */
  readonly length?: number;
  /** What type they have to be of. */
  readonly type?: string;
}

/** A request as it goes to `fetch`. */
export interface Prepared {
  readonly url: string;
  readonly init: Init;
  readonly timeoutMs: number;
}

/** What `fetch` takes, but for the signal. A redirect is never followed: it could lead the key to another origin. */
export interface Init {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly redirect: "manual";
  body?: string | SentBody["body"];
  readonly duplex?: "half";
}

const BASE = "/api/v1";

/** A request to a server. */
export function prepared(
  { method, path, query, body, isSlow = false, workMs = 0, ifMatch }: Request,
  { url, headers, timeoutMs, modelTimeoutMs }: ConnectionOptions,
): Prepared {
  const init: Init = { method, headers: { ...headers }, redirect: "manual" };
  assertWritable({ ifMatch });
  if (ifMatch !== undefined) init.headers["if-match"] = `"${ifMatch}"`;
  if (body !== undefined) {
    init.headers["content-type"] = "application/json";
    init.body = toJson(body);
  }
  return {
    url: `${url}${BASE}${path}${query === undefined ? "" : queryText(query)}`,
    init,
    timeoutMs: (isSlow ? modelTimeoutMs : timeoutMs) + workMs,
  };
}

/** A write, with a key of its own where it may be repeated. */
export function preparedWrite(request: Request, options: WriteOptions, connection: ConnectionOptions): Prepared {
  assertWritable(options);
  const { idempotencyKey, ifMatch } = options;
  const write = prepared({ ...request, ifMatch }, connection);
  const key = idempotencyKey ?? (connection.retries > 0 ? mintKey() : undefined);
  if (key !== undefined) write.init.headers["idempotency-key"] = key;
  return write;
}

/** With the bytes that are sent as they are, if there are any. */
export async function withBody(init: Init, upload: Upload | undefined): Promise<Init> {
  if (upload === undefined) return init;
  const { length, ...sent } = await upload.toBody();
  return {
    ...init,
    ...sent,
    headers: { ...init.headers, ...(length !== undefined && { "content-length": `${length}` }) },
  };
}

/** A query as it stands in an address. */
export function queryText(query: Readonly<Record<string, QueryValue>>): string {
  const text = new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) => [value].flat().map((one) => [name, one])),
  );
  return text.size === 0 ? "" : `?${text}`;
}

// Not by `randomUUID`, which browsers have on secure pages alone.
function mintKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}
