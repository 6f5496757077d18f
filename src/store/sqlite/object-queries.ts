import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { invalid } from "../../engine/errors.ts";
import { given } from "../../engine/given.ts";
import type { Json } from "../../engine/json.ts";
import { PAGE_CHARACTERS_MAX } from "../../engine/limits.ts";
import {
  LINEAGE_EDGES_MAX,
  LINEAGE_MAX,
  type Lineage,
  type MadeObject,
  type ObjectPlace,
  type SessionObject,
} from "../../engine/object.ts";
import type { ObjectQuery, Page, StreamRef } from "../../engine/store.ts";
import { eachRow } from "./each-row.ts";
import { integer, type Row, text } from "./rows.ts";

const COLUMNS = "b.*, o.id AS operation, o.payload";

/** From the stream on. */
const TABLES = `streams t JOIN objects b ON b.stream = t.n
  JOIN operations o ON o.stream = b.stream AND o.seq = b.seq`;

const OF_STREAM = "t.tenant = :tenant AND t.kind = :kind AND t.id = :uid";

/** The reads of objects, over one read-only connection. */
export class ObjectQueries {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** See `Store.objectsOf`. */
  some(ref: StreamRef<"session">, ids: readonly string[]): readonly SessionObject[] {
    const statement = this.#statement(`SELECT ${COLUMNS} FROM ${TABLES} WHERE ${OF_STREAM}
      AND b.id IN (SELECT value FROM json_each(:ids)) ORDER BY b.seq, b.place`);
    const rows = eachRow(statement, { ...ofStream(ref), ids: JSON.stringify(ids) });
    return [...this.#placed(rows)].map(({ place: _, ...object }) => object);
  }

  /** See `Store.objects`. */
  list(ref: StreamRef<"session">, { at, type, quality, limit, cursor }: ObjectQuery): Page<SessionObject> {
    const after = placeIn(cursor);
    const terms = [
      OF_STREAM,
      ...(at === undefined ? [] : ["b.seq <= :at"]),
      ...(type === undefined ? [] : ["b.type = :type"]),
      ...(quality === undefined ? [] : [`b.degradation IS ${quality === "optimal" ? "" : "NOT"} NULL`]),
      ...(after === undefined ? [] : ["(b.seq, b.place) > (:seq, :place)"]),
    ];
    const statement = this.#statement(
      `SELECT ${COLUMNS} FROM ${TABLES} WHERE ${terms.join(" AND ")} ORDER BY b.seq, b.place LIMIT :limit`,
    );
    const values = { ...ofStream(ref), ...given("at", at), ...given("type", type), ...after, limit: limit + 1 };
    const rows = eachRow(statement, values);
    const items: SessionObject[] = [];
    let [characters, last] = [0, ""];
    for (const { place, ...object } of this.#placed(rows)) {
      if (items.length === limit || characters > PAGE_CHARACTERS_MAX) return { items, next: last };
      items.push(object);
      last = `${object.seq}.${place}`;
      characters += JSON.stringify(object.data ?? null).length;
    }
    return { items };
  }

  /** See `Store.lineage`. */
  lineage(ref: StreamRef<"session">, objectId: string): Lineage | undefined {
    const [start] = this.#statement(`SELECT ${COLUMNS} FROM ${TABLES} WHERE ${OF_STREAM} AND b.id = :object`).all({
      ...ofStream(ref),
      object: objectId,
    });
    if (start === undefined) return undefined;
    const nodes = new Map<string, Row>([[objectId, start]]);
    const sources = new Map<number, readonly Row[]>();
    const edges: Lineage["edges"][number][] = [];
    let isCut = false;
    // What is found on the way is appended: the nearest come first, so that a limit cuts the farthest.
    for (const [to, { stream, seq }] of nodes) {
      const at = { stream: integer(stream), seq: integer(seq) };
      const used = sources.get(at.seq) ?? this.#usedBy(at);
      sources.set(at.seq, used);
      const isNew = (row: Row): boolean => !nodes.has(text(row.id));
      const isTooMuch =
        edges.length + used.length > LINEAGE_EDGES_MAX || nodes.size + used.filter(isNew).length > LINEAGE_MAX;
      if (isTooMuch) {
        isCut = true;
        continue;
      }
      for (const row of used) {
        const from = text(row.id);
        if (isNew(row)) nodes.set(from, row);
        edges.push({ from, to });
      }
    }
    const places = [...nodes.values()].sort(byAge);
    const order = new Map(places.map(({ id }, i) => [text(id), i]));
    edges.sort((a, b) => (order.get(a.to) ?? 0) - (order.get(b.to) ?? 0));
    return { objectId, nodes: places.map(toPlace), edges, ...(isCut && { isCut }) };
  }

  /** The objects that an operation used, in the order in which it did. */
  #usedBy(operation: { readonly stream: number; readonly seq: number }): readonly Row[] {
    return this.#statement(`SELECT b.*, m.id AS operation FROM operations o CROSS JOIN json_each(o.used) u
      CROSS JOIN objects b ON b.stream = o.stream AND b.id = u.value
      CROSS JOIN operations m ON m.stream = b.stream AND m.seq = b.seq
      WHERE o.stream = :stream AND o.seq = :seq ORDER BY u.key`).all(operation);
  }

  /** Objects with their places among those of their operation, whose payload may be large: it is read once. */
  *#placed(rows: Iterable<Row>): Generator<SessionObject & { readonly place: number }> {
    let of: { readonly payload: number; readonly made: readonly MadeObject[] } | undefined;
    for (const row of rows) {
      const payload = integer(row.payload);
      if (of?.payload !== payload) of = { payload, made: this.#madeBy(payload) };
      const place = integer(row.place);
      const data: Json | undefined = of.made[place]?.data;
      yield { ...toPlace(row), ...given("data", data), place };
    }
  }

  #madeBy(payload: number): readonly MadeObject[] {
    const body = this.#statement("SELECT body FROM payloads WHERE n = :payload").get({ payload })?.body;
    if (body == null) return [];
    // NOTE: the payload is that of an operation which made objects.
    const { input } = JSON.parse(text(body)) as { readonly input: { readonly objects?: readonly MadeObject[] } };
    return input.objects ?? [];
  }

  #statement(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }
}

function ofStream({ tenant, kind, id }: StreamRef): Record<string, SQLInputValue> {
  return { tenant, kind, uid: id };
}

function byAge(a: Row, b: Row): number {
  return integer(a.seq) - integer(b.seq) || integer(a.place) - integer(b.place);
}

function placeIn(cursor: string | undefined): { readonly seq: number; readonly place: number } | undefined {
  if (cursor === undefined) return undefined;
  const [, seq, place] = /^(\d{1,15})\.(\d{1,6})$/.exec(cursor) ?? [];
  if (seq !== undefined && place !== undefined) return { seq: Number(seq), place: Number(place) };
  const message = "is not the next_cursor of a page of objects";
  throw invalid([{ field: "cursor", message, type: "invalid_cursor" }]);
}

function toPlace(row: Row): ObjectPlace {
  return {
    objectId: text(row.id),
    type: text(row.type),
    // NOTE: only ever written from an ObjectPlace.
    ...given("degradation", row.degradation ?? undefined, (json) => JSON.parse(text(json)) as never),
    app: text(row.app),
    action: text(row.action),
    taskId: text(row.task),
    seq: integer(row.seq),
    operationId: text(row.operation),
    createdAtUs: integer(row.created_at),
  };
}
