import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Config, loadConfig } from "./config.ts";

describe("the configuration of rs-llmspell", () => {
  let cwd = "";
  before(() => {
    cwd = mkdtempSync(join(tmpdir(), "sojourn-llmspell-"));
  });
  after(() => rmSync(cwd, { recursive: true }));

  const load = (file: string, env: Readonly<Record<string, string>> = {}): Config => {
    writeFileSync(join(cwd, "sojourn.toml"), file);
    const loaded = loadConfig({ cwd, env });
    assert.ok("config" in loaded, JSON.stringify(loaded));
    return loaded.config;
  };
  const faults = (file: string, env: Readonly<Record<string, string>> = {}): readonly string[] => {
    writeFileSync(join(cwd, "sojourn.toml"), file);
    const loaded = loadConfig({ cwd, env });
    assert.ok("faults" in loaded, "expected faults");
    return loaded.faults.map(({ source, message }) => `${source}: ${message}`);
  };
  const ours = ({
    maxSessions,
    maxArtifactsPerSession,
    artifactCompressionThreshold,
    idleTimeoutSeconds,
    storage,
    data,
    isLlmspell,
  }: Config) => [
    maxSessions,
    maxArtifactsPerSession,
    artifactCompressionThreshold,
    idleTimeoutSeconds,
    storage,
    data,
    isLlmspell,
  ];

  it("is understood as it stands in its guide", () => {
    const config = load(`
      [runtime.sessions]
      enabled = true
      max_sessions = 100
      max_artifacts_per_session = 500
      artifact_compression_threshold = 2048
      session_timeout_seconds = 3600
      storage_backend = "sled"
    `);
    assert.deepEqual(ours(config), [100, 500, 2_048, 3_600, "directory", join(cwd, "data"), true]);
  });

  it("is understood from the environment, where it counts more than the file", () => {
    const env = {
      LLMSPELL_SESSIONS_ENABLED: "true",
      LLMSPELL_SESSIONS_MAX: "7",
      LLMSPELL_SESSIONS_MAX_ARTIFACTS: "8",
      LLMSPELL_SESSIONS_TIMEOUT_SECONDS: "9",
      LLMSPELL_SESSIONS_BACKEND: "memory",
      LLMSPELL_SESSION_PATH: "kept",
    };
    const config = load("max_sessions = 1\n[runtime.sessions]\nstorage_backend = 'sqlite'", env);
    assert.deepEqual(ours(config), [7, 8, 10_240, 9, "temporary", join(cwd, "kept"), true]);
  });

  it("counts less than our own names of the same", () => {
    const file = `
      max_sessions = 1
      idle_timeout_seconds = 2
      storage = "directory"
      [runtime.sessions]
      max_sessions = 100
      session_timeout_seconds = 3600
      storage_backend = "memory"
    `;
    assert.deepEqual(ours(load(file)).slice(0, 5), [1, 1_000, 10_240, 2, "directory"]);
    const env = {
      LLMSPELL_SESSIONS_MAX: "3",
      LLMSPELL_SESSION_PATH: "theirs",
      SOJOURN_MAX_SESSIONS: "4",
      SOJOURN_DATA: "own",
    };
    const { maxSessions, data } = load(file, env);
    assert.deepEqual([maxSessions, data], [4, join(cwd, "own")]);
  });

  it("is not there by our own names alone", () => {
    assert.equal(load("max_sessions = 1", { SOJOURN_DATA: "a", LLMSPELL_OTHER: "b" }).isLlmspell, undefined);
  });

  it("has the keys and the range of values that we know, and says which is wrong", () => {
    assert.deepEqual(
      faults(
        `
        [runtime]
        default_engine = "lua"
        [runtime.sessions]
        enabled = false
        max_sessions = 0
        max_artifacts_per_session = "many"
        artifact_compression_threshold = -1
        session_timeout_seconds = 0.5
        storage_backend = "postgres"
        max_session = 3
        colour = "blue"
        `,
        {
          LLMSPELL_SESSIONS_ENABLED: "no",
          LLMSPELL_SESSIONS_MAX: "ten",
          LLMSPELL_SESSIONS_BACKEND: "rocksdb",
          LLMSPELL_SESSION_PATH: "",
        },
      ).toSorted(),
      [
        'LLMSPELL_SESSIONS_BACKEND: must be one of memory, sled, sqlite, not "rocksdb"',
        "LLMSPELL_SESSIONS_ENABLED: must be true or false",
        'LLMSPELL_SESSIONS_MAX: must be a whole number from 1 to 1000000000, not "ten"',
        'LLMSPELL_SESSION_PATH: must name a directory, not ""',
        "sojourn.toml: runtime.default_engine: is not an option; of rs-llmspell's, those of [runtime.sessions] are",
        "sojourn.toml: runtime.sessions.artifact_compression_threshold: must be a whole number of at least 0, not -1",
        "sojourn.toml: runtime.sessions.colour: is not among rs-llmspell's keys that are understood; they are enabled, max_sessions, max_artifacts_per_session, artifact_compression_threshold, session_timeout_seconds, storage_backend",
        "sojourn.toml: runtime.sessions.enabled: is false: sessions are off, and nothing else is here; leave it out",
        'sojourn.toml: runtime.sessions.max_artifacts_per_session: must be a whole number from 1 to 10000000, not the text "many"',
        "sojourn.toml: runtime.sessions.max_session: is not among rs-llmspell's keys that are understood; did you mean max_sessions?",
        "sojourn.toml: runtime.sessions.max_sessions: must be a whole number from 1 to 1000000000, not 0",
        "sojourn.toml: runtime.sessions.session_timeout_seconds: must be a whole number from 1 to 315360000, not 0.5",
        'sojourn.toml: runtime.sessions.storage_backend: must be one of memory, sled, sqlite, not "postgres"',
      ],
    );
    assert.deepEqual(faults("runtime = 1"), ["sojourn.toml: runtime: must be a table"]);
    assert.deepEqual(faults("[runtime]\nsessions = []"), ["sojourn.toml: runtime.sessions: must be a table"]);
    assert.match(faults("[runtime.sessions]\nenabled = 'yes'")[0] ?? "", /must be true or false$/);
    assert.match(faults("", { LLMSPELL_SESSIONS_ENABLED: "false" })[0] ?? "", /^LLMSPELL_SESSIONS_ENABLED: is false/);
  });
});
