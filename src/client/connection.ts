import { SojournError } from "../engine/errors.ts";
import type { Bytes, OnProgress, Source } from "./content.ts";
import { Deadline, Late } from "./deadline.ts";
import { eventsOf, type ServerEvent } from "./event-stream.ts";
import {
  brokenOff,
  cutShort,
  failureOf,
  isObject,
  late,
  parsed,
  redirected,
  stranger,
  unreachable,
} from "./failure.ts";
import { InHand } from "./in-hand.ts";
import type { CallOptions, WriteOptions } from "./inputs.ts";
import { type OpenAnswer, piecesOf } from "./pieces.ts";
import {
  type BytesRequest,
  type ConnectionOptions,
  type Init,
  type Prepared,
  prepared,
  preparedWrite,
  type Request,
  withBody,
} from "./request.ts";
import { pause, retryDelay } from "./retry.ts";
import { Upload } from "./upload.ts";

/** A body of an answer. */
export type Envelope = Readonly<Record<string, unknown>>;

const EVENT_STREAM = "text/event-stream";

const BYTES = "application/octet-stream";

/**
 * A server, as it is called over HTTP. What fails for a reason that soon passes is repeated; that is safe for a write as
 * well, because all its attempts carry one idempotency key.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #inHand: InHand;
  #aheadMs = 0;

  constructor(options: ConnectionOptions, inHand = new InHand()) {
    this.#options = options;
    this.#inHand = inHand;
  }

  /** The same connection, which also sends these headers; it closes with this one. */
  with(headers: Readonly<Record<string, string>>): Connection {
    const options = this.#options;
    return new Connection({ ...options, headers: { ...options.headers, ...headers } }, this.#inHand);
  }

  /** The server's time, as its answers told it: milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.#aheadMs;
  }

  /** How long a call may take, its repetitions included. */
  get timeoutMs(): number {
    return this.#options.timeoutMs;
  }

  /** Aborts when the connection is closed. */
  get closing(): AbortSignal {
    return this.#inHand.closing;
  }

  /** What may be sent again as it is. */
  async read(request: Request, options: CallOptions): Promise<Envelope> {
    return await this.#exchange(prepared(request, this.#options), options, { isTimely: () => true });
  }

  async write(request: Request, options: WriteOptions): Promise<Envelope> {
    return await this.#exchange(preparedWrite(request, options, this.#options), options, {
      isTimely: isFirst(options),
    });
  }

  /** A write of bytes. What is at hand is repeated like any other; what comes as it is made is sent once. */
  async send(
    request: Request,
    source: Source,
    options: WriteOptions & { readonly onProgress?: OnProgress | undefined },
  ): Promise<Envelope> {
    const write = preparedWrite(request, options, this.#options);
    write.init.headers["content-type"] = BYTES;
    const { onProgress } = options;
    return await this.#exchange(write, options, {
      isTimely: isFirst(options),
      retries: source.whole === undefined ? 0 : this.#options.retries,
      upload: (deadline) => new Upload(source, { deadline, silenceMs: write.timeoutMs, onProgress }),
    });
  }

  /**
   * A write that is answered by events, of which `start` is kept back. It is repeated like any other as long as no other
   * has come; one that breaks off after that is `unreachable`.
   *
   * @param silenceMs  how long nothing may come between two of them, not even that somebody is there
   */
  async *converse(
    request: Request,
    options: WriteOptions,
    silenceMs: number = this.#options.modelTimeoutMs,
  ): AsyncGenerator<ServerEvent, void, undefined> {
    const { url, init } = preparedWrite(request, options, this.#options);
    init.headers["accept"] = EVENT_STREAM;
    const { modelTimeoutMs } = this.#options;
    this.#inHand.enter();
    try {
      const deadline = new Deadline(modelTimeoutMs, options.signal);
      const from = { deadline, signal: options.signal };
      try {
        const { first, rest } = await this.#persist(deadline, async () => {
          const response = await this.#fetchEvents(url, init, from);
          const rest = eventsOf({ response, deadline }, silenceMs);
          const first = await firstOf(rest).catch((error: unknown) => {
            throw this.#broken(error, from);
          });
          if (first === undefined) throw this.#broken(new Error("the answer is empty"), from);
          return { first, rest };
        });
        yield first;
        try {
          yield* rest;
        } catch (error) {
          throw options.signal?.aborted ? options.signal.reason : this.brokenOff(error);
        }
      } finally {
        deadline.end();
      }
    } finally {
      this.#inHand.leave();
    }
  }

  /** What must not be sent twice. */
  async once(request: Request, options: CallOptions): Promise<Envelope> {
    return await this.#exchange(prepared(request, this.#options), options, { isTimely: () => true, retries: 0 });
  }

  /**
   * Bytes as they come, however long they take, as long as some come within the time of a call. Until the first of them
   * it is repeated like any other; what breaks off after that, or brings another number of them than is known, is
   * `unreachable`.
   */
  async *bytes(
    { range, length, type = "", ...request }: BytesRequest,
    { signal }: CallOptions,
  ): AsyncGenerator<Bytes, void, undefined> {
    this.#inHand.assertOpen();
    const { url, init, timeoutMs } = prepared(request, this.#options);
    if (range !== undefined) init.headers["range"] = range;
    const stop = new AbortController();
    const ends = [stop.signal, this.closing, ...(signal === undefined ? [] : [signal])];
    const deadline = new Deadline(timeoutMs, AbortSignal.any(ends));
    const from = { deadline, signal };
    try {
      const response = await this.#persist(deadline, async () => {
        const response = await this.#fetch(url, init, from);
        const isIt = response.status === (range === undefined ? 200 : 206) && isOf(response, type);
        if (!isIt) throw this.#failure(response, await this.#text(response, from));
        return response;
      });
      let count = 0;
      for await (const piece of piecesOf({ response, deadline }, timeoutMs)) {
        count += piece.length;
        if (length !== undefined && count > length) throw new Error(`more bytes came than ${length}`);
        yield piece;
      }
      if (length !== undefined && count < length) throw new Error(`${count} of ${length} bytes came`);
    } catch (error) {
      if (error instanceof SojournError) throw error;
      throw signal?.aborted ? signal.reason : cutShort(this.#options.url, error);
    } finally {
      deadline.end();
      // Whoever reads no further wants no more of it.
      stop.abort();
    }
  }

  /**
   * The bytes of a file, which may take long to come. A signal ends them, and so does closing; whether anybody of ours is
   * there at all is asked first, which has an end.
   */
  async *download(request: Request, caller: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, undefined> {
    const { status } = await this.read({ method: "GET", path: "/health" }, { signal: caller });
    if (status !== "healthy") throw this.stranger();
    const stop = new AbortController();
    const ends = [stop.signal, this.closing, ...(caller === undefined ? [] : [caller])];
    const from = { deadline: { signal: AbortSignal.any(ends) }, signal: caller };
    try {
      const { url, init } = prepared(request, this.#options);
      const response = await this.#fetch(url, init, from);
      if (!response.ok || response.body === null) throw this.#failure(response, await this.#text(response, from));
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read().catch((error: unknown) => {
          throw this.#broken(error, from);
        });
        if (done) return;
        yield value;
      }
    } finally {
      // Whoever reads no further wants no more of it.
      stop.abort();
    }
  }

  /** Opens an event stream. */
  async stream(
    request: Request,
    { signal, lastEventId }: { readonly signal: AbortSignal; readonly lastEventId: number | undefined },
  ): Promise<OpenAnswer> {
    this.#inHand.assertOpen();
    const { url, init } = prepared(request, this.#options);
    init.headers["accept"] = EVENT_STREAM;
    if (lastEventId !== undefined) init.headers["last-event-id"] = String(lastEventId);
    const deadline = new Deadline(this.#options.timeoutMs, signal);
    try {
      const response = await this.#persist(deadline, () => this.#fetchEvents(url, init, { deadline, signal }));
      return { response, deadline };
    } catch (error) {
      deadline.end();
      throw error;
    }
  }

  /** The error for an answer that ended before its end. */
  brokenOff(cause: unknown): SojournError {
    return brokenOff(this.#options.url, cause);
  }

  /** The error that an event told of. */
  refused(data: string): SojournError {
    return failureOf({ status: 500, headers: new Headers(), text: data }, this.#options.url);
  }

  /** The error for a success that is none of Sojourn's. */
  stranger(): SojournError {
    return stranger(this.#options.url);
  }

  async close(): Promise<void> {
    await this.#inHand.close();
  }

  async #exchange(
    { url, init, timeoutMs }: Prepared,
    { signal }: CallOptions,
    { isTimely, retries = this.#options.retries, upload: begin }: Exchange,
  ): Promise<Envelope> {
    this.#inHand.enter();
    try {
      const deadline = new Deadline(timeoutMs, signal);
      const from = { deadline, signal };
      try {
        const send = async (attempt: number): Promise<Envelope> => {
          const upload = begin?.(deadline);
          if (upload !== undefined) deadline.restart(timeoutMs);
          try {
            const response = await this.#fetch(url, await withBody(init, upload), from);
            const body = await this.#bodyOf(response, from);
            upload?.report();
            if (isTimely(attempt)) this.#setClock(body["timestamp"]);
            return body;
          } catch (error) {
            upload?.assertSound();
            throw error;
          } finally {
            upload?.end();
          }
        };
        return await this.#persist(deadline, send, retries);
      } finally {
        deadline.end();
      }
    } finally {
      this.#inHand.leave();
    }
  }

  /** Sends again what failed for what soon passes, as long as there are retries and time. */
  async #persist<T>(
    deadline: Deadline,
    send: (attempt: number) => Promise<T>,
    retries: number = this.#options.retries,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await send(attempt);
      } catch (error) {
        const delay = attempt > retries ? undefined : retryDelay(error, attempt);
        if (delay === undefined || delay >= deadline.leftMs) throw error;
        await pause(delay, deadline.signal);
      }
    }
  }

  async #bodyOf(response: Response, from: From): Promise<Envelope> {
    const text = await this.#text(response, from);
    if (!response.ok) throw this.#failure(response, text);
    const body = parsed(text);
    if (!isObject(body)) throw this.stranger();
    return body;
  }

  async #fetch(url: string, init: Init, { deadline, signal }: From): Promise<Response> {
    // A browser's `fetch` wants to be called as a function, not as a method.
    const { fetch } = this.#options;
    try {
      return await fetch(url, { ...init, signal: deadline.signal });
    } catch (error) {
      throw this.#broken(error, { deadline, signal });
    }
  }

  async #fetchEvents(url: string, init: Init, from: From): Promise<Response> {
    const response = await this.#fetch(url, init, from);
    if (response.ok && response.headers.get("content-type")?.startsWith(EVENT_STREAM)) return response;
    throw this.#failure(response, await this.#text(response, from));
  }

  async #text(response: Response, from: From): Promise<string> {
    try {
      return await response.text();
    } catch (error) {
      throw this.#broken(error, from);
    }
  }

  #broken(error: unknown, { deadline, signal }: From): unknown {
    if (signal?.aborted) return signal.reason;
    const { url } = this.#options;
    const { aborted, reason } = deadline.signal;
    if (aborted && reason instanceof Late) return late(url, reason);
    return unreachable(url, aborted ? reason : error);
  }

  #failure({ status, type, headers, ok }: Response, text: string): SojournError {
    const { url } = this.#options;
    if (ok) return stranger(url);
    if (type === "opaqueredirect" || (status >= 300 && status < 400)) return redirected(url, headers.get("location"));
    return failureOf({ status, headers, text }, url);
  }

  #setClock(timestamp: unknown): void {
    const ms = typeof timestamp === "string" ? Date.parse(timestamp) : Number.NaN;
    if (!Number.isNaN(ms)) this.#aheadMs = ms - Date.now();
  }
}

/** How a request is sent and answered. */
interface Exchange {
  /** Whether the answer to that attempt has the time of now. */
  readonly isTimely: (attempt: number) => boolean;
  readonly retries?: number;
  /** The bytes of a body that goes as it is, begun anew. */
  readonly upload?: (deadline: Deadline) => Upload;
}

/** Why a request may break off: its time, or its caller. */
interface From {
  readonly deadline: Pick<Deadline, "signal">;
  readonly signal: AbortSignal | undefined;
}

/** The first event that has something of the answer: that one has begun says nothing of it. */
async function firstOf(events: AsyncGenerator<ServerEvent, void, undefined>): Promise<ServerEvent | undefined> {
  for (;;) {
    const { value } = await events.next();
    if (value?.event !== "start") return value ?? undefined;
  }
}

// The answer to a repeated write is the first one, with the time of that.
function isFirst({ idempotencyKey }: WriteOptions): Exchange["isTimely"] {
  return (attempt) => attempt === 1 && idempotencyKey === undefined;
}

function isOf({ headers }: Response, type: string): boolean {
  return headers.get("content-type")?.startsWith(type) ?? type === "";
}
