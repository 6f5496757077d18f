import type { Clock } from "../engine/clock.ts";
import type { Events, SessionEvent } from "../engine/events.ts";
import { given } from "../engine/given.ts";
import type { Caller } from "../engine/sessions.ts";
import type { NamedWebhook, Webhooks } from "../engine/webhooks.ts";
import { type Posted, post, type Targets } from "./post.ts";
import { signatureHeaders } from "./signature.ts";

/** What became of an attempt to bring an event to a webhook. */
export interface Attempted {
  readonly tenant: string;
  readonly webhook: string;
  /** 1 for the first of its event. */
  readonly attempt: number;
  /** `failed`: it is made again after `pauseMs`; `given_up`: it was the last one, and the webhook is turned off. */
  readonly outcome: "taken" | "failed" | "given_up";
  /** Why it was not taken. */
  readonly reason?: string;
  readonly pauseMs?: number;
}

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
  /** Told of each attempt that was not cut short. */
  readonly onAttempt: (attempted: Attempted) => void;
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
    const insisted = await insist(ports, caller, { webhook, event, signal });
    if (insisted.outcome === "refused") {
      await webhooks.turnOff(caller.tenant, name, { version, reason: insisted.reason });
    }
    if (insisted.outcome === "refused" || insisted.outcome === "stopped") return;
    await webhooks.delivered(caller.tenant, name, event.position);
  }
}

type Insisted =
  | { readonly outcome: "taken" | "erased" | "stopped" }
  | { readonly outcome: "refused"; readonly reason: string };

/** Brings one event, again and again, for as long as its session is there. */
async function insist(
  ports: CourierPorts,
  { tenant }: Caller,
  {
    webhook,
    event,
    signal,
  }: { readonly webhook: NamedWebhook; readonly event: SessionEvent; readonly signal: AbortSignal },
): Promise<Insisted> {
  for (let attempt = 1; ; attempt++) {
    if (!(await ports.events.isThere(event))) return { outcome: "erased" };
    const posted = await send(ports, webhook, { event, signal });
    const attempted = { tenant, webhook: webhook.name, attempt };
    if (posted.outcome === "answered" && posted.status >= 200 && posted.status < 300) {
      ports.onAttempt({ ...attempted, outcome: "taken" });
      return { outcome: "taken" };
    }
    if (signal.aborted) return { outcome: "stopped" };
    const reason = posted.outcome === "answered" ? `The target answered ${posted.status}` : posted.reason;
    const shortestMs = PAUSES_MS[attempt - 1];
    if (shortestMs === undefined || (posted.outcome === "answered" && posted.status === GONE)) {
      ports.onAttempt({ ...attempted, outcome: "given_up", reason });
      return { outcome: "refused", reason };
    }
    const pauseMs = shortestMs * (1 + ports.random() / 5);
    ports.onAttempt({ ...attempted, outcome: "failed", reason, pauseMs });
    const at = ports.clock.now();
    ports.webhooks.failed(tenant, webhook, { at, reason, attempt, nextAt: at + Math.round(pauseMs * 1_000) });
    await ports.wait(pauseMs, signal);
    if (signal.aborted) return { outcome: "stopped" };
  }
}

async function send(
  { clock, encode, targets, timeoutMs }: CourierPorts,
  { url, secret, previous }: NamedWebhook,
  { event, signal }: { readonly event: SessionEvent; readonly signal: AbortSignal },
): Promise<Posted> {
  const now = clock.now();
  const { at, id } = event.entry.operation;
  const body = JSON.stringify({ type: event.type, timestamp: new Date(at / 1_000).toISOString(), data: encode(event) });
  const secrets = previous !== undefined && now <= previous.untilUs ? [secret, previous.secret] : [secret];
  // The same in each attempt, and no other event's: a store that was restored gives positions out again, and ids of
  // operations come from wherever a session was imported from.
  const message = `msg_${event.position}_${id}`;
  const signed = signatureHeaders({ id: message, timestamp: Math.floor(now / 1_000_000), body }, secrets);
  const headers = { ...signed, "content-type": "application/json", "user-agent": "sojourn" };
  return await post(url, { headers, body, targets, timeoutMs, signal });
}
