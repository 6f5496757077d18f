import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Entry } from "./operation.ts";
import { type ReadLog, RecentEntries, type Stretch } from "./recent-entries.ts";

describe("RecentEntries.after()", () => {
  it("reads once for all who ask for the same, until something is appended", async () => {
    const { recent, log, reads } = started(3);
    assert.deepEqual(seqs(await Promise.all([recent.after(0), recent.after(0), recent.after(0)])), [
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ]);
    assert.deepEqual(await recent.after(3), { entries: [], isEnd: true });
    assert.deepEqual((await recent.after(1)).entries, log.slice(1));
    assert.deepEqual(reads, [0]);
    log.push(entry(4));
    recent.change();
    assert.deepEqual(seqs(await Promise.all([recent.after(3), recent.after(3), recent.after(2)])), [[4], [4], [3]]);
    assert.deepEqual(await recent.after(2), { entries: log.slice(2), isEnd: true });
    assert.deepEqual(reads, [0, 3]);
  });

  it("reads anew for whoever asks after a change that a read under way may not have", async () => {
    const held = Promise.withResolvers<void>();
    let reads = 0;
    const log = [entry(1)];
    const recent = new RecentEntries(async ({ after }) => {
      const page = log.slice(after);
      reads += 1;
      if (reads === 1) await held.promise;
      return page;
    });
    const early = recent.after(0);
    log.push(entry(2));
    recent.change();
    const late = recent.after(0);
    held.resolve();
    assert.deepEqual(seqs([await early, await late]), [[1], [1, 2]]);
    assert.deepEqual(await recent.after(2), { entries: [], isEnd: true });
  });

  it("keeps so many entries, and so many characters, and lets whoever is behind read by itself", async () => {
    const { recent, log, reads } = started(350);
    for (const after of [0, 100, 200, 300]) {
      const { entries, isEnd } = await recent.after(after);
      assert.deepEqual([entries.length, isEnd], [after === 300 ? 50 : 100, after === 300]);
    }
    assert.deepEqual((await recent.after(250)).entries, log.slice(250));
    assert.deepEqual((await recent.after(10)).entries, log.slice(10, 110));
    assert.deepEqual((await recent.after(250)).entries, log.slice(250), "one that is behind takes it from nobody");
    assert.deepEqual(reads, [0, 100, 200, 300, 10]);
    const large = started(20, "x".repeat(60_000));
    const first = await large.recent.after(0);
    assert.deepEqual([first.entries.length, first.isEnd], [5, false]);
    for (const after of [5, 10, 15, 20]) await large.recent.after(after);
    assert.deepEqual((await large.recent.after(19)).entries.length, 1);
    await large.recent.after(12);
    assert.deepEqual(large.reads, [0, 5, 10, 15, 20, 12]);
  });

  it("has nothing of a log that was erased, also of a read under way", async () => {
    const held = Promise.withResolvers<void>();
    let log = [entry(1, "old"), entry(2, "old")];
    let reads = 0;
    const recent = new RecentEntries(async ({ after }) => {
      const page = log.slice(after);
      reads += 1;
      if (reads === 1) await held.promise;
      return page;
    });
    const early = recent.after(0);
    log = [entry(1, "new")];
    recent.erase();
    held.resolve();
    await early;
    assert.deepEqual((await recent.after(0)).entries, log);
  });

  it("goes over what was cut off", async () => {
    const { recent, log } = started(5);
    await recent.after(0);
    log.splice(0, 5, ...[50, 51, 52].map((seq) => entry(seq)));
    recent.change();
    assert.deepEqual(seqs([await recent.after(5)]), [[50, 51, 52]]);
    assert.deepEqual(seqs([await recent.after(50), await recent.after(3)]), [
      [51, 52],
      [50, 51, 52],
    ]);
  });

  it("fails with the read, and tries again", async () => {
    let isBroken = true;
    const recent = new RecentEntries(async () => {
      if (isBroken) throw new Error("broken");
      return [entry(1)];
    });
    const both = await Promise.allSettled([recent.after(0), recent.after(0)]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ["rejected", "rejected"],
    );
    isBroken = false;
    assert.deepEqual(seqs([await recent.after(0)]), [[1]]);
  });
});

function started(count: number, body = "") {
  const log = Array.from({ length: count }, (_, i) => entry(i + 1, body));
  const reads: number[] = [];
  const read: ReadLog = async ({ after, limit, charactersMax }) => {
    reads.push(after);
    const entries: Entry[] = [];
    let characters = 0;
    for (const one of log.filter(({ operation }) => operation.seq > after).slice(0, limit)) {
      if (characters > charactersMax) break;
      entries.push(one);
      characters += body.length;
    }
    return entries;
  };
  return { recent: new RecentEntries(read), log, reads };
}

function entry(seq: number, body = ""): Entry {
  const header = { id: `op_${seq}`, kind: "message.published", name: "publish", actor: "test", at: 0 } as const;
  const operation = { seq, ...header, outcome: "completed", used: [], made: [], payloadDigest: "", hash: "" } as const;
  return { operation, payload: { salt: "", body } };
}

function seqs(stretches: readonly Stretch[]): readonly (readonly number[])[] {
  return stretches.map(({ entries }) => entries.map(({ operation }) => operation.seq));
}
