import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { registerHooks } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { holdApp } from "../../../tests/app-harness.ts";
import { app } from "./app.ts";

describe("data-processor without its packages", () => {
  it("says what to install", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sojourn-data-"));
    process.env["SOJOURN_DATA_FOLDERS"] = folder;
    try {
      await writeFile(join(folder, "a.csv"), "a,b\n1,2\n2,4\n3,7\n");
      await using held = await holdApp(app);
      const withoutDuckDB = missing("@duckdb/node-api");
      await assert.rejects(held.call({ action: "load", dataset: "a.csv" }), {
        message: "This needs DuckDB: run `npm install @duckdb/node-api` where the server is installed",
      });
      withoutDuckDB.deregister();
      await held.call({ action: "load", dataset: "a.csv" });
      const withoutECharts = missing("echarts/core");
      const { output } = await held.call({ action: "analyze", type: "trends" });
      withoutECharts.deregister();
      const { chart, notes } = output as { readonly chart: unknown; readonly notes: unknown };
      const note = "Charts need ECharts: run `npm install echarts` where the server is installed";
      assert.deepEqual({ chart, notes }, { chart: null, notes: [note] });
    } finally {
      delete process.env["SOJOURN_DATA_FOLDERS"];
      await rm(folder, { recursive: true });
    }
  });

  it("is held below the folders, where there are none", async () => {
    await using held = await holdApp(app);
    await assert.rejects(held.call({ action: "load", dataset: "a.csv" }), /There are no data folders/);
  });
});

/** Makes a package one that is not installed. */
function missing(name: string): ReturnType<typeof registerHooks> {
  return registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier !== name) return next(specifier, context);
      throw Object.assign(new Error(`Cannot find package '${name}'`), { code: "ERR_MODULE_NOT_FOUND" });
    },
  });
}
