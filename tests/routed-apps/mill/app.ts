import { action, defineApp, idOf, objectType, z } from "../../../src/app-format/index.ts";

const Grain = objectType("grain", { prefix: "grn", data: z.object({ kind: z.string() }) });

const Flour = objectType("flour", {
  prefix: "flr",
  data: z.object({ kind: z.string(), type: z.string(), quality: z.string() }),
});

/** Runs in the server, and has its actions as routes. */
export const app = defineApp({
  name: "test/mill",
  in: "server",
  http: { base: "/mill/v1" },
  actions: {
    "grain/buy": action({
      description: "Buy grain",
      input: z.object({ kind: z.string().min(1), wet: z.boolean().default(false) }),
      output: z.object({ id: z.string(), kind: z.string() }),
      run: ({ input: { kind, wet }, objects }) => {
        const { id } = objects.make(Grain, { kind }, wet ? { reason: 'too "wet"\n…' } : undefined);
        return { id, kind };
      },
    }),
    "flour/grind": action({
      input: z.object({
        grains: z.array(z.object({ id: idOf(Grain), grams: z.number().positive() })).min(1),
      }),
      run: ({ input: { grains }, objects }) => {
        const kind = grains.map(({ id }) => objects.get(id, Grain).data.kind).join(" and ");
        const flour = objects.make(Flour, { kind, type: "wholemeal", quality: "fine" });
        return { id: flour.id, kind, quality: flour.quality };
      },
    }),
    say: action({ input: z.object({ value: z.json() }), run: ({ input }) => input.value }),
    nothing: action({ input: z.object({}), run: () => undefined }),
    fail: action({
      input: z.object({ message: z.string() }),
      run: ({ input }) => {
        throw new Error(input.message);
      },
    }),
    doze: action({ input: z.object({}), run: () => new Promise(() => {}) }),
    shared: action({ input: z.object({}), run: () => "the mill's" }),
  },
});
