import { Counter, type Registry } from "prom-client";
import type { Attempted } from "../events/courier.ts";

/** Counts attempts to bring events to webhooks, in `registry`. */
export function meteredAttempts(registry: Registry): (attempted: Attempted) => void {
  const attempts = new Counter({
    name: "sojourn_webhook_attempts_total",
    help: "Attempts to bring an event to a webhook, by outcome: taken, failed (it is made again) or given_up",
    labelNames: ["outcome"],
    registers: [registry],
  });
  return ({ outcome }) => attempts.inc({ outcome });
}
