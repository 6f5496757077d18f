import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { memoryForTests, type TestMemory } from "../../tests/memory.ts";
import { addMessages, compact } from "../engine/conversation-commands.ts";
import type { Message, SealedMessage } from "../engine/message.ts";
import { Windows } from "./windows.ts";

const engine = memoryForTests();

/** Each message takes as much as its number says. */
const sealed = (message: Message): SealedMessage => ({ ...message, tokens: Number(message.content.split(" ")[1]) });

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        step: fc.constant("add" as const),
        sizes: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ step: fc.constant("read" as const), beside: fc.nat(60) }) },
    { weight: 1, arbitrary: fc.record({ step: fc.constant("compact" as const), keep: fc.nat(8) }) },
    { weight: 1, arbitrary: fc.constant({ step: "restart" as const }) },
  ),
  { maxLength: 40 },
);

type Step = typeof steps extends fc.Arbitrary<readonly (infer S)[]> ? S : never;

/** A conversation, its window, and what both must be. */
class Talk {
  readonly #on: TestMemory;
  readonly #uid: string;
  readonly #tokensMax: number;
  readonly #said: SealedMessage[] = [];
  #through = 0;
  #windows: Windows;

  constructor(on: TestMemory, uid: string, tokensMax: number) {
    this.#on = on;
    this.#uid = uid;
    this.#tokensMax = tokensMax;
    this.#windows = new Windows(on.store, tokensMax);
  }

  async play(step: Step): Promise<void> {
    if (step.step === "restart") this.#windows = new Windows(this.#on.store, this.#tokensMax);
    else if (step.step === "add") await this.#add(step.sizes);
    else if (step.step === "compact") await this.#compact(step.keep);
    else await this.#read(step.beside);
  }

  async #add(sizes: readonly number[]): Promise<void> {
    const added = sizes.map((size, i) => ({ role: "user", content: `${this.#said.length + i} ${size}` }) as const);
    this.#said.push(...added.map(sealed));
    const { value } = await this.#on.sessions.change(this.#on.caller, this.#uid, addMessages(added, sealed));
    // Half of the time as a turn does, half as somebody else who adds to it.
    if (sizes.length % 2 === 0) this.#windows.add(value, added.map(sealed));
  }

  async #compact(keep: number): Promise<void> {
    const from = this.#through;
    const through = Math.max(from, this.#said.length - keep);
    const command = compact({ strategy: "truncate", through }, { from, tokensBelow: this.#tokens(from, through) });
    await this.#on.sessions.change(this.#on.caller, this.#uid, command);
    this.#through = through;
  }

  async #read(beside: number): Promise<void> {
    const { length } = this.#said;
    let from = length;
    while (from > this.#through && this.#tokens(from - 1, length) <= this.#tokensMax - beside) from -= 1;
    const window = await this.#windows.read(await this.#on.sessions.get(this.#on.caller, this.#uid), beside);
    assert.deepEqual(contentsOf(window), contentsOf(this.#said.slice(from)));
  }

  /** Nothing is lost, and nothing is reordered, wherever the window stands. */
  async assertWhole(): Promise<void> {
    const { sessions, caller } = this.#on;
    const { conversation } = (await sessions.get(caller, this.#uid)).record;
    const { length } = this.#said;
    assert.deepEqual([conversation.messages, conversation.tokens], [length, this.#tokens(this.#through, length)]);
    const { items } = await sessions.messages(caller, this.#uid, { take: "oldest", limit: 1_000 });
    assert.deepEqual(contentsOf(items), contentsOf(this.#said));
  }

  #tokens(from: number, to: number): number {
    return this.#said.slice(from, to).reduce((sum, { tokens }) => sum + tokens, 0);
  }
}

function contentsOf(messages: readonly Message[]): readonly string[] {
  return messages.map(({ content }) => content);
}

describe("Windows", () => {
  it("is always the newest of the conversation that fits, in its order, whatever happened before", async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 20, max: 120 }), async (all, tokensMax) => {
        const on = engine();
        const { ref } = (await on.sessions.create(on.caller, {})).value.session;
        const talk = new Talk(on, ref.id, tokensMax);
        for (const step of all) await talk.play(step);
        await talk.assertWhole();
      }),
      { numRuns: 60 },
    );
  });

  it("never begins with a result whose call is outside", async () => {
    const { sessions, caller, store } = engine();
    const { ref } = (await sessions.create(caller, {})).value.session;
    const messages: readonly Message[] = [
      { role: "user", content: "a 10" },
      { role: "assistant", content: "b 10", toolCalls: [{ id: "1", name: "look", arguments: "{}" }] },
      { role: "tool", content: "c 10", toolCallId: "1" },
      { role: "assistant", content: "d 10" },
    ];
    const { value } = await sessions.change(caller, ref.id, addMessages(messages, sealed));
    const contents = async (tokens: number): Promise<readonly string[]> =>
      contentsOf(await new Windows(store, tokens).read(value, 0));
    assert.deepEqual(await contents(40), ["a 10", "b 10", "c 10", "d 10"]);
    assert.deepEqual(await contents(30), ["b 10", "c 10", "d 10"]);
    assert.deepEqual(await contents(29), ["d 10"]);
    assert.deepEqual(await contents(9), []);
  });
});
