import type { Caller } from "../engine/sessions.ts";
import type { Store } from "../engine/store.ts";
import type { NamedWebhook } from "../engine/webhooks.ts";
import { bring, type CourierPorts } from "./courier.ts";

/** What the couriers of all tenants need. */
export interface CouriersPorts extends CourierPorts {
  readonly store: Store;
  /** Told what went wrong beside a target, such as in the store; the webhooks of that tenant are taken up again after a minute. */
  readonly onFailure: (error: unknown) => void;
}

interface Running {
  readonly version: number;
  readonly abort: AbortController;
  readonly over: Promise<void>;
}

/** After how long what failed beside a target is taken up again. */
const AGAIN_MS = 60_000;

/** How many tenants are looked at at a time. */
const TENANTS = 500;

/** One courier for each webhook that is on. What they have to bring is in the store, so that a restart loses nothing. */
export class Couriers {
  readonly #ports: CouriersPorts;
  readonly #running = new Map<string, Running>();
  readonly #closing = new AbortController();
  #refreshing: Promise<void> = Promise.resolve();

  constructor(ports: CouriersPorts) {
    this.#ports = ports;
  }

  /** Begins with the webhooks of all tenants that nobody brings events to yet. */
  async begin(): Promise<void> {
    for (let after: string | undefined; ; ) {
      const tenants = await this.#ports.store.tenants({ limit: TENANTS, ...(after !== undefined && { after }) });
      for (const tenant of tenants) await this.refresh(tenant).catch((error: unknown) => this.#failed(tenant, error));
      after = tenants.at(-1);
      if (tenants.length < TENANTS) return;
    }
  }

  /** Goes by what the webhooks of a tenant are now. That of this name does not wait until its next attempt. */
  async refresh(tenant: string, name?: string): Promise<void> {
    // One after the other, so that none goes by what another has made old.
    const turn = this.#refreshing.then(() => this.#refresh(tenant, name));
    this.#refreshing = turn.catch(() => undefined);
    await turn;
  }

  /** Stops all couriers. What is under way may have arrived, and is brought again. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const { abort } of this.#running.values()) abort.abort();
    await Promise.all([this.#refreshing, ...[...this.#running.values()].map(({ over }) => over)]);
  }

  async #refresh(tenant: string, name?: string): Promise<void> {
    const caller = { tenant, actor: "system" };
    const webhooks = await this.#ports.webhooks.list(caller);
    const wanted = new Map(
      webhooks.filter(({ isOn }) => isOn).map((webhook) => [keyOf(tenant, webhook.name), webhook]),
    );
    for (const [key, { version, abort, over }] of this.#running) {
      const webhook = wanted.get(key);
      const waits = webhook?.failure !== undefined && webhook.name === name;
      if (!key.startsWith(keyOf(tenant, "")) || (webhook?.version === version && !waits)) continue;
      abort.abort();
      await over;
    }
    for (const [key, webhook] of wanted) {
      if (!this.#closing.signal.aborted && !this.#running.has(key)) await this.#start(key, caller, webhook.name);
    }
  }

  async #start(key: string, caller: Caller, name: string): Promise<void> {
    // Its cursor may have moved since it was listed.
    const webhook: NamedWebhook = await this.#ports.webhooks.get(caller, name);
    const abort = new AbortController();
    const over = bring(this.#ports, caller, { webhook, signal: abort.signal })
      .catch((error: unknown) => {
        if (!abort.signal.aborted) this.#failed(caller.tenant, error);
      })
      .finally(() => this.#running.delete(key));
    this.#running.set(key, { version: webhook.version, abort, over });
  }

  #failed(tenant: string, error: unknown): void {
    const { signal } = this.#closing;
    if (signal.aborted) return;
    this.#ports.onFailure(error);
    void this.#ports.wait(AGAIN_MS, signal).then(async () => {
      if (!signal.aborted) await this.refresh(tenant).catch((again: unknown) => this.#failed(tenant, again));
    });
  }
}

// A tenant's name has no line feed.
function keyOf(tenant: string, name: string): string {
  return `${tenant}\n${name}`;
}
