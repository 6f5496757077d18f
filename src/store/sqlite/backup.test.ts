import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Author, ManualClock, requests, sequentialIds, sha256 } from "../../conformance/index.ts";
import { Sessions } from "../../engine/sessions.ts";
import type { Store, Stream } from "../../engine/store.ts";
import { databaseFile } from "./connection.ts";
import { backUp, checkBackup, openSqliteStore, restore, saveBackup } from "./index.ts";
import { SCHEMA_VERSION } from "./schema.ts";

const release = "1.2.3-test";
const caller = { tenant: "t", actor: "tester" };
const MIB = 1_048_576;

describe("backUp()", () => {
  let scratch: string;
  let directory: string;
  let file: string;
  let restored: string;

  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), "sojourn-"));
    directory = join(scratch, "data");
    file = join(scratch, "backup");
    restored = join(scratch, "restored");
  });

  afterEach(() => {
    rmSync(scratch, { recursive: true });
  });

  const save = async () => await saveBackup(file, await backUp({ directory, release }));

  it("takes all that a store has, and says what that is", async () => {
    const store = openSqliteStore({ directory });
    const before = engineOn(store);
    const keyed = { idempotency: { scope: "POST /sessions", key: "k", request: "r" } };
    const first = await before.create(caller, { sessionId: "a", tags: ["x", "y"], metadata: { a: [1] } }, keyed);
    await before.create({ ...caller, tenant: "other" }, { sessionId: "a" });
    await before.create(caller, { sessionId: "b" });
    await before.update(caller, "a", { name: "A name", tags: ["y"] });
    await before.suspend(caller, "b");
    await before.create(caller, { sessionId: "gone" });
    await before.delete(caller, "gone");
    const manifest = await save();
    await before.create(caller, { sessionId: "later" });
    await store.close();
    assert.deepEqual(
      { ...manifest, created_at: undefined, files: undefined },
      {
        format: "sojourn-backup",
        version: 2,
        release,
        created_at: undefined,
        schema_version: SCHEMA_VERSION,
        holds: {
          tenants: 2,
          sessions: 3,
          sessions_by_status: { active: 2, suspended: 1, completed: 0, failed: 0, expired: 0 },
          operations: 5,
          last_position: 6,
          artifacts: 0,
          contents: 0,
        },
        compression: "zstd",
        files: undefined,
        contents: { files: 0, stored_bytes: 0, missing: 0 },
      },
    );
    assert.deepEqual(JSON.parse(readFileSync(file).toString("latin1").split("\n")[0] ?? ""), manifest);
    assert.deepEqual(await checkBackup(file), manifest);

    assert.deepEqual(await restore({ file, directory: restored }), manifest);
    const again = openSqliteStore({ directory: restored });
    const after = engineOn(again);
    assert.deepEqual(await after.create(caller, { sessionId: "a" }, keyed), { ...first, replayed: true });
    assert.deepEqual((await after.get(caller, "a", { at: 1 })).record, first.value.session.record);
    assert.equal((await after.get(caller, "a")).record.name, "A name");
    assert.equal(await after.find(caller, "later"), undefined);
    await assertSound(again);
    await after.create(caller, { sessionId: "fresh" });
    await again.close();
  });

  it("leaves nothing but the backup, which is for its owner alone", async () => {
    const store = openSqliteStore({ directory });
    await new Author(store).create();
    const before = readdirSync(directory);
    await save();
    assert.deepEqual(readdirSync(directory), before);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(scratch).sort(), ["backup", "data"]);
    await store.close();
    await restore({ file, directory: restored });
    assert.equal(statSync(restored).mode & 0o777, 0o700);
    assert.equal(statSync(databaseFile(restored)).mode & 0o777, 0o600);
  });

  it("takes one moment, with all that was acknowledged before, while writers go on", async () => {
    const store = openSqliteStore({ directory });
    const author = new Author(store);
    // Enough that packing takes many reads.
    for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 100 }, () => create(author)));
    const streams = await Promise.all(Array.from({ length: 32 }, () => create(author)));
    const done = new AbortController();
    let written = 0;
    const writers = streams.map(async (stream, i) => {
      for (let head = stream; !done.signal.aborted; written += 1) {
        head = await author.append(head, requests(1));
        streams[i] = head;
      }
    });
    // Some of what is in the log is in the database by then, and some is not.
    while (written < 1_000) await store.commit({ now: 1, parts: [] });
    const before = [...streams];
    const started = written;
    const backup = await backUp({ directory, release });
    assert.ok(written > started, "writes went on");
    await saveBackup(file, backup);
    done.abort();
    await Promise.all(writers);
    await store.close();
    await restore({ file, directory: restored });
    const again = openSqliteStore({ directory: restored });
    assert.equal(await assertSound(again, author.tenant), 1_032);
    for (const { ref, head } of before) {
      const found = await again.stream(ref);
      assert.ok(found !== undefined && found.head.seq >= head.seq, `${ref.id} has what was acknowledged before`);
    }
    assert.ok((await again.stream(before[0]?.ref ?? assert.fail()))?.head.seq !== streams[0]?.head.seq);
    await again.close();
  });

  it("works where no server has the store open, and leaves it as it is", async () => {
    const store = openSqliteStore({ directory });
    const stream = await new Author(store).create();
    await store.close();
    const before = readdirSync(directory);
    await save();
    assert.deepEqual(readdirSync(directory), before);
    await restore({ file, directory: restored });
    const again = openSqliteStore({ directory: restored });
    assert.deepEqual(await again.stream(stream.ref), stream);
    await again.close();
  });

  it("refuses a second one of the same store until the first is read or disposed of", async () => {
    const store = openSqliteStore({ directory });
    const first = backUp({ directory, release });
    const refused = { code: "store_in_use", message: "Another backup is under way", retryAfterMs: 10_000 };
    await assert.rejects(backUp({ directory, release }), refused);
    const backup = await first;
    await assert.rejects(backUp({ directory: join(directory, "."), release }), refused);
    await backup[Symbol.asyncDispose]();
    const second = await backUp({ directory, release });
    let size = 0;
    for await (const chunk of second) size += chunk.length;
    assert.equal(size, second.bytes);
    await (await backUp({ directory, release }))[Symbol.asyncDispose]();
    await store.close();
  });

  it("frees the store of a reader that goes away", async () => {
    const store = openSqliteStore({ directory });
    await new Author(store).create();
    for await (const _ of await backUp({ directory, release })) break;
    await save();
    await store.close();
  });

  it("ends when its signal is aborted, at whatever moment", async () => {
    const store = openSqliteStore({ directory });
    await new Author(store).create();
    const reason = new Error("enough");
    await assert.rejects(backUp({ directory, release, signal: AbortSignal.abort(reason) }), reason);
    const packing = new AbortController();
    const onProgress = (): void => packing.abort(reason);
    await assert.rejects(backUp({ directory, release, signal: packing.signal, onProgress }), reason);
    const reading = new AbortController();
    const backup = await backUp({ directory, release, signal: reading.signal });
    reading.abort(reason);
    await assert.rejects(saveBackup(file, backup, { signal: reading.signal }), reason);
    assert.deepEqual(readdirSync(scratch), ["data"]);
    await save();
    await store.close();
  });

  it("refuses a directory without a store, and makes none", async () => {
    await assert.rejects(backUp({ directory, release }), { code: "store_unavailable", message: /data/ });
    assert.equal(existsSync(directory), false);
    mkdirSync(directory);
    await assert.rejects(backUp({ directory, release }), { code: "store_unavailable", message: /data/ });
    assert.deepEqual(readdirSync(directory), []);
    writeFileSync(databaseFile(directory), "");
    await assert.rejects(backUp({ directory, release }), { code: "store_unavailable", message: /schema version 0/ });
  });

  it("refuses a store of a newer release, by its version", async () => {
    await openSqliteStore({ directory }).close();
    const db = new DatabaseSync(databaseFile(directory));
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    db.close();
    await assert.rejects(backUp({ directory, release }), {
      code: "store_newer",
      message: new RegExp(`${SCHEMA_VERSION + 1}\\b.*\\b${SCHEMA_VERSION}\\b`),
    });
  });

  it("says so when there is no room for it, and the store goes on", async (test) => {
    mkdirSync(directory);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", directory]);
    if (mounted.status !== 0) return test.skip(`cannot mount a small tmpfs here: ${mounted.stderr ?? mounted.error}`);
    try {
      const store = openSqliteStore({ directory });
      const author = new Author(store);
      const filler = join(directory, "filler");
      await create(author);
      // Moved into the database first, so that nothing but the packed content needs room.
      await (await backUp({ directory, release }))[Symbol.asyncDispose]();
      fillUp(filler);
      await assert.rejects(backUp({ directory, release }), { code: "storage_full", message: /disk is full/ });
      assert.equal(existsSync(file), false);
      rmSync(filler);
      await create(author);
      await save();
      await store.close();
    } finally {
      spawnSync("umount", ["-l", directory]);
    }
  });
});

