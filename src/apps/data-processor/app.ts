import { basename, delimiter } from "node:path";
import { type Context, defineApp, type JsonObject, type Session, z } from "../../app-format/index.ts";
import { Analysis, analyze } from "./analysis.ts";
import { draw } from "./chart.ts";
import { findDataset } from "./dataset.ts";
import type { Drawing } from "./panels.ts";
import { Table } from "./table.ts";

const Setup = z.object({
  memory_mib: z.int().min(32).max(65_536).default(256).describe("How much a table and its queries may take"),
  threads: z.int().min(1).max(64).default(2),
});

const Load = z.object({ dataset: z.string().min(1).max(1_000).describe("The path of a file, from a data folder on") });

const Query = z.object({
  sql: z.string().min(1).max(100_000).describe("One SELECT on the table data"),
  limit: z.int().min(1).max(10_000).default(100),
});

/** What the worker holds. */
interface Desk {
  /** Where datasets may be. */
  readonly folders: readonly string[];
  table?: Table | undefined;
}

type Given<Input> = Context<Desk, Input, z.output<typeof Setup>>;

/** How many columns are told of a table that was just loaded. */
const COLUMNS_MAX = 100;

/** Loads a file of data once, and answers what it is asked of it. */
export const app = defineApp({
  name: "data-processor",
  description: "Loads Parquet, CSV or JSON once with DuckDB; then summaries, correlations, outliers, trends, and SQL",
  permissions: { addons: true, read: ["data:"] },
  setup: Setup,
  // Only the load makes state, and loading again is the way back.
  recovery: "replay",
  start: (): Desk => ({ folders: (process.env["SOJOURN_DATA_FOLDERS"] ?? "").split(delimiter).filter(Boolean) }),
  stop: ({ table }) => table?.close(),
  actions: {
    load: {
      description: "Loads a dataset into memory, as the table data, in place of the one before",
      input: Load,
      isIdempotent: true,
      run: load,
    },
    analyze: {
      description: "Analyses the table that is loaded",
      input: Analysis,
      run: analyzeTable,
    },
    query: {
      description: "Runs one SELECT on the table data",
      input: Query,
      isIdempotent: true,
      run: ({ state, input, signal }: Given<z.output<typeof Query>>) =>
        tableOf(state).query(input.sql, { limit: input.limit, signal }),
    },
  },
});

async function load({ state, input, setup, session, signal }: Given<z.output<typeof Load>>): Promise<JsonObject> {
  const dataset = await findDataset(state.folders, input.dataset);
  const held = state.table?.dataset;
  const isLoaded =
    held?.path === dataset.path && held.modifiedMs === dataset.modifiedMs && held.sizeBytes === dataset.sizeBytes;
  if (!isLoaded) {
    // Two tables might not fit into the worker.
    state.table?.close();
    state.table = undefined;
    session.progress(undefined, `Reading ${dataset.name}`);
    state.table = await Table.load(dataset, { memoryMiB: setup.memory_mib, threads: setup.threads, signal });
  }
  const { rows, columns } = tableOf(state);
  const told = columns.slice(0, COLUMNS_MAX).map(({ name, type }) => ({ name, type }));
  return {
    dataset: dataset.name,
    table: "data",
    size_bytes: dataset.sizeBytes,
    rows,
    column_count: columns.length,
    columns: told,
    was_loaded: isLoaded,
  };
}

async function analyzeTable({ state, input, session, signal }: Given<z.output<typeof Analysis>>): Promise<JsonObject> {
  const table = tableOf(state);
  const notes: string[] = [];
  const progress = (fraction: number): void => session.progress(fraction);
  const { output, chart } = await analyze(input, { table, signal, notes, progress });
  // A chart of an analysis that nobody gets would be left behind.
  signal.throwIfAborted();
  const isWanted = input.chart ?? (input.type === "correlations" || input.type === "trends");
  const stored =
    isWanted && chart !== undefined ? await store(session, { type: input.type, table, chart, notes }) : null;
  return { type: input.type, dataset: table.dataset.name, ...output, chart: stored, notes };
}

/** Draws the chart and stores it; without ECharts the analysis stands without one, and says so. */
async function store(
  session: Session,
  {
    type,
    table,
    chart,
    notes,
  }: {
    readonly type: string;
    readonly table: Table;
    readonly chart: Drawing;
    readonly notes: string[];
  },
): Promise<JsonObject | null> {
  const svg = await draw(chart);
  if (svg === undefined) {
    notes.push("Charts need ECharts: run `npm install echarts` where the server is installed");
    return null;
  }
  const [stem = ""] = basename(table.dataset.name).split(".");
  const { artifactId, name, version } = await session.artifacts.store(`${stem.slice(0, 50)}-${type}.svg`, svg, {
    mimeType: "image/svg+xml",
    tags: ["chart"],
    metadata: { dataset: table.dataset.name, analysis: type },
  });
  return { artifact_id: artifactId, name, version };
}

function tableOf({ table }: Desk): Table {
  if (table !== undefined) return table;
  throw new Error('No dataset is loaded; call the action "load" with a "dataset" first');
}
