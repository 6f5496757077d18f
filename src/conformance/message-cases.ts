import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { MessageRange, StreamRef } from "../engine/store.ts";
import { NEW_USER } from "../engine/user.ts";
import { type Author, draft } from "./author.ts";

/** What holds of conversations, and of the streams of users. */
export function messageCases(author: () => Author): void {
  describe("messages()", () => {
    let writer: Author;
    let ref: StreamRef<"session">;

    // Messages 1 to 12 of 10 tokens each: one by one, then several of one operation, then a turn.
    before(async () => {
      writer = author();
      const said = (content: string) => ({ role: "user", content, tokens: 10 }) as const;
      const one = draft("messages.added", { messages: [said("1")] });
      const many = draft("messages.added", { messages: ["2", "3", "4", "5", "6", "7"].map(said) });
      const turn = {
        ...draft("turn.completed", { messages: [said("8"), said("9")], facts: {}, processingTimeUs: 1 }),
        output: { message: { ...said("10"), role: "assistant" }, model: "m", reason: "stop" },
      } as const;
      const last = draft("messages.added", { messages: [said("11"), said("12")] });
      const stream = await writer.append(await writer.create(), one, draft("session.kept_alive", {}), many);
      ref = (await writer.append(stream, turn, last)).ref;
      await writer.append(await writer.create(), draft("messages.added", { messages: [said("of another")] }));
    });

    const read = async (range: MessageRange): Promise<readonly string[]> =>
      (await writer.store.messages(ref, range)).map(({ content }) => content);
    const numbers = (from: number, to: number): readonly string[] =>
      Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

    it("tells whose words each is, which operation brought it, and its number", async () => {
      const [, , , , , , , eighth, , tenth] = await writer.store.messages(ref, { take: "oldest", limit: 20 });
      const at = writer.clock.now();
      assert.deepEqual(eighth, { role: "user", content: "8", tokens: 10, number: 8, seq: 5, at });
      assert.deepEqual(tenth, { role: "assistant", content: "10", tokens: 10, number: 10, seq: 5, at });
    });

    it("returns the oldest or the newest, oldest first in either case", async () => {
      assert.deepEqual(await read({ take: "oldest", limit: 20 }), numbers(1, 12));
      assert.deepEqual(await read({ take: "newest", limit: 20 }), numbers(1, 12));
      assert.deepEqual(await read({ take: "oldest", limit: 3 }), numbers(1, 3));
      assert.deepEqual(await read({ take: "newest", limit: 3 }), numbers(10, 12));
    });

    it("returns those between two numbers, neither of them among it", async () => {
      assert.deepEqual(await read({ take: "oldest", after: 3, limit: 2 }), numbers(4, 5));
      assert.deepEqual(await read({ take: "newest", before: 9, limit: 3 }), numbers(6, 8));
      assert.deepEqual(await read({ take: "newest", after: 5, before: 8, limit: 20 }), numbers(6, 7));
      assert.deepEqual(await read({ take: "oldest", after: 12, limit: 20 }), []);
    });

    it("stops before the tokens are passed", async () => {
      assert.deepEqual(await read({ take: "newest", limit: 20, tokensMax: 30 }), numbers(10, 12));
      assert.deepEqual(await read({ take: "newest", limit: 20, tokensMax: 29 }), numbers(11, 12));
      assert.deepEqual(await read({ take: "newest", limit: 20, tokensMax: 9 }), []);
    });

    it("stops after the message by which the characters are passed", async () => {
      assert.deepEqual(await read({ take: "oldest", limit: 20, charactersMax: 3 }), numbers(1, 4));
    });

    it("returns nothing of a session that is not there, or was erased", async () => {
      const said = { role: "user", content: "x", tokens: 1 } as const;
      const stream = await writer.append(await writer.create(), draft("messages.added", { messages: [said] }));
      await writer.erase(stream);
      assert.deepEqual(await writer.store.messages(stream.ref, { take: "oldest", limit: 1 }), []);
      assert.deepEqual(await writer.store.messages({ ...ref, tenant: "another" }, { take: "oldest", limit: 1 }), []);
    });
  });

  describe("a user's stream", () => {
    const formal = draft("profile.changed", { patch: { tone: "formal" }, origin: "set" });

    it("begins with its first operation, goes on, and is erased", async () => {
      const writer = author();
      const user = writer.user("ann");
      assert.equal(await writer.store.stream(user.ref), undefined);
      const first = await writer.append(user, formal);
      assert.deepEqual(await writer.store.stream(user.ref), first);
      const origins = { tone: "set" } as const;
      assert.deepEqual(first.record, { ...NEW_USER, tone: "formal", origins, updatedAtUs: writer.clock.now() });
      const patch = { preferences: { language: "é" } };
      const second = await writer.append(first, draft("profile.changed", { patch, origin: "learned" }));
      assert.deepEqual(await writer.store.stored(user.ref), second);
      assert.equal((await writer.store.operations(user.ref, { after: 0, limit: 10 })).length, 2);
      await writer.erase(second);
      assert.equal(await writer.store.stored(user.ref), undefined);
      assert.deepEqual(await writer.store.operations(user.ref, { after: 0, limit: 10 }), []);
      await writer.append(user, formal);
    });

    it("is neither the session of that uid, nor another tenant's user", async () => {
      const writer = author();
      const session = await writer.create();
      const user = await writer.append(writer.user(session.ref.id), formal);
      assert.deepEqual(await writer.store.stream(session.ref), session);
      assert.deepEqual(await writer.store.stream(user.ref), user);
      assert.equal(await writer.store.stream({ ...user.ref, tenant: "another" }), undefined);
    });

    it("is written with a session, or neither of them is", async () => {
      const writer = author();
      const session = await writer.create();
      const user = await writer.append(writer.user("ann"), formal);
      const more = writer.continue(session, draft("session.kept_alive", {}));
      const learned = writer.continue(user, formal);
      const stale = { ...learned.part, expectedHead: 0 };
      assert.deepEqual(await writer.commit([more.part, stale]), { outcome: "conflict" });
      assert.deepEqual(await writer.store.stored(session.ref), session);
      assert.deepEqual(await writer.commit([more.part, learned.part]), { outcome: "committed" });
      assert.deepEqual(await writer.store.stored(session.ref), more.stream);
      assert.deepEqual(await writer.store.stored(user.ref), learned.stream);
    });
  });

  describe("scrub()", () => {
    it("leaves what was not erased as it is", async () => {
      const writer = author();
      const kept = await writer.create({ tags: ["x"], metadata: { a: 1 } });
      await writer.erase(await writer.create());
      await Promise.all([
        writer.store.scrub(),
        writer.append(kept, draft("session.kept_alive", {})),
        writer.store.scrub(),
      ]);
      assert.equal((await writer.store.stored(kept.ref))?.head.seq, 2);
      assert.deepEqual(await writer.store.view(kept.ref, "tag", 2), ["x"]);
    });
  });
}
