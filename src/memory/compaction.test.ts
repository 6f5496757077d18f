import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryForTests, NEVER, saying, type TestMemory } from "../../tests/memory.ts";
import type { Caller } from "../engine/sessions.ts";

const start = memoryForTests();

/** A session whose messages are called 1 to `count`. */
async function talkOf(count: number, settings = {}): Promise<TestMemory & { readonly uid: string }> {
  const on = start(settings);
  const { ref } = (await on.sessions.create(on.caller, {})).value.session;
  const messages = Array.from({ length: count }, (_, i) => ({ role: "user", content: String(i + 1) }) as const);
  await on.memory.add(on.caller, ref.id, messages);
  return { ...on, uid: ref.id };
}

async function conversation({ sessions }: TestMemory, caller: Caller, uid: string) {
  return (await sessions.get(caller, uid)).record.conversation;
}

const PER_MESSAGE = 5;

describe("compact()", () => {
  it("by truncate moves the overlay, summarizes nothing, and loses nothing of the log", async () => {
    const on = await talkOf(30);
    const { caller, memory, uid, sessions } = on;
    const { value } = await memory.compact(caller, uid, { strategy: "truncate" }, { signal: NEVER });
    const { session: _, ...counts } = value;
    assert.deepEqual(counts, {
      originalCount: 30,
      compressedCount: 10,
      originalTokens: 30 * PER_MESSAGE,
      compressedTokens: 10 * PER_MESSAGE,
    });
    assert.deepEqual(await conversation(on, caller, uid), {
      messages: 30,
      turns: 0,
      isAwaiting: true,
      openCalls: [],
      compactedThrough: 20,
      tokens: 10 * PER_MESSAGE,
    });
    assert.deepEqual(on.model.summarized, []);
    assert.equal((await sessions.messages(caller, uid, { take: "oldest", limit: 100 })).items.length, 30);
    assert.equal((await sessions.verify(caller, uid)).ok, true);
  });

  it("by summarize says in short what goes, together with what went before", async () => {
    const on = await talkOf(6);
    const { caller, memory, uid, model } = on;
    await memory.compact(caller, uid, { strategy: "summarize", keepRecent: 4 }, { signal: NEVER });
    await memory.compact(caller, uid, { strategy: "summarize", keepRecent: 2 }, { signal: NEVER });
    assert.deepEqual(model.summarized, [
      { before: undefined, messages: ["1", "2"] },
      { before: "|1|2", messages: ["3", "4"] },
    ]);
    assert.equal((await conversation(on, caller, uid)).summary, "|1|2|3|4");
    const { metrics } = (await on.sessions.get(caller, uid)).record;
    assert.deepEqual([metrics.requestCount, metrics.inputTokens, metrics.outputTokens], [0, 10, 2]);
    const { value } = await memory.compact(caller, uid, { strategy: "truncate", keepRecent: 1 }, { signal: NEVER });
    assert.deepEqual([value.originalCount, value.compressedCount], [3, 2]);
    assert.equal((await conversation(on, caller, uid)).summary, "|1|2|3|4", "what was said of earlier ones stays");
  });

  it("summarizes what is larger than a window piece by piece", async () => {
    const { caller, memory, uid, model } = await talkOf(10, { windowTokens: 4 * PER_MESSAGE });
    await memory.compact(caller, uid, { strategy: "summarize", keepRecent: 1 }, { signal: NEVER });
    assert.deepEqual(
      model.summarized.map(({ messages }) => messages.join("")),
      ["1234", "5678", "9"],
    );
  });

  it("keeps what was summarized before a piece that fails", async () => {
    const on = await talkOf(10, { windowTokens: 4 * PER_MESSAGE });
    const { caller, memory, uid, model } = on;
    const { summarize } = model;
    model.summarize = async (before, messages) => {
      if (messages.some(({ content }) => content === "5")) throw new Error("no");
      return await summarize.call(model, before, messages);
    };
    const compact = () => memory.compact(caller, uid, { strategy: "summarize", keepRecent: 1 }, { signal: NEVER });
    await assert.rejects(compact(), /no/);
    const { compactedThrough, summary, tokens } = await conversation(on, caller, uid);
    assert.deepEqual([compactedThrough, summary, tokens], [4, "|1|2|3|4", 6 * PER_MESSAGE]);
    model.summarize = summarize;
    await compact();
    assert.equal((await conversation(on, caller, uid)).summary, "|1|2|3|4|5|6|7|8|9");
  });

  it("by hybrid summarizes the newest window of what goes, and drops what is older", async () => {
    const { caller, memory, uid, model } = await talkOf(10, { windowTokens: 4 * PER_MESSAGE });
    await memory.compact(caller, uid, { strategy: "hybrid", keepRecent: 2 }, { signal: NEVER });
    assert.deepEqual(
      model.summarized.map(({ messages }) => messages.join("")),
      ["5678"],
    );
  });

  it("keeps by count, by tokens, or by whichever keeps less", async () => {
    for (const [request, kept] of [
      [{ keepRecent: 0 }, 0],
      [{ keepRecent: 3 }, 3],
      [{ keepTokens: 3 * PER_MESSAGE }, 3],
      [{ keepTokens: 3 * PER_MESSAGE - 1 }, 2],
      [{ keepTokens: 3 * PER_MESSAGE, keepRecent: 1 }, 1],
      [{ keepTokens: 1 * PER_MESSAGE, keepRecent: 3 }, 1],
      [{ keepTokens: 0 }, 0],
      [{ keepRecent: 100 }, 12],
      [{}, 10],
    ] as const) {
      const { caller, memory, uid } = await talkOf(12);
      const { value } = await memory.compact(caller, uid, { strategy: "truncate", ...request }, { signal: NEVER });
      assert.equal(value.compressedCount, kept, JSON.stringify(request));
    }
  });

  it("changes nothing where there is nothing to compact, or the model fails", async () => {
    const { caller, memory, uid, model, sessions } = await talkOf(5);
    const { head } = await sessions.get(caller, uid);
    const { value } = await memory.compact(caller, uid, { strategy: "summarize" }, { signal: NEVER });
    assert.deepEqual([value.originalCount, value.compressedCount], [5, 5]);
    model.summarize = () => Promise.reject(new Error("no"));
    await assert.rejects(
      memory.compact(caller, uid, { strategy: "summarize", keepRecent: 1 }, { signal: NEVER }),
      /no/,
    );
    assert.deepEqual((await sessions.get(caller, uid)).head, head);
  });

  it("keeps a call with its results", async () => {
    const { caller, memory, sessions } = start();
    const { ref } = (await sessions.create(caller, {})).value.session;
    const toolCalls = ["1", "2"].map((id) => ({ id, name: "look", arguments: "{}" }));
    const result = (toolCallId: string) => ({ role: "tool", content: "found", toolCallId }) as const;
    const call = { role: "assistant", content: "", toolCalls } as const;
    await memory.add(caller, ref.id, [{ role: "user", content: "a" }, call, result("1"), result("2")]);
    const { value } = await memory.compact(caller, ref.id, { strategy: "truncate", keepRecent: 1 }, { signal: NEVER });
    assert.equal(value.compressedCount, 3);
  });

  it("happens by itself once the conversation has outgrown the window, and what was said stays known", async () => {
    const on = start({ windowTokens: 60, compactsItself: true });
    const { caller, memory, sessions, model } = on;
    const { ref } = (await sessions.create(caller, {})).value.session;
    for (let i = 0; i < 12; i++) {
      await memory.chat(caller, { sessionId: ref.id, message: `Message ${i}` }, { signal: NEVER });
    }
    // A turn waits for the compaction before it.
    model.replies.push(saying("Last"));
    await memory.chat(caller, { sessionId: ref.id, message: "The last" }, { signal: NEVER });
    const { compactedThrough, summary = "", messages } = await conversation(on, caller, ref.id);
    assert.ok(compactedThrough > 0 && messages === 26, `${compactedThrough} of ${messages}`);
    const asked = model.asked.at(-1);
    const shown = asked?.messages.map(({ content }) => content) ?? [];
    assert.equal(asked?.summary, summary);
    // Between them, summary and window have every message.
    for (let i = 0; i < 12; i++) assert.ok([...shown, ...summary.split("|")].includes(`Message ${i}`), `Message ${i}`);
    assert.equal(shown.at(-1), "The last");
    assert.deepEqual(on.failures, []);
    assert.equal((await sessions.verify(caller, ref.id)).ok, true);
  });

  it("tells the operator where it fails by itself, and the next turn tries again", async () => {
    const on = start({ windowTokens: 20, compactsItself: true });
    const { caller, memory, sessions, model, failures } = on;
    const { ref } = (await sessions.create(caller, {})).value.session;
    const { summarize } = model;
    model.summarize = () => Promise.reject(new Error("no"));
    const say = () => memory.chat(caller, { sessionId: ref.id, message: "Some words" }, { signal: NEVER });
    for (let i = 0; i < 3; i++) await say();
    const settled = () => memory.compact(caller, ref.id, { strategy: "truncate", keepRecent: 100 }, { signal: NEVER });
    await settled();
    assert.equal(failures.length, 1);
    assert.equal((await conversation(on, caller, ref.id)).compactedThrough, 0);
    model.summarize = summarize;
    // Not at once: what failed would cost a call with each turn.
    for (let i = 0; i < 2; i++) await say();
    await settled();
    assert.ok((await conversation(on, caller, ref.id)).compactedThrough > 0);
  });
});
