import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { loadConfig } from "../src/config/config.ts";
import { tableFaults } from "../src/platform/open-engine.ts";
import { serve } from "../src/platform/serve.ts";
import { Api } from "./api.ts";
import { startServer, type TestServer } from "./server.ts";

const FILE = `
[templates.support]
name_prefix = "Support: "
tags = ["support"]
metadata = { queue = "first" }
idle_timeout_seconds = "never"
max_lifetime_seconds = 3600
`;

describe("templates over HTTP", () => {
  let directory = "";
  let server: TestServer;
  let api: Api;
  const put = (name: string, body: object, headers = {}) => api.call("PUT", `/templates/${name}`, { body, headers });

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-templates-"));
    const config = join(directory, "templates.toml");
    writeFileSync(config, FILE);
    server = await startServer({ config });
    api = new Api(server.url);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  it("begins sessions with what the file of the operator says", async () => {
    const session = await api.create({ template: "support", name: "Ada", metadata: { ticket: 7 } });
    assert.deepEqual(
      [session.name, session.tags, session.metadata, session.idle_timeout_seconds, session.max_lifetime_seconds],
      ["Support: Ada", ["support"], { queue: "first", ticket: 7 }, undefined, 3_600],
    );
    const { operations } = (
      await api.get<{ operations: readonly { inputs: { template?: string } }[] }>(
        `/sessions/${session.session_id}/operations`,
      )
    ).data;
    assert.equal(operations[0]?.inputs.template, "support");
    const { data: report } = await api.post<{ different: number; failed: number; equal: number }>(
      `/sessions/${session.session_id}/replay`,
      { mode: "execute" },
    );
    assert.deepEqual([report.equal, report.different, report.failed], [1, 0, 0]);
  });

  it("has a tenant's own go first, with a version, until it is removed", async () => {
    const own = { name_prefix: "", tags: ["own"], metadata: {}, idle_timeout_seconds: 60, max_lifetime_seconds: 120.5 };
    const answer = await put("support", own);
    assert.equal(answer.status, 201);
    const { version, updated_at, ...told } = answer.data as unknown as { version: number; updated_at: string };
    assert.deepEqual(told, { name: "support", ...own, source: "tenant" });
    assert.equal(answer.headers.get("etag"), `"${version}"`);
    assert.ok(Number.isFinite(Date.parse(updated_at)));
    assert.deepEqual((await api.create({ template: "support" })).tags, ["own"]);
    assert.equal((await put("support", {}, { "if-match": `"${version}"` })).status, 200);
    assert.equal((await put("support", {}, { "if-match": `"${version}"` })).status, 412);
    assert.deepEqual((await api.call("DELETE", "/templates/support")).data, { name: "support" });
    const { data } = await api.get<{ templates: readonly object[] }>("/templates");
    assert.deepEqual(data.templates, [
      {
        name: "support",
        name_prefix: "Support: ",
        tags: ["support"],
        metadata: { queue: "first" },
        idle_timeout_seconds: null,
        max_lifetime_seconds: 3_600,
        source: "configuration",
      },
    ]);
    assert.equal((await api.call("DELETE", "/templates/support")).error.code, "FORBIDDEN");
  });

  it("refuses what no template may say, by its field", async () => {
    for (const [body, field] of [
      [{ nonsense: 1 }, "nonsense"],
      [{ tags: [""] }, "tags.0"],
      [{ idle_timeout_seconds: 0.5 }, "idle_timeout_seconds"],
      [{ metadata: [] }, "metadata"],
      [{ metadata: { a: "x".repeat(16_384) } }, "metadata"],
    ] as const) {
      const { error } = await put("bad", body);
      assert.deepEqual([error.code, error.details?.[0]?.field], ["VALIDATION_ERROR", field]);
    }
    assert.equal((await put("a%2Fb", {})).error.details?.[0]?.field, "name");
  });

  it("keeps the tenant's own over a restart of the server", async () => {
    const loaded = loadConfig({ flags: { port: "0", log_level: "silent", spare_workers: "0" }, cwd: directory });
    assert.ok("config" in loaded);
    for (const run of [1, 2]) {
      const { url, close } = await serve(loaded.config, {});
      const again = new Api(url);
      if (run === 1) await again.call("PUT", "/templates/kept", { body: { tags: ["kept"] } });
      assert.deepEqual((await again.create({ template: "kept" })).tags, ["kept"]);
      await close();
    }
  });

  it("keeps a server from starting with a template that is over a limit, and says which", async () => {
    const config = join(directory, "bad.toml");
    writeFileSync(config, `[templates.bad]\nname_prefix = "${"x".repeat(256)}"\n`);
    await assert.rejects(startServer({ config }), /templates\.bad\.name_prefix/);
  });

  it("tells what is over a limit together with all else that is wrong with the configuration, and the file", () => {
    const config = join(directory, "faulty.toml");
    const file = '[templates."a b"]\n[templates.x]\nlimits = { calls = -1 }\n[limits]\ncosts = 1\ncost_usd = nan\n';
    writeFileSync(config, file);
    const sourcesOf = () => {
      const loaded = loadConfig({ flags: { config, port: "x" }, cwd: directory, check: tableFaults });
      assert.ok("faults" in loaded);
      return loaded.faults.map(({ source }) => source);
    };
    const found = ["limits.cost_usd", "templates.a b.name", "templates.x.limits.calls.0.at"];
    assert.deepEqual(sourcesOf(), [...found.map((path) => `${config}: ${path}`), "--port"]);
    writeFileSync(config, file.replace("cost_usd = nan\n", ""));
    assert.equal(sourcesOf()[0], `${config}: limits.costs`);
  });
});
