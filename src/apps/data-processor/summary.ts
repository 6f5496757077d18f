import type { JsonObject } from "../../app-format/index.ts";
import type { Found, Look } from "./analysis.ts";
import { attempted } from "./attempt.ts";
import { type Column, columnNamed, isWhole, numbersOf, quoted } from "./column.ts";
import { type Drawing, PANELS_MAX, type Panel, panelsOf, shortly } from "./panels.ts";
import type { Row } from "./rows.ts";

/** How many columns are summed up at once. */
const COLUMNS_MAX = 100;

/** In how many rows distinct values are counted one by one; in more, they are estimated. */
const EXACT_ROWS_MAX = 1_000_000;

/** How much of a text is shown, in characters. */
const SHOWN_MAX = 100;

const BARS = 20;

/** How many of the commonest values a chart shows. */
const TEXTS_SHOWN = 8;

/** What there is in each column: how much of it is missing, how many values, how large, and how they are spread. */
export async function summary(
  { column: name, chart: isWanted }: { readonly column?: string | undefined; readonly chart?: boolean | undefined },
  { table, signal, notes, progress }: Look,
): Promise<Found> {
  const chosen = name === undefined ? table.columns : [columnNamed(table.columns, name)];
  if (chosen.length > COLUMNS_MAX) {
    notes.push(`Of ${chosen.length} columns, the first ${COLUMNS_MAX}; name others by "column"`);
  }
  if (table.rows > EXACT_ROWS_MAX) notes.push("Distinct values are estimated, within a few percent");
  const columns: JsonObject[] = [];
  for (const column of chosen.slice(0, COLUMNS_MAX)) {
    const measures = await attempted(column, { signal, notes }, () => measured(column, { table, signal }));
    columns.push({ name: column.name, type: column.type, ...measures });
    progress(columns.length / chosen.length);
  }
  const chart = isWanted === true ? await drawn(chosen, { table, signal, notes }) : undefined;
  return { output: { rows: table.rows, columns }, ...(chart !== undefined && { chart }) };
}

type Reading = Pick<Look, "table" | "signal">;

async function measured(column: Column, { table, signal }: Reading): Promise<JsonObject> {
  const [row = {}] = await table.read(`SELECT ${measuresOf(column, table.rows).join(", ")} FROM data`, { signal });
  if (column.kind !== "text" && column.kind !== "boolean") return row;
  return { ...row, top: await commonest(column, { table, signal }) };
}

function measuresOf(column: Column, rows: number): readonly string[] {
  const name = quoted(column.name);
  const distinct = rows > EXACT_ROWS_MAX ? `approx_count_distinct(${name})` : `count(DISTINCT ${name})`;
  const common = [`(count(*) - count(${name}))::DOUBLE AS nulls`, `${distinct}::DOUBLE AS "distinct"`];
  if (column.kind === "number") {
    const value = numbersOf(column);
    const quantiles = [0.05, 0.25, 0.5, 0.75, 0.95].map(
      (share) => `quantile_cont(${value}, ${share}) AS ${share === 0.5 ? "median" : `p${share * 100}`}`,
    );
    return [
      ...common,
      `(count(${name}) - count(${value}))::DOUBLE AS not_finite`,
      `min(${isWhole(column) ? name : value}) AS min`,
      `max(${isWhole(column) ? name : value}) AS max`,
      `avg(${value}) AS mean`,
      `stddev_samp(${value}) AS std`,
      ...quantiles,
    ];
  }
  if (column.kind === "time") return [...common, `min(${name})::VARCHAR AS min`, `max(${name})::VARCHAR AS max`];
  if (column.kind === "boolean") return [...common, `(count(*) FILTER (${name}))::DOUBLE AS "true"`];
  if (column.kind === "other") return common;
  const text = `${name}::VARCHAR`;
  return [
    ...common,
    `left(min(${text}), ${SHOWN_MAX}) AS min`,
    `left(max(${text}), ${SHOWN_MAX}) AS max`,
    `min(length(${text}))::DOUBLE AS shortest`,
    `max(length(${text}))::DOUBLE AS longest`,
  ];
}

async function commonest({ name }: Column, { table, signal }: Reading, limit = 5): Promise<readonly Row[]> {
  const value = `${quoted(name)}::VARCHAR`;
  const sql = `SELECT left(${value}, ${SHOWN_MAX}) AS value, count(*)::DOUBLE AS count FROM data
    WHERE ${quoted(name)} IS NOT NULL GROUP BY ${value} ORDER BY count DESC, ${value} LIMIT ${limit}`;
  return await table.read(sql, { signal });
}

/** How often which values come: numbers in bars of equal width, others by the commonest. Times are no use where others are. */
async function drawn(columns: readonly Column[], look: Reading & Pick<Look, "notes">): Promise<Drawing | undefined> {
  const counted = columns.filter(({ kind }) => kind !== "time" && kind !== "other");
  const told = counted.length === 0 ? columns : counted;
  const panels: Panel[] = [];
  for (const column of told.slice(0, PANELS_MAX)) {
    const bars = await attempted(column, look, () =>
      column.kind === "number" ? histogram(column, look) : commonest(column, look, TEXTS_SHOWN),
    );
    if (bars !== undefined && bars.length > 0) panels.push(panelOf(column, bars));
  }
  return panels.length === 0 ? undefined : panelsOf("Distributions", { panels, of: told.length });
}

function panelOf({ name, kind }: Column, bars: readonly Row[]): Panel {
  const axisLabel =
    kind === "number" ? {} : { interval: 0, width: 280 / bars.length - 4, overflow: "truncate" as const };
  return {
    title: name,
    xAxis: { type: "category", data: bars.map(({ value }) => labelOf(value ?? null)), axisLabel },
    yAxis: { type: "value", minInterval: 1 },
    series: {
      type: "bar",
      data: bars.map(({ count }) => Number(count)),
      ...(kind === "number" && { barCategoryGap: 1 }),
    },
  };
}

/** Bars that are empty are there, too. */
async function histogram(column: Column, { table, signal }: Reading): Promise<readonly Row[]> {
  const sql = `WITH points AS (SELECT ${numbersOf(column)} AS y FROM data),
      span AS (SELECT min(y) AS low, max(y) AS high FROM points),
      bars AS (SELECT CASE WHEN high > low THEN least(floor((y - low) / (high - low) * ${BARS}), ${BARS - 1}) ELSE 0 END AS bar,
        low, high FROM points, span WHERE y IS NOT NULL)
    SELECT bar, any_value(low) AS low, any_value(high) AS high, count(*)::DOUBLE AS count FROM bars GROUP BY bar ORDER BY bar`;
  const found = await table.read(sql, { signal });
  const [low, high] = [Number(found[0]?.["low"]), Number(found[0]?.["high"])];
  if (found.length < 2) return found.map(({ count }) => ({ value: low, count: count ?? 0 }));
  const counts = new Map(found.map(({ bar, count }) => [Number(bar), Number(count)]));
  return Array.from({ length: BARS }, (_, i) => ({
    value: low + (i * (high - low)) / BARS,
    count: counts.get(i) ?? 0,
  }));
}

function labelOf(value: Row[string]): string {
  return typeof value === "number" ? shortly(value) : String(value).slice(0, 20);
}
