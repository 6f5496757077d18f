import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NEVER } from "../../tests/memory.ts";
import { DEFAULT_STYLE } from "../engine/user.ts";
import { guarded } from "./guarded-model.ts";
import type { Context, Model, Piece } from "./model.ts";

const CONTEXT: Context = {
  systemPrompt: "",
  profile: { ...DEFAULT_STYLE, preferences: {} },
  workingMemory: {},
  messages: [{ role: "user", content: "Hi" }],
};

const BOUNDS = { timeoutMs: 60_000, maxOutputTokens: 10 };

/** A model that sends these, whatever they are. */
function sending(...pieces: readonly unknown[]): Model {
  return {
    name: "own",
    isLanguageModel: false,
    async *answer() {
      yield* pieces as Piece[];
    },
    summarize: async () => ({ text: "a\0b\ud800", usage: { inputTokens: -1, outputTokens: 1 } }),
  };
}

const text = (words: string): Piece => ({ piece: "text", text: words });
const END: Piece = { piece: "end", reason: "stop" };

async function said(model: Model, { timeoutMs = BOUNDS.timeoutMs, signal = NEVER } = {}): Promise<readonly Piece[]> {
  return await Array.fromAsync(guarded(model, { ...BOUNDS, timeoutMs }).answer(CONTEXT, signal));
}

describe("guarded()", () => {
  it("passes on what a model says, whole characters at a time, and as it can be kept", async () => {
    assert.deepEqual(await said(sending(text("a\ud83d"), text("\ude00b"), text("\0\ud800"), END)), [
      text("a"),
      text("😀b"),
      text("\ufffd"),
      text("\ufffd"),
      END,
    ]);
    const { text: summary, usage } = await guarded(sending(), BOUNDS).summarize(undefined, [], NEVER);
    assert.deepEqual([summary, usage], ["a\ufffdb\ufffd", undefined]);
  });

  it("keeps only counts that are counts, and reasons that are known", async () => {
    const usage = { inputTokens: Number.NaN, outputTokens: 1 };
    assert.deepEqual((await said(sending(text("a"), { piece: "end", reason: "weird", usage }))).at(-1), END);
  });

  it("fails where a model does not do as it promises", async () => {
    const broken: readonly Model[] = [
      sending(),
      sending(text("a")),
      sending(END),
      sending(text(" "), END),
      sending("hello"),
      sending({ piece: "text" }, END),
      sending(undefined),
      { ...sending(), answer: () => ({}) as AsyncIterable<Piece> },
      {
        ...sending(),
        answer: () => {
          throw new TypeError("broken");
        },
      },
      {
        ...sending(),
        async *answer() {
          yield text("a");
          throw new DOMException("broken");
        },
      },
    ];
    for (const model of broken) await assert.rejects(said(model), { code: "model_failed", message: /^Model "own" / });
    const noSummary = { ...sending(), summarize: async () => "text" as never };
    await assert.rejects(guarded(noSummary, BOUNDS).summarize(undefined, [], NEVER), { code: "model_failed" });
  });

  it("ends one that never ends: at its bound, at its time, and with its signal", async () => {
    const endless: Model = {
      ...sending(),
      async *answer() {
        for (;;) yield text("word ");
      },
    };
    const pieces = await said(endless);
    assert.deepEqual(pieces.at(-1), { piece: "end", reason: "length" });
    assert.equal(pieces.map((piece) => (piece.piece === "text" ? piece.text : "")).join("").length, 160);
    const deaf: Model = {
      ...sending(),
      async *answer() {
        yield text("a");
        await new Promise(() => {});
      },
      summarize: () => new Promise(() => {}),
    };
    await assert.rejects(said(deaf, { timeoutMs: -1_990 }), { code: "model_failed", message: /did not answer within/ });
    const gone = new AbortController();
    const reason = new Error("gone");
    const asked = said(deaf, { signal: gone.signal });
    const summarized = guarded(deaf, BOUNDS).summarize(undefined, [], gone.signal);
    gone.abort(reason);
    await assert.rejects(asked, (error) => error === reason);
    await assert.rejects(summarized, (error) => error === reason);
  });

  it("refuses what is no model", () => {
    for (const model of [{}, { name: "a" }, { ...sending(), name: "" }, { ...sending(), summarize: 1 }]) {
      assert.throws(() => guarded(model as Model, BOUNDS), { code: "invalid" });
    }
  });
});
