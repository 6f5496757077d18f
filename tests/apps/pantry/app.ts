import { defineApp, idOf, objectType, z } from "../../../src/app-format/index.ts";

const Item = objectType("item", { prefix: "itm", data: z.object({ name: z.string() }) });

const Dish = objectType("dish", { prefix: "dsh", data: z.object({ name: z.string(), from: z.array(z.string()) }) });

const reason = z.string().optional();

/** Makes objects of objects, good ones and bad ones. */
export const app = defineApp({
  name: "pantry",
  description: "Makes objects",
  actions: {
    pick: {
      input: z.object({ names: z.array(z.string()), reason }),
      run: ({ input, objects }) => {
        const made = input.names.map((name) => objects.make(Item, { name }, because(input.reason)));
        return { ids: made.map(({ id }) => id) };
      },
    },
    "cook/dish": {
      input: z.object({ name: z.string(), from: z.array(idOf(Item, Dish)), reason }),
      run: ({ input: { name, from, reason }, objects }) => objects.make(Dish, { name, from }, because(reason)),
    },
    peel: {
      input: z.object({ item: idOf(Item) }),
      run: ({ input, objects }) => objects.get(input.item, Item).data.name,
    },
  },
});

function because(reason: string | undefined): { readonly reason: string } | undefined {
  return reason === undefined ? undefined : { reason };
}
