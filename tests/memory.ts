import { type EngineOptions, engineForTests, type TestEngine } from "../src/conformance/index.ts";
import type { Message } from "../src/engine/message.ts";
import { RunSlots } from "../src/engine/run-slots.ts";
import { Memory, type MemorySettings } from "../src/memory/memory.ts";
import type { Context, Model, Piece, Summary } from "../src/memory/model.ts";
import { openSqliteStore } from "../src/store/sqlite/index.ts";

/** A model that says what it is told to, and keeps what it was asked. */
export class ToldModel implements Model {
  readonly name = "told";
  readonly isLanguageModel = false;
  readonly asked: Context[] = [];
  readonly summarized: { readonly before: string | undefined; readonly messages: readonly string[] }[] = [];
  /** How the next questions are met; without one left, by the number of the question. */
  readonly replies: ((signal: AbortSignal) => AsyncIterable<Piece>)[] = [];

  async *answer(context: Context, signal: AbortSignal): AsyncGenerator<Piece, void, undefined> {
    this.asked.push(context);
    yield* (this.replies.shift() ?? saying(`Answer ${this.asked.length}`))(signal);
  }

  async summarize(before: string | undefined, messages: readonly Message[]): Promise<Summary> {
    this.summarized.push({ before, messages: messages.map(({ content }) => content) });
    const text = [before ?? "", ...messages.map(({ content }) => content)].join("|");
    return { text, usage: { inputTokens: 5, outputTokens: 1 } };
  }
}

/** An answer of one piece. */
export function saying(text: string): () => AsyncIterable<Piece> {
  return async function* () {
    yield { piece: "text", text };
    yield { piece: "end", reason: "stop", usage: { inputTokens: 7, outputTokens: 2 } };
  };
}

/** Memory for tests, and what it stands on. */
export interface TestMemory extends TestEngine {
  readonly memory: Memory;
  readonly model: ToldModel;
  /** What went wrong beside the calls. */
  readonly failures: unknown[];
}

/** Opens one store for the tests of a file; the function returned starts memory on it. */
export function memoryForTests(): (settings?: Partial<MemorySettings>, options?: EngineOptions) => TestMemory {
  const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));
  return (settings, options) => {
    const on = engine(options);
    const model = new ToldModel();
    const failures: unknown[] = [];
    const memory = new Memory(
      {
        ...on.ports,
        sessions: on.sessions,
        users: on.users,
        model,
        slots: new RunSlots(),
        onFailure: (error) => failures.push(error),
      },
      { systemPrompt: "Be kind", windowTokens: 1_000, compactsItself: false, temporaryIdleUs: 60_000_000, ...settings },
    );
    return { ...on, memory, model, failures };
  };
}

/** A signal that nothing sets off. */
export const NEVER: AbortSignal = new AbortController().signal;
