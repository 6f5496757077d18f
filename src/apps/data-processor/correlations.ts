import type { Found, Look } from "./analysis.ts";
import { attempted } from "./attempt.ts";
import { type Column, coefficient, numbersOf, numericColumns } from "./column.ts";
import type { Drawing } from "./panels.ts";

/** How many columns are held against each other: 780 pairs. */
const COLUMNS_MAX = 40;

/** How many columns a chart can show. */
const SHOWN_MAX = 20;

interface Pair {
  readonly a: string;
  readonly b: string;
  /** Pearson's coefficient. */
  readonly r: number;
  /** In how many rows both have a number. */
  readonly n: number;
}

/** How closely numbers go together, the strongest first. */
export async function correlations(
  { column: name, limit }: { readonly column?: string | undefined; readonly limit: number },
  { table, signal, notes, progress }: Look,
): Promise<Found> {
  const one = name === undefined ? undefined : numericColumns(table.columns, { column: name, max: 1, notes })[0];
  const numeric = numericColumns(table.columns, { column: undefined, max: COLUMNS_MAX, notes });
  const columns = one === undefined || numeric.includes(one) ? numeric : [one, ...numeric.slice(1)];
  const pairs: Pair[] = [];
  let undefinedPairs = 0;
  for (const [i, a] of columns.entries()) {
    const others = columns.slice(i + 1).filter((b) => one === undefined || a === one || b === one);
    if (others.length === 0) continue;
    const row = await attempted(a, { signal, notes }, async () => {
      const sql = others.flatMap((b, j) => measuresOf(a, b, j)).join(", ");
      return (await table.read(`SELECT ${sql} FROM data`, { signal }))[0];
    });
    if (row === undefined) continue;
    for (const [j, b] of others.entries()) {
      const r = row[`r${j}`];
      // Of a column that is the same everywhere, or two rows at most, it means nothing.
      if (typeof r === "number" && Number(row[`n${j}`]) > 2)
        pairs.push({ a: a.name, b: b.name, r: coefficient(r), n: Number(row[`n${j}`]) });
      else undefinedPairs += 1;
    }
    progress((i + 1) / columns.length);
  }
  if (columns.length === 1) notes.push(`Only "${columns[0]?.name}" has numbers; there is nothing to hold it against`);
  if (undefinedPairs > 0)
    notes.push(`${undefinedPairs} pairs have none: one is the same everywhere, or they share too few rows`);
  pairs.sort((a, b) => Math.abs(b.r) - Math.abs(a.r));
  if (pairs.length > limit) notes.push(`Of ${pairs.length} pairs, the ${limit} strongest; ask for more by "limit"`);
  const output = {
    columns: columns.map((column) => column.name),
    pairs: pairs.slice(0, limit).map((pair) => ({ ...pair })),
  };
  return pairs.length === 0 ? { output } : { output, chart: chartOf(columns, pairs) };
}

function measuresOf(a: Column, b: Column, index: number): readonly string[] {
  const both = `${numbersOf(a)}, ${numbersOf(b)}`;
  return [`corr(${both}) AS r${index}`, `regr_count(${both})::DOUBLE AS n${index}`];
}

function chartOf(columns: readonly Column[], pairs: readonly Pair[]): Drawing {
  const names = columns.slice(0, SHOWN_MAX).map(({ name }) => name);
  const data = pairs.flatMap(({ a, b, r }) => {
    const [i, j] = [names.indexOf(a), names.indexOf(b)];
    const shown = Math.round(r * 100) / 100;
    return i < 0 || j < 0
      ? []
      : [
          [i, j, shown],
          [j, i, shown],
        ];
  });
  return {
    option: {
      title: {
        text:
          names.length < columns.length
            ? `Correlations (${names.length} of ${columns.length} columns)`
            : "Correlations",
      },
      grid: { left: 20, top: 56, right: 90, bottom: 20, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: { type: "category", data: names, axisLabel: { rotate: 45, interval: 0 } },
      yAxis: { type: "category", inverse: true, data: names, axisLabel: { interval: 0 } },
      visualMap: {
        min: -1,
        max: 1,
        text: ["1", "-1"],
        right: 20,
        top: "center",
        inRange: { color: ["#b2182b", "#f7f7f7", "#2166ac"] },
      },
      series: [{ type: "heatmap", data, label: { show: names.length <= 10 } }],
    },
  };
}
