import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { type Config, type ConfigSources, loadConfig } from "./config.ts";

describe("loadConfig()", () => {
  let cwd = "";
  const made: string[] = [];
  beforeEach(() => {
    cwd = mkdtempSync(join(tmpdir(), "sojourn-config-"));
    made.push(cwd);
  });
  after(() => {
    for (const directory of made) rmSync(directory, { recursive: true });
  });

  const write = (text: string, name = "sojourn.toml"): void => writeFileSync(join(cwd, name), text);
  const load = (sources: Omit<ConfigSources, "cwd"> = {}): Config => {
    const loaded = loadConfig({ cwd, ...sources });
    assert.ok("config" in loaded, JSON.stringify(loaded));
    return loaded.config;
  };
  const faults = (sources: Omit<ConfigSources, "cwd"> = {}): readonly string[] => {
    const loaded = loadConfig({ cwd, ...sources });
    assert.ok("faults" in loaded, "expected faults");
    return loaded.faults.map(({ source, message }) => `${source}: ${message}`);
  };

  it("has a default for everything but the limits that are off", () => {
    assert.deepEqual(load(), {
      port: 7070,
      host: "127.0.0.1",
      webhookTargets: "public",
      data: join(cwd, "data"),
      storage: "directory",
      durability: "full",
      logLevel: "info",
      cleanupIdleSeconds: 900,
      idleTimeoutSeconds: 86_400,
      maxMetadataBytes: 65_536,
      modelTimeoutSeconds: 60,
      modelMaxOutputTokens: 2_048,
      systemPrompt: "You are a helpful assistant.",
      windowTokens: 8_000,
      autoCompact: "on",
      temporaryIdleSeconds: 1_800,
      maxArtifactBytes: 104_857_600,
      maxArtifactsPerSession: 1_000,
      maxArtifactBytesPerSession: 10_737_418_240,
      artifactCompressionThreshold: 10_240,
      watchApps: "on",
      appSessionIdleSeconds: 3_600,
      trustedApps: "pizzastack",
      taskTimeoutSeconds: 300,
      workerIdleSeconds: 300,
      workerMemoryMib: 512,
      spareWorkers: 2,
      sandbox: "auto",
      sandboxMinimum: "process",
      whenParentEnds: "nothing",
      retentionStatuses: "completed,failed,expired",
      retentionKeepLatest: 0,
      maxBodyBytes: 1_048_576,
      maxFailedAttempts: 100,
      sweepIntervalMs: 1_000,
      shutdownTimeoutSeconds: 10,
      bodyTimeoutSeconds: 30,
      maxConnections: 20_000,
      maxRequestsInHand: 2_000,
      maxBodyBytesInHand: 134_217_728,
    });
  });

  it("prefers a flag to the environment, that to the file, that to the default", () => {
    write("port = 1\nhost = 'file'\ndata = '/file'\n");
    const env = { SOJOURN_PORT: "2", SOJOURN_HOST: "env" };
    const { port, host, data, durability } = load({ flags: { port: "3" }, env });
    assert.deepEqual({ port, host, data, durability }, { port: 3, host: "env", data: "/file", durability: "full" });
  });

  it("reads every option from each of the three places", () => {
    const values = {
      port: 0,
      host: "::1",
      data: "/elsewhere",
      storage: "temporary",
      durability: "none",
      webhook_targets: "any",
      log_level: "debug",
      max_sessions: 5,
      cleanup_idle_seconds: 0,
      idle_timeout_seconds: 60,
      max_metadata_bytes: 2,
      model: "openai:llama3:8b",
      model_base_url: "http://127.0.0.1:1/v1",
      model_api_key: "secret",
      model_timeout_seconds: 1,
      model_max_output_tokens: 1,
      system_prompt: "Be brief.",
      window_tokens: 100,
      auto_compact: "off",
      temporary_idle_seconds: 1,
      max_artifact_bytes: 1,
      max_artifacts_per_session: 2,
      max_artifact_bytes_per_session: 3,
      artifact_compression_threshold: 0,
      artifact_roots: "/a,/b c",
      apps: "/apps, a-package",
      watch_apps: "off",
      trusted_apps: "a, b/c",
      app_session_idle_seconds: 60,
      data_folders: "/data",
      task_timeout_seconds: 1,
      worker_idle_seconds: 2,
      worker_memory_mib: 64,
      workers_memory_mib: 128,
      spare_workers: 0,
      sandbox: "process",
      sandbox_minimum: "bubblewrap",
      when_parent_ends: "suspend",
      retention_days: 1,
      retention_statuses: "failed,expired",
      retention_keep_latest: 5,
      retention_max_sessions: 0,
      retention_max_artifact_bytes: 6,
      topic_max_messages: 7,
      topic_retention_days: 8,
      max_body_bytes: 1_024,
      max_store_bytes: 1_048_576,
      first_key: "sjn",
      max_failed_attempts: 1,
      rate_limit_reads: 2,
      rate_limit_writes: 3,
      cors_origins: "https://a.example, http://b.example:81",
      sweep_interval_ms: 10,
      shutdown_timeout_seconds: 1,
      body_timeout_seconds: 1,
      max_connections: 1,
      max_requests_in_hand: 1,
      max_body_bytes_in_hand: 1_024,
    };
    const expected = {
      port: 0,
      host: "::1",
      data: "/elsewhere",
      storage: "temporary",
      durability: "none",
      webhookTargets: "any",
      logLevel: "debug",
      maxSessions: 5,
      cleanupIdleSeconds: 0,
      idleTimeoutSeconds: 60,
      maxMetadataBytes: 2,
      model: "openai:llama3:8b",
      modelBaseUrl: "http://127.0.0.1:1/v1",
      modelApiKey: "secret",
      modelTimeoutSeconds: 1,
      modelMaxOutputTokens: 1,
      systemPrompt: "Be brief.",
      windowTokens: 100,
      autoCompact: "off",
      temporaryIdleSeconds: 1,
      maxArtifactBytes: 1,
      maxArtifactsPerSession: 2,
      maxArtifactBytesPerSession: 3,
      artifactCompressionThreshold: 0,
      artifactRoots: "/a,/b c",
      apps: "/apps, a-package",
      watchApps: "off",
      trustedApps: "a, b/c",
      appSessionIdleSeconds: 60,
      dataFolders: "/data",
      taskTimeoutSeconds: 1,
      workerIdleSeconds: 2,
      workerMemoryMib: 64,
      workersMemoryMib: 128,
      spareWorkers: 0,
      sandbox: "process",
      sandboxMinimum: "bubblewrap",
      whenParentEnds: "suspend",
      retentionDays: 1,
      retentionStatuses: "failed,expired",
      retentionKeepLatest: 5,
      retentionMaxSessions: 0,
      retentionMaxArtifactBytes: 6,
      topicMaxMessages: 7,
      topicRetentionDays: 8,
      maxBodyBytes: 1_024,
      maxStoreBytes: 1_048_576,
      firstKey: "sjn",
      maxFailedAttempts: 1,
      rateLimitReads: 2,
      rateLimitWrites: 3,
      corsOrigins: "https://a.example, http://b.example:81",
      sweepIntervalMs: 10,
      shutdownTimeoutSeconds: 1,
      bodyTimeoutSeconds: 1,
      maxConnections: 1,
      maxRequestsInHand: 1,
      maxBodyBytesInHand: 1_024,
    };
    const texts = Object.entries(values).map(([name, value]) => [name, `${value}`] as const);
    assert.deepEqual(load({ flags: Object.fromEntries(texts) }), expected);
    const env = Object.fromEntries(texts.map(([name, text]) => [`SOJOURN_${name.toUpperCase()}`, text]));
    assert.deepEqual(load({ env }), expected);
    write(
      Object.entries(values)
        .map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
        .join("\n"),
    );
    assert.deepEqual(load(), expected);
  });

  it("takes the key of a model from its maker's variable, and never for another address", () => {
    const env = { OPENAI_API_KEY: "of openai", ANTHROPIC_API_KEY: "of anthropic", GOOGLE_GENERATIVE_AI_API_KEY: "" };
    const keyOf = (flags: Record<string, string>) => load({ flags, env }).modelApiKey;
    assert.equal(keyOf({ model: "openai:gpt-5" }), "of openai");
    assert.equal(keyOf({ model: "anthropic:claude" }), "of anthropic");
    assert.equal(keyOf({ model: "google:gemini" }), undefined);
    assert.equal(keyOf({}), undefined);
    assert.equal(keyOf({ model: "openai:x", model_base_url: "http://127.0.0.1:1/v1" }), undefined);
    const own = load({ flags: { model: "openai:x" }, env: { ...env, SOJOURN_MODEL_API_KEY: "own" } });
    assert.equal(own.modelApiKey, "own");
  });

  it("refuses a model that is none, and an address that is none", () => {
    for (const model of ["gpt-5", "openai:", "openai: x", "meta:llama", " "]) {
      assert.match(faults({ flags: { model } })[0] ?? "", /must be a provider and its model, such as openai:gpt-5/);
    }
    for (const model_base_url of ["127.0.0.1:1", "ftp://a", "x"]) {
      assert.match(faults({ flags: { model_base_url } })[0] ?? "", /must be an http or https address/);
    }
  });

  it("takes a relative data directory from the working directory on", () => {
    assert.equal(load({ flags: { data: "sub/store" } }).data, join(cwd, "sub", "store"));
    assert.equal(load({ flags: { artifact_roots: "in, /abs" } }).artifactRoots, `${join(cwd, "in")},/abs`);
    assert.equal(load({ flags: { data_folders: "sets" } }).dataFolders, join(cwd, "sets"));
  });

  it("refuses directories without a name, and words that are not among those it knows", () => {
    for (const artifact_roots of ["", " ", "a,,b", "a\0"]) {
      assert.match(faults({ flags: { artifact_roots } })[0] ?? "", /must name directories, separated by commas/);
    }
    for (const retention_statuses of ["", "active", "failed;expired", "failed,"]) {
      assert.match(
        faults({ flags: { retention_statuses } })[0] ?? "",
        /must be some of completed, failed, expired, not "/,
      );
    }
  });

  it("refuses numbers that are not plain digits within the range", () => {
    for (const port of [
      "",
      " 5",
      "5 ",
      "1e3",
      "0x10",
      "5.5",
      "+5",
      "1_000",
      "-1",
      "65536",
      "٣",
      "99999999999999999999",
    ]) {
      const [fault] = faults({ flags: { port } });
      const got = /^-?\d+$/.test(port) ? port : JSON.stringify(port);
      assert.equal(fault, `--port: must be a whole number from 0 to 65535, not ${got}`);
    }
    const [fault] = faults({ env: { SOJOURN_MAX_STORE_BYTES: "9007199254740993" } });
    assert.equal(fault, "SOJOURN_MAX_STORE_BYTES: must be a whole number of at least 1048576, not 9007199254740993");
  });

  it("takes * or whole origins, and nothing else, for the pages that may call", () => {
    assert.equal(load({ flags: { cors_origins: "*" } }).corsOrigins, "*");
    for (const origins of [
      "",
      "a.example",
      "https://a.example/",
      "https://a.example/x",
      "*,https://a.example",
      "https://*.example",
      "null",
    ]) {
      const [fault = ""] = faults({ flags: { cors_origins: origins } });
      assert.match(fault, /^--cors-origins: must be \* or origins such as .+, not "/);
    }
  });

  it("repeats no secret", () => {
    const [fault] = faults({ env: { SOJOURN_FIRST_KEY: " " } });
    assert.equal(fault, "SOJOURN_FIRST_KEY: must be text that is not empty, not what was given");
  });

  it("refuses values of another type in the file", () => {
    write('port = "7070"\nmax_sessions = 5.0\nhost = 5\nlog_level = "Debug"\ndata = []\nsweep_interval_ms = { a = 1 }');
    assert.deepEqual(faults(), [
      'sojourn.toml: port: must be a whole number from 0 to 65535, not the text "7070"',
      "sojourn.toml: host: must be text that is not empty, not 5",
      "sojourn.toml: data: must name a directory, not an array",
      'sojourn.toml: log_level: must be one of trace, debug, info, warn, error, fatal, silent, not "Debug"',
      "sojourn.toml: max_sessions: must be a whole number from 1 to 1000000000, not 5 with a fraction",
      "sojourn.toml: sweep_interval_ms: must be a whole number from 10 to 3600000, not a table or a date",
    ]);
  });

  it("tells all faults of all sources at once, also of a value that another overrides", () => {
    write("port = -1\nmax_sesions = 5\nfrobnicate = 1\n");
    const env = { SOJOURN_PORT: "x", SOJOURN_HOST: " ", SOJOURN_DURABILITY: "some" };
    assert.deepEqual(faults({ flags: { port: "1" }, env }), [
      "sojourn.toml: max_sesions: is not an option; did you mean max_sessions?",
      "sojourn.toml: frobnicate: is not an option; the keys are listed by: sojourn serve --help",
      'SOJOURN_PORT: must be a whole number from 0 to 65535, not "x"',
      "sojourn.toml: port: must be a whole number from 0 to 65535, not -1",
      'SOJOURN_HOST: must be text that is not empty, not " "',
      'SOJOURN_DURABILITY: must be one of full, none, not "some"',
    ]);
  });

  it("ignores variables that are not options", () => {
    assert.equal(load({ env: { SOJOURN_PORT_7070_TCP: "tcp://10.0.0.1:7070", SOJOURN_SERVICE_HOST: "x" } }).port, 7070);
  });

  it("reads another file where it is told to, by flag or variable, and then it must exist", () => {
    write("port = 1");
    write("port = 2", "two.toml");
    assert.equal(load({ flags: { config: "two.toml" } }).port, 2);
    assert.equal(load({ env: { SOJOURN_CONFIG: join(cwd, "two.toml") } }).port, 2);
    assert.deepEqual(faults({ flags: { config: "three.toml" } }), ["--config: three.toml does not exist"]);
    assert.deepEqual(faults({ env: { SOJOURN_CONFIG: "three.toml" } }), ["SOJOURN_CONFIG: three.toml does not exist"]);
    assert.deepEqual(faults({ flags: { config: "" } }), ['--config: must name a file, not ""']);
  });

  it("says what is wrong with a file that it cannot read, and where in it", () => {
    write("port = 1\nport = 2");
    const [fault, ...others] = faults({ flags: { host: "" } });
    assert.match(fault ?? "", /^sojourn\.toml: is not TOML: .+ \(line 2, column \d+\)$/);
    assert.deepEqual(others, ['--host: must be text that is not empty, not ""']);
    mkdirSync(join(cwd, "sub"));
    assert.deepEqual(faults({ flags: { config: "sub" } }), ["--config: sub is a directory, not a file"]);
  });

  it("reads the tables of templates, with values as JSON has them", () => {
    write(`
      [templates.research]
      name_prefix = "Research: "
      tags = ["research"]
      idle_timeout_seconds = "never"
      max_lifetime_seconds = 3600
      metadata = { team = "labs", deep = { on = true, ratio = 0.5, list = [1, 2] } }
      [templates.none]
      idle_timeout_seconds = 1.5
    `);
    assert.deepEqual(load().templates, {
      research: {
        namePrefix: "Research: ",
        tags: ["research"],
        idleTimeoutSeconds: null,
        maxLifetimeSeconds: 3_600,
        metadata: { team: "labs", deep: { on: true, ratio: 0.5, list: [1, 2] } },
      },
      none: { idleTimeoutSeconds: 1.5 },
    });
  });

  it("says what is wrong with a template, and where", () => {
    write(`
      [templates]
      a = 1
      [templates.b]
      name_prefix = 1
      tags = ["x", 1]
      idle_timeout_seconds = "soon"
      max_lifetime_seconds = inf
      metadata = { at = 2026-01-01 }
      constructor = 1
      [templates.c]
      max_lifetime_seconds = 9007199254740992
      metadata = { list = [9007199254740992] }
    `);
    const json = "must be a table that JSON could hold: no dates, and no integers past 2^53 − 1";
    assert.deepEqual(faults(), [
      "sojourn.toml: templates.a: must be a table",
      "sojourn.toml: templates.b.name_prefix: must be text",
      "sojourn.toml: templates.b.tags: must be an array of texts",
      'sojourn.toml: templates.b.idle_timeout_seconds: must be a number of seconds, or "never"',
      "sojourn.toml: templates.b.max_lifetime_seconds: must be a number of seconds",
      `sojourn.toml: templates.b.metadata: ${json}`,
      "sojourn.toml: templates.b.constructor: is none of name_prefix, tags, metadata, idle_timeout_seconds, limits, apps, max_lifetime_seconds",
      "sojourn.toml: templates.c.max_lifetime_seconds: must be a number of seconds",
      `sojourn.toml: templates.c.metadata: ${json}`,
    ]);
    write("templates = [1]");
    assert.deepEqual(faults(), ["sojourn.toml: templates: must be a table of tables, such as [templates.research]"]);
  });

  it("treats keys that every object has as unknown", () => {
    write("constructor = 1\ntoString = 2");
    assert.equal(faults().length, 2);
  });
});
