import { type Order, SYSTEM_ACTOR } from "./batch.ts";
import { expireIdle } from "./commands.ts";
import { unlessMissing } from "./errors.ts";
import type { Mailboxes, MailboxPorts } from "./mailbox.ts";
import type { Orphans } from "./orphans.ts";
import type { Status } from "./session.ts";
import type { Signal } from "./signal.ts";
import type { Stream } from "./store.ts";

/** How many sessions are expired at a time. */
const SWEEP = 500;

/** Which sessions of a tenant to expire, on whose behalf. */
export interface Cleanup {
  readonly tenant: string;
  readonly actor: string;
  /** Those that were idle for longer. */
  readonly maxIdleUs: number;
  readonly statuses: readonly Status[];
  /** Temporary ones, or all others. */
  readonly temporary: boolean;
  /** Only tell which they are. */
  readonly dryRun: boolean;
}

/** Expires sessions: those whose time is over, and those that somebody says are idle. */
export class Expirer {
  readonly #ports: MailboxPorts;
  readonly #mailboxes: Mailboxes;
  readonly #orphans: Orphans;

  constructor({
    mailboxes,
    orphans,
    ...ports
  }: MailboxPorts & { readonly mailboxes: Mailboxes; readonly orphans: Orphans }) {
    this.#ports = ports;
    this.#mailboxes = mailboxes;
    this.#orphans = orphans;
  }

  /**
   * Writes into the log of every session whose time is over, of all tenants, that it expired, and removes those that are
   * temporary, which nobody could find again; returns how many.
   *
   * @param signal  stops it after the sessions in hand
   */
  async sweep(signal?: Signal): Promise<number> {
    // The mailbox itself writes that a session's time is over; there is nothing to add.
    const order: Order = {
      actor: SYSTEM_ACTOR,
      command: ({ status, temporary }) => (status === "expired" && temporary ? "erase" : []),
    };
    for (let swept = 0; ; ) {
      const due = await this.#ports.store.overdue(this.#ports.clock.now(), SWEEP);
      const expired = await Promise.all(due.map((ref) => unlessMissing(this.#mailboxes.submit(ref, order))));
      swept += expired.filter((one) => one !== undefined).length;
      if (due.length < SWEEP || signal?.aborted) return swept;
    }
  }

  /** Expires the sessions that a cleanup means, and returns their ids. */
  async cleanUp({ tenant, actor, maxIdleUs, statuses, temporary, dryRun }: Cleanup): Promise<readonly string[]> {
    const now = this.#ports.clock.now();
    const query = {
      tenant,
      now,
      temporary,
      statuses,
      lastActivityBeforeUs: now - maxIdleUs,
      sort: "last_activity",
      order: "asc",
      limit: SWEEP,
    } as const;
    const sessionIds: string[] = [];
    for (let page = await this.#ports.store.list(query); ; ) {
      const expired = dryRun ? page.items : await this.#expireIdle(actor, page.items, maxIdleUs);
      sessionIds.push(...expired.map(({ record }) => record.sessionId));
      if (page.next === undefined) return sessionIds;
      page = await this.#ports.store.list({ ...query, cursor: page.next });
    }
  }

  /** Those of the sessions that were still idle when their turn came. */
  async #expireIdle(actor: string, sessions: readonly Stream[], maxIdleUs: number): Promise<readonly Stream[]> {
    const command = expireIdle(maxIdleUs);
    const settled = await Promise.all(
      sessions.map(({ ref }) => unlessMissing(this.#mailboxes.submit(ref, { actor, command }))),
    );
    const expired = settled.flatMap((now, i) => {
      const hasMoved = now !== undefined && now.stream.head.seq > (sessions[i]?.head.seq ?? 0);
      return hasMoved && now.stream.record.status === "expired" ? [now.stream] : [];
    });
    for (const session of expired) await this.#orphans.follow(session);
    return expired;
  }
}
