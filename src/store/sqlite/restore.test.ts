import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { Blake3Hasher } from "@napi-rs/blake-hash";
import { toVersion3, toVersion4, toVersion5, toVersion6 } from "../../../tests/older-schema.ts";
import { Author } from "../../conformance/index.ts";
import { randomFrom } from "../../conformance/random.ts";
import type { Stream } from "../../engine/store.ts";
import type { BackupManifest } from "./backup-format.ts";
import { databaseFile } from "./connection.ts";
import { backUp, checkBackup, openSqliteStore, restore, saveBackup } from "./index.ts";
import { SCHEMA_VERSION } from "./schema.ts";

const PROGRAM = fileURLToPath(new URL("../../../tests/backup-process.ts", import.meta.url));

const SEED = 20_261;

const TRAILER_BYTES = 65;

describe("restore()", () => {
  let source: string;
  let whole: Buffer;
  let stream: Stream;
  let scratch: string;
  let file: string;
  let directory: string;

  before(async () => {
    source = mkdtempSync(join(tmpdir(), "sojourn-"));
    const store = openSqliteStore({ directory: source, durability: "none" });
    const author = new Author(store);
    for (let i = 0; i < 40; i++) stream = await author.create({ description: "d".repeat(2_000), metadata: { i } });
    whole = Buffer.concat(await Array.fromAsync(await backUp({ directory: source, release: "1.0.0" })));
    await store.close();
  });

  after(() => {
    rmSync(source, { recursive: true });
  });

  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), "sojourn-"));
    file = join(scratch, "backup");
    directory = join(scratch, "data");
  });

  afterEach(() => {
    rmSync(scratch, { recursive: true });
  });

  const assertRefused = async (bytes: Buffer, error: { readonly code: string; readonly message?: RegExp }) => {
    writeFileSync(file, bytes);
    await assert.rejects(checkBackup(file), error);
    await assert.rejects(restore({ file, directory }), error);
    assert.deepEqual(readdirSync(scratch), ["backup"], "nothing was created");
  };

  const assertRestored = async (path: string) => {
    const store = openSqliteStore({ directory: path });
    assert.deepEqual(await store.stream(stream.ref), stream);
    await store.close();
  };

  it(`finds any single bit that was changed, and creates nothing (seed ${SEED})`, async () => {
    const random = randomFrom(SEED);
    const start = whole.indexOf("\n") + 1;
    const end = whole.length - TRAILER_BYTES;
    const edges = [0, 1, start - 2, start - 1, start, start + 1, start + 4, end - 1, end, end + 1, whole.length - 2];
    const positions = [
      ...edges,
      whole.length - 1,
      ...Array.from({ length: 200 }, () => Math.floor(random() * whole.length)),
    ];
    for (const position of positions) {
      const bit = Math.floor(random() * 8);
      const bytes = Buffer.from(whole);
      bytes[position] = (bytes[position] ?? 0) ^ (1 << bit);
      writeFileSync(file, bytes);
      // Each is as good as the other at this, and the second one is the one that could do harm.
      await assert.rejects(restore({ file, directory }), { name: "SojournError" }, `bit ${bit} of byte ${position}`);
      if (position % 10 === 0) await assert.rejects(checkBackup(file), { name: "SojournError" });
      assert.deepEqual(readdirSync(scratch), ["backup"]);
    }
  });

  it("finds what was cut off or added, and says how much", async () => {
    const start = whole.indexOf("\n") + 1;
    const { length } = whole;
    for (const left of [start + TRAILER_BYTES, start + 1_000, length - TRAILER_BYTES, length - 2, length - 1]) {
      const message = new RegExp(`cut off: it has ${left} of ${length} bytes`);
      await assertRefused(whole.subarray(0, left), { code: "invalid", message });
    }
    for (const more of ["\n", "more", whole]) {
      const bytes = Buffer.concat([whole, Buffer.from(more)]);
      const message = new RegExp(`has ${bytes.length - length} bytes after its end`);
      await assertRefused(bytes, { code: "invalid", message });
    }
  });

  it("refuses what is no backup", async () => {
    const start = whole.indexOf("\n") + 1;
    const others = [
      "",
      "\n",
      "{",
      '{"format":"sojourn-backup","version":1}',
      `${JSON.stringify({ a: 1 })}\n${"x".repeat(99)}`,
    ];
    for (const text of others) await assertRefused(Buffer.from(text), { code: "invalid", message: /no backup/ });
    await assertRefused(readFileSync(databaseFile(source)), { code: "invalid", message: /no backup/ });
    await assertRefused(whole.subarray(0, start), { code: "invalid" });
    await assert.rejects(checkBackup(join(scratch, "missing")), { code: "store_unavailable", message: /missing/ });
    await assert.rejects(checkBackup(scratch), { code: "store_unavailable" });
  });

  it("refuses a newer format and a newer schema, by their versions", async () => {
    const newer = { code: "store_newer", message: /version 3, and this release of Sojourn knows 2/ };
    await assertRefused(
      remade((manifest) => ({ ...manifest, version: 3, files: "whatever" })),
      newer,
    );
    const schema_version = SCHEMA_VERSION + 1;
    const message = new RegExp(`schema version ${schema_version}, .* knows ${SCHEMA_VERSION}`);
    await assertRefused(
      remade((manifest) => ({ ...manifest, schema_version })),
      { code: "store_newer", message },
    );
  });

  it("restores a backup of the first version, and of an older schema", async () => {
    const first = ({ holds: { artifacts: _, contents: __, ...holds }, ...manifest }: BackupManifest) => {
      const { contents: ___, ...rest } = { contents: undefined, ...manifest };
      return { ...rest, version: 1, schema_version: 3, holds };
    };
    const older = rebuilt((db) => {
      toVersion6(db);
      toVersion5(db);
      toVersion4(db);
      toVersion3(db);
    });
    const content = older.subarray(older.indexOf("\n") + 1, older.length - TRAILER_BYTES);
    writeFileSync(file, sealed(first(manifestOf(older)), content));
    assert.equal((await checkBackup(file)).version, 1);
    assert.equal((await restore({ file, directory })).version, 1);
    await assertRestored(directory);
  });

  it("refuses a file that is sealed well but is not what its manifest says", async () => {
    const invalid = (message: RegExp) => ({ code: "invalid", message });
    const named = (name: string) => (manifest: BackupManifest) => ({
      ...manifest,
      files: [{ ...manifest.files[0], name }],
    });
    await assertRefused(remade(named("../sojourn.db")), invalid(/not well formed/));
    const longer = remade((manifest) => ({
      ...manifest,
      files: [{ ...manifest.files[0], bytes: manifest.files[0].bytes + 1 }],
    }));
    const shorter = remade((manifest) => ({ ...manifest, files: [{ ...manifest.files[0], bytes: 1 }] }));
    const other = remade((manifest) => ({ ...manifest, files: [{ ...manifest.files[0], digest: "0".repeat(64) }] }));
    for (const bytes of [longer, shorter, other]) await assertRefused(bytes, invalid(/holds another "sojourn.db"/));
    const { length } = whole;
    const noise = whole.subarray(whole.indexOf("\n") + 1, length - TRAILER_BYTES).map((byte, i) => (i > 20 ? 0 : byte));
    await assertRefused(sealed(manifestOf(whole), Buffer.from(noise)), invalid(/does not unpack|holds another/));
  });

  it("refuses a database that is damaged, or holds something else, and leaves nothing", async () => {
    const cases: readonly (readonly [change: (db: DatabaseSync) => void, message: RegExp])[] = [
      [(db) => db.exec("DELETE FROM operations WHERE position = 1"), /it holds \{.*"operations":39/],
      [(db) => db.exec("UPDATE sessions SET status = 'failed' WHERE n = 1"), /"failed":1/],
      [(db) => db.exec("PRAGMA user_version = 0"), /schema version 0/],
      [
        (db) => {
          db.exec("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 3 WHERE name = 'sessions_due'");
        },
        /SQLite finds it damaged/,
      ],
    ];
    for (const [change, message] of cases) {
      writeFileSync(file, rebuilt(change));
      await checkBackup(file);
      await assert.rejects(restore({ file, directory }), { code: "invalid", message });
      assert.deepEqual(
        readdirSync(scratch).filter((name) => name !== "other.db"),
        ["backup"],
      );
    }
  });

  it("goes into an empty directory, and into no other", async () => {
    writeFileSync(file, whole);
    mkdirSync(directory);
    await restore({ file, directory });
    await assertRestored(directory);
    const before = readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]);
    await assert.rejects(restore({ file, directory }), { code: "invalid", message: /data".*not empty.*"sojourn.db"/ });
    assert.deepEqual(
      readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]),
      before,
    );
    const strange = join(scratch, "strange");
    mkdirSync(strange);
    writeFileSync(join(strange, "notes"), "dear");
    await assert.rejects(restore({ file, directory: strange }), { code: "invalid", message: /"notes"/ });
    assert.deepEqual(readdirSync(strange), ["notes"]);
  });

  it("makes the directories above, too", async () => {
    writeFileSync(file, whole);
    await restore({ file, directory: join(directory, "deep", "down") });
    await assertRestored(join(directory, "deep", "down"));
  });

  it("ends when its signal is aborted, and leaves nothing", async () => {
    writeFileSync(file, whole);
    const reason = new Error("enough");
    for (const isNew of [true, false]) {
      if (!isNew) mkdirSync(directory);
      await assert.rejects(restore({ file, directory, signal: AbortSignal.abort(reason) }), reason);
      // At the end of the check: nothing is left to do but to unpack.
      const aborted = new AbortController();
      const onProgress = (): void => aborted.abort(reason);
      await assert.rejects(restore({ file, directory, signal: aborted.signal, onProgress }), reason);
      assert.equal(existsSync(directory), !isNew);
    }
    await restore({ file, directory });
    await assertRestored(directory);
  });

  it("keeps others out of the directory meanwhile", async () => {
    writeFileSync(file, whole);
    mkdirSync(directory);
    const store = openSqliteStore({ directory });
    rmSync(databaseFile(directory));
    for (const end of ["-wal", "-shm"]) rmSync(`${databaseFile(directory)}${end}`, { force: true });
    await assert.rejects(restore({ file, directory }), { code: "store_in_use" });
    await store.close();
  });

  describe("in a process that is killed", () => {
    const children: ChildProcess[] = [];

    afterEach(() => {
      for (const child of children.splice(0)) child.kill("SIGKILL");
    });

    /** Kills a process that says a line for each step, after so many lines. */
    const killAfter = async (steps: number, ...args: readonly string[]): Promise<boolean> => {
      const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", "pipe", "inherit"] });
      children.push(child);
      const exit = once(child, "exit");
      let said = 0;
      child.stdout.on("data", (lines: Buffer) => {
        said += lines.toString().split("\n").length - 1;
        if (said >= steps) child.kill("SIGKILL");
      });
      const [, signal] = await exit;
      return signal === "SIGKILL";
    };

    it("leaves no store, or a whole one; and the next attempt succeeds", async () => {
      await large();
      let killed = 0;
      for (const steps of [1, 2, 4, 6, 7, 8, 10, 12]) {
        rmSync(directory, { recursive: true, force: true });
        if (await killAfter(steps, "restore", file, directory)) killed += 1;
        if (!existsSync(databaseFile(directory))) await restore({ file, directory });
        await assertRestored(directory);
      }
      assert.ok(killed > 2, `${killed} were killed in time`);
    });

    it("leaves no backup, or a whole one; and the next attempt succeeds", async () => {
      await large();
      const saved = join(scratch, "saved");
      let killed = 0;
      for (const steps of [1, 3, 6, 9, 12, 14, 18]) {
        rmSync(saved, { force: true });
        if (await killAfter(steps, "backup", source, saved)) killed += 1;
        if (!existsSync(saved)) await saveBackup(saved, await backUp({ directory: source, release: "1.0.0" }));
        await checkBackup(saved);
        assert.deepEqual(readdirSync(scratch).sort(), ["backup", "saved"]);
        assert.ok(readdirSync(source).every((name) => !name.includes("spool")));
      }
      assert.ok(killed > 2, `${killed} were killed in time`);
    });

    /** Makes the source large enough for several steps, and a backup of it. */
    async function large(): Promise<void> {
      const store = openSqliteStore({ directory: source, durability: "none" });
      const author = new Author(store);
      const random = randomFrom(SEED);
      for (let i = 0; i < 60; i++) {
        const description = Array.from({ length: 8_000 }, () => random().toString(36).slice(2)).join("");
        await author.create({ description });
      }
      await store.close();
      await saveBackup(file, await backUp({ directory: source, release: "1.0.0" }));
    }
  });

  function manifestOf(bytes: Buffer): BackupManifest {
    return JSON.parse(bytes.subarray(0, bytes.indexOf("\n")).toString());
  }

  /** The backup with another manifest, sealed anew. */
  function remade(change: (manifest: BackupManifest) => object): Buffer {
    const content = whole.subarray(whole.indexOf("\n") + 1, whole.length - TRAILER_BYTES);
    return sealed(change(manifestOf(whole)), content);
  }

  /** The backup with another database, of which everything is right but what it holds. */
  function rebuilt(change: (db: DatabaseSync) => void): Buffer {
    const path = join(scratch, "other.db");
    rmSync(path, { force: true });
    const content = whole.subarray(whole.indexOf("\n") + 1, whole.length - TRAILER_BYTES);
    writeFileSync(path, zstdDecompressSync(content));
    const db = new DatabaseSync(path);
    db.enableDefensive(false);
    change(db);
    db.close();
    const other = readFileSync(path);
    const stored = zstdCompressSync(other);
    const [file] = manifestOf(whole).files;
    const digest = new Blake3Hasher().update(other).digest("hex");
    const described = { ...file, bytes: other.length, digest, stored_bytes: stored.length };
    return sealed({ ...manifestOf(whole), files: [described] }, stored);
  }
});

function sealed(manifest: object, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(`${JSON.stringify(manifest)}\n`), content]);
  return Buffer.concat([body, Buffer.from(`${new Blake3Hasher().update(body).digest("hex")}\n`)]);
}