describe("saveBackup()", () => {
  let scratch: string;

  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), "sojourn-"));
  });

  afterEach(() => {
    rmSync(scratch, { recursive: true });
  });

  it("gives no name to what is not whole", async () => {
    const whole = await bytesOfABackup(join(scratch, "data"));
    for (const bytes of [whole.subarray(0, -1), Buffer.from("no backup"), Buffer.alloc(0)]) {
      await assert.rejects(saveBackup(join(scratch, "backup"), streamOf(bytes)), { code: "invalid" });
      assert.deepEqual(readdirSync(scratch), ["data"]);
    }
    writeFileSync(join(scratch, "backup.partial"), "what a crash left");
    await saveBackup(join(scratch, "backup"), streamOf(whole));
    assert.deepEqual(readFileSync(join(scratch, "backup")), whole);
    assert.deepEqual(readdirSync(scratch).sort(), ["backup", "data"]);
  });

  it("never replaces a file", async () => {
    const whole = await bytesOfABackup(join(scratch, "data"));
    writeFileSync(join(scratch, "backup"), "dear");
    await assert.rejects(saveBackup(join(scratch, "backup"), streamOf(whole)), { code: "invalid", message: /"/ });
    assert.equal(readFileSync(join(scratch, "backup"), "utf8"), "dear");
    assert.deepEqual(readdirSync(scratch).sort(), ["backup", "data"]);
  });
});

