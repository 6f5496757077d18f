import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Task } from "../../../tests/writing-process.ts";
import { sha256 } from "../../conformance/index.ts";
import type { Store } from "../../engine/store.ts";
import { verify } from "../../engine/verify.ts";
import { openSqliteStore } from "./index.ts";

const PROGRAM = fileURLToPath(new URL("../../../tests/writing-process.ts", import.meta.url));

describe("a store of SQLite in a process that", () => {
  let directory: string;
  let children: ChildProcess[];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    children = [];
  });

  afterEach(async () => {
    await Promise.all(children.map(kill));
    rmSync(directory, { recursive: true });
  });

  const start = (task: Partial<Task>, shell = ""): Writer => {
    const whole: Task = { directory, tenant: "t", sessions: 24, padding: 300, refusalsMax: 1, ...task };
    const command = `${shell} exec "$@"`;
    const child = spawn("sh", ["-c", command, "sh", process.execPath, PROGRAM, JSON.stringify(whole)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    return new Writer(child);
  };

  it("is killed at any moment keeps every acknowledged commit whole, and none half", async () => {
    for (const [round, linesMax] of [40, 300, 777, 1_500].entries()) {
      const writer = start({ tenant: `round-${round}` });
      await writer.read(linesMax);
      await kill(writer.child);
      await writer.read(Number.POSITIVE_INFINITY);
      assert.ok(writer.acknowledged.size > 0);
      const store = openSqliteStore({ directory });
      await assertWhole(store, `round-${round}`, writer);
      await store.close();
    }
  });

  it("may not write beyond a file size refuses what it can't write, and keeps what it acknowledged", async () => {
    // SQLite sees an I/O error: EFBIG, as Node ignores SIGXFSZ. The log of the first megabytes fits.
    const writer = start({ durability: "none", padding: 3_000, refusalsMax: 60 }, "ulimit -f 8192;");
    await writer.read(Number.POSITIVE_INFINITY);
    assert.equal(writer.child.exitCode, 0);
    assert.ok(writer.acknowledged.size > 0);
    assert.ok(writer.refused.length >= 60);
    for (const code of writer.refused) assert.match(code, /^(store_unavailable|storage_full)$/);
    assert.deepEqual(writer.changed, [], "nothing of a refused commit is there");
    const store = openSqliteStore({ directory });
    await assertWhole(store, "t", writer);
    await store.close();
  });

  it("has the directory open keeps others out, by its pid, until it ends in whatever way", async () => {
    const writer = start({ sessions: 0 });
    await writer.read(1);
    assert.throws(
      () => openSqliteStore({ directory }),
      ({ code, message }) => {
        assert.equal(code, "store_in_use");
        assert.ok(message.includes(directory), message);
        assert.ok(message.includes(`pid ${writer.child.pid}`), message);
        return true;
      },
    );
    await kill(writer.child);
    const store = openSqliteStore({ directory });
    assert.throws(() => openSqliteStore({ directory }), {
      code: "store_in_use",
      message: new RegExp(`pid ${process.pid}`),
    });
    // The refused one has taken nothing from the one that is open.
    assert.deepEqual((await store.list({ tenant: "t", now: 1, sort: "name", order: "asc", limit: 1 })).items, []);
    assert.throws(() => openSqliteStore({ directory }), { code: "store_in_use" });
    await store.close();
    await openSqliteStore({ directory }).close();
  });
});

/** The other end of a writing process, and what it said. */
class Writer {
  readonly child: ChildProcess;
  /** The last acknowledged `seq` of each session. */
  readonly acknowledged: Map<string, number> = new Map();
  readonly refused: string[] = [];
  readonly changed: string[] = [];
  readonly #lines: AsyncIterator<string>;

  constructor(child: ChildProcess) {
    assert.ok(child.stdout !== null);
    this.child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Reads so many lines, or all until the process has ended. */
  async read(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const { value: line, done } = await this.#lines.next();
      if (done) {
        if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "exit");
        return;
      }
      const [what, subject = "", seq] = line.split(" ");
      if (what === "acknowledged") this.acknowledged.set(subject, Number(seq));
      if (what === "refused") this.refused.push(subject);
      if (what === "changed") this.changed.push(subject);
    }
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

/** Every acknowledged commit is there; what else is there is whole: one commit a session may have been in hand. */
async function assertWhole(store: Store, tenant: string, { acknowledged }: Writer): Promise<void> {
  const { items } = await store.list({ tenant, now: 1, sort: "created_at", order: "asc", limit: 1_000 });
  const heads = new Map(items.map(({ ref, head }) => [ref.id, head.seq]));
  for (const [uid, seq] of acknowledged) assert.ok((heads.get(uid) ?? 0) >= seq, `${uid} has its operation ${seq}`);
  for (const stream of items) {
    const inHand = stream.head.seq - (acknowledged.get(stream.ref.id) ?? 0);
    assert.ok(inHand === 0 || inHand === 2 || stream.head.seq === 1, `${stream.ref.id} has ${inHand} more`);
    assert.equal((await verify({ store, digest: sha256 }, stream)).ok, true);
  }
}
