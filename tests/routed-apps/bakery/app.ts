import { setTimeout as pause } from "node:timers/promises";
import { action, type Context, defineApp, idOf, objectType, z } from "../../../src/app-format/index.ts";

const Dough = objectType("dough", { prefix: "dgh", data: z.object({ grams: z.number() }) });

const Bread = objectType("bread", { prefix: "brd", data: z.object({ grams: z.number() }) });

/** Runs in a process of its own, remembers what it did, and has its actions as routes beside those of another app. */
export const app = defineApp({
  name: "test/bakery",
  http: { base: "/mill/v1" },
  recovery: "fresh",
  start: () => ({ baked: 0 }),
  actions: {
    "dough/knead": action({
      input: z.object({
        grams: z.number().positive(),
        flour: z.string().min(1).default("rye"),
        sour: z.boolean().default(false),
      }),
      run: ({ input: { grams, sour }, objects }) => {
        const dough = objects.make(Dough, { grams }, sour ? { reason: "sour" } : undefined);
        return { id: dough.id, grams };
      },
    }),
    "bread/bake": action({
      input: z.object({ dough_id: idOf(Dough) }),
      run: ({ input, objects, state }: Context<{ baked: number }, { dough_id: string }>) => {
        state.baked += 1;
        const dough = objects.get(input.dough_id, Dough);
        const bread = objects.make(Bread, { grams: dough.data.grams * 0.9 });
        return { id: bread.id, quality: bread.quality, baked: state.baked };
      },
    }),
    wait: action({
      input: z.object({}),
      run: async ({ session, signal }) => {
        session.progress(0, "waiting");
        while ((await session.memory.get())["go"] === undefined) await pause(20, undefined, { signal });
        return { went: true };
      },
    }),
    large: action({ input: z.object({}), run: () => "x".repeat(5_000_000) }),
    die: action({ input: z.object({}), run: () => process.exit(7) }),
    shared: action({ input: z.object({}), run: () => "the bakery's" }),
  },
});
