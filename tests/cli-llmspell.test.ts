import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { CommandLine, type Ended } from "./command-line.ts";

/** Where a session and two artifacts come to, and what stands against it. */
const TELLS = `
  local id = Session.create()
  local seen = Session.get(id)
  print("timeout", seen.expires_at - seen.created_at)
  print("compressed", Artifact.get(id, Artifact.store(id, "user_input", "a.txt", ("a"):rep(4000))).is_compressed)
  print("second", pcall(Artifact.store, id, "user_input", "b.txt", "b"))
  print("sessions", #Session.list())
  print("more", pcall(Session.create))`;

describe("sojourn run with the configuration of rs-llmspell", () => {
  let line: CommandLine;
  before(async () => {
    line = await CommandLine.begin();
    await writeFile(join(line.cwd, "tells.lua"), TELLS);
  });
  afterEach(async () => {
    for (const name of ["data", "elsewhere"]) await rm(join(line.cwd, name), { recursive: true, force: true });
  });
  after(async () => await line[Symbol.asyncDispose]());

  const run = async (keys: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> => {
    await writeFile(join(line.cwd, "sojourn.toml"), keys === "" ? "" : `[runtime.sessions]\n${keys}\n`);
    return await line.run(["run", "tells.lua"], { env });
  };
  /** What the script tells of one thing. */
  const told = async (what: string, keys: string, env?: Readonly<Record<string, string>>): Promise<string> => {
    const { code, stdout, stderr } = await run(keys, env);
    assert.deepEqual([code, stderr], [0, ""]);
    return new RegExp(`^${what}\t(.*)$`, "m").exec(stdout)?.[1] ?? "nothing";
  };

  it("works on the data itself, with our defaults for what is not said", async () => {
    const { stdout } = await run("enabled = true");
    assert.match(stdout, /^timeout\t86400\ncompressed\tfalse\nsecond\ttrue\tartifact_\w+\nsessions\t1\nmore\ttrue\t/);
  });

  it("opens nothing where sessions are off, and says by what", async () => {
    const { code, stdout, stderr } = await run("enabled = false");
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /sojourn\.toml: runtime\.sessions\.enabled: is false/);
    assert.equal(existsSync(join(line.cwd, "data")), false);
  });

  it("has as many active sessions as it says", async () => {
    assert.match(await told("more", "max_sessions = 1"), /^false\t.*max_sessions is reached/);
    await rm(join(line.cwd, "data"), { recursive: true });
    assert.match(await told("more", "max_sessions = 2"), /^true\t/);
    await rm(join(line.cwd, "data"), { recursive: true });
    assert.match(await told("more", "", { LLMSPELL_SESSIONS_MAX: "1" }), /^false\t.*max_sessions is reached/);
  });

  it("has as many artifacts in a session as it says", async () => {
    assert.match(await told("second", "max_artifacts_per_session = 1"), /^false\t.*artifacts/);
    assert.match(await told("second", "max_artifacts_per_session = 2"), /^true\t/);
    assert.match(await told("second", "", { LLMSPELL_SESSIONS_MAX_ARTIFACTS: "1" }), /^false\t/);
  });

  it("compresses what is larger than it says", async () => {
    assert.equal(await told("compressed", "artifact_compression_threshold = 3999"), "true");
    // The same content is kept once, as it was kept first.
    await rm(join(line.cwd, "data"), { recursive: true });
    assert.equal(await told("compressed", "artifact_compression_threshold = 4000"), "false");
  });

  it("lets sessions expire after the time that it says", async () => {
    assert.equal(await told("timeout", "session_timeout_seconds = 3600"), "3600");
    assert.equal(await told("timeout", "", { LLMSPELL_SESSIONS_TIMEOUT_SECONDS: "60" }), "60");
  });

  it("keeps what was written, or not, as its backend does", async () => {
    for (const backend of ["sled", "sqlite"]) {
      await rm(join(line.cwd, "data"), { recursive: true, force: true });
      await run(`storage_backend = "${backend}"`);
      assert.equal(await told("sessions", `storage_backend = "${backend}"`), "3");
    }
    await rm(join(line.cwd, "data"), { recursive: true });
    await run('storage_backend = "memory"');
    assert.equal(await told("sessions", 'storage_backend = "memory"'), "1");
    assert.equal(await told("sessions", "", { LLMSPELL_SESSIONS_BACKEND: "memory" }), "1");
    assert.equal(existsSync(join(line.cwd, "data")), false);
    const { code, stderr } = await run('storage_backend = "postgres"');
    assert.deepEqual([code, /runtime\.sessions\.storage_backend: must be one of/.test(stderr)], [2, true]);
  });

  it("keeps it where the variable says", async () => {
    assert.equal(await told("sessions", "", { LLMSPELL_SESSION_PATH: "elsewhere" }), "1");
    assert.equal(await told("sessions", "", { LLMSPELL_SESSION_PATH: "elsewhere" }), "3");
    assert.equal(existsSync(join(line.cwd, "data")), false);
    assert.equal(existsSync(join(line.cwd, "elsewhere")), true);
  });

  it("asks a server where one is named, or where nothing of rs-llmspell's is there", async () => {
    for (const [keys, env] of [
      ["enabled = true", { SOJOURN_URL: "http://127.0.0.1:1" }],
      ["", {}],
    ] as const) {
      await writeFile(join(line.cwd, "sojourn.toml"), keys === "" ? "" : `[runtime.sessions]\n${keys}\n`);
      await writeFile(join(line.cwd, "asks.lua"), "Session.list()");
      const { code } = await line.run(["run", "asks.lua"], { env });
      if (keys !== "") assert.equal(code, 5);
      assert.equal(existsSync(join(line.cwd, "data")), false);
    }
  });
});
