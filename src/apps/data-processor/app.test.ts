import assert from "node:assert/strict";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { type HeldApp, holdApp } from "../../../tests/app-harness.ts";
import { app } from "./app.ts";

const CALLER = { tenant: "local", actor: "local" } as const;

type Output = Record<string, unknown>;

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sojourn-data-"));
  process.env["SOJOURN_DATA_FOLDERS"] = folder;
  // y doubles x, z falls by half a unit a day, one of w lies far out; k is the same everywhere.
  await writeWithDuckDB(
    `SELECT i AS id, i::DOUBLE AS x, 2.0::DOUBLE * i AS y, (100 - i / 2.0)::DOUBLE AS z, 7 AS k,
      (CASE WHEN i = 60 THEN 1000 ELSE i % 5 END)::INTEGER AS w, 'c' || (i % 3) AS cat,
      (DATE '2026-01-01' + i::INTEGER) AS day, i % 2 = 0 AS even FROM range(100) t(i)`,
    "large_dataset.parquet",
  );
});

after(async () => {
  delete process.env["SOJOURN_DATA_FOLDERS"];
  await rm(folder, { recursive: true });
});

describe("data-processor", () => {
  it("loads once and analyzes, as its callers write it", async () => {
    await using held = await holdApp(app);
    const { output } = await held.call({ action: "load", dataset: "large_dataset.parquet" });
    assert.deepEqual(
      { ...(output as Output), size_bytes: 0 },
      {
        dataset: "large_dataset.parquet",
        table: "data",
        size_bytes: 0,
        rows: 100,
        column_count: 9,
        columns: [
          { name: "id", type: "BIGINT" },
          { name: "x", type: "DOUBLE" },
          { name: "y", type: "DOUBLE" },
          { name: "z", type: "DOUBLE" },
          { name: "k", type: "INTEGER" },
          { name: "w", type: "INTEGER" },
          { name: "cat", type: "VARCHAR" },
          { name: "day", type: "DATE" },
          { name: "even", type: "BOOLEAN" },
        ],
        was_loaded: false,
      },
    );
    for (const analysis of ["summary", "correlations", "outliers", "trends"]) {
      const analyzed = await held.call({ action: "analyze", type: analysis });
      const { type, dataset } = analyzed.output as Output;
      assert.deepEqual({ type, dataset }, { type: analysis, dataset: "large_dataset.parquet" });
    }
    const again = await held.call({ action: "load", dataset: "large_dataset.parquet" });
    assert.equal((again.output as Output)["was_loaded"], true);
  });

  it("sums up numbers, texts, times and truths", async () => {
    await using held = await loaded("large_dataset.parquet");
    const { columns, rows, chart, notes } = await analysis(held, { type: "summary" });
    const byName = new Map((columns as readonly Output[]).map((column) => [column["name"], column]));
    assert.equal(rows, 100);
    assert.deepEqual([chart, notes], [null, []]);
    assert.deepEqual(byName.get("x"), {
      name: "x",
      type: "DOUBLE",
      nulls: 0,
      distinct: 100,
      not_finite: 0,
      min: 0,
      max: 99,
      mean: 49.5,
      std: Math.sqrt(9999 / 12 + 9999 / 12 / 99),
      p5: 4.95,
      p25: 24.75,
      median: 49.5,
      p75: 74.25,
      p95: 94.05,
    });
    assert.deepEqual(byName.get("cat"), {
      name: "cat",
      type: "VARCHAR",
      nulls: 0,
      distinct: 3,
      min: "c0",
      max: "c2",
      shortest: 2,
      longest: 2,
      top: [
        { value: "c0", count: 34 },
        { value: "c1", count: 33 },
        { value: "c2", count: 33 },
      ],
    });
    assert.deepEqual(byName.get("day"), {
      name: "day",
      type: "DATE",
      nulls: 0,
      distinct: 100,
      min: "2026-01-01",
      max: "2026-04-10",
    });
    assert.equal(byName.get("even")?.["true"], 50);
  });

  it("draws how the values of each column are spread", async () => {
    await using held = await loaded("large_dataset.parquet");
    const svg = await chartOf(held, (await analysis(held, { type: "summary", chart: true }))["chart"]);
    for (const name of ["id", "x", "y", "z", "k", "w", "cat", "even"]) assert.match(svg, new RegExp(`>${name}<`));
    const one = await chartOf(held, (await analysis(held, { type: "summary", column: "w", chart: true }))["chart"]);
    assert.match(one, />Distributions: w</);
  });

  it("finds what goes together, the strongest first, and draws it", async () => {
    await using held = await loaded("large_dataset.parquet");
    const { pairs, chart, notes } = await analysis(held, { type: "correlations", limit: 6 });
    const told = (pairs as readonly Output[]).map(({ a, b, r, n }) => [a, b, Number(r).toFixed(6), n]);
    assert.deepEqual(
      told
        .slice(0, 6)
        .map(([a, b, r]) => `${a} ${b} ${r}`)
        .toSorted(),
      ["id x 1.000000", "id y 1.000000", "id z -1.000000", "x y 1.000000", "x z -1.000000", "y z -1.000000"],
    );
    assert.ok(told.every(([, , , n]) => n === 100));
    assert.deepEqual(notes, [
      "5 pairs have none: one is the same everywhere, or they share too few rows",
      'Of 10 pairs, the 6 strongest; ask for more by "limit"',
    ]);
    const svg = await chartOf(held, chart);
    assert.match(svg, /^<svg .*<\/svg>$/s);
    assert.match(svg, />Correlations</);
    // The ends of the colours' bar.
    for (const end of ["1", "-1"]) assert.match(svg, new RegExp(`>${end}</text>`));
    const one = await analysis(held, { type: "correlations", column: "W", chart: false });
    assert.deepEqual(
      (one["pairs"] as readonly Output[]).flatMap(({ a, b }) => [a, b].filter((name) => name !== "w")).toSorted(),
      ["id", "x", "y", "z"],
    );
    assert.equal(one["chart"], null);
  });

  it("finds what lies far out, with its row", async () => {
    await using held = await loaded("large_dataset.parquet");
    const { columns } = await analysis(held, { type: "outliers", column: "w" });
    assert.deepEqual(columns, [
      {
        column: "w",
        values: 100,
        low: -2,
        high: 6,
        count: 1,
        rows: [
          {
            row: 60,
            value: 1000,
            data: {
              id: 60,
              x: 60,
              y: 120,
              z: 70,
              k: 7,
              w: 1000,
              cat: "c0",
              day: "2026-03-02",
              even: true,
            },
          },
        ],
      },
    ]);
    const scores = await analysis(held, { type: "outliers", column: "w", method: "zscore", chart: true });
    const [found] = scores["columns"] as readonly Output[];
    assert.equal(found?.["count"], 1);
    assert.match(await chartOf(held, scores["chart"]), />Outliers of w</);
    const all = await analysis(held, { type: "outliers" });
    assert.deepEqual(
      (all["columns"] as readonly Output[]).map(({ column, count }) => [column, count]),
      [
        ["id", 0],
        ["x", 0],
        ["y", 0],
        ["z", 0],
        ["k", 0],
        ["w", 1],
      ],
    );
  });

  it("finds how numbers change over time, in buckets, and draws it", async () => {
    await using held = await loaded("large_dataset.parquet");
    const { by, per, columns, chart } = await analysis(held, { type: "trends", buckets: 4 });
    assert.deepEqual({ by, per }, { by: "day", per: "day" });
    const byName = new Map((columns as readonly Output[]).map(({ column, ...found }) => [column, found]));
    const { slope, r2, ...y } = byName.get("y") ?? {};
    assert.ok(Math.abs(Number(slope) - 2) < 1e-9 && Math.abs(Number(r2) - 1) < 1e-9);
    const mean = [24, 74, 124, 174];
    assert.deepEqual(y, {
      n: 100,
      direction: "rising",
      change: { from: 24, to: 174, absolute: 150, relative: 6.25 },
      series: mean.map((middle, i) => ({
        from: new Date(Date.UTC(2026, 0, 1 + 25 * i)).toISOString(),
        to: new Date(Date.UTC(2026, 0, 25 + 25 * i)).toISOString(),
        mean: middle,
        min: middle - 24,
        max: middle + 24,
        count: 25,
      })),
    });
    assert.equal(byName.get("z")?.["direction"], "falling");
    assert.deepEqual([byName.get("k")?.["direction"], byName.get("k")?.["slope"]], ["flat", 0]);
    assert.equal(byName.get("w")?.["direction"], "flat");
    assert.match(await chartOf(held, chart), />Trends by day</);
    // Each column is drawn by itself, on a scale of its own.
    const svg = await chartOf(held, chart);
    for (const name of ["id", "x", "y", "z", "k", "w"]) assert.match(svg, new RegExp(`>${name}<`));
    const byNumber = await analysis(held, { type: "trends", column: "z", by: "y" });
    const [z] = byNumber["columns"] as readonly Output[];
    assert.equal(byNumber["per"], "unit");
    assert.ok(Math.abs(Number(z?.["slope"]) + 0.25) < 1e-9);
  });

  it("answers SELECT, and no more than asked for", async () => {
    await using held = await loaded("large_dataset.parquet");
    const counted = await query(
      held,
      "SELECT cat, count(*) AS n, sum(y) AS s FROM data GROUP BY cat ORDER BY cat LIMIT 1",
    );
    assert.deepEqual(counted, {
      columns: [
        { name: "cat", type: "VARCHAR" },
        { name: "n", type: "BIGINT" },
        { name: "s", type: "DOUBLE" },
      ],
      rows: [{ cat: "c0", n: 34, s: 3366 }],
      notes: [],
    });
    const { rows, notes } = await query(held, "FROM data", 3);
    assert.equal((rows as readonly unknown[]).length, 3);
    assert.deepEqual(notes, ['Only the first 3 rows are here; ask for more by "limit", or for less in SQL']);
    const exact = await query(held, "SELECT 9007199254740993 AS whole, 1.5::DECIMAL(4, 2) AS part, 1 AS a, 2 AS a");
    assert.deepEqual(exact["rows"], [{ whole: "9007199254740993", part: 1.5, a: 1, "a:1": 2 }]);
    const large = await query(held, "SELECT repeat('x', 20000) AS t FROM data", 100);
    assert.deepEqual((large["notes"] as readonly unknown[]).length, 2);
    assert.ok(JSON.stringify(large).length < 600_000);
  });

  it("refuses SQL that does anything but read the table", async () => {
    await using held = await loaded("large_dataset.parquet");
    const refused: readonly (readonly [string, RegExp])[] = [
      ["DELETE FROM data", /Only SELECT is allowed, and this is DELETE/],
      ["CREATE TABLE other AS SELECT 1", /Only SELECT is allowed, and this is CREATE/],
      ["COPY data TO 'out.csv'", /disabled by configuration/],
      ["SET threads = 1", /Only SELECT is allowed, and this is SET/],
      ["ATTACH 'other.db'", /Only SELECT is allowed|disabled by configuration/],
      ["INSTALL httpfs", /Only SELECT is allowed/],
      ["COMMIT", /Only SELECT is allowed, and this is TRANSACTION/],
      ["SELECT 1; DELETE FROM data", /One SELECT at a time/],
      ["  -- nothing", /The SQL is empty/],
      [`SELECT * FROM read_parquet('${join(folder, "large_dataset.parquet")}')`, /disabled by configuration/],
      ["SELECT * FROM read_text('/etc/hostname')", /disabled by configuration/],
      ["SELECT * FROM glob('/etc/*')", /disabled by configuration/],
      ["SELECT nothing FROM data", /Referenced column "nothing" not found/],
    ];
    for (const [sql, message] of refused) await assert.rejects(query(held, sql), message, sql);
    assert.deepEqual((await query(held, "SELECT count(*) AS n FROM data"))["rows"], [{ n: 100 }]);
  });

  it("stops a query where the task is canceled, and goes on", async () => {
    await using held = await loaded("large_dataset.parquet");
    const sql = "SELECT sum(a.x * b.x * i) FROM data a, data b, range(100000000) r(i)";
    const canceled = new AbortController();
    const running = held.call({ action: "query", sql }, canceled.signal);
    setImmediate(() => canceled.abort(new Error("Canceled")));
    await assert.rejects(running, /Canceled/);
    assert.deepEqual((await query(held, "SELECT 1 AS one"))["rows"], [{ one: 1 }]);
  });

  it("says what to do where nothing is loaded, and which column there is", async () => {
    await using held = await holdApp(app);
    await assert.rejects(held.call({ action: "analyze", type: "summary" }), {
      message: 'No dataset is loaded; call the action "load" with a "dataset" first',
    });
    await held.call({ action: "load", dataset: "large_dataset.parquet" });
    await assert.rejects(
      analysis(held, { type: "trends", column: "nope" }),
      /There is no column "nope"; there are: id \(BIGINT\), x/,
    );
    await assert.rejects(
      analysis(held, { type: "outliers", column: "cat" }),
      /Column "cat" is VARCHAR, not a number; numbers are in: id/,
    );
    await assert.rejects(analysis(held, { type: "trends", by: "cat" }), /an order needs times or numbers/);
  });

  it("has its table again after its worker was lost", async () => {
    await using held = await loaded("large_dataset.parquet");
    held.lose();
    assert.deepEqual((await query(held, "SELECT max(y) AS y FROM data"))["rows"], [{ y: 198 }]);
  });
});

