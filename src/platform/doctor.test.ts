import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, beforeEach, describe, it } from "node:test";
import { type Config, loadConfig } from "../config/config.ts";
import { Author } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { examine, type Finding } from "./doctor.ts";
import { serve } from "./serve.ts";

describe("examine()", () => {
  let cwd = "";
  const made: string[] = [];
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), "sojourn-doctor-"));
    made.push(cwd);
  });
  after(() => {
    for (const directory of made) rmSync(directory, { recursive: true });
  });

  const configOf = (flags: Readonly<Record<string, string>> = {}): Config => {
    const loaded = loadConfig({ flags: { port: "0", log_level: "silent", spare_workers: "0", ...flags }, cwd });
    assert.ok("config" in loaded, JSON.stringify(loaded));
    return loaded.config;
  };
  const find = async (config: Config, check: string): Promise<Finding> => {
    const findings = await Array.fromAsync(examine(config, { thorough: true }));
    const found = findings.find((finding) => finding.check === check);
    assert.ok(found, `${check} is not among ${findings.map((finding) => finding.check)}`);
    return found;
  };
  const states = async (config: Config): Promise<Record<string, string>> => {
    const findings = await Array.fromAsync(examine(config, { thorough: false }));
    return Object.fromEntries(findings.map(({ check, state }) => [check, state]));
  };
  const filled = async (): Promise<Config> => {
    const config = configOf();
    await (await serve(config)).close();
    return config;
  };

  it("finds nothing wrong with a fresh place, and leaves nothing there", async () => {
    const found = await states(configOf());
    for (const check of ["node", "durability", "data directory", "space", "store", "keys", "port"]) {
      assert.equal(found[check], "ok", check);
    }
    assert.deepEqual(readdirSync(cwd), []);
  });

  it("tells of the operator's apps, and which are broken, and of optional packages", async () => {
    assert.equal((await find(configOf(), "apps")).found, "those that ship, and none of your own");
    assert.equal((await find(configOf(), "optional packages")).state, "ok");
    const wrong = join(cwd, "wrong.js");
    writeFileSync(wrong, "export const app = 1;\n");
    const findings = await Array.fromAsync(examine(configOf({ apps: wrong }), { thorough: false }));
    const [counted, broken, ...others] = findings.filter(({ check }) => check === "apps");
    assert.deepEqual([counted?.found, broken?.state, others], ["0 of your own", "problem", []]);
    assert.match(broken?.found ?? "", /wrong\.js is broken: \S/);
  });

  it("tells how apps are kept apart, and that none runs where more is asked for than there is", async () => {
    const own = await find(configOf({ sandbox: "process" }), "sandbox");
    assert.deepEqual([own.state, own.found], ["ok", "process, and not bubblewrap: it is configured so"]);
    const short = await find(configOf({ sandbox: "process", sandbox_minimum: "bubblewrap" }), "sandbox");
    assert.equal(short.state, "problem");
  });

  it("finds a store whole that was used, and changes nothing", async () => {
    const config = await filled();
    const store = await find(config, "store");
    assert.deepEqual([store.state, store.found], ["ok", "0 sessions in 0.00 GiB, whole"]);
  });

  it("names the files of artifacts that are missing", async () => {
    const config = configOf();
    const author = new Author(openSqliteStore({ directory: config.data }));
    const names = ["aa".repeat(16), "bb".repeat(16)] as const;
    const contents = names.map((name) => author.content(name, { place: { in: "file", name } }));
    const stored = contents.map((content) => author.artifact("a", content));
    const { part } = author.continue(await author.create(), ...stored);
    await author.commit([part], { contents: contents.map(({ body: _, ...kept }) => kept) });
    await author.store.close();
    for (const name of names) {
      mkdirSync(join(config.data, "blobs", name.slice(0, 2)), { recursive: true });
      writeFileSync(join(config.data, "blobs", name.slice(0, 2), name), name);
    }
    assert.equal((await find(config, "artifacts")).state, "ok");
    truncateSync(join(config.data, "blobs", "bb", names[1]), 2);
    const { state, found } = await find(config, "artifacts");
    assert.deepEqual([state, found], ["problem", `of 2 contents the files of 1 are missing or cut off: ${names[1]}`]);
  });

  it("tells that a server is at work", async () => {
    const config = configOf();
    const running = await serve(config);
    try {
      assert.match((await find(config, "store")).found, /in use by another process \(pid \d+\); stop it/);
      const port = new URL(running.url).port;
      assert.match((await find({ ...config, port: Number(port) }, "port")).found, /^Sojourn \d/);
    } finally {
      await running.close();
    }
  });

  it("names a port that another program has", async () => {
    const server = createServer((_, answer) => answer.end("hello")).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const found = await find(configOf({ port: `${port}` }), "port");
    assert.deepEqual([found.state, found.found], ["problem", `cannot listen on 127.0.0.1 port ${port} (EADDRINUSE)`]);
    server.close();
  });

  it("finds a damaged database", async () => {
    const config = await filled();
    truncateSync(join(config.data, "sojourn.db"), 8_192);
    const found = await find(config, "store");
    assert.equal(found.state, "problem");
    assert.match(found.found, /^the database is damaged: /);
  });

  it("finds a store of a newer release", async () => {
    const config = await filled();
    const db = new DatabaseSync(join(config.data, "sojourn.db"));
    db.exec("PRAGMA user_version = 999");
    db.close();
    assert.deepEqual(
      [(await find(config, "store")).state, (await find(config, "store")).found.slice(0, 29)],
      ["problem", "it has schema version 999, an"],
    );
  });

  it("warns of a directory that others can read, of no durability, and of a host without keys", async () => {
    const config = await filled();
    chmodSync(config.data, 0o755);
    const found = await find(config, "data directory");
    assert.ok(found.state === "warning" && found.remedy === `chmod 700 ${config.data}`, JSON.stringify(found));
    assert.equal((await states(configOf({ durability: "none" })))["durability"], "warning");
    assert.equal((await states(configOf({ host: "0.0.0.0" })))["keys"], "problem");
  });

  it("warns where no good key has the scope admin", async () => {
    const config = configOf({ first_key: `sjn_${"1".repeat(16)}_${"2".repeat(64)}` });
    await (await serve(config)).close();
    assert.equal((await states(config))["keys"], "ok");
    const db = new DatabaseSync(join(config.data, "sojourn.db"));
    db.exec("UPDATE keys SET revoked_at = 1");
    db.close();
    assert.equal((await states(config))["keys"], "warning");
  });

  it("says what answers chats, and what keeps it from answering, and asks it nothing", async () => {
    assert.deepEqual(await find(configOf(), "model"), {
      check: "model",
      state: "ok",
      found: "the built-in responder answers chats; it is no language model",
    });
    assert.deepEqual(await find(configOf({ model: "openai:gpt-5" }), "model"), {
      check: "model",
      state: "problem",
      found: "openai:gpt-5 can't be asked: the server will not start",
      remedy:
        "model_api_key is missing: openai answers nobody without one; " +
        "commands take it from SOJOURN_MODEL_API_KEY or OPENAI_API_KEY",
    });
    const withKey = await find(configOf({ model: "anthropic:m", model_api_key: "k" }), "model");
    assert.deepEqual([withKey.state, withKey.found], ["ok", "anthropic:m answers chats, asked with a key"]);
    const local = await find(configOf({ model: "openai:m", model_base_url: "http://127.0.0.1:9/v1" }), "model");
    assert.deepEqual([local.state, local.found], ["ok", "openai:m answers chats, asked without a key"]);
  });

  it("finds a data directory that is a file", async () => {
    writeFileSync(join(cwd, "data"), "");
    assert.equal((await states(configOf()))["data directory"], "problem");
    mkdirSync(join(cwd, "other"));
    assert.equal((await states(configOf({ data: "other" })))["data directory"], "warning");
  });
});
