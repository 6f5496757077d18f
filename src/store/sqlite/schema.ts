import type { DatabaseSync } from "node:sqlite";
import { SojournError } from "../../engine/errors.ts";

const NO_CONVERSATION = '{"messages":0,"turns":0,"isAwaiting":false,"openCalls":[],"compactedThrough":0,"tokens":0}';

/** A JSON column with a session's record at `path`, and with the memory that records had not from the beginning. */
function withMemory(column: string, path: string): string {
  return `json_set(${column}, '${path}.conversation', json('${NO_CONVERSATION}'), '${path}.workingMemory', json('{}'),
    '${path}.metrics.inputTokens', 0, '${path}.metrics.outputTokens', 0)`;
}

/** A JSON column with a session's record at `path`, and with the artifacts and checkpoints that records had not either. */
function withArtifacts(column: string, path: string): string {
  return `json_set(${column}, '${path}.artifacts', json('{"count":0,"bytes":0}'), '${path}.checkpoints', json('{}'))`;
}

const NO_WORK = '{"apps":{},"tasks":[],"usage":{"calls":0,"busyUs":0,"idleUs":0,"memoryPeakBytes":0}}';

/** A JSON column with a session's record at `path`, and with the work that records had not before apps. */
function withWork(column: string, path: string): string {
  return `json_set(${column}, '${path}.work', json('${NO_WORK}'))`;
}

/**
 * The numbered migrations: the first makes version 1 of the schema, and so on. A landed one never changes.
 *
 * Times are microseconds since the epoch, hashes and salts are raw bytes. `n` is a stream's number within this file.
 */
