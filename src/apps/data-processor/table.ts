import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { type Column, kindOf } from "./column.ts";
import type { Dataset } from "./dataset.ts";
import { type Page, pageOf, type Row, rowsOf } from "./rows.ts";

type DuckDB = typeof import("@duckdb/node-api");

/** What a table is loaded with. */
export interface LoadOptions {
  /** How much the database may hold. */
  readonly memoryMiB: number;
  readonly threads: number;
  readonly signal: AbortSignal;
}

/** Up to this size, all of a CSV file is looked at to tell the types of its columns; of larger ones, the beginning. */
const SNIFF_WHOLE_BYTES = 67_108_864;

/**
 * A dataset in memory, as the table `data` of a database of its own. Once it is loaded, SQL reaches nothing else: no files, no
 * network, no settings.
 */
export class Table {
  readonly dataset: Dataset;
  readonly columns: readonly Column[];
  readonly rows: number;
  readonly #duckdb: DuckDB;
  readonly #instance: DuckDBInstance;

  private constructor(
    duckdb: DuckDB,
    instance: DuckDBInstance,
    { dataset, columns, rows }: Pick<Table, "dataset" | "columns" | "rows">,
  ) {
    this.#duckdb = duckdb;
    this.#instance = instance;
    this.dataset = dataset;
    this.columns = columns;
    this.rows = rows;
  }

  /**
   * Reads a dataset into memory.
   *
   * @throws {Error} where DuckDB is not installed, the file is not what its name says, or is too large
   */
  static async load(dataset: Dataset, { memoryMiB, threads, signal }: LoadOptions): Promise<Table> {
    const duckdb = await importDuckDB();
    signal.throwIfAborted();
    const instance = await duckdb.DuckDBInstance.create(":memory:", {
      threads: String(threads),
      memory_limit: `${memoryMiB}MiB`,
      // Nothing is written beside memory, and no extensions are fetched.
      temp_directory: "",
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
    });
    try {
      return await inConnection(instance, signal, async (connection) => {
        await connection.run(`CREATE TABLE data AS SELECT * FROM ${readerOf(dataset)}`);
        await connection.run("SET enable_external_access = false");
        await connection.run("SET lock_configuration = true");
        const described = await connection.runAndReadAll("DESCRIBE data");
        const columns = described.getRowsJson().map(([name, type]): Column => {
          return { name: String(name), type: String(type), kind: kindOf(String(type)) };
        });
        const counted = await connection.runAndReadAll("SELECT count(*)::DOUBLE FROM data");
        return new Table(duckdb, instance, { dataset, columns, rows: Number(counted.getRowsJson()[0]?.[0]) });
      });
    } catch (error) {
      instance.closeSync();
      throw loadFailure(error, dataset, memoryMiB);
    }
  }

  /** Runs SQL of ours, and returns all that it gives. */
  async read(
    sql: string,
    { signal, values = {} }: { readonly signal: AbortSignal; readonly values?: Readonly<Record<string, number>> },
  ): Promise<readonly Row[]> {
    const { DOUBLE } = this.#duckdb;
    // Without their types, large numbers that are whole would be taken for integers, whose range they leave.
    const types = Object.fromEntries(Object.keys(values).map((name) => [name, DOUBLE]));
    return await inConnection(this.#instance, signal, async (connection) => {
      return rowsOf(await connection.runAndReadAll(sql, { ...values }, types));
    });
  }

  /**
   * Runs a SELECT of the caller's, of which no more is read than asked for.
   *
   * @throws {Error} for any other statement, and for more than one
   */
  async query(sql: string, { signal, limit }: { readonly signal: AbortSignal; readonly limit: number }): Promise<Page> {
    return await inConnection(this.#instance, signal, async (connection) => {
      // By itself it could not read files; this is so that it cannot change the table, either.
      await connection.run("BEGIN TRANSACTION READ ONLY");
      const statements = await connection.extractStatements(sql).catch((error: unknown) => {
        // DuckDB has no words for a text without a statement.
        if (/native callback/.test(String(error)))
          throw new Error("The SQL is empty; give one SELECT on the table data");
        throw error;
      });
      if (statements.count !== 1)
        throw new Error(`One SELECT at a time is allowed, and these are ${statements.count} statements`);
      const statement = await statements.prepare(0);
      const { StatementType } = this.#duckdb;
      if (statement.statementType !== StatementType.SELECT) {
        throw new Error(`Only SELECT is allowed, and this is ${StatementType[statement.statementType]}`);
      }
      return pageOf(await statement.streamAndReadUntil(limit + 1), limit);
    });
  }

  /** Frees its memory. */
  close(): void {
    this.#instance.closeSync();
  }
}

async function importDuckDB(): Promise<DuckDB> {
  try {
    return await import("@duckdb/node-api");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") {
      throw new Error("This needs DuckDB: run `npm install @duckdb/node-api` where the server is installed", {
        cause: error,
      });
    }
    throw new Error(`DuckDB is installed, but does not start: ${String(error)}`, { cause: error });
  }
}

const INTERRUPT_EVERY_MS = 20;

async function inConnection<T>(
  instance: DuckDBInstance,
  signal: AbortSignal,
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const connection = await instance.connect();
  let interrupting: NodeJS.Timeout | undefined;
  const interrupt = (): void => {
    // An interruption that comes just before a query begins is lost: it is repeated until the query has ended.
    interrupting ??= setInterval(() => connection.interrupt(), INTERRUPT_EVERY_MS);
    connection.interrupt();
  };
  signal.addEventListener("abort", interrupt, { once: true });
  try {
    signal.throwIfAborted();
    return await work(connection);
  } catch (error) {
    // What DuckDB says of having been interrupted is no news.
    signal.throwIfAborted();
    throw error;
  } finally {
    clearInterval(interrupting);
    signal.removeEventListener("abort", interrupt);
    connection.closeSync();
  }
}

/** SQL that reads the file. In a path, `*`, `?` and `[` would stand for other characters. */
function readerOf({ path, format, sizeBytes }: Dataset): string {
  const literal = `'${path.replaceAll(/[*?[]/g, "[$&]").replaceAll("'", "''")}'`;
  if (format === "parquet") return `read_parquet(${literal})`;
  if (format === "json") return `read_json(${literal})`;
  return sizeBytes > SNIFF_WHOLE_BYTES ? `read_csv(${literal})` : `read_csv(${literal}, sample_size = -1)`;
}

const NAMES: Readonly<Record<Dataset["format"], string>> = { parquet: "Parquet", csv: "CSV", json: "JSON" };

function loadFailure(error: unknown, { name, path, format }: Dataset, memoryMiB: number): unknown {
  if (!(error instanceof Error) || error.name === "AbortError") return error;
  if (/^Out of Memory/.test(error.message)) {
    const message =
      `"${name}" does not fit into ${memoryMiB} MiB of memory; set up the app with a larger memory_mib, ` +
      "and let the server give workers more by worker_memory_mib";
    return new Error(message, { cause: error });
  }
  const told = error.message.replaceAll(path, name).split("\n").filter(Boolean).slice(0, 3).join("; ");
  return new Error(`Cannot read "${name}" as ${NAMES[format]}: ${told}`, { cause: error });
}
