import type { EventPattern } from "./events.ts";
import type { CallOptions } from "./inputs.ts";
import type { WebhookTransport } from "./transport.ts";

/** What is wanted of a webhook. */
export interface NewWebhook {
  /** `https`, and on the public internet, unless the operator allows others. */
  readonly url: string;
  /** Which events; left out: all. */
  readonly types?: readonly EventPattern[] | undefined;
  /** `whsec_` and 24 to 64 bytes in base64, or `new` for one in place of the one it has. Left out: the one that it has, or a new one. */
  readonly secret?: string | undefined;
  /** Default `true`. */
  readonly active?: boolean | undefined;
}

/** An attempt to bring an event that was not taken. */
export interface FailedAttempt {
  readonly at: Date;
  readonly reason: string;
  /** 1 for the first of its event. */
  readonly attempt: number;
  readonly nextAttemptAt: Date;
}

/** An address that events are brought to. */
export interface Webhook {
  readonly name: string;
  readonly url: string;
  /** `undefined`: all. */
  readonly types: readonly EventPattern[] | undefined;
  readonly active: boolean;
  /** Why it was turned off, where that was for its target. */
  readonly reason: string | undefined;
  /**
   * The last attempt, while the event behind `cursor` is not taken. Whoever brings events knows it, and forgets it when it
   * is started again.
   */
  readonly failure: FailedAttempt | undefined;
  /** Up to where it has brought everything; see `events.page`. */
  readonly cursor: string;
  /** What `ifMatch` takes. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A webhook as whoever set it is told. */
export interface SetWebhook extends Webhook {
  /** What to check signatures with, where this call set it; no other answer has it. */
  readonly secret: string | undefined;
}

/** What may come with a change of a webhook. */
export interface WebhookOptions extends CallOptions {
  /** The `version` that the webhook must have, or the change is refused with `precondition_failed`. */
  readonly ifMatch?: number | undefined;
}

/**
 * Where events of all sessions are brought, signed as Standard Webhooks has it. Each event comes at least once, in order; who brings
 * them is the server, or the process that has the data open.
 */
export class Webhooks {
  readonly #transport: WebhookTransport;

  constructor(transport: WebhookTransport) {
    this.#transport = transport;
  }

  /**
   * Sets a webhook, whole. A new one brings what happens from then on; one that is set again goes on where it was, also if it was
   * off, and tries at once what failed. A secret that is replaced signs for another day beside the new one.
   *
   * It is never sent twice by itself; where its answer was lost, and with it a secret, set it again with `secret: "new"`.
   *
   * @param name  1 to 128 letters, digits and `. _ : @ -`
   * @throws {SojournError} `limit_reached` where the tenant has its share of webhooks; `precondition_failed`; `invalid`
   */
  async set(name: string, wanted: NewWebhook, options: WebhookOptions = {}): Promise<SetWebhook> {
    return await this.#transport.set(name, wanted, options);
  }

  /** @throws {SojournError} `not_found` */
  async get(name: string, options: CallOptions = {}): Promise<Webhook> {
    return await this.#transport.get(name, options);
  }

  /** All of them, by their names. */
  async list(options: CallOptions = {}): Promise<readonly Webhook[]> {
    return await this.#transport.list(options);
  }

  /**
   * Brings nothing there any more. It is never sent twice by itself.
   *
   * @throws {SojournError} `not_found`; `precondition_failed`
   */
  async remove(name: string, options: WebhookOptions = {}): Promise<void> {
    await this.#transport.remove(name, options);
  }
}
