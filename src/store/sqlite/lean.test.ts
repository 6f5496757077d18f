import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Author, requests } from "../../conformance/index.ts";
import type { Append, Stream } from "../../engine/store.ts";
import { openSqliteStore } from "./index.ts";
import { columnsOf, type LeanAppend, lean } from "./lean.ts";

describe("lean()", () => {
  it("leaves out the large members that did not change, and keeps the others", async () => {
    await withAuthor(async (author) => {
      const stream = await author.create({ metadata: { plan: "free" }, tags: ["a"] });
      const { part, changed } = leanly(stream, author.continue(stream, requests(1)).part);
      assert.deepEqual(changed.filter(isLarge), []);
      assert.equal(changed.includes("request_count") && !changed.includes("user_id"), true);
      assert.deepEqual(JSON.parse(JSON.stringify(part.record)).metadata, undefined);

      const patch = {
        kind: "session.updated",
        name: "update",
        input: { metadata: { plan: "team" }, name: "n" },
      } as const;
      assert.deepEqual(leanly(stream, author.continue(stream, patch).part).changed.filter(isLarge), ["metadata"]);
      assert.ok(leanly(stream, author.continue(stream, patch).part).changed.includes("name"));
    });
  });

  it("sends a record whole where the stored one is another, or not at hand", async () => {
    await withAuthor(async (author) => {
      const stream = await author.create();
      const { part } = author.continue(stream, requests(1));
      const commit = { now: 1, parts: [part] };
      const newer = await author.append(stream, requests(1));
      assert.deepEqual(
        lean(commit, () => newer),
        commit,
      );
      assert.deepEqual(
        lean(commit, () => undefined),
        commit,
      );
      const snapshot = { now: 1, parts: [{ ...part, snapshot: true }] };
      assert.deepEqual(
        lean(snapshot, () => stream),
        snapshot,
      );
    });
  });

  it("stores the same as a record that is written whole", async () => {
    await withAuthor(async (author) => {
      let stream = await author.create({ metadata: { plan: "free" }, tags: ["a"], name: "before" });
      const drafts = [
        requests(1),
        { kind: "session.updated", name: "update", input: { tags: ["b"], name: null } },
        { kind: "working_memory.changed", name: "working-memory", input: { set: { step: 1 } } },
        { kind: "messages.added", name: "messages", input: { messages: [{ role: "user", content: "hi", tokens: 5 }] } },
        { kind: "session.completed", name: "end", input: {} },
      ] as const;
      for (const draft of drafts) {
        // What the store has read itself is at hand, as it is after every write.
        assert.deepEqual(await author.store.stream(stream.ref), stream);
        stream = await author.append(stream, draft);
        assert.deepEqual(await author.store.stored(stream.ref), stream);
      }
    });
  });
});

function leanly(stream: Stream, append: Append<"session">): { part: LeanAppend; changed: readonly string[] } {
  // NOTE: what `lean` makes of an append that follows the stream at hand.
  const [part] = lean({ now: 1, parts: [append] }, () => stream).parts as readonly [LeanAppend];
  return { part, changed: columnsOf(part.selection).map(([name]) => name) };
}

function isLarge(name: string): boolean {
  return ["tags", "metadata", "conversation", "working_memory"].includes(name);
}

async function withAuthor(test: (author: Author) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "sojourn-"));
  const author = new Author(openSqliteStore({ directory, durability: "none" }));
  try {
    await test(author);
  } finally {
    await author.store.close();
    rmSync(directory, { recursive: true });
  }
}
