import { assertActsAsNone } from "./acting.ts";
import { type Order, SYSTEM_ACTOR } from "./batch.ts";
import { SECOND } from "./clock.ts";
import type { Command } from "./commands.ts";
import { SojournError } from "./errors.ts";
import { given } from "./given.ts";
import { sameJson } from "./json.ts";
import { LIMITS } from "./limits.ts";
import { Mailboxes, type MailboxPorts } from "./mailbox.ts";
import { assertMatches, type Precondition } from "./precondition.ts";
import type { Caller } from "./sessions.ts";
import type { CursorChange } from "./store.ts";
import { type KeptWebhook, NEW_TENANT, own, tenantRef } from "./tenant.ts";
import { assertWebhook, type Webhook } from "./webhook.ts";

/** An attempt whose event was not taken, and is made again. Times are microseconds since the epoch. */
export interface FailedAttempt {
  readonly at: number;
  readonly reason: string;
  /** 1 for the first of its event. */
  readonly attempt: number;
  readonly nextAt: number;
}

/** A webhook as its callers see it, with the position up to which it has brought everything. */
export interface NamedWebhook extends KeptWebhook {
  readonly name: string;
  readonly delivered: number;
  /** The last attempt, where the event behind `delivered` was not taken yet. As this process knows; nothing of it is stored. */
  readonly failure?: FailedAttempt;
}

/** What is wanted of a webhook. */
export interface NewWebhook extends Pick<Webhook, "url" | "types"> {
  /** Left out: the one that it has, or a new one. */
  readonly secret?: string | { readonly isNew: true };
  /** Default: on. */
  readonly isOn?: boolean;
}

/** What webhooks need beside what a mailbox does. */
export interface WebhookPorts extends MailboxPorts {
  /** Where a webhook may lead: to the public internet, or anywhere. */
  readonly targets: "public" | "any";
  readonly newSecret: () => string;
  /** Told of each webhook that was set, also to what it was, or removed. */
  readonly onChange?: (tenant: string, name: string) => void;
}

/** How long a secret that was replaced still signs. */
const PREVIOUS_US = 86_400 * SECOND;

/**
 * The webhooks of tenants: which there are, and how far each has come. Who brings the events is told by `onChange`. Calls
 * on what does not exist are `not_found`.
 */
export class Webhooks {
  readonly #ports: WebhookPorts;
  readonly #mailboxes: Mailboxes;
  /** By tenant and name, each with the version of the webhook that it befell. */
  readonly #failures = new Map<string, { readonly version: number; readonly failure: FailedAttempt }>();

  constructor(ports: WebhookPorts) {
    this.#ports = ports;
    this.#mailboxes = new Mailboxes(ports);
  }

  get targets(): WebhookPorts["targets"] {
    return this.#ports.targets;
  }

  /** All of them, by their names. */
  async list(caller: Caller): Promise<readonly NamedWebhook[]> {
    assertActsAsNone(caller, "list webhooks");
    const names = Object.keys(await this.#all(caller.tenant)).sort();
    return await Promise.all(names.map((name) => this.get(caller, name)));
  }

  async get(caller: Caller, name: string): Promise<NamedWebhook> {
    assertActsAsNone(caller, "read webhooks");
    const webhook = own(await this.#all(caller.tenant), name);
    if (webhook === undefined) throw missing(name);
    const cursor = await this.#ports.store.cursor(tenantRef(caller.tenant), readerOf(name));
    // One of an earlier webhook of that name is not past its beginning, and what removed that may still forget this one.
    const delivered = Math.max(cursor?.position ?? 0, webhook.startsAfter);
    const failed = this.#failures.get(keyOf(caller.tenant, name));
    const failure = failed?.version === webhook.version ? failed.failure : undefined;
    return { ...webhook, name, delivered, ...given("failure", failure) };
  }

  /**
   * Sets a webhook, whole. A new one brings what happens from now on; one that is set again goes on where it was, also if it
   * was off. A secret that is replaced signs for another day. The answer has the secret where it is another than before.
   *
   * @throws {SojournError} `limit_reached` where the tenant has its share of webhooks
   */
  async set(
    caller: Caller,
    name: string,
    wanted: NewWebhook,
    { precondition }: { readonly precondition?: Precondition } = {},
  ): Promise<{ readonly webhook: NamedWebhook; readonly isNew: boolean; readonly secret?: string }> {
    assertActsAsNone(caller, "set webhooks");
    assertWebhook(name, wanted);
    const { tenant } = caller;
    const minted = this.#ports.newSecret();
    const { through } = await this.#ports.store.events({ tenant, limit: 1 });
    let isNew = false;
    let told: string | undefined;
    await this.#change(caller, name, ({ webhooks = {} }, now) => {
      const known = own(webhooks, name);
      assertMatches(precondition, known?.version);
      isNew = known === undefined;
      if (isNew && Object.keys(webhooks).length >= LIMITS.webhooks) throw full();
      const { url, types, isOn = true } = wanted;
      const kept = wanted.secret === undefined ? known?.secret : undefined;
      const secret = typeof wanted.secret === "string" ? wanted.secret : (kept ?? minted);
      told = secret === known?.secret ? undefined : secret;
      const replaced = known && known.secret !== secret && { secret: known.secret, untilUs: now + PREVIOUS_US };
      const previous = replaced || known?.previous;
      const startsAfter = known?.startsAfter ?? through;
      const webhook = { url, ...given("types", types), secret, ...given("previous", previous), startsAfter, isOn };
      if (known !== undefined && sameJson({ ...said(known) }, webhook)) return [];
      return [{ kind: "webhook.set", name: "webhook", input: { name, webhook } }];
    });
    return { webhook: await this.get(caller, name), isNew, ...given("secret", told) };
  }

