import type { Bytes } from "../client/content.ts";
import { decodeSession } from "../client/decode.ts";
import type { InHand } from "../client/in-hand.ts";
import type { CallOptions } from "../client/inputs.ts";
import type { SessionState } from "../client/session-state.ts";
import type { Seen, Sighting } from "../client/transport.ts";
import { SojournError } from "../engine/errors.ts";
import type { Answer } from "../engine/idempotency.ts";
import type { Status } from "../engine/session.ts";
import type { Caller, Session } from "../engine/sessions.ts";
import { encodeSession } from "../http/dialects/native/encode.ts";
import type { Engine } from "./open-engine.ts";

/** What all calls in this process have in common: who makes them, and what is in hand. */
export class InProcessCalls {
  readonly engine: Engine;
  readonly inHand: InHand;
  readonly #caller: Caller;
  /** The session that the calls are made as, by its name or `uid`. */
  readonly #actingAs: string | undefined;

  constructor(engine: Engine, { caller, inHand, actingAs }: CallsOptions) {
    this.engine = engine;
    this.inHand = inHand;
    this.#caller = caller;
    this.#actingAs = actingAs;
  }

  /** The same calls, made as a session. */
  as(session: string): InProcessCalls {
    return new InProcessCalls(this.engine, { caller: this.#caller, inHand: this.inHand, actingAs: session });
  }

  // By one `then`, and not by async functions within each other: a read takes a microsecond, and each of them a tenth.
  call<T, U>({ signal }: CallOptions, call: (caller: Caller) => Promise<T>, toAnswer: (value: T) => U): Promise<U> {
    signal?.throwIfAborted();
    this.inHand.enter();
    const made = this.#actingAs === undefined ? call(this.#caller) : this.caller().then(call);
    const answer = made.then(
      (value) => {
        this.inHand.leave();
        return toAnswer(value);
      },
      (error: unknown) => {
        this.inHand.leave();
        throw error;
      },
    );
    return signal === undefined ? answer : untilAborted(answer, signal);
  }

  /** One of many steps of a call, which is in hand while it is done, and not in between. */
  async during<T>(step: () => Promise<T>): Promise<T> {
    this.inHand.enter();
    try {
      return await step();
    } finally {
      this.inHand.leave();
    }
  }

  /** Bytes as they are read; between two pieces nothing is in hand. */
  async *pieces(
    bytes: AsyncIterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Bytes, void, undefined> {
    const pieces = bytes[Symbol.asyncIterator]();
    try {
      for (;;) {
        signal?.throwIfAborted();
        const { done, value } = await this.during(() => pieces.next());
        if (done === true) return;
        // NOTE: the engine shares no memory between threads.
        yield value as Bytes;
      }
    } finally {
      await pieces.return?.();
    }
  }

  /** A write that is answered by a session. */
  change(options: CallOptions, change: (caller: Caller) => Promise<Answer<Session>>): Promise<Sighting> {
    return this.call(options, change, ({ value }) => new StreamSighting(value));
  }

  see(options: CallOptions, look: (caller: Caller) => Promise<Session>): Promise<Sighting> {
    return this.call(options, look, (stream) => new StreamSighting(stream));
  }

  /** What an operator does: whoever can open the directory is one. */
  operate<T, U>(options: CallOptions, call: (caller: Caller) => Promise<T>, toAnswer: (value: T) => U): Promise<U> {
    return this.call(options, async (caller) => await call(asOperator(caller)), toAnswer);
  }

  /** The name of a session, of which the caller has learned by right. */
  async nameOf(id: string): Promise<string | undefined> {
    return (await this.engine.sessions.find(this.#caller, id))?.record.sessionId;
  }

  /**
   * On whose behalf calls are made.
   *
   * @throws {SojournError} `session_not_found`
   */
  async caller(): Promise<Caller> {
    if (this.#actingAs === undefined) return this.#caller;
    const { ref } = await this.engine.sessions.get(this.#caller, this.#actingAs);
    return { tenant: this.#caller.tenant, actor: `session:${ref.id}`, actingAs: ref.id };
  }
}

interface CallsOptions {
  readonly caller: Caller;
  readonly inHand: InHand;
  readonly actingAs?: string;
}

/** @throws {SojournError} `forbidden` for a caller that acts as a session */
export function asOperator(caller: Caller): Caller {
  if (caller.actingAs === undefined) return { ...caller, actor: "operator" };
  throw new SojournError("forbidden", { message: "A caller that acts as a session can't do what operators do" });
}

export function seenWith<T>(session: Session, value: T): Seen<T> {
  return { value, seen: new StreamSighting(session) };
}

/** What the engine tells of a session. */
export class StreamSighting implements Sighting {
  readonly #stream: Session;

  constructor(stream: Session) {
    this.#stream = stream;
  }

  get uid(): string {
    return this.#stream.ref.id;
  }

  get version(): number {
    return this.#stream.head.seq;
  }

  get status(): Status {
    return this.#stream.record.status;
  }

  state(): SessionState {
    const wire = encodeSession(this.#stream);
    // A copy: the engine goes on with its own.
    return decodeSession({ ...wire, metadata: structuredClone(wire.metadata) });
  }
}

/** Settles as the call does, or rejects with the signal's reason; then the call goes on, and nobody hears of it. */
function untilAborted<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop);
    call.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
