import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Stream } from "../engine/store.ts";
import { type Author, draft, nameGuard, type Written } from "./author.ts";

/** What holds of a stream that begins with the history of another. */
export function forkCases(author: () => Author): void {
  describe("commit() with a history", () => {
    /** A session of seven operations, with a tag, messages, artifacts and a grant; and what forks it at the fifth. */
    const forked = async (writer: Author): Promise<{ readonly origin: Stream; readonly fork: Written }> => {
      const content = writer.content("kept");
      const said = (text: string) => ({ role: "user", content: text, tokens: 1 }) as const;
      const { part, stream } = writer.continue(
        await writer.create({ tags: ["x"] }),
        draft("messages.added", { messages: [said("1"), said("2")] }),
        writer.artifact("a", content, { artifactId: "artifact_1" }),
        draft("artifact.granted", { artifactId: "artifact_1", grantee: "u", permission: "read", replaces: false }),
        draft("session.updated", { tags: ["y"] }),
        draft("messages.added", { messages: [said("3")] }),
        draft("session.updated", { tags: [] }),
        draft("artifact.deleted", { artifactId: "artifact_1", name: "a", size: 4 }),
      );
      const shared = await writer.create();
      const other = writer.continue(shared, writer.artifact("a", content));
      await writer.commit([other.part], { contents: [content] });
      await writer.commit([{ ...part, snapshot: true }]);
      const entries = await writer.store.operations(stream.ref, { after: 0, limit: 5 });
      return { origin: stream, fork: writer.fork(stream, entries, `fork-of-${stream.record.sessionId}`) };
    };
    const commit = (writer: Author, { part, stream }: Written) =>
      writer.commit([part], { guards: [nameGuard(stream)] });

    it("begins a stream with the other's entries, and its own after them", async () => {
      const writer = author();
      const { origin, fork } = await forked(writer);
      assert.deepEqual(await commit(writer, fork), { outcome: "committed" });
      const { store } = writer;
      const { ref } = fork.stream;
      assert.deepEqual(await store.stored(ref), fork.stream);
      assert.deepEqual(await store.named(writer.tenant, fork.stream.record.sessionId), fork.stream);
      const common = await store.operations(origin.ref, { after: 0, limit: 5 });
      assert.deepEqual(await store.operations(ref, { after: 0, limit: 10 }), [...common, ...fork.part.entries]);
      assert.deepEqual(await store.stored(origin.ref), origin);
    });

    it("gives it the rows of that moment, without grants", async () => {
      const writer = author();
      const { fork } = await forked(writer);
      await commit(writer, fork);
      const { store } = writer;
      const { ref } = fork.stream;
      const texts = (await store.messages(ref, { take: "oldest", limit: 10 })).map(({ content }) => content);
      assert.deepEqual(texts, ["1", "2"]);
      assert.deepEqual(await store.view(ref, "tag", 6), ["y"]);
      assert.deepEqual(await store.view(ref, "tag", 2), ["x"]);
      const { items } = await store.artifacts(ref, { limit: 10 });
      assert.deepEqual(
        items.map(({ id, goneSeq, content }) => [id, goneSeq, content?.size]),
        [["artifact_1", undefined, 4]],
      );
      assert.deepEqual(await store.grants(ref, "artifact_1"), []);
      const query = { tenant: writer.tenant, now: 1, tags: ["y"], sort: "name", order: "asc", limit: 9 } as const;
      assert.deepEqual((await store.list(query)).items, [fork.stream]);
    });

    it("keeps what both share until both are erased", async () => {
      const writer = author();
      const { origin, fork } = await forked(writer);
      await commit(writer, fork);
      const { store } = writer;
      const before = await store.operations(fork.stream.ref, { after: 0, limit: 10 });
      await writer.erase(origin);
      assert.deepEqual(await store.operations(fork.stream.ref, { after: 0, limit: 10 }), before);
      const again = writer.fork(fork.stream, before.slice(0, 3), "again");
      assert.deepEqual(await commit(writer, again), { outcome: "committed" });
      await writer.erase(fork.stream);
      const left = await store.operations(again.stream.ref, { after: 0, limit: 10 });
      assert.deepEqual(left, [...before.slice(0, 3), ...again.part.entries]);
    });

    it("refuses another hash, an origin that is not there, and a stream that is", async () => {
      const writer = author();
      const { fork, origin } = await forked(writer);
      const hash = "00".repeat(32);
      const wrong = { ...fork.part, history: { ref: origin.ref, hash } };
      assert.deepEqual(await writer.commit([wrong]), { outcome: "conflict" });
      const foreign = { ...origin.ref, tenant: "another" };
      const elsewhere = { ...fork.part, history: { ref: foreign, hash: fork.part.history?.hash ?? "" } };
      assert.deepEqual(await writer.commit([elsewhere]), { outcome: "conflict" });
      assert.equal(await writer.store.stored(fork.stream.ref), undefined);
      await commit(writer, fork);
      assert.deepEqual(await commit(writer, fork), { outcome: "conflict" });
    });

    it("takes artifacts along whose content is gone", async () => {
      const writer = author();
      const content = writer.content(`gone from ${writer.tenant}`);
      const { part, stream } = writer.continue(
        await writer.create(),
        writer.artifact("a", content, { artifactId: "artifact_1" }),
      );
      await writer.commit([part], { contents: [content] });
      await writer.append(stream, draft("artifact.deleted", { artifactId: "artifact_1", name: "a", size: 1 }));
      const fork = writer.fork(stream, await writer.store.operations(stream.ref, { after: 0, limit: 2 }), "past");
      assert.deepEqual(await commit(writer, fork), { outcome: "committed" });
      const { items } = await writer.store.artifacts(fork.stream.ref, { limit: 1 });
      assert.deepEqual([items[0]?.id, items[0]?.content], ["artifact_1", undefined]);
    });
  });
}
