import type { JsonObject } from "../../app-format/index.ts";
import type { Found, Look } from "./analysis.ts";
import { attempted } from "./attempt.ts";
import { type Column, numbersOf, numericColumns, quoted } from "./column.ts";
import { type Drawing, scaled } from "./panels.ts";
import type { Row } from "./rows.ts";

const COLUMNS_MAX = 50;

/** How many columns of a row are shown, and how much of a text in it. */
const ROW_COLUMNS_MAX = 20;

const SHOWN_MAX = 100;

/** How much all rows may take as JSON, in characters. */
const CHARACTERS_MAX = 1_048_576;

/** How an outlier is told. */
export interface OutlierOptions {
  readonly column?: string | undefined;
  /** `iqr`: outside Tukey's fences; `zscore`: too many standard deviations from the mean. */
  readonly method: "iqr" | "zscore";
  readonly threshold?: number | undefined;
  /** How many rows are shown of each column. */
  readonly limit: number;
}

/** Which numbers lie far outside the others of their column, the farthest first, with their rows. */
export async function outliers(
  { column, method, threshold = method === "iqr" ? 1.5 : 3, limit }: OutlierOptions,
  { table, signal, notes, progress }: Look,
): Promise<Found> {
  const chosen = numericColumns(table.columns, { column, max: COLUMNS_MAX, notes });
  const context = table.columns.slice(0, ROW_COLUMNS_MAX);
  if (table.columns.length > ROW_COLUMNS_MAX && chosen.length > 0) {
    notes.push(`Rows are shown with the first ${ROW_COLUMNS_MAX} of ${table.columns.length} columns`);
  }
  const columns: JsonObject[] = [];
  let chart: Drawing | undefined;
  let room = CHARACTERS_MAX;
  for (const [i, one] of chosen.entries()) {
    const found = await attempted(one, { signal, notes }, () =>
      farOut(one, { method, threshold, limit, context, table, signal }),
    );
    progress((i + 1) / chosen.length);
    if (found === undefined) continue;
    const { values, fences, count, rows } = found;
    if (fences === undefined) {
      notes.push(`"${one.name}" has too few numbers to have outliers`);
      columns.push({ column: one.name, values, count, rows: [] });
      continue;
    }
    const fitting = rows.filter((row) => {
      room -= JSON.stringify(row).length;
      return room > 0;
    });
    if (fitting.length < rows.length) {
      notes.push(`Of "${one.name}", the first ${fitting.length} rows alone, since more would be too large`);
    }
    columns.push({ column: one.name, values, ...fences, count, rows: fitting });
    chart ??= column === undefined ? undefined : boxOf(one, found);
  }
  chart ??= columns.length > 0 ? countsOf(columns) : undefined;
  return { output: { method, threshold, columns }, ...(chart !== undefined && { chart }) };
}

/** The outliers of one column. */
interface FarOut {
  /** How many numbers there are. */
  readonly values: number;
  /** Absent where there are too few. */
  readonly fences?: { readonly low: number; readonly high: number };
  readonly quartiles: readonly number[];
  readonly count: number;
  readonly rows: readonly JsonObject[];
}

async function farOut(
  column: Column,
  {
    context,
    table,
    signal,
    limit,
    ...how
  }: Pick<OutlierOptions, "method" | "limit"> &
    Pick<Look, "table" | "signal"> & { readonly threshold: number; readonly context: readonly Column[] },
): Promise<FarOut> {
  const value = numbersOf(column);
  const [spread = {}] = await table.read(`SELECT ${spreadOf(value)} FROM data`, { signal });
  const values = Number(spread["values"] ?? 0);
  const fences = fencesOf(spread, how);
  if (fences === undefined) return { values, quartiles: [], count: 0, rows: [] };
  const sql = `SELECT rowid::DOUBLE AS "row", ${quoted(column.name)} AS value, (count(*) OVER ())::DOUBLE AS count,
    ${context.map((cell, i) => `${cellOf(cell)} AS c${i}`).join(", ")}
    FROM data WHERE ${value} < $low OR ${value} > $high
    ORDER BY greatest($low - ${value}, ${value} - $high) DESC, rowid LIMIT ${limit}`;
  const found = await table.read(sql, { signal, values: fences });
  return {
    values,
    fences,
    quartiles: [spread["q1"], spread["median"], spread["q3"]].map(Number),
    count: Number(found[0]?.["count"] ?? 0),
    rows: found.map((row) => shown(row, context)),
  };
}

function spreadOf(value: string): string {
  return `count(${value})::DOUBLE AS "values", quantile_cont(${value}, 0.25) AS q1, quantile_cont(${value}, 0.5) AS median,
    quantile_cont(${value}, 0.75) AS q3, avg(${value}) AS mean, stddev_samp(${value}) AS std`;
}

/** Between what no number is an outlier. */
function fencesOf(
  { q1, q3, mean, std, ...spread }: Row,
  { method, threshold }: { readonly method: "iqr" | "zscore"; readonly threshold: number },
): { readonly low: number; readonly high: number } | undefined {
  // Fewer than four have no quartiles to speak of.
  if (Number(spread["values"]) < 4) return undefined;
  const [from, to, distance] =
    method === "iqr" ? [Number(q1), Number(q3), Number(q3) - Number(q1)] : [Number(mean), Number(mean), Number(std)];
  // With a threshold that is huge, the fences would be infinite.
  const away = Math.min(threshold * distance, Number.MAX_VALUE / 2);
  return { low: from - away, high: to + away };
}

/** SQL of a value beside an outlier: typed as a query's, long texts cut. */
function cellOf({ name, kind }: Column): string {
  return kind === "text" || kind === "other" ? `left(${quoted(name)}::VARCHAR, ${SHOWN_MAX})` : quoted(name);
}

function shown({ row, value, ...cells }: Row, context: readonly Column[]): JsonObject {
  return {
    row: row ?? null,
    value: value ?? null,
    data: Object.fromEntries(context.map(({ name }, i) => [name, cells[`c${i}`] ?? null])),
  };
}

function boxOf({ name }: Column, { quartiles, rows }: FarOut): Drawing {
  const names = ["q1", "median", "q3"];
  const lines = quartiles.map((yAxis, i) => ({
    yAxis,
    name: names[i] ?? "",
    label: { formatter: "{b}", fontSize: 9 },
  }));
  return {
    option: {
      title: { text: `Outliers of ${name}` },
      xAxis: { type: "value", name: "row", nameLocation: "middle", nameGap: 28, scale: true },
      yAxis: scaled({
        type: "value",
        min: ({ min }) => Math.min(min, ...quartiles),
        max: ({ max }) => Math.max(max, ...quartiles),
      }),
      series: [
        {
          type: "scatter",
          data: rows.map(({ row, value }) => [Number(row), Number(value)]),
          markLine: { symbol: "none", data: lines },
        },
      ],
    },
  };
}

function countsOf(columns: readonly JsonObject[]): Drawing {
  return {
    option: {
      title: { text: "Outliers" },
      xAxis: {
        type: "category",
        data: columns.map(({ column }) => String(column)),
        axisLabel: { rotate: 45, interval: 0 },
      },
      yAxis: { type: "value", name: "rows", minInterval: 1 },
      series: [{ type: "bar", data: columns.map(({ count }) => Number(count)) }],
    },
  };
}
