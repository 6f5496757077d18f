import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type DirectApp, startApp } from "../../../tests/direct-app.ts";
import type { MadeObject } from "../../engine/object.ts";
import { app } from "./app.ts";
import type { Properties } from "./properties.ts";
import { tomato } from "./quality.ts";

type Answer = Readonly<Record<string, unknown>> & { readonly id: string };

type Input = Readonly<Record<string, unknown>>;

/** A kitchen, and what is usual in it. */
class Kitchen {
  readonly #app: DirectApp;

  constructor(direct: DirectApp) {
    this.#app = direct;
  }

  async do(action: string, input: Input): Promise<Answer> {
    return (await this.#app.call({ action, ...input })) as Answer;
  }

  async tomato(ripeness = 0.9): Promise<string> {
    return (await this.do("tomato/acquire", { variety: "San Marzano", ripeness, weight: 400 })).id;
  }

  async sliced(): Promise<string> {
    const cut = { method: "dice", size: "medium", consistency: "uniform" };
    return (await this.do("tomato/slice", { tomato_ids: [await this.tomato()], ...cut })).id;
  }

  async sauce(id: string): Promise<string> {
    return (await this.do("cook/simmer", { ingredients: [of(id)], temperature: 100, duration: "30m" })).id;
  }

  async base(): Promise<string> {
    return (await this.do("pizza/base", DOUGH)).id;
  }

  async pizza(sauceId: string): Promise<string> {
    const toppings = [{ name: "mozzarella", amount: 200, unit: "g" }];
    return (await this.do("pizza/assemble", { base_id: await this.base(), sauce_id: sauceId, toppings })).id;
  }

  async baked(pizzaId: string): Promise<Answer> {
    return await this.do("pizza/bake", { pizza_id: pizzaId, temperature: 450, duration: "2m" });
  }
}

const DOUGH = { thickness: "medium", size: "12inch", style: "neapolitan", hydration: 0.65 };

function of(id: string, name = "tomato"): Input {
  return { id, name, amount: 400, unit: "g" };
}

async function inKitchen(use: (kitchen: Kitchen, direct: DirectApp) => Promise<void>): Promise<void> {
  await using direct = await startApp(app);
  await use(new Kitchen(direct), direct);
}

/** The fields of an input that an action refuses. */
function refused(action: string, input: Input): readonly string[] {
  const { error } = app.actions[action]?.input.safeParse(input) ?? {};
  return error?.issues.map(({ path }) => path.join(".")) ?? [];
}

/** What is cooked or baked, of things that were made before. */
const step = fc.record({ does: fc.constantFrom("slice", "roast", "bake"), of: fc.nat(), beside: fc.nat() });

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function follow(kitchen: Kitchen, steps: readonly Step[]): Promise<void> {
  const usable = [await kitchen.tomato(), await kitchen.sliced()];
  const sauces = [await kitchen.sauce("generic")];
  const pick = (from: readonly string[], at: number): string => from[at % from.length] ?? "";
  for (const { does, of: first, beside } of steps) {
    if (does === "slice") usable.push(await kitchen.sliced());
    if (does === "bake") await kitchen.baked(await kitchen.pizza(pick(sauces, first)));
    if (does !== "roast") continue;
    const ingredients = [of(pick(usable, first)), of("generic"), of(pick(usable, beside))];
    const { id } = await kitchen.do("cook/roast", { ingredients, temperature: 200, duration: "1h" });
    usable.push(id);
    sauces.push(id);
  }
}

/** Holds what an object tells of its quality against what the server knows of it. */
function assertTold({ type, data, degradation }: MadeObject): void {
  const told = data as Input;
  const quality = degradation === undefined ? "optimal" : "degraded";
  const score = told["quality_score"];
  const byScore = Number(score) >= 0.9 ? "optimal" : "degraded";
  assert.equal(told["degradation_reason"], degradation?.reason);
  assert.equal(told["sauce_quality"], type === "sauce" ? quality : undefined);
  assert.equal(told["assembly_quality"], type === "assembled" ? quality : undefined);
  if (type === "baked") assert.equal(byScore, quality);
}

describe("pizzastack", () => {
  it("has the ten routes of its kitchen, in the server", () => {
    assert.deepEqual([app.name, app.in, app.http], ["pizzastack", "server", { base: "/v1" }]);
    assert.deepEqual(Object.keys(app.actions), [
      "tomato/acquire",
      "tomato/slice",
      "tomato/squeeze",
      "cook/simmer",
      "cook/roast",
      "pizza/base",
      "pizza/assemble",
      "pizza/bake",
      "taste/analyze",
      "taste/compare",
    ]);
  });

  it("answers each step with its object, flat", async () => {
    await inKitchen(async (kitchen) => {
      const variety = { variety: "San Marzano", ripeness: 0.9, weight: 400 };
      const properties = tomato(0.9);
      const raw = await kitchen.do("tomato/acquire", variety);
      assert.match(raw.id, /^tom_/);
      assert.deepEqual(raw, { id: raw.id, ...variety, properties, type: "raw" });

      const cut = { method: "dice", size: "medium", consistency: "uniform" };
      const sliced = await kitchen.do("tomato/slice", { tomato_ids: [raw.id], ...cut });
      assert.match(sliced.id, /^slc_/);
      assert.deepEqual(sliced, {
        id: sliced.id,
        source_tomato_ids: [raw.id],
        ...cut,
        pieces: [{ tomato_id: raw.id, weight: 400 }],
        properties: { ...properties, firmness: 0.405 },
        type: "sliced",
      });

      const juice = await kitchen.do("tomato/squeeze", { tomato_ids: [raw.id] });
      assert.match(juice.id, /^jce_/);
      assert.deepEqual(juice, {
        id: juice.id,
        source_tomato_ids: [raw.id],
        volume: 272,
        concentration: 0.75,
        properties: { ...properties, firmness: 0, juiciness: 1 },
        type: "juice",
      });

      const cooking = { ingredients: [of(sliced.id)], temperature: 100, duration: "30m" };
      const { properties: _sauce, ...sauce } = await kitchen.do("cook/simmer", cooking);
      assert.match(sauce.id, /^sce_/);
      const kept = { name: "tomato sauce", sauce_quality: "optimal", ...cooking, method: "simmer", type: "sauce" };
      assert.deepEqual(sauce, { id: sauce.id, ...kept });

      const { properties: _base, ...base } = await kitchen.do("pizza/base", DOUGH);
      assert.match(base.id, /^bas_/);
      assert.deepEqual(base, { id: base.id, ...DOUGH, type: "base" });

      const assembling = {
        base_id: base.id,
        sauce_id: sauce.id,
        toppings: [{ name: "mozzarella", amount: 200, unit: "g" }],
      };
      const { properties: _pizza, ...pizza } = await kitchen.do("pizza/assemble", assembling);
      assert.match(pizza.id, /^asm_/);
      assert.deepEqual(pizza, {
        id: pizza.id,
        ...assembling,
        assembly_quality: "optimal",
        style: "neapolitan",
        parts: { crust: 1, sauce: 1, toppings: 1 },
        type: "assembled",
      });

      const baking = { pizza_id: pizza.id, temperature: 450, duration: "2m" };
      const { properties: _baked, ...baked } = await kitchen.do("pizza/bake", baking);
      assert.match(baked.id, /^bkd_/);
      assert.deepEqual(baked, {
        id: baked.id,
        ...baking,
        quality_score: 0.98,
        quality_metrics: {
          overall_score: 0.98,
          crust_crispness: 0.98,
          cheese_melt: 0.98,
          topping_distribution: 0.98,
          sauce_integration: 0.98,
        },
        type: "baked",
      });
    });
  });

  it("fills in what a call leaves out", async () => {
    await inKitchen(async (kitchen) => {
      const { hydration } = await kitchen.do("pizza/base", { ...DOUGH, hydration: undefined });
      assert.equal(hydration, 0.6);
      const id = await kitchen.tomato();
      const { method, size, consistency } = await kitchen.do("tomato/slice", { tomato_ids: [id] });
      assert.deepEqual([method, size, consistency], ["slice", "medium", "uniform"]);
      const { depth, aroma, texture } = await kitchen.do("taste/analyze", { dish_id: id });
      assert.deepEqual([depth, aroma, texture], ["basic", undefined, undefined]);
    });
  });

  it("takes words for cuts that it does not know, and tells them as they were", async () => {
    await inKitchen(async (kitchen) => {
      const cut = { method: "julienne", size: "3mm", consistency: "by hand" };
      const { method, size, consistency } = await kitchen.do("tomato/slice", {
        tomato_ids: [await kitchen.tomato()],
        ...cut,
      });
      assert.deepEqual({ method, size, consistency }, cut);
    });
  });

  it("degrades a sauce of a tomato that was neither cut nor squeezed, and all that is made from it", async () => {
    await inKitchen(async (kitchen, direct) => {
      const raw = await kitchen.tomato();
      const ingredients = [of("generic", "basil"), of(raw)];
      for (const action of ["cook/simmer", "cook/roast"]) {
        const sauce = await kitchen.do(action, { ingredients, temperature: 160, duration: "30m" });
        assert.deepEqual([sauce["sauce_quality"], sauce["degradation_reason"]], ["degraded", "raw_ingredient"]);
        const again = await kitchen.sauce(sauce.id);
        const pizza = await kitchen.pizza(again);
        const baked = await kitchen.baked(pizza);
        const taste = await kitchen.do("taste/analyze", { dish_id: baked.id });
        const { quality_metrics, degradation_reason } = baked;
        assert.equal(degradation_reason, "raw_ingredient");
        for (const score of Object.values(quality_metrics as Record<string, number>)) {
          assert.ok(score >= 0.35 && score <= 0.5);
        }
        const degraded = direct.objects().filter(({ degradation }) => degradation?.objectId === sauce.id);
        assert.deepEqual(
          degraded.map(({ objectId, degradation }) => [objectId, degradation?.reason]),
          [sauce.id, again, pizza, baked.id, taste.id].map((id) => [id, "raw_ingredient"]),
        );
      }
    });
  });

  it("says of each object what the server says, whatever it is made from", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        await inKitchen(async (kitchen, direct) => {
          await follow(kitchen, steps);
          for (const object of direct.objects()) assertTold(object);
        });
      }),
      { numRuns: 30 },
    );
  });

  it("makes a sauce of nothing that the session knows", async () => {
    await inKitchen(async (kitchen, direct) => {
      const sauce = await kitchen.sauce("generic");
      const [made, ...others] = direct.objects();
      assert.deepEqual([made?.objectId, made?.degradation, others], [sauce, undefined, []]);
    });
  });

  it("takes for each step what that step takes, and nothing else", async () => {
    await inKitchen(async (kitchen) => {
      const raw = await kitchen.tomato();
      const sliced = await kitchen.sliced();
      const juice = (await kitchen.do("tomato/squeeze", { tomato_ids: [raw] })).id;
      const sauce = await kitchen.sauce(sliced);
      const base = await kitchen.base();
      const assembled = await kitchen.pizza(sauce);
      const baked = (await kitchen.baked(assembled)).id;
      const taste = (await kitchen.do("taste/analyze", { dish_id: raw })).id;
      const comparison = (await kitchen.do("taste/compare", { dish_ids: [raw, sliced] })).id;
      const all = { raw, sliced, juice, sauce, base, assembled, baked, taste, comparison };
      const other = await kitchen.tomato();
      const taken = async (action: string, input: (id: string) => Input): Promise<readonly string[]> => {
        const types: string[] = [];
        for (const [type, id] of Object.entries(all)) {
          const went = await kitchen.do(action, input(id)).then(
            () => true,
            ({ message }: Error) => assert.match(message, /is of type/),
          );
          if (went === true) types.push(type);
        }
        return types;
      };
      const cooking = (id: string): Input => ({ ingredients: [of(id)], temperature: 120, duration: "30m" });
      assert.deepEqual(await taken("tomato/slice", (id) => ({ tomato_ids: [id] })), ["raw"]);
      assert.deepEqual(await taken("tomato/squeeze", (id) => ({ tomato_ids: [id] })), ["raw"]);
      assert.deepEqual(await taken("cook/simmer", cooking), ["raw", "sliced", "juice", "sauce"]);
      assert.deepEqual(await taken("cook/roast", cooking), ["raw", "sliced", "juice", "sauce"]);
      assert.deepEqual(await taken("pizza/assemble", (id) => ({ base_id: id, sauce_id: sauce })), ["base"]);
      assert.deepEqual(await taken("pizza/assemble", (id) => ({ base_id: base, sauce_id: id })), ["sauce"]);
      const baking = { temperature: 450, duration: "2m" };
      assert.deepEqual(await taken("pizza/bake", (id) => ({ pizza_id: id, ...baking })), ["assembled"]);
      const dishes = ["raw", "sliced", "juice", "sauce", "base", "assembled", "baked"];
      assert.deepEqual(await taken("taste/analyze", (id) => ({ dish_id: id })), dishes);
      assert.deepEqual(await taken("taste/compare", (id) => ({ dish_ids: [id, other] })), dishes);
    });
  });

  it("tells aroma and texture where they are asked for, or all is", async () => {
    await inKitchen(async (kitchen) => {
      const id = await kitchen.tomato();
      const whole = await kitchen.do("taste/analyze", { dish_id: id, depth: "comprehensive" });
      assert.match(whole.id, /^tst_/);
      assert.deepEqual(whole, {
        id: whole.id,
        dish_id: id,
        depth: "comprehensive",
        sweetness: 0.75,
        acidity: 0.44,
        umami: 0.65,
        aroma: {
          intensity: 0.74,
          notes: ["tomato", "green leaf", "vine"],
          complexity: 0.695,
          primary_notes: [{ name: "tomato", intensity: 0.74 }],
          secondary_notes: [{ name: "green leaf", intensity: 0.444 }],
          tertiary_notes: [{ name: "vine", intensity: 0.222 }],
        },
        texture: { score: 0.65, firmness: 0.45, juiciness: 0.85, mouthfeel: "juicy", structural_integrity: 0.725 },
        type: "taste",
      });
      const aroma = await kitchen.do("taste/analyze", { dish_id: id, include_aroma: true });
      const texture = await kitchen.do("taste/analyze", { dish_id: id, include_texture: true });
      assert.deepEqual([aroma["aroma"], "texture" in aroma], [whole["aroma"], false]);
      assert.deepEqual([texture["texture"], "aroma" in texture], [whole["texture"], false]);
    });
  });

  it("ranks dishes by each metric, the best first, and equal ones as they were named", async () => {
    await inKitchen(async (kitchen) => {
      const [green, ripe, riper, same] = [
        await kitchen.tomato(0.2),
        await kitchen.tomato(0.8),
        await kitchen.tomato(1),
        await kitchen.tomato(0.8),
      ];
      const dish_ids = [green, ripe, riper, same];
      const comparison = await kitchen.do("taste/compare", { dish_ids, metrics: ["sweetness", "acidity"] });
      assert.match(comparison.id, /^cmp_/);
      assert.deepEqual(comparison, {
        comparison_id: comparison.id,
        id: comparison.id,
        dish_ids,
        rankings: {
          sweetness: [
            { dish_id: riper, score: 0.8 },
            { dish_id: ripe, score: 0.7 },
            { dish_id: same, score: 0.7 },
            { dish_id: green, score: 0.4 },
          ],
          acidity: [
            { dish_id: green, score: 0.72 },
            { dish_id: ripe, score: 0.48 },
            { dish_id: same, score: 0.48 },
            { dish_id: riper, score: 0.4 },
          ],
        },
        type: "comparison",
      });
      const { rankings } = await kitchen.do("taste/compare", { dish_ids });
      assert.deepEqual(Object.keys(rankings as object), ["sweetness", "acidity", "umami"]);
    });
  });

  it("finds half the taste in what is degraded", async () => {
    await inKitchen(async (kitchen) => {
      const raw = await kitchen.tomato();
      const sauce = await kitchen.do("cook/simmer", { ingredients: [of(raw)], temperature: 100, duration: "30m" });
      const properties = sauce["properties"] as Properties;
      const half = (name: keyof Properties): number => Math.round(properties[name] * 500) / 1_000;
      const { sweetness, acidity, umami, aroma, texture } = await kitchen.do("taste/analyze", {
        ...{ dish_id: sauce.id, depth: "comprehensive" },
      });
      assert.deepEqual([sweetness, acidity, umami], [half("sweetness"), half("acidity"), half("umami")]);
      assert.equal((aroma as { readonly intensity: number }).intensity, half("aroma"));
      const [firmness, juiciness] = [half("firmness"), half("juiciness")];
      const mean = (a: number, b: number): number => Math.round((a + b) * 500) / 1_000;
      assert.deepEqual(texture, {
        ...{ score: mean(firmness, juiciness), firmness, juiciness, mouthfeel: "juicy" },
        structural_integrity: mean(firmness, half("score")),
      });
    });
  });

  it("refuses values that make no sense, by the names of their fields", () => {
    const raw = { variety: "Roma", ripeness: 0.5, weight: 100 };
    assert.deepEqual(refused("tomato/acquire", raw), []);
    assert.deepEqual(refused("tomato/acquire", {}), ["variety", "ripeness", "weight"]);
    assert.deepEqual(refused("tomato/acquire", { variety: " ", ripeness: 1.01, weight: 0 }), [
      "variety",
      "ripeness",
      "weight",
    ]);
    assert.deepEqual(refused("tomato/slice", { tomato_ids: [] }), ["tomato_ids"]);
    assert.deepEqual(refused("tomato/slice", { tomato_ids: ["tom_1", "tom_1"] }), ["tomato_ids"]);
    const cooking = { ingredients: [of("generic")], temperature: 100, duration: "30m" };
    assert.deepEqual(refused("cook/simmer", { ...cooking, temperature: 201, duration: "30" }), [
      "temperature",
      "duration",
    ]);
    assert.deepEqual(refused("cook/simmer", { ...cooking, temperature: 39 }), ["temperature"]);
    assert.deepEqual(refused("cook/roast", { ...cooking, temperature: 99 }), ["temperature"]);
    assert.deepEqual(refused("cook/roast", { ...cooking, temperature: 301 }), ["temperature"]);
    assert.deepEqual(refused("cook/simmer", { ...cooking, ingredients: [] }), ["ingredients"]);
    assert.deepEqual(
      refused("cook/simmer", { ...cooking, ingredients: [{ ...of("x"), id: 1, amount: -1, unit: "m" }] }),
      ["ingredients.0.id", "ingredients.0.amount", "ingredients.0.unit"],
    );
    assert.deepEqual(refused("pizza/base", { thickness: "flat", size: "12", style: "greek", hydration: 65 }), [
      "thickness",
      "size",
      "style",
      "hydration",
    ]);
    assert.deepEqual(refused("pizza/bake", { pizza_id: "", temperature: 551, duration: "25h" }), [
      "pizza_id",
      "temperature",
      "duration",
    ]);
    assert.deepEqual(refused("taste/compare", { dish_ids: ["tom_1"], metrics: ["price"] }), ["dish_ids", "metrics.0"]);
    assert.deepEqual(refused("taste/compare", { dish_ids: ["tom_1", "sce_1", "tom_1"] }), ["dish_ids"]);
  });
});
