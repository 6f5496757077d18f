import { SYSTEM_ACTOR } from "./batch.ts";
import { type Command, end, suspend } from "./commands.ts";
import { ANCESTORS_MAX } from "./creation.ts";
import { unlessMissing } from "./errors.ts";
import { childrenOf } from "./family.ts";
import { isFinal } from "./lifecycle.ts";
import type { ParentEnd } from "./limits.ts";
import type { Mailboxes, MailboxPorts } from "./mailbox.ts";
import type { Signal } from "./signal.ts";
import type { Stream } from "./store.ts";

/** How many sessions are settled, and how many children are changed, at a time. */
const AT_ONCE = 100;

/**
 * Sees to the open children of sessions that ended, as the settings say: those that name their parent while that is what
 * it is called. Their own children follow.
 *
 * A session that ends is `unsettled` from the commit of its end on, until all of that is done; so nothing is forgotten,
 * wherever it was cut off, and nothing happens to children of sessions that ended under other settings.
 */
export class Orphans {
  readonly #ports: MailboxPorts & { readonly mailboxes: Mailboxes };
  readonly #fate: ParentEnd;

  constructor(ports: MailboxPorts & { readonly mailboxes: Mailboxes }, fate: ParentEnd) {
    this.#ports = ports;
    this.#fate = fate;
  }

  /** Sees to the children of one session that has just ended. Fails silently: the end stands, and `followAll` comes again. */
  async follow(parent: Stream): Promise<void> {
    if (this.#fate === "nothing") return;
    try {
      await this.#settle(parent);
    } catch {
      // It is still unsettled.
    }
  }

  /** Sees to the children of all sessions that are unsettled; the signal stops it after the session in hand. */
  async followAll(signal?: Signal): Promise<void> {
    const { store } = this.#ports;
    for (;;) {
      const parents = await store.unsettled(AT_ONCE);
      for (const ref of parents) {
        if (signal?.aborted) return;
        const parent = await store.stream(ref);
        if (parent !== undefined) await this.#settle(parent);
      }
      if (parents.length < AT_ONCE) return;
    }
  }

  async #settle(parent: Stream): Promise<void> {
    if (this.#fate !== "nothing") await this.#change(parent, this.#fate, ANCESTORS_MAX);
    const { store, clock } = this.#ports;
    await store.commit({ now: clock.now(), parts: [], settled: [parent.ref] });
  }

  /** Changes all open descendants of a session, down to so many generations. */
  async #change(parent: Stream, fate: Exclude<ParentEnd, "nothing">, generations: number): Promise<void> {
    const order = { actor: SYSTEM_ACTOR, command: fate === "complete" ? completed(parent) : suspended(parent) };
    for await (const children of this.#openChildren(parent)) {
      const changes = children.map(({ ref }) => unlessMissing(this.#ports.mailboxes.submit(ref, order)));
      for (const settled of await Promise.all(changes)) {
        const child = settled?.stream;
        if (child === undefined || generations === 1) continue;
        // One that has ended is unsettled itself.
        if (isFinal(child.record.status)) await this.#settle(child);
        else await this.#change(child, fate, generations - 1);
      }
    }
  }

  async *#openChildren({ ref: { tenant, id: uid }, record: { sessionId } }: Stream): AsyncGenerator<readonly Stream[]> {
    const now = this.#ports.clock.now();
    for (const temporary of [false, true]) {
      const filter = { now, statuses: ["active", "suspended"], temporary } as const;
      let children: Stream[] = [];
      for await (const child of childrenOf(this.#ports.store, { tenant, uid, sessionId }, filter)) {
        children.push(child);
        if (children.length < AT_ONCE) continue;
        yield children;
        children = [];
      }
      if (children.length > 0) yield children;
    }
  }
}

function completed(parent: Stream): Command {
  const command = end("completed", { reason: reasonOf(parent) });
  return (session, now) => (isFinal(session.status) ? [] : command(session, now));
}

function suspended(parent: Stream): Command {
  const command = suspend({ reason: reasonOf(parent) });
  return (session, now) => (session.status === "active" ? command(session, now) : []);
}

function reasonOf({ record: { sessionId, status } }: Stream): string {
  return `Parent session "${sessionId}" became ${status}`;
}
