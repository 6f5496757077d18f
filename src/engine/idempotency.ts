import { type Clock, SECOND } from "./clock.ts";
import type { Digest } from "./digest.ts";
import { SojournError } from "./errors.ts";
import type { Json } from "./json.ts";
import type { IdempotencyKey, Remembered, Store, StreamRef } from "./store.ts";

/** How long an answer is remembered. */
export const REMEMBERED_US = 86_400 * SECOND;

/** A key that a caller sent with a write, and the request that it stands for. */
export interface Idempotency {
  /** 1 to 255 characters. */
  readonly key: string;
  /** What was called, such as `POST /api/v1/sessions`. */
  readonly scope: string;
  /** The request as sent; another one under the same key is `idempotency_mismatch`. */
  readonly request: string;
}

/** The key for a call on this session. A name may mean another session by now; then this is another request. */
export function keyFor(idempotency: Idempotency | undefined, uid: string): Idempotency | undefined {
  return idempotency && { ...idempotency, request: `${uid}\n${idempotency.request}` };
}

/** The answer of a write: of the first call, word for word, where the call was repeated. */
export interface Answer<T> {
  readonly value: T;
  /** When it was answered first, in microseconds since the epoch. */
  readonly at: number;
  readonly replayed: boolean;
}

/** Makes the record that a commit keeps of its own answer; it is erased with the stream that it is about. */
export type Remember<T> = (value: T, at: number, about?: StreamRef) => Remembered;

/** Runs each write once for each idempotency key. */
export class OnceOnly {
  readonly #ports: { readonly store: Store; readonly clock: Clock; readonly digest: Digest };
  readonly #inHand = new Map<string, Promise<unknown>>();

  constructor(ports: { readonly store: Store; readonly clock: Clock; readonly digest: Digest }) {
    this.#ports = ports;
  }

  /**
   * Runs a write, or answers as it was answered first.
   *
   * A caller that comes while the first is at work waits for it. Refusals are not kept: the next caller tries again.
   *
   * @param write  must put `remember` into its commit where that is given
   * @throws {SojournError} `idempotency_mismatch`, and what `write` throws
   */
  async run<T>(
    tenant: string,
    idempotency: Idempotency | undefined,
    write: (remember: Remember<T> | undefined) => Promise<{ readonly value: T; readonly at: number }>,
  ): Promise<Answer<T>> {
    if (idempotency === undefined) return { ...(await write(undefined)), replayed: false };
    const key: IdempotencyKey = { tenant, scope: idempotency.scope, key: idempotency.key };
    const slot = JSON.stringify([tenant, key.scope, key.key]);
    while (this.#inHand.has(slot)) await this.#inHand.get(slot);
    const turn = this.#turn(key, this.#ports.digest(idempotency.request), write);
    // Whoever waits only needs to know that it is over; the outcome is in the store.
    const over = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#inHand.set(slot, over);
    try {
      return await turn;
    } finally {
      this.#inHand.delete(slot);
    }
  }

  /** Answers a write that committed nothing by itself; where a key came with it, the answer is remembered. */
  async answer<T>(
    value: T,
    remember: Remember<T> | undefined,
    about?: StreamRef,
  ): Promise<{ readonly value: T; readonly at: number }> {
    const at = this.#ports.clock.now();
    if (remember !== undefined) {
      const commit = { now: at, parts: [], remember: [remember(value, at, about)] };
      const { outcome } = await this.#ports.store.commit(commit);
      if (outcome !== "committed") throw new SojournError("conflict", { message: "Others wrote first; try again" });
    }
    return { value, at };
  }

  async #turn<T>(
    key: IdempotencyKey,
    fingerprint: string,
    write: (remember: Remember<T>) => Promise<{ readonly value: T; readonly at: number }>,
  ): Promise<Answer<T>> {
    const first = await this.#recall<T>(key, fingerprint);
    if (first !== undefined) return first;
    try {
      const remember: Remember<T> = (value, at, about) => ({
        ...key,
        fingerprint,
        // NOTE: answers of the engine are made of JSON's types.
        answer: value as Json,
        at,
        expiresAt: at + REMEMBERED_US,
        ...(about && { about }),
      });
      return { ...(await write(remember)), replayed: false };
    } catch (error) {
      // Another node may have answered the same call in the meantime.
      const elsewhere = await this.#recall<T>(key, fingerprint).catch(() => undefined);
      if (elsewhere !== undefined) return elsewhere;
      throw error;
    }
  }

  async #recall<T>(key: IdempotencyKey, fingerprint: string): Promise<Answer<T> | undefined> {
    const { store, clock } = this.#ports;
    const remembered = await store.remembered(key, clock.now());
    if (remembered === undefined) return undefined;
    if (remembered.fingerprint !== fingerprint) {
      throw new SojournError("idempotency_mismatch", {
        message: `Idempotency key "${key.key}" was used for another request; use a new key`,
      });
    }
    // NOTE: the scope names the call, and one call remembers one type of answer.
    return { value: remembered.answer as T, at: remembered.at, replayed: true };
  }
}
