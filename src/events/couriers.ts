import type { Caller } from "../engine/sessions.ts";
import type { Store } from "../engine/store.ts";
import type { NamedWebhook } from "../engine/webhooks.ts";
import { bring, type CourierPorts } from "./courier.ts";

/** What the couriers of all tenants need. */
export interface CouriersPorts extends CourierPorts {
  readonly store: Store;
  /** Told what went wrong beside a target; the webhook is taken up again with the next `refresh` of its tenant, or `begin`. */
  readonly onFailure: (error: unknown) => void;
}

interface Running {
  readonly version: number;
  readonly abort: AbortController;
  readonly over: Promise<void>;
}

/** How many tenants are looked at at a time. */
const TENANTS = 500;

/** One courier for each webhook that is on. What they have to bring is in the store, so that a restart loses nothing. */
export class Couriers {
  readonly #ports: CouriersPorts;
  readonly #running = new Map<string, Running>();
  #refreshing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(ports: CouriersPorts) {
    this.#ports = ports;
  }

  /** Begins with the webhooks of all tenants that nobody brings events to yet. */
  async begin(): Promise<void> {
    for (let after: string | undefined; ; ) {
      const tenants = await this.#ports.store.tenants({ limit: TENANTS, ...(after !== undefined && { after }) });
      for (const tenant of tenants) await this.refresh(tenant);
      after = tenants.at(-1);
      if (tenants.length < TENANTS) return;
    }
  }

  /** Goes by what the webhooks of a tenant are now. */
  async refresh(tenant: string): Promise<void> {
    // One after the other, so that none goes by what another has made old.
    const turn = this.#refreshing.then(() => this.#refresh(tenant));
    this.#refreshing = turn.catch(() => undefined);
    await turn;
  }

  /** Stops all couriers. What is under way may have arrived, and is brought again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { abort } of this.#running.values()) abort.abort();
    await Promise.all([this.#refreshing, ...[...this.#running.values()].map(({ over }) => over)]);
  }

  async #refresh(tenant: string): Promise<void> {
    const caller = { tenant, actor: "system" };
    const webhooks = await this.#ports.webhooks.list(caller);
    const wanted = new Map(
      webhooks.filter(({ isOn }) => isOn).map((webhook) => [keyOf(tenant, webhook.name), webhook]),
    );
    for (const [key, { version, abort, over }] of this.#running) {
      if (!key.startsWith(keyOf(tenant, "")) || wanted.get(key)?.version === version) continue;
      abort.abort();
      await over;
    }
    for (const [key, webhook] of wanted) {
      if (!this.#isClosed && !this.#running.has(key)) await this.#start(key, caller, webhook.name);
    }
  }

  async #start(key: string, caller: Caller, name: string): Promise<void> {
    // Its cursor may have moved since it was listed.
    const webhook: NamedWebhook = await this.#ports.webhooks.get(caller, name);
    const abort = new AbortController();
    const over = bring(this.#ports, caller, { webhook, signal: abort.signal })
      .catch((error: unknown) => {
        if (!abort.signal.aborted) this.#ports.onFailure(error);
      })
      .finally(() => this.#running.delete(key));
    this.#running.set(key, { version: webhook.version, abort, over });
  }
}

// A tenant's name has no line feed.
function keyOf(tenant: string, name: string): string {
  return `${tenant}\n${name}`;
}
