import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Author, requests } from "../../conformance/index.ts";
import type { Committed } from "../../engine/store.ts";
import { openSqliteStore } from "./index.ts";

describe("a group of commits", () => {
  it("loses nothing to one that can't be applied, whichever way it breaks", async () => {
    const directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    const author = new Author(openSqliteStore({ directory, durability: "none" }));
    const { store, clock } = author;
    const [a, b, c] = [await author.create(), await author.create(), await author.create()];
    const [good, bad, also] = [a, b, c].map((stream) => author.continue(stream, requests(1)).part);
    assert.ok(good?.change === "append" && bad?.change === "append" && also?.change === "append");
    const now = clock.now();
    // NOTE: what no caller of ours would send; the database refuses it after the operation was written.
    const broken = { ...bad, record: { ...bad.record, userId: null as unknown as string } };
    for (const part of [broken, { ...bad, entries: [] }]) {
      const settled: readonly PromiseSettledResult<Committed>[] = await Promise.allSettled([
        store.commit({ now, parts: [{ ...good }] }),
        store.commit({ now, parts: [part] }),
        store.commit({ now, parts: [{ ...also }] }),
      ]);
      // The second time round the good ones are stale.
      const outcome = part === broken ? "committed" : "conflict";
      const told = settled.map((one) => (one.status === "fulfilled" ? one.value.outcome : one.status));
      assert.deepEqual(told, [outcome, "rejected", outcome]);
    }
    assert.deepEqual(await store.stored(b.ref), b);
    assert.deepEqual(await store.operations(b.ref, { after: 1, limit: 10 }), []);
    for (const { ref } of [a, c]) assert.equal((await store.stored(ref))?.record.metrics.requestCount, 1);
    await store.close();
    rmSync(directory, { recursive: true });
  });
});
