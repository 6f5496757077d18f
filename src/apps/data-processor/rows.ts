import type { DuckDBResultReader } from "@duckdb/node-api";
import type { Json } from "../../app-format/index.ts";

/** A row by the names of its columns. */
export type Row = Readonly<Record<string, Json>>;

/** Some of what a query gave. */
export interface Page {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly Row[];
  /** What was left out, in words. */
  readonly notes: readonly string[];
}

/** How much of a text is given out, in characters. */
const TEXT_MAX = 10_000;

/** How much all rows of a page may take as JSON, in characters. */
const PAGE_MAX = 524_288;

/** All rows that were read. Whole numbers beyond 2^53, and decimals with more digits than a double, stay texts. */
export function rowsOf(reader: DuckDBResultReader): readonly Row[] {
  const names = reader.deduplicatedColumnNames();
  const areNumbers = reader.columnTypes().map((type) => EXACT.test(type.toString()));
  return reader.getRowsJson().map((row) =>
    // NOTE: what DuckDB calls JSON is JSON.
    Object.fromEntries(row.map((value, i) => [names[i] ?? "", exact(value as Json, areNumbers[i] === true)])),
  );
}

/** The first of the rows that were read. */
export function pageOf(reader: DuckDBResultReader, limit: number): Page {
  const types = reader.columnTypes();
  const columns = reader.deduplicatedColumnNames().map((name, i) => ({ name, type: String(types[i]) }));
  const read = rowsOf(reader);
  const notes: string[] = [];
  if (read.length > limit)
    notes.push(`Only the first ${limit} rows are here; ask for more by "limit", or for less in SQL`);
  const { rows, cutTexts, isCut } = bounded(read.slice(0, limit));
  if (cutTexts > 0) notes.push(`${cutTexts} texts are cut to ${TEXT_MAX} characters`);
  if (isCut)
    notes.push(`Only the first ${rows.length} rows are here, since more would be too large; select fewer columns`);
  return { columns, rows, notes };
}

/** As many of the rows as may be given out at once. */
export function bounded(read: readonly Row[]): {
  readonly rows: readonly Row[];
  readonly cutTexts: number;
  readonly isCut: boolean;
} {
  let cutTexts = 0;
  let characters = 0;
  const rows: Row[] = [];
  for (const row of read) {
    const cut = Object.fromEntries(
      Object.entries(row).map(([name, value]) => {
        if (typeof value !== "string" || value.length <= TEXT_MAX) return [name, value];
        cutTexts += 1;
        return [name, value.slice(0, TEXT_MAX)];
      }),
    );
    characters += JSON.stringify(cut).length;
    if (characters > PAGE_MAX) return { rows, cutTexts, isCut: true };
    rows.push(cut);
  }
  return { rows, cutTexts, isCut: false };
}

/** Types whose values DuckDB writes as texts, although most of them are numbers of JavaScript. */
const EXACT = /^(U?BIGINT|U?HUGEINT|DECIMAL\(.*\))$/;

function exact(value: Json, isNumber: boolean): Json {
  if (!isNumber || typeof value !== "string") return value;
  const number = Number(value);
  if (Math.abs(number) > Number.MAX_SAFE_INTEGER) return value;
  // Fifteen digits are what any double keeps.
  return value.includes(".") && value.replaceAll(/[-.]/g, "").length > 15 ? value : number;
}
