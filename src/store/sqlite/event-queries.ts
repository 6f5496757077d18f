import type { DatabaseSync, StatementSync } from "node:sqlite";
import { EVENT_STRETCH, type EventPage, type EventQuery } from "../../engine/store.ts";
import { eachRow } from "./each-row.ts";
import { integer, text, toEntry, toSessionRef } from "./rows.ts";

/** A fork's history is its origin's; its own begins behind that. */
const EVENTS = `SELECT o.*, p.n AS payload_row, p.salt, p.body, t.tenant, t.kind AS stream_kind, t.id AS uid, s.session_id, s.user_id
  FROM operations o JOIN streams t ON t.n = o.stream JOIN sessions s ON s.n = o.stream LEFT JOIN payloads p ON p.n = o.payload
  WHERE o.position > :after AND o.position <= :through AND t.tenant = :tenant
    AND (s.origin IS NULL OR o.seq > s.origin ->> 'seq')
    AND (:kinds IS NULL OR o.kind IN (SELECT value FROM json_each(:kinds)))
  ORDER BY o.position LIMIT :limit`;

/** The reads over the operations of all sessions of a tenant, on one read-only connection. */
export class EventQueries {
  readonly #last: StatementSync;
  readonly #events: StatementSync;

  constructor(db: DatabaseSync) {
    // Numbers that were given out, also those of operations that are erased.
    this.#last = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'operations'");
    this.#events = db.prepare(EVENTS);
  }

  /** See `Store.events`. One writer commits all transactions, so that positions come in the order of commits. */
  page({ tenant, after, kinds, limit, charactersMax = Number.POSITIVE_INFINITY }: EventQuery): EventPage {
    const last = integer(this.#last.get()?.seq ?? 0);
    if (after === undefined || after >= last) return { items: [], through: Math.max(after ?? 0, last), isEnd: true };
    const through = Math.min(after + EVENT_STRETCH, last);
    const values = { tenant, after, through, limit, kinds: kinds === undefined ? null : JSON.stringify(kinds) };
    const items: EventPage["items"][number][] = [];
    let characters = 0;
    for (const row of eachRow(this.#events, values)) {
      items.push({
        position: integer(row.position),
        ref: toSessionRef({ ...row, kind: row.stream_kind ?? null }),
        sessionId: text(row.session_id),
        userId: text(row.user_id),
        entry: toEntry(row),
      });
      characters += typeof row.body === "string" ? row.body.length : 0;
      if (items.length === limit || characters > charactersMax) break;
    }
    const isCut = items.length === limit || characters > charactersMax;
    const reached = (isCut ? items.at(-1)?.position : undefined) ?? through;
    return { items, through: reached, isEnd: reached === last };
  }
}
