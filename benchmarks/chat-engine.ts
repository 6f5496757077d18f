import type { Store } from "../src/engine/store.ts";
import type { Context, Model, Piece } from "../src/memory/model.ts";
import type { Engine } from "../src/platform/open-engine.ts";
import type { Durability } from "../src/store/sqlite/index.ts";
import { openBenchmarkEngine } from "./engine.ts";

/** Where an engine keeps its sessions, and what of it is not as a server has it by default. */
export interface ChatEngineOptions {
  readonly directory: string;
  /** Makes an answer of what the model is given; none waits for anything. */
  readonly answer: (context: Context) => string;
  readonly autoCompact?: "on" | "off";
  readonly durability?: Durability;
  /** Called with every commit, before the store has it. */
  readonly onCommit?: () => void;
}

/** A turn that nobody gives up. */
export const SIGNAL: AbortSignal = new AbortController().signal;

/** Opens an engine with the defaults of a server, and a model that costs next to nothing: what is left is ours. */
export function openChatEngine({ answer, onCommit, ...options }: ChatEngineOptions): Engine {
  return openBenchmarkEngine(options, {
    model: constantModel(answer),
    ...(onCommit !== undefined && { observe: (store) => observed(store, onCommit) }),
  });
}

function constantModel(answer: (context: Context) => string): Model {
  return {
    name: "benchmark:constant",
    isLanguageModel: false,
    async *answer(context: Context): AsyncGenerator<Piece> {
      yield { piece: "text", text: answer(context) };
      yield { piece: "end", reason: "stop" };
    },
    summarize: async () => ({
      text: "They spoke of the orders of last week, of who decides on them, and of what is still open.",
    }),
  };
}

function observed(store: Store, onCommit: () => void): Store {
  const commit = store.commit.bind(store);
  store.commit = (step) => {
    onCommit();
    return commit(step);
  };
  return store;
}