function engineOn(store: Store): Sessions {
  return new Sessions({ store, clock: new ManualClock(), ids: sequentialIds(), digest: sha256 });
}

/** A session of a few pages. */
async function create(author: Author): Promise<Stream> {
  return await author.create({ description: "d".repeat(5_000) });
}

/** Verifies every session of a tenant; returns how many there are. */
async function assertSound(store: Store, tenant: string = caller.tenant): Promise<number> {
  const sessions = new Sessions({ store, clock: new ManualClock(), ids: sequentialIds(), digest: sha256 });
  let count = 0;
  for (let cursor: string | undefined, isLast = false; !isLast; ) {
    const { items, next } = await store.list({
      tenant,
      now: 1,
      sort: "created_at",
      order: "asc",
      limit: 500,
      ...(cursor && { cursor }),
    });
    for (const { ref } of items) assert.equal((await sessions.verify({ tenant, actor: "a" }, ref.id)).ok, true, ref.id);
    count += items.length;
    cursor = next;
    isLast = next === undefined;
  }
  return count;
}

async function bytesOfABackup(directory: string): Promise<Buffer> {
  const store = openSqliteStore({ directory });
  await new Author(store).create();
  const bytes = Buffer.concat(await Array.fromAsync(await backUp({ directory, release })));
  await store.close();
  return bytes;
}

async function* streamOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Leaves less than a page of a small disk. */
function fillUp(path: string): void {
  for (let size = MIB; size >= 4_096; size /= 2) {
    for (;;) {
      try {
        writeFileSync(path, Buffer.alloc(size), { flag: "a" });
      } catch {
        break;
      }
    }
  }
}
