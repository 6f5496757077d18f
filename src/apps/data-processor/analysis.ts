import { type JsonObject, z } from "../../app-format/index.ts";
import { correlations } from "./correlations.ts";
import { outliers } from "./outliers.ts";
import type { Drawing } from "./panels.ts";
import { summary } from "./summary.ts";
import type { Table } from "./table.ts";
import { trends } from "./trends.ts";

/** What an analysis found. */
export interface Found {
  readonly output: JsonObject;
  /** Absent where there is nothing to show. */
  readonly chart?: Drawing;
}

/** What an analysis looks at, and whom it tells. */
export interface Look {
  readonly table: Table;
  readonly signal: AbortSignal;
  /** Takes what was left out, and why there is nothing. */
  readonly notes: string[];
  /** Takes how far it has come: 0 to 1. */
  readonly progress: (fraction: number) => void;
}

const column = z.string().max(1_000).optional();

const chart = z.boolean().optional().describe("Whether a chart is stored; by default, of correlations and trends");

/** What can be asked of the table. */
export const Analysis = z.discriminatedUnion("type", [
  z.object({ type: z.literal("summary"), column, chart }),
  z.object({ type: z.literal("correlations"), column, chart, limit: z.int().min(1).max(1_000).default(50) }),
  z.object({
    type: z.literal("outliers"),
    column,
    chart,
    method: z.enum(["iqr", "zscore"]).default("iqr"),
    threshold: z
      .number()
      .positive()
      .optional()
      .describe("Default: 1.5 of the distance of quartiles, or a z-score of 3"),
    limit: z.int().min(1).max(100).default(10).describe("How many rows are shown of each column"),
  }),
  z.object({
    type: z.literal("trends"),
    column,
    chart,
    by: column.describe(
      "The column that tells the order. Default: the first with times, or else the order of the file",
    ),
    buckets: z.int().min(2).max(200).default(24),
  }),
]);

/** Analyses the table; an analysis of a table without rows finds nothing, and says so. */
export async function analyze(input: z.output<typeof Analysis>, look: Look): Promise<Found> {
  if (look.table.rows === 0) look.notes.push("The table has no rows");
  switch (input.type) {
    case "summary":
      return await summary(input, look);
    case "correlations":
      return await correlations(input, look);
    case "outliers":
      return await outliers(input, look);
    case "trends":
      return await trends(input, look);
  }
}
