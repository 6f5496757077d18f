import { invalid } from "./errors.ts";
import { type EventFilter, kindsOf } from "./events.ts";
import { given } from "./given.ts";
import { assertName, LIMITS, textFaults } from "./limits.ts";

/** Where events of all sessions of a tenant are brought. */
export interface Webhook extends EventFilter {
  readonly url: string;
  /** What requests are signed with. */
  readonly secret: string;
  /** The secret before; until then, in microseconds since the epoch, requests are signed with it as well. */
  readonly previous?: { readonly secret: string; readonly untilUs: number };
  /** The position behind which it began: the end of what there was. */
  readonly startsAfter: number;
  readonly isOn: boolean;
  /** Why it is off, where that was not its tenant's wish. */
  readonly offReason?: string;
}

/** Refuses a webhook that is over a limit, or that listens to what no event is called, with `invalid`. */
export function assertWebhook(name: string, { url, types }: Pick<Webhook, "url" | "types">): void {
  assertName("name", name);
  const faults = textFaults("url", url, { min: 1, max: LIMITS.webhookUrlLength });
  if ((types?.length ?? 0) > LIMITS.webhookTypes) {
    faults.push({ field: "types", message: `must be at most ${LIMITS.webhookTypes}`, type: "too_big" });
  }
  if (faults.length > 0) throw invalid(faults);
  kindsOf({ ...given("types", types) }, "types");
}
