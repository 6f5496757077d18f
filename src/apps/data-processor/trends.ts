import type { Json, JsonObject } from "../../app-format/index.ts";
import type { Found, Look } from "./analysis.ts";
import { attempted } from "./attempt.ts";
import { type Column, coefficient, columnNamed, daysOf, numbersOf, numericColumns } from "./column.ts";
import { type Panel, panelsOf, shortly } from "./panels.ts";
import type { Row } from "./rows.ts";

const COLUMNS_MAX = 20;

const DAY_MS = 86_400_000;

/** What the numbers are held against. */
interface Order {
  /** SQL of it; NULL where a row has no place in the order. */
  readonly sql: string;
  readonly name: string;
  /** What a slope is by. */
  readonly per: "day" | "unit" | "row";
}

/** How numbers change over time, or along another order: by how much, how steadily, and bucket by bucket. */
export async function trends(
  input: { readonly column?: string | undefined; readonly by?: string | undefined; readonly buckets: number },
  { table, signal, notes, progress }: Look,
): Promise<Found> {
  const order = orderOf(table.columns, input.by);
  const others = table.columns.filter(({ name }) => name !== order.name);
  const chosen = numericColumns(input.column === undefined ? others : table.columns, {
    column: input.column,
    max: COLUMNS_MAX,
    notes,
  });
  const columns: JsonObject[] = [];
  const panels: Panel[] = [];
  for (const [i, column] of chosen.entries()) {
    const found = await attempted(column, { signal, notes }, async () => {
      const points = `SELECT ${order.sql} AS x, ${numbersOf(column)} AS y FROM data`;
      const [fit = {}] = await table.read(fitOf(points), { signal });
      const buckets = await table.read(seriesOf(points, input.buckets), { signal });
      return { fit, series: buckets.map((bucket) => shown(bucket, order)) };
    });
    progress((i + 1) / chosen.length);
    if (found === undefined) continue;
    columns.push({ column: column.name, ...judged(found.fit, found.series), series: found.series });
    if (found.series.length > 1) panels.push(panelOf(column, { series: found.series, order }));
  }
  const output = { by: order.name, per: order.per, columns };
  if (panels.length === 0) return { output };
  return { output, chart: panelsOf(`Trends by ${order.name}`, { panels, of: panels.length }) };
}

function orderOf(columns: readonly Column[], by: string | undefined): Order {
  const column = by === undefined ? columns.find(({ kind }) => kind === "time") : columnNamed(columns, by);
  if (column === undefined) return { sql: "rowid::DOUBLE", name: "row", per: "row" };
  if (column.kind === "time") return { sql: daysOf(column), name: column.name, per: "day" };
  if (column.kind === "number") return { sql: numbersOf(column), name: column.name, per: "unit" };
  throw new Error(`Column "${column.name}" is ${column.type}: an order needs times or numbers`);
}

// The slope is taken from the first place on: far from zero, squares of days and of rows lose their last digits.
const PLACED = (points: string): string => `WITH points AS (${points}),
  placed AS (SELECT x, y FROM points WHERE x IS NOT NULL AND y IS NOT NULL),
  span AS (SELECT min(x) AS low, max(x) AS high FROM placed)`;

function fitOf(points: string): string {
  return `${PLACED(points)} SELECT count(*)::DOUBLE AS n, regr_slope(y, x - low) AS slope, regr_r2(y, x - low) AS r2,
    min(y) = max(y) AS is_constant FROM placed, span`;
}

function seriesOf(points: string, buckets: number): string {
  return `${PLACED(points)},
    bucketed AS (SELECT x, y, CASE WHEN high > low THEN least(floor((x - low) / (high - low) * ${buckets}), ${buckets - 1}) ELSE 0 END AS bucket
      FROM placed, span)
    SELECT min(x) AS first, max(x) AS last, avg(y) AS mean, min(y) AS min, max(y) AS max, count(*)::DOUBLE AS count
    FROM bucketed GROUP BY bucket ORDER BY bucket`;
}

function shown({ first, last, ...measures }: Row, { per }: Order): Row {
  const place = (x: Json | undefined): Json => (per === "day" ? timeOf(Number(x)) : (x ?? null));
  return { from: place(first), to: place(last), ...measures };
}

/** Times that JavaScript has no date for stay days since the epoch. */
function timeOf(days: number): Json {
  const date = new Date(Math.round(days * DAY_MS));
  return Number.isNaN(date.getTime()) ? days : date.toISOString();
}

/** A slope counts from where it is twice its own error, which noise alone reaches one time in twenty. */
const T_MIN = 2;

function judged({ n, slope, r2, is_constant: isConstant }: Row, series: readonly Row[]): JsonObject {
  const [first, last] = [series[0], series.at(-1)];
  const [from, to] = [Number(first?.["mean"]), Number(last?.["mean"])];
  const relative = (to - from) / Math.abs(from);
  const change =
    series.length < 2 ? null : { from, to, absolute: to - from, relative: Number.isFinite(relative) ? relative : null };
  if (isConstant === true && Number(n) > 2) return { n: n ?? 0, direction: "flat", slope: 0, r2: null, change };
  // DuckDB has no slope where all stand at one place.
  if (typeof slope !== "number" || typeof r2 !== "number" || Number(n) < 3) {
    return { n: n ?? 0, direction: "unknown", slope: null, r2: null, change };
  }
  const share = Math.min(Math.max(r2, 0), 1);
  const t = Math.sqrt((share * (Number(n) - 2)) / Math.max(1 - share, Number.MIN_VALUE));
  const leaning = slope > 0 ? "rising" : "falling";
  return { n: n ?? 0, direction: t < T_MIN ? "flat" : leaning, slope, r2: coefficient(share), change };
}

function panelOf(
  { name }: Column,
  { series, order: { per } }: { readonly series: readonly Row[]; readonly order: Order },
): Panel {
  const data = series.map(({ from, mean }) => [per === "day" ? String(from) : Number(from), Number(mean)]);
  return {
    title: name,
    xAxis: per === "day" ? { type: "time" } : { type: "value", scale: true, axisLabel: { formatter: shortly } },
    yAxis: { type: "value", scale: true },
    series: { type: "line", symbolSize: 4, data },
  };
}