  async remove(
    caller: Caller,
    name: string,
    { precondition }: { readonly precondition?: Precondition } = {},
  ): Promise<void> {
    assertActsAsNone(caller, "remove webhooks");
    await this.#change(caller, name, ({ webhooks = {} }) => {
      const known = own(webhooks, name);
      assertMatches(precondition, known?.version);
      if (known === undefined) throw missing(name);
      return [{ kind: "webhook.removed", name: "webhook", input: { name } }];
    });
    this.#failures.delete(keyOf(caller.tenant, name));
    await this.#move({ change: "drop", ref: tenantRef(caller.tenant), reader: readerOf(name) });
  }

  /** Says that everything up to that position was brought. */
  async delivered(tenant: string, name: string, position: number): Promise<void> {
    this.#failures.delete(keyOf(tenant, name));
    await this.#move({ change: "advance", ref: tenantRef(tenant), reader: readerOf(name), position, headMin: 0 });
  }

  /** Notes that an attempt failed, until something is delivered, or the webhook is set otherwise. */
  failed(tenant: string, { name, version }: NamedWebhook, failure: FailedAttempt): void {
    this.#failures.set(keyOf(tenant, name), { version, failure });
  }

  /** Turns a webhook off that its target does not take. One that was set otherwise meanwhile stays as it is. */
  async turnOff(tenant: string, name: string, { version, reason }: { version: number; reason: string }): Promise<void> {
    await this.#change({ tenant, actor: SYSTEM_ACTOR }, name, ({ webhooks = {} }) => {
      const known = own(webhooks, name);
      if (known === undefined || known.version !== version || !known.isOn) return [];
      const webhook = { ...said(known), isOn: false, offReason: reason.slice(0, LIMITS.reasonLength) };
      return [{ kind: "webhook.set", name: "webhook", input: { name, webhook } }];
    });
  }

  async #change({ tenant, actor }: Caller, name: string, command: Command<"tenant">): Promise<void> {
    const order: Order<"tenant"> = { actor, command };
    await this.#mailboxes.submit(tenantRef(tenant), order);
    this.#ports.onChange?.(tenant, name);
  }

  async #move(change: CursorChange): Promise<void> {
    const { store, clock } = this.#ports;
    const { outcome } = await store.commit({ now: clock.now(), parts: [], cursors: [change] });
    if (outcome !== "committed") throw new SojournError("conflict", { message: "Others wrote first; try again" });
  }

  async #all(tenant: string): Promise<Readonly<Record<string, KeptWebhook>>> {
    return ((await this.#ports.store.stream(tenantRef(tenant)))?.record ?? NEW_TENANT).webhooks ?? {};
  }
}

/** Under which name a webhook's cursor stands among the readers of its tenant. */
function readerOf(name: string): string {
  return `webhook ${name}`;
}

// A tenant's name has no line feed.
function keyOf(tenant: string, name: string): string {
  return `${tenant}\n${name}`;
}

function said({ version: _, createdAtUs: __, updatedAtUs: ___, ...webhook }: KeptWebhook): Webhook {
  return webhook;
}

function missing(name: string): SojournError {
  return new SojournError("not_found", { message: `Webhook ${name} not found` });
}

function full(): SojournError {
  return new SojournError("limit_reached", { message: `A tenant has at most ${LIMITS.webhooks} webhooks` });
}
