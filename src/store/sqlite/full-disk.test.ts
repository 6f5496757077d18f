import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Author, draft, requests, sha256, type Written } from "../../conformance/index.ts";
import { SojournError } from "../../engine/errors.ts";
import type { Stream } from "../../engine/store.ts";
import { verify } from "../../engine/verify.ts";
import { openSqliteStore } from "./index.ts";

const MIB = 1_048_576;

describe("a full disk", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-"));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it("refuses writes with storage_full; reads go on, and what was acknowledged is there", async () => {
    const store = openSqliteStore({ directory, durability: "none", maxBytes: MIB });
    const author = new Author(store);
    const streams = await fill(author);
    await assert.rejects(author.commit([large(author).part]), { code: "storage_full" });
    await assertThere(author, streams);
    await store.close();
  });

  it("answers every commit of a group so, and none of them is there", async () => {
    const store = openSqliteStore({ directory, durability: "none", maxBytes: MIB });
    const author = new Author(store);
    const streams = await fill(author);
    const group = Array.from({ length: 50 }, () => large(author));
    const settled = await Promise.allSettled(group.map(({ part }) => author.commit([part])));
    for (const one of settled) {
      assert.ok(one.status === "rejected" && one.reason instanceof SojournError);
      assert.equal(one.reason.code, "storage_full");
    }
    for (const { stream } of group) assert.equal(await store.stream(stream.ref), undefined);
    await assertThere(author, streams);
    await store.close();
  });

  it("answers each commit of a mixed group with what became of it", async () => {
    const store = openSqliteStore({ directory, durability: "none", maxBytes: MIB });
    const author = new Author(store);
    const streams = await fill(author);
    const group = streams.flatMap((stream) => [large(author), author.continue(stream, requests(1))]);
    const settled = await Promise.allSettled(group.map(({ part }) => author.commit([part])));
    assert.ok(settled.some(({ status }) => status === "rejected"));
    for (const [i, { stream }] of group.entries()) {
      const isThere = (await store.stream(stream.ref))?.head.hash === stream.head.hash;
      assert.equal(isThere, settled[i]?.status === "fulfilled");
    }
    await store.close();
  });

  it("heals when something is erased", async () => {
    const store = openSqliteStore({ directory, durability: "none", maxBytes: MIB });
    const author = new Author(store);
    const [first, second, ...rest] = await fill(author);
    assert.ok(first !== undefined && second !== undefined);
    await author.erase(first);
    await author.erase(second);
    const { part, stream } = large(author);
    assert.deepEqual(await author.commit([part]), { outcome: "committed" });
    await assertThere(author, [...rest, stream]);
    await store.close();
  });

  it("heals when the store is opened with a larger limit", async () => {
    const small = openSqliteStore({ directory, durability: "none", maxBytes: MIB });
    const author = new Author(small);
    const streams = await fill(author);
    await small.close();
    const store = openSqliteStore({ directory, durability: "none", maxBytes: 2 * MIB });
    const again = new Author(store, author.tenant);
    const [first, ...rest] = streams;
    assert.ok(first !== undefined);
    await assertThere(again, [await again.append(first, requests(1)), ...rest]);
    await store.close();
  });

  it("is met on a real file system, and heals by itself when there is room again", async (test) => {
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", directory]);
    if (mounted.status !== 0) return test.skip(`cannot mount a small tmpfs here: ${mounted.stderr ?? mounted.error}`);
    try {
      const filler = join(directory, "filler");
      writeFileSync(filler, Buffer.alloc(2 * MIB));
      const store = openSqliteStore({ directory });
      const author = new Author(store);
      const streams = await fill(author);
      await assertThere(author, streams);
      rmSync(filler);
      const { part, stream } = large(author);
      assert.deepEqual(await author.commit([part]), { outcome: "committed" });
      await assertThere(author, [...streams, stream]);
      await store.close();
      const again = openSqliteStore({ directory });
      await assertThere(new Author(again, author.tenant), [...streams, stream]);
      await again.close();
    } finally {
      spawnSync("umount", ["-l", directory]);
    }
  });
});

/** Creates large sessions until the store has no room for another; returns those that were acknowledged. */
async function fill(author: Author): Promise<readonly Stream[]> {
  const streams: Stream[] = [];
  for (let i = 0; i < 10_000; i++) {
    const { part, stream } = large(author);
    try {
      await author.commit([part]);
      streams.push(stream);
    } catch (error) {
      assert.ok(error instanceof SojournError);
      assert.equal(error.code, "storage_full");
      assert.equal(await author.store.stream(stream.ref), undefined);
      assert.ok(streams.length > 2);
      return streams;
    }
  }
  assert.fail("the store never filled");
}

/** A new session of several pages, with an operation of several more. */
function large(author: Author): Written {
  const { part, stream } = author.begin({ description: "d".repeat(16_384) });
  const { part: more, stream: after } = author.continue(stream, draft("session.updated", { name: "n".repeat(8_192) }));
  return { part: { ...part, entries: [...part.entries, ...more.entries], record: more.record }, stream: after };
}

async function assertThere({ store, tenant }: Author, streams: readonly Stream[]): Promise<void> {
  const { items } = await store.list({ tenant, now: 1, sort: "created_at", order: "asc", limit: 1_000 });
  assert.equal(items.length, streams.length);
  for (const stream of streams) {
    assert.deepEqual(await store.stream(stream.ref), stream);
    assert.equal((await verify({ store, digest: sha256 }, stream)).ok, true);
  }
}
