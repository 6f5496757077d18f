import { setTimeout as pause } from "node:timers/promises";
import { action, type Context, defineApp, z } from "../../../src/app-format/index.ts";

interface State {
  count: number;
}

type Given<Input> = Context<State, Input, { readonly step: number }>;

const Nothing = z.object({});

/** Does in its turn whatever a test wants to see of an app. */
export const app = defineApp({
  name: "workshop",
  description: "What tests want to see of an app",
  setup: z.object({ step: z.int().default(1) }),
  recovery: "fresh",
  start: (): State => ({ count: 0 }),
  default: "count",
  actions: {
    count: action({
      description: "How often it was called",
      input: Nothing,
      output: z.object({ count: z.int() }),
      run: ({ state, setup }: Given<unknown>) => {
        state.count += setup.step;
        return { count: state.count };
      },
    }),
    echo: action({
      input: z.object({ value: z.json() }),
      isIdempotent: true,
      run: ({ input }: Given<{ value: unknown }>) => input.value,
    }),
    nothing: action({ input: Nothing, run: () => undefined }),
    tell: action({
      input: z.object({ parts: z.array(z.string()) }),
      run: async function* ({ input, session }: Given<{ parts: string[] }>) {
        for (const [i, part] of input.parts.entries()) {
          session.progress((i + 1) / input.parts.length, `part ${i + 1}`);
          yield { part };
        }
        session.log("All told", "warn");
        return { whole: input.parts.join("") };
      },
    }),
    even: action({
      input: z.object({ number: z.int() }).refine(({ number }) => number % 2 === 0, {
        message: "must be even",
        path: ["number"],
      }),
      run: ({ input }: Given<{ number: number }>) => input.number / 2,
    }),
    fail: action({
      input: z.object({ message: z.string() }),
      run: ({ input }: Given<{ message: string }>) => {
        throw new Error(input.message);
      },
    }),
    die: action({
      input: Nothing,
      run: () => process.exit(7),
    }),
    /** Heeds no cancellation. */
    hang: action({
      input: Nothing,
      run: async () => {
        for (;;) await pause(1_000);
      },
    }),
    /** Ends once working memory has `go`. */
    wait: action({
      input: Nothing,
      run: async ({ session, signal }: Given<unknown>) => {
        session.progress(0, "waiting");
        while ((await session.memory.get())["go"] === undefined) await pause(20, undefined, { signal });
        session.progress(1, "gone");
        return { went: true };
      },
    }),
  },
});
