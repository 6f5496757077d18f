import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { loadConfig } from "../src/config/config.ts";
import { LOCAL } from "../src/engine/access.ts";
import type { Json } from "../src/engine/json.ts";
import { startLog } from "../src/platform/log.ts";
import { openEngine } from "../src/platform/open-engine.ts";

describe("apps that ship", () => {
  it("do in workers what they do here, through the server's engine", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sojourn-shipped-"));
    const folder = await mkdtemp(join(tmpdir(), "sojourn-datasets-"));
    await writeFile(join(folder, "sales.csv"), "day,sales\n2026-01-01,10\n2026-01-02,12\n2026-01-03,15\n");
    const flags = { data: "data", durability: "none", data_folders: folder, spare_workers: "0" };
    const loaded = loadConfig({ flags, cwd: directory });
    assert.ok("config" in loaded);
    const log = startLog("silent");
    const engine = openEngine(loaded.config, { logger: log.logger, environment: process.env });
    const { value } = await engine.sessions.create(LOCAL, {});
    const id = value.session.ref.id;
    const run = async (app: string, input: Json): Promise<unknown> => {
      const { task } = (await engine.tasks.run(LOCAL, id, { app, input })).value;
      assert.equal(task.status, "completed", JSON.stringify(task));
      return task.output;
    };
    try {
      assert.deepEqual(await run("infsh/session-test", { action: "increment", key: "n" }), {
        key: "n",
        previous: 0,
        current: 1,
      });
      const system = "You are a helpful assistant.";
      assert.deepEqual(await run("chat-with-memory", { action: "init", system }), { ready: true, system });
      const { response } = (await run("chat-with-memory", { message: "What is quantum computing?" })) as {
        readonly response: string;
      };
      assert.ok(response.length > 0);
      await run("data-processor", { action: "load", dataset: "sales.csv" });
      for (const type of ["summary", "correlations", "outliers", "trends"]) {
        const output = (await run("data-processor", { action: "analyze", type })) as { readonly type: string };
        assert.equal(output.type, type);
      }
      const tomato = { variety: "Roma", ripeness: 0.9, weight: 300 };
      const { id: tomatoId } = (await run("pizzastack", { action: "tomato/acquire", ...tomato })) as {
        readonly id: string;
      };
      const sliced = await run("pizzastack", { action: "tomato/slice", tomato_ids: [tomatoId] });
      assert.deepEqual((sliced as { readonly source_tomato_ids: unknown }).source_tomato_ids, [tomatoId]);
      await run("my-app", { action: "initialize" });
      await run("my-app", { action: "process", data: "..." });
      await run("my-app", { action: "check" });
      await run("my-app", { action: "cleanup" });
      assert.equal((await engine.sessions.get(LOCAL, id)).record.status, "completed");
    } finally {
      await engine.close();
      log.stop();
      await rm(directory, { recursive: true });
      await rm(folder, { recursive: true });
    }
  });
});