const MIGRATIONS: readonly string[] = [
  `
  -- What a log belongs to, and where the log ends.
  CREATE TABLE streams (
    n INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    head_seq INTEGER NOT NULL,
    head_hash BLOB NOT NULL,
    UNIQUE (tenant, kind, id)
  ) STRICT;

  -- Positions order all operations as they were committed. AUTOINCREMENT: a cursor must never meet a number again.
  CREATE TABLE operations (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    stream INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL,
    duration_us INTEGER,
    outcome TEXT NOT NULL,
    used TEXT NOT NULL,
    made TEXT NOT NULL,
    payload INTEGER NOT NULL,
    payload_digest BLOB NOT NULL,
    hash BLOB NOT NULL,
    UNIQUE (stream, seq)
  ) STRICT;

  -- A payload that was erased has neither salt nor body; its row stays, to tell an erasure from a loss.
  CREATE TABLE payloads (n INTEGER PRIMARY KEY, salt BLOB, body TEXT) STRICT;

  -- The folded record of each session, of its stream's head.
  CREATE TABLE sessions (
    n INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    status TEXT NOT NULL,
    name TEXT,
    description TEXT,
    tags TEXT NOT NULL,
    metadata TEXT NOT NULL,
    parent_session_id TEXT,
    reason TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    last_activity INTEGER NOT NULL,
    ended_at INTEGER,
    idle_timeout_us INTEGER,
    max_lifetime_us INTEGER,
    -- Far in the future where there is none.
    expires_at INTEGER NOT NULL,
    request_count INTEGER NOT NULL,
    error_count INTEGER NOT NULL,
    processing_time_us INTEGER NOT NULL,
    name_key TEXT GENERATED ALWAYS AS (coalesce(name, '')) VIRTUAL
  ) STRICT;
  -- Each ends with n, the rowid, so that a keyset page seeks straight to its first row.
  CREATE INDEX sessions_by_created ON sessions (tenant, created_at);
  CREATE INDEX sessions_by_updated ON sessions (tenant, updated_at);
  CREATE INDEX sessions_by_activity ON sessions (tenant, last_activity);
  CREATE INDEX sessions_by_name ON sessions (tenant, name_key);
  CREATE INDEX sessions_of_user ON sessions (tenant, user_id, created_at);
  CREATE INDEX sessions_of_user_by_activity ON sessions (tenant, user_id, last_activity);
  CREATE INDEX sessions_of_status ON sessions (tenant, status, created_at);
  CREATE INDEX sessions_of_parent ON sessions (tenant, parent_session_id, created_at)
    WHERE parent_session_id IS NOT NULL;
  CREATE INDEX sessions_open ON sessions (tenant, last_activity) WHERE status IN ('active', 'suspended');
  CREATE INDEX sessions_due ON sessions (expires_at) WHERE status IN ('active', 'suspended');

  -- How many sessions are stored in each status, so that a limit costs one look-up.
  CREATE TABLE session_counts (
    tenant TEXT NOT NULL,
    status TEXT NOT NULL,
    sessions INTEGER NOT NULL,
    PRIMARY KEY (tenant, status)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER count_born AFTER INSERT ON sessions BEGIN
    INSERT INTO session_counts VALUES (new.tenant, new.status, 1)
      ON CONFLICT DO UPDATE SET sessions = sessions + 1;
  END;
  CREATE TRIGGER count_moved AFTER UPDATE OF status ON sessions WHEN old.status <> new.status BEGIN
    UPDATE session_counts SET sessions = sessions - 1 WHERE tenant = old.tenant AND status = old.status;
    INSERT INTO session_counts VALUES (new.tenant, new.status, 1)
      ON CONFLICT DO UPDATE SET sessions = sessions + 1;
  END;
  CREATE TRIGGER count_gone AFTER DELETE ON sessions BEGIN
    UPDATE session_counts SET sessions = sessions - 1 WHERE tenant = old.tenant AND status = old.status;
  END;

  -- Which session a name points to.
  CREATE TABLE names (
    tenant TEXT NOT NULL,
    session_id TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (tenant, session_id)
  ) STRICT, WITHOUT ROWID;

  -- The tags that a session has or had: from seq on, until gone_seq.
  CREATE TABLE tags (
    tenant TEXT NOT NULL,
    tag TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    n INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    gone_seq INTEGER,
    PRIMARY KEY (tenant, tag, created_at, n, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tags_of_session ON tags (n, tag);

  -- Records of the past, from which a fold may start.
  CREATE TABLE snapshots (
    stream INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (stream, seq)
  ) STRICT, WITHOUT ROWID;

  -- Answers of writes, by idempotency key.
  CREATE TABLE remembered (
    n INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    answer TEXT NOT NULL,
    at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    about INTEGER,
    UNIQUE (tenant, scope, key)
  ) STRICT;
  CREATE INDEX remembered_until ON remembered (expires_at);
  CREATE INDEX remembered_about ON remembered (about) WHERE about IS NOT NULL;
  `,
  `
  -- Whether requests need a key, and how often that or a key was changed. One row.
  CREATE TABLE access (version INTEGER NOT NULL, mode TEXT NOT NULL) STRICT;
  INSERT INTO access VALUES (0, 'local');

  -- What is kept of each key. tenant is the one that streams name, tenant_name what its operator calls it.
  CREATE TABLE keys (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    tenant_name TEXT NOT NULL,
    name TEXT,
    scopes TEXT NOT NULL,
    digest BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    revoked_by TEXT,
    last_used_at INTEGER
  ) STRICT;
  CREATE INDEX keys_of_tenant ON keys (tenant_name);
  `,
  `
  ALTER TABLE sessions ADD COLUMN temporary INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sessions ADD COLUMN input_tokens INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sessions ADD COLUMN output_tokens INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sessions ADD COLUMN conversation TEXT NOT NULL DEFAULT '${NO_CONVERSATION}';
  ALTER TABLE sessions ADD COLUMN working_memory TEXT NOT NULL DEFAULT '{}';

  -- Lists are of temporary sessions or of all others, so that many of the ones never slow down the list of the others.
  DROP INDEX sessions_by_created;
  DROP INDEX sessions_by_updated;
  DROP INDEX sessions_by_activity;
  DROP INDEX sessions_by_name;
  DROP INDEX sessions_of_user;
  DROP INDEX sessions_of_user_by_activity;
  DROP INDEX sessions_of_status;
  DROP INDEX sessions_of_parent;
  DROP INDEX sessions_open;
  CREATE INDEX sessions_by_created ON sessions (tenant, temporary, created_at);
  CREATE INDEX sessions_by_updated ON sessions (tenant, temporary, updated_at);
  CREATE INDEX sessions_by_activity ON sessions (tenant, temporary, last_activity);
  CREATE INDEX sessions_by_name ON sessions (tenant, temporary, name_key);
  CREATE INDEX sessions_of_user ON sessions (tenant, temporary, user_id, created_at);
  CREATE INDEX sessions_of_user_by_activity ON sessions (tenant, temporary, user_id, last_activity);
  CREATE INDEX sessions_of_status ON sessions (tenant, temporary, status, created_at);
  CREATE INDEX sessions_of_parent ON sessions (tenant, temporary, parent_session_id, created_at)
    WHERE parent_session_id IS NOT NULL;
  CREATE INDEX sessions_open ON sessions (tenant, temporary, last_activity) WHERE status IN ('active', 'suspended');

  -- Where a session's messages stand: the operation that brought each, and its place among those of that operation.
  CREATE TABLE messages (
    stream INTEGER NOT NULL,
    number INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (stream, number)
  ) STRICT, WITHOUT ROWID;

  -- The folded records of streams that are no sessions, as JSON.
  CREATE TABLE records (n INTEGER PRIMARY KEY, record TEXT NOT NULL) STRICT;

  -- Records that were kept whole know nothing of conversations yet.
  UPDATE snapshots SET record = ${withMemory("record", "$")};
  UPDATE remembered SET answer = ${withMemory("answer", "$.record")}
    WHERE json_type(answer, '$.record.sessionId') = 'text';
  UPDATE remembered SET answer = ${withMemory("answer", "$.session.record")}
    WHERE json_type(answer, '$.session.record.sessionId') = 'text';
  `,
  `
  ALTER TABLE sessions ADD COLUMN artifact_count INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sessions ADD COLUMN artifact_bytes INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sessions ADD COLUMN checkpoints TEXT NOT NULL DEFAULT '{}';
  -- Of a fork: where its history comes from, as JSON.
  ALTER TABLE sessions ADD COLUMN origin TEXT;

  -- Bytes, once for a tenant, as long as an artifact refers to them: either here or in a file of that name. chunks has for
  -- each piece the 32 bytes of its digest and the 4 of its stored size.
  CREATE TABLE contents (
    n INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    stored_size INTEGER NOT NULL,
    chunks BLOB NOT NULL,
    file TEXT,
    body BLOB,
    UNIQUE (tenant, digest)
  ) STRICT;
  CREATE INDEX contents_in_files ON contents (file) WHERE file IS NOT NULL;

  -- Files that nothing refers to any more, and that may still be there.
  CREATE TABLE abandoned_files (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TRIGGER file_abandoned AFTER DELETE ON contents WHEN old.file IS NOT NULL BEGIN
    INSERT INTO abandoned_files VALUES (old.file) ON CONFLICT DO NOTHING;
  END;

  -- The artifacts that a session has or had: from seq on, until gone_seq. What else is known of one is in the payload.
  CREATE TABLE artifacts (
    stream INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    gone_seq INTEGER,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    type TEXT NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    tags TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (stream, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX artifacts_by_id ON artifacts (stream, id);
  CREATE UNIQUE INDEX artifacts_by_name ON artifacts (stream, name, version);
  CREATE INDEX artifacts_of_content ON artifacts (digest) WHERE gone_seq IS NULL;

  -- With which sessions, by their uid, artifacts are or were shared.
  CREATE TABLE grants (
    stream INTEGER NOT NULL,
    artifact TEXT NOT NULL,
    grantee TEXT NOT NULL,
    permission TEXT NOT NULL,
    seq INTEGER NOT NULL,
    gone_seq INTEGER,
    PRIMARY KEY (stream, artifact, grantee, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX grants_to ON grants (stream, grantee) WHERE gone_seq IS NULL;

  -- Streams that share payloads: forks, and those that were forked, by the stream that the first of them was.
  CREATE TABLE forks (n INTEGER PRIMARY KEY, root INTEGER NOT NULL) STRICT;
  CREATE INDEX forks_of_root ON forks (root);

  -- Sessions that ended, and about whose end something is still to be done.
  CREATE TABLE unsettled (n INTEGER PRIMARY KEY) STRICT;

  CREATE INDEX sessions_by_end ON sessions (tenant, ended_at, created_at) WHERE ended_at IS NOT NULL;

  -- Records that were kept whole know nothing of artifacts yet.
  UPDATE snapshots SET record = ${withArtifacts("record", "$")} WHERE json_type(record, '$.sessionId') = 'text';
  UPDATE remembered SET answer = ${withArtifacts("answer", "$.record")}
    WHERE json_type(answer, '$.record.sessionId') = 'text';
  UPDATE remembered SET answer = ${withArtifacts("answer", "$.session.record")}
    WHERE json_type(answer, '$.session.record.sessionId') = 'text';
  `,
  `
  -- What a session does by apps, as JSON.
  ALTER TABLE sessions ADD COLUMN work TEXT NOT NULL DEFAULT '${NO_WORK}';
  CREATE INDEX sessions_at_work ON sessions (n) WHERE work <> '${NO_WORK}';

  -- The tasks of a session: from the operation with the call, seq, until the one that has the outcome, gone_seq.
  CREATE TABLE tasks (
    stream INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    gone_seq INTEGER,
    id TEXT NOT NULL,
    PRIMARY KEY (stream, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tasks_by_id ON tasks (id);
  CREATE INDEX tasks_open ON tasks (stream) WHERE gone_seq IS NULL;

  -- Records that were kept whole know nothing of apps yet.
  UPDATE snapshots SET record = ${withWork("record", "$")} WHERE json_type(record, '$.sessionId') = 'text';
  UPDATE remembered SET answer = ${withWork("answer", "$.record")}
    WHERE json_type(answer, '$.record.sessionId') = 'text';
  UPDATE remembered SET answer = ${withWork("answer", "$.session.record")}
    WHERE json_type(answer, '$.session.record.sessionId') = 'text';
  `,
  `
  -- The objects that tasks made: the place of each among those of its operation. Its data is in the payload.
  CREATE TABLE objects (
    stream INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    place INTEGER NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    -- Why it is degraded, as JSON.
    degradation TEXT,
    app TEXT NOT NULL,
    action TEXT NOT NULL,
    task TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (stream, seq, place)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX objects_by_id ON objects (stream, id);
  `,
  `
  -- How far readers of a stream have come. The stream need not be there yet.
  CREATE TABLE cursors (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    reader TEXT NOT NULL,
    position INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, id, reader)
  ) STRICT, WITHOUT ROWID;

  -- What agents do in sessions, what language models cost them, and what they may do, as JSON.
  ALTER TABLE sessions ADD COLUMN cost_nano_usd INTEGER;
  ALTER TABLE sessions ADD COLUMN agent_run TEXT;
  ALTER TABLE sessions ADD COLUMN limits TEXT;
  ALTER TABLE sessions ADD COLUMN apps TEXT;
  -- When time alone reaches the next of its limits.
  ALTER TABLE sessions ADD COLUMN limit_at INTEGER;
  CREATE INDEX sessions_limited ON sessions (limit_at) WHERE limit_at IS NOT NULL;
  `,
];

/** The version of the schema that this release writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Brings the schema to this release's version, in one transaction a step.
 *
 * @throws {SojournError} `store_newer` where a newer release wrote the file; nothing is changed
 */
export function migrate(db: DatabaseSync): void {
  const version = schemaVersion(db);
  if (version > SCHEMA_VERSION) {
    throw new SojournError("store_newer", {
      message: `The store has schema version ${version}, and this release of Sojourn knows ${SCHEMA_VERSION}`,
    });
  }
  for (const [i, sql] of MIGRATIONS.entries()) {
    if (i < version) continue;
    db.exec(`BEGIN IMMEDIATE; ${sql} PRAGMA user_version = ${i + 1}; COMMIT`);
  }
}

/** The version of the schema that a file has; 0 for one that is no store. */
export function schemaVersion(db: DatabaseSync): number {
  return Number(db.prepare("PRAGMA user_version").get()?.user_version);
}
