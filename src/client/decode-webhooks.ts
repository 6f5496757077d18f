import type { EventPattern } from "./events.ts";
import type { FailedAttempt, SetWebhook, Webhook } from "./webhooks.ts";

/** An attempt that failed, on the wire. */
export interface WireFailedAttempt {
  readonly at: string;
  readonly reason: string;
  readonly attempt: number;
  readonly next_attempt_at: string;
}

/** A webhook on the wire. */
export interface WireWebhook {
  readonly name: string;
  readonly url: string;
  readonly types?: readonly string[] | undefined;
  readonly active: boolean;
  readonly reason?: string | undefined;
  readonly failure?: WireFailedAttempt | undefined;
  readonly cursor: string;
  readonly version: number;
  readonly created_at: string;
  readonly updated_at: string;
}

/** A webhook on the wire, as whoever set it is told. */
export interface WireSetWebhook extends WireWebhook {
  readonly secret?: string | undefined;
}

/** A webhook in the words of the SDK. */
export function decodeWebhook(wire: WireWebhook): Webhook {
  return {
    name: wire.name,
    url: wire.url,
    // NOTE: those that it was set with.
    types: wire.types as readonly EventPattern[] | undefined,
    active: wire.active,
    reason: wire.reason,
    failure: wire.failure && decodeFailure(wire.failure),
    cursor: wire.cursor,
    version: wire.version,
    createdAt: new Date(wire.created_at),
    updatedAt: new Date(wire.updated_at),
  };
}

/** A webhook that was set, in the words of the SDK. */
export function decodeSetWebhook({ secret, ...wire }: WireSetWebhook): SetWebhook {
  return { ...decodeWebhook(wire), secret };
}

function decodeFailure({ at, next_attempt_at: nextAt, ...wire }: WireFailedAttempt): FailedAttempt {
  return { ...wire, at: new Date(at), nextAttemptAt: new Date(nextAt) };
}
