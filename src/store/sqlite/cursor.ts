import { createHash } from "node:crypto";
import { invalid } from "../../engine/errors.ts";
import type { SessionQuery } from "../../engine/store.ts";
import type { Row } from "./rows.ts";

/** Where a page ended: the last row's place in the order. */
export interface Place {
  readonly key: string | number;
  readonly n: number;
}

/** A cursor: the last row's place in the order, and a mark of the query that it belongs to. */
export function encodeCursor(last: Row, query: SessionQuery): string {
  return Buffer.from(JSON.stringify([queryMark(query), last.key, last.n])).toString("base64url");
}

/** Reads what `encodeCursor` wrote for the same query; anything else is `invalid`. */
export function decodeCursor(cursor: string, query: SessionQuery): Place {
  const [mark, key, n] = parseArray(Buffer.from(cursor, "base64url").toString());
  const isKey = typeof key === (query.sort === "name" ? "string" : "number");
  if (mark === queryMark(query) && isKey && Number.isSafeInteger(n)) {
    // NOTE: checked on the line above.
    return { key: key as string | number, n: n as number };
  }
  const message = "is not the next_cursor of a page with the same filters and order";
  throw invalid([{ field: "cursor", message, type: "invalid_cursor" }]);
}

function parseArray(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function queryMark({ cursor: _, limit: __, now: ___, ...query }: SessionQuery): string {
  const members = Object.entries(query).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(members)).digest("base64url").slice(0, 8);
}