describe("data-processor on data that is odd", () => {
  it("reads CSV and JSON, also compressed", async () => {
    const csv = "name,size\nAda,1\nBob,2\n";
    const lines = '{"name": "Ada", "size": 1}\n{"name": "Bob", "size": 2}\n';
    await writeFile(join(folder, "a.csv"), csv);
    await writeFile(join(folder, "a.tsv"), csv.replaceAll(",", "\t"));
    await writeFile(join(folder, "a.csv.gz"), gzipSync(csv));
    await writeFile(join(folder, "a.jsonl"), lines);
    await writeFile(
      join(folder, "a.json"),
      JSON.stringify(
        lines
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line)),
      ),
    );
    await writeFile(join(folder, "it's [1]*.json.gz"), gzipSync(lines));
    await using held = await holdApp(app);
    for (const dataset of ["a.csv", "a.tsv", "a.csv.gz", "a.jsonl", "a.json", "it's [1]*.json.gz"]) {
      await held.call({ action: "load", dataset });
      const { rows } = await query(held, "FROM data");
      assert.deepEqual(
        rows,
        [
          { name: "Ada", size: 1 },
          { name: "Bob", size: 2 },
        ],
        dataset,
      );
    }
  });

  it("finds nothing where there are no rows, no numbers, or one row", async () => {
    const files: readonly (readonly [string, string])[] = [
      ["empty.csv", "a,b\n"],
      ["texts.csv", "a,b\nx,y\nz,w\n"],
      ["one.csv", "a,b,day\n1,2,2026-01-01\n"],
      ["nulls.jsonl", '{"a": null, "b": 1}\n{"a": null, "b": 1}\n'],
    ];
    for (const [dataset, text] of files) {
      await writeFile(join(folder, dataset), text);
      await using held = await loaded(dataset);
      for (const type of ["summary", "correlations", "outliers", "trends"]) {
        const { notes } = await analysis(held, { type, chart: true });
        if (dataset === "empty.csv") assert.equal((notes as readonly string[])[0], "The table has no rows");
      }
    }
    const values = "(1, 'inf'::DOUBLE), (2, 'nan'), (3, '-inf'), (4, 5)";
    await writeWithDuckDB(`SELECT * FROM (VALUES ${values}) t("a""b; $& '", inf)`, "odd.parquet");
    await using held = await loaded("odd.parquet");
    const { columns } = await analysis(held, { type: "summary", column: "inf" });
    const [inf] = columns as readonly Output[];
    assert.deepEqual([inf?.["not_finite"], inf?.["min"], inf?.["std"]], [3, 5, null]);
    const trend = await analysis(held, { type: "trends", column: "a\"b; $& '" });
    const [rising] = trend["columns"] as readonly Output[];
    assert.deepEqual([trend["by"], rising?.["direction"], rising?.["slope"]], ["row", "rising", 1]);
  });

  it("analyzes and gives out numbers of any size", async () => {
    const far = "CASE WHEN i = 50 THEN 9 ELSE i % 3 END";
    await writeWithDuckDB(
      `SELECT i::INTEGER AS i, (1e20 * (${far}))::DOUBLE AS large, 1e300::DOUBLE * i AS larger,
        1000000000000000003 * (${far})::BIGINT AS huge, ${far} AS value, ${far} AS count FROM range(99) t(i)`,
      "large.parquet",
    );
    await using held = await loaded("large.parquet");
    const { columns, notes } = await analysis(held, { type: "summary" });
    const byName = new Map((columns as readonly Output[]).map((column) => [column["name"], column]));
    const ends = (name: string): unknown => [byName.get(name)?.["max"], byName.get(name)?.["not_finite"]];
    assert.deepEqual(["large", "larger", "huge"].map(ends), [
      [9e20, 0],
      [0, 98],
      ["9000000000000000027", 0],
    ]);
    assert.deepEqual(notes, []);
    const outliers = (await analysis(held, { type: "outliers", threshold: 1e308 }))["columns"] as readonly Output[];
    assert.deepEqual(
      outliers.map(({ count, low, high }) => [count, Number.isFinite(low ?? 0), Number.isFinite(high ?? 0)]),
      Array.from({ length: 6 }, () => [0, true, true]),
    );
    const typed = (await analysis(held, { type: "outliers", method: "zscore" }))["columns"] as readonly Output[];
    const given = typed.flatMap(({ column, rows }) =>
      (rows as readonly Output[]).map(({ row, value }) => [column, row, value]),
    );
    assert.deepEqual(given, [
      ["large", 50, 9e20],
      ["huge", 50, "9000000000000000027"],
      ["value", 50, 9],
      ["count", 50, 9],
    ]);
    const { rows } = await query(held, "SELECT large, larger, huge, [large] AS l FROM data WHERE i = 50");
    assert.deepEqual(rows, [{ large: 9e20, larger: 5e301, huge: "9000000000000000027", l: [9e20] }]);
    const trend = await analysis(held, { type: "trends", column: "large" });
    assert.deepEqual(trend["notes"], []);
  });

  it("keeps coefficients within their range", async () => {
    const rows = Array.from({ length: 300 }, (_, i) => `${0.1 * i},${-0.3 * i + 0.7}`);
    await writeFile(join(folder, "exact.csv"), ["a,b", ...rows].join("\n"));
    await using held = await loaded("exact.csv");
    const { pairs } = await analysis(held, { type: "correlations" });
    assert.deepEqual(pairs, [{ a: "a", b: "b", r: -1, n: 300 }]);
    const { columns } = await analysis(held, { type: "trends" });
    assert.deepEqual(
      (columns as readonly Output[]).map(({ r2 }) => r2),
      [1, 1],
    );
  });

  it("says what was cut of a wide table", async () => {
    const names = Array.from({ length: 120 }, (_, i) => `c${i}`);
    const rows = [0, 1, 2, 3, 4].map((row) => names.map((_, i) => (i + 1) * row).join(","));
    await writeFile(join(folder, "wide.csv"), [names.join(","), ...rows].join("\n"));
    await using held = await loaded("wide.csv");
    assert.deepEqual((await analysis(held, { type: "summary" }))["notes"], [
      'Of 120 columns, the first 100; name others by "column"',
    ]);
    assert.deepEqual((await analysis(held, { type: "correlations" }))["notes"], [
      'Of 120 columns with numbers, the first 40; name others by "column"',
      'Of 780 pairs, the 50 strongest; ask for more by "limit"',
    ]);
    const last = await analysis(held, { type: "correlations", column: "c119", limit: 1_000 });
    assert.equal((last["pairs"] as readonly unknown[]).length, 39);
  });

  it("refuses what does not lie below a data folder", async () => {
    const outside = await mkdtemp(join(tmpdir(), "sojourn-outside-"));
    try {
      await writeFile(join(outside, "secret.csv"), "a\n1\n");
      await symlink(join(outside, "secret.csv"), join(folder, "link.csv"));
      await symlink(outside, join(folder, "out"));
      await using held = await holdApp(app);
      for (const dataset of ["link.csv", "out/secret.csv", "out/none.csv"]) {
        await assert.rejects(held.call({ action: "load", dataset }), /leads out of the data folder by a link/, dataset);
      }
      for (const dataset of [
        "../secret.csv",
        `../${outside.split("/").at(-1)}/secret.csv`,
        join(outside, "secret.csv"),
        "/etc/passwd.csv",
        "a\0.csv",
      ]) {
        await assert.rejects(held.call({ action: "load", dataset }), /is not below a data folder/, dataset);
      }
      await assert.rejects(
        held.call({ action: "load", dataset: "nope.parquet" }),
        /There is no "nope.parquet" in the data folders; there are: .*large_dataset.parquet/,
      );
      await assert.rejects(
        held.call({ action: "load", dataset: "notes.txt" }),
        /Cannot tell by its name how to read "notes.txt"/,
      );
      const inside = join(folder, "large_dataset.parquet");
      assert.equal(((await held.call({ action: "load", dataset: inside })).output as Output)["rows"], 100);
    } finally {
      await rm(outside, { recursive: true });
    }
  });

  it("says which data folder does not exist", async () => {
    process.env["SOJOURN_DATA_FOLDERS"] = [join(folder, "nowhere"), folder].join(delimiter);
    try {
      await using held = await loaded("large_dataset.parquet");
      await assert.rejects(
        held.call({ action: "load", dataset: "nope.csv" }),
        /^Error: There is no "nope.csv" .*The data folder "nowhere" does not exist; ask the server's operator$/,
      );
      process.env["SOJOURN_DATA_FOLDERS"] = join(folder, "nowhere");
      await using alone = await holdApp(app);
      await assert.rejects(alone.call({ action: "load", dataset: "nope.csv" }), {
        message: `The data folder "nowhere" does not exist; ask the server's operator`,
      });
    } finally {
      process.env["SOJOURN_DATA_FOLDERS"] = folder;
    }
  });

  it("says what is wrong with a file, by its name alone", async () => {
    await writeFile(join(folder, "broken.parquet"), "no parquet");
    await writeFile(join(folder, "broken.json"), '{"a": ');
    await using held = await loaded("large_dataset.parquet");
    for (const dataset of ["broken.parquet", "broken.json"]) {
      await assert.rejects(held.call({ action: "load", dataset }), ({ message }: Error) => {
        assert.match(message, /^Cannot read "broken/);
        assert.equal(message.includes(folder), false, message);
        return true;
      });
    }
  });

  it("says how a table gets more memory", async () => {
    await writeWithDuckDB("SELECT hash(i) || repeat('x', 200) AS t FROM range(300000) r(i)", "much.parquet");
    await using held = await holdApp(app, { setup: { memory_mib: 32 } });
    await assert.rejects(
      held.call({ action: "load", dataset: "much.parquet" }),
      /does not fit into 32 MiB.*memory_mib/,
    );
  });
});

async function writeWithDuckDB(select: string, name: string): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(`COPY (${select}) TO '${join(folder, name)}'`);
  connection.closeSync();
  instance.closeSync();
}

async function loaded(dataset: string): Promise<HeldApp> {
  await using stack = new AsyncDisposableStack();
  const held = stack.use(await holdApp(app));
  await held.call({ action: "load", dataset });
  stack.move();
  return held;
}

async function analysis(held: HeldApp, input: Record<string, string | number | boolean>): Promise<Output> {
  return (await held.call({ action: "analyze", ...input })).output as Output;
}

async function query(held: HeldApp, sql: string, limit = 100): Promise<Output> {
  return (await held.call({ action: "query", sql, limit })).output as Output;
}

/** The SVG of a chart that was stored. */
async function chartOf({ engine, sessionId }: HeldApp, chart: unknown): Promise<string> {
  const { artifact_id: id } = chart as { readonly artifact_id: string };
  const opened = await engine.artifacts.open(CALLER, sessionId, id);
  assert.equal(opened.artifact.mimeType, "image/svg+xml");
  const pieces: Uint8Array[] = [];
  for await (const piece of opened) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString();
}
