import type { Clock } from "../engine/clock.ts";
import type { Events, SessionEvent } from "../engine/events.ts";
import { given } from "../engine/given.ts";
import type { Caller } from "../engine/sessions.ts";
import type { NamedWebhook, Webhooks } from "../engine/webhooks.ts";
import { type Posted, post, type Targets } from "./post.ts";
import { signatureHeaders } from "./signature.ts";

/** What bringing events needs. */
export interface CourierPorts {
  readonly webhooks: Webhooks;
  readonly events: Events;
  readonly clock: Clock;
  readonly targets: Targets;
  /** What a request brings of an event, as JSON. */
  readonly encode: (event: SessionEvent) => object;
  /** Waits so long, or until the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** 0 to 1, for the chance in the pauses. */
  readonly random: () => number;
  readonly timeoutMs: number;
}

/** After how long each further attempt is made, at first; the chance adds up to a fifth. */
export const PAUSES_MS: readonly number[] = [5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 36_000_000];

/** What a target says that wants no more. */
const GONE = 410;

/**
 * Brings a webhook the events behind its cursor, one at a time and in their order, until the signal aborts. What is not taken
 * is tried again after longer and longer pauses; after the last the webhook is turned off, and its cursor stays.
 */
export async function bring(
  ports: CourierPorts,
  caller: Caller,
  { webhook, signal }: { readonly webhook: NamedWebhook; readonly signal: AbortSignal },
): Promise<void> {
  const { webhooks, events } = ports;
  const { name, version, delivered: after, types } = webhook;
  const told = await events.follow(caller, { after, signal, ...given("types", types) });
  for await (const event of told) {
    const insisted = await insist(ports, webhook, { event, signal });
    if (insisted.outcome === "refused") {
      await webhooks.turnOff(caller.tenant, name, { version, reason: insisted.reason });
    }
    if (insisted.outcome !== "taken") return;
    await webhooks.delivered(caller.tenant, name, event.position);
  }
}

type Insisted = { readonly outcome: "taken" | "stopped" } | { readonly outcome: "refused"; readonly reason: string };

/** Brings one event, again and again. */
async function insist(
  ports: CourierPorts,
  webhook: NamedWebhook,
  { event, signal }: { readonly event: SessionEvent; readonly signal: AbortSignal },
): Promise<Insisted> {
  for (let attempt = 0; ; attempt++) {
    const posted = await send(ports, webhook, { event, signal });
    if (posted.outcome === "answered" && posted.status >= 200 && posted.status < 300) return { outcome: "taken" };
    if (signal.aborted) return { outcome: "stopped" };
    const reason = posted.outcome === "answered" ? `The target answered ${posted.status}` : posted.reason;
    const pauseMs = PAUSES_MS[attempt];
    if (pauseMs === undefined || (posted.outcome === "answered" && posted.status === GONE))
      return { outcome: "refused", reason };
    await ports.wait(pauseMs * (1 + ports.random() / 5), signal);
    if (signal.aborted) return { outcome: "stopped" };
  }
}

async function send(
  { clock, encode, targets, timeoutMs }: CourierPorts,
  { url, secret, previous }: NamedWebhook,
  { event, signal }: { readonly event: SessionEvent; readonly signal: AbortSignal },
): Promise<Posted> {
  const now = clock.now();
  const { at } = event.entry.operation;
  const body = JSON.stringify({ type: event.type, timestamp: new Date(at / 1_000).toISOString(), data: encode(event) });
  const secrets = previous !== undefined && now <= previous.untilUs ? [secret, previous.secret] : [secret];
  // A position is given out once, so that each attempt has the same id and no other event has it.
  const signed = signatureHeaders(
    { id: `msg_${event.position}`, timestamp: Math.floor(now / 1_000_000), body },
    secrets,
  );
  const headers = { ...signed, "content-type": "application/json", "user-agent": "sojourn" };
  return await post(url, { headers, body, targets, timeoutMs, signal });
}
