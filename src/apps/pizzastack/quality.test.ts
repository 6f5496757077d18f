import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { GENERIC, type Properties } from "./properties.ts";
import { assembled, baked, base, type Cooking, cut, doneness, juice, sauce, tomato, topping } from "./quality.ts";

const STYLES = ["neapolitan", "new_york", "chicago", "roman"] as const;
const THICKNESSES = ["thin", "medium", "thick"] as const;

const share = fc.double({ min: 0, max: 1, noNaN: true });
const seconds = fc.integer({ min: 1, max: 86_400 });
const ripenesses = fc.array(share, { minLength: 1, maxLength: 5 });
const word = fc.oneof(
  fc.constantFrom("dice", "slice", "medium", "large", "uniform", "constructor", "other"),
  fc.string(),
);
const cutting = fc.record({ method: word, size: word, consistency: word });
const dough = fc.record({
  style: fc.constantFrom(...STYLES),
  thickness: fc.constantFrom(...THICKNESSES),
  hydration: share,
});
const heat = fc.record({ celsius: fc.double({ min: 150, max: 550, noNaN: true }), seconds });
const cooking = fc.record({
  by: fc.constantFrom<Cooking>("simmer", "roast"),
  celsius: fc.double({ min: 40, max: 300, noNaN: true }),
  seconds,
});
const load = fc.record({
  grams: fc.double({ min: 0, max: 1e8, noNaN: true }),
  kinds: fc.integer({ min: 0, max: 100 }),
  inches: fc.double({ min: 4, max: 24, noNaN: true }),
});

/** A pizza by all that is done to it. */
const workflow = fc.record({ ripenesses, cutting, cooking, dough, load, heat });

type Workflow = typeof workflow extends fc.Arbitrary<infer W> ? W : never;

/** The seed's example. */
const GOOD: Workflow = {
  ripenesses: [0.9],
  cutting: { method: "dice", size: "medium", consistency: "uniform" },
  cooking: { by: "simmer", celsius: 100, seconds: 1_800 },
  dough: { style: "neapolitan", thickness: "medium", hydration: 0.65 },
  load: { grams: 200, kinds: 1, inches: 12 },
  heat: { celsius: 450, seconds: 120 },
};

/** All that comes of it, in the order of the steps. */
function made(way: Workflow, quality: "optimal" | "degraded" = "optimal") {
  const pieces = cut(way.ripenesses.map(tomato), way.cutting);
  const cooked = sauce([pieces], way.cooking);
  const bottom = base(way.dough);
  const toppings = topping(way.load);
  const pizza = assembled({ base: bottom, sauce: cooked, toppings });
  const parts = { crust: bottom.score, sauce: cooked.score, toppings };
  const { metrics, properties } = baked({ properties: pizza, parts, style: way.dough.style }, { ...way.heat, quality });
  return { all: [...way.ripenesses.map(tomato), pieces, cooked, bottom, pizza, properties], parts, metrics };
}

function within(value: number, low: number, high: number): void {
  assert.ok(value >= low && value <= high, `${value} is not ${low} to ${high}`);
}

/** Holds that the overall score does not rise while one input goes away from its best. */
function falls(
  arbitrary: fc.Arbitrary<number>,
  way: (input: number) => Partial<Workflow>,
  far: (input: number) => number,
) {
  const score = (input: number): number => made({ ...GOOD, ...way(input) }).metrics.overall_score;
  fc.assert(
    fc.property(arbitrary, arbitrary, (a, b) => {
      const [near, away] = far(a) <= far(b) ? [a, b] : [b, a];
      assert.ok(score(near) >= score(away), `${near} scores ${score(near)}, ${away} scores ${score(away)}`);
    }),
  );
  const ends = fc.sample(arbitrary, { numRuns: 1_000, seed: 1 }).sort((a, b) => far(a) - far(b));
  assert.ok(score(ends[0] ?? 0) > score(ends.at(-1) ?? 0), "it makes no difference");
}

describe("the quality model", () => {
  it("keeps every score of what is as it should be within 0.90 and 0.98, and of what is degraded within 0.35 and 0.50", () => {
    fc.assert(
      fc.property(workflow, (way) => {
        for (const score of Object.values(made(way).metrics)) within(score, 0.9, 0.98);
        for (const score of Object.values(made(way, "degraded").metrics)) within(score, 0.35, 0.5);
      }),
    );
  });

  it("reaches both ends of both bands", () => {
    const best = { properties: GENERIC, parts: { crust: 1, sauce: 1, toppings: 1 }, style: "neapolitan" } as const;
    const worst = { ...best, parts: { crust: 0, sauce: 0, toppings: 0 }, style: "chicago" } as const;
    const ends = (["optimal", "degraded"] as const).map((quality) => [
      Object.values(baked(best, { celsius: 450, seconds: 120, quality }).metrics),
      Object.values(baked(worst, { celsius: 550, seconds: 86_400, quality }).metrics),
    ]);
    const five = (score: number): number[] => Array(5).fill(score);
    assert.deepEqual(ends, [
      [five(0.98), five(0.9)],
      [five(0.5), five(0.35)],
    ]);
  });

  it("keeps all that it tells of things within 0 and 1, to three digits", () => {
    fc.assert(
      fc.property(workflow, ripenesses, fc.boolean(), (way, others, isFiltered) => {
        const { all, parts } = made(way);
        const things: readonly Properties[] = [
          ...all,
          juice(others.map(tomato), { isFiltered }),
          sauce([], way.cooking),
        ];
        for (const value of [...things.flatMap((thing) => Object.values(thing)), ...Object.values(parts)]) {
          within(value, 0, 1);
          assert.equal(value, Number(value.toFixed(3)));
        }
      }),
    );
  });

  it("gives the same scores for the same inputs", () => {
    fc.assert(fc.property(workflow, (way) => assert.deepEqual(made(structuredClone(way)), made(way))));
  });

  it("gives the best scores to the pizza of the guide", () => {
    assert.deepEqual(made(GOOD).metrics, {
      overall_score: 0.98,
      crust_crispness: 0.98,
      cheese_melt: 0.98,
      topping_distribution: 0.98,
      sauce_integration: 0.98,
    });
  });

  it("scores less the farther an input is from its best, whatever that input is", () => {
    const off = (low: number, high: number) => (value: number) => Math.max(low - value, value - high, 0);
    const { cooking: stove, dough: flour, load: top, heat: oven } = GOOD;
    falls(share, (ripeness) => ({ ripenesses: [ripeness] }), off(0.85, 0.95));
    falls(
      fc.double({ min: 40, max: 200, noNaN: true }),
      (celsius) => ({ cooking: { ...stove, celsius } }),
      off(85, 105),
    );
    falls(seconds, (time) => ({ cooking: { ...stove, seconds: time } }), off(1_200, 3_600));
    falls(share, (hydration) => ({ dough: { ...flour, hydration } }), off(0.58, 0.7));
    falls(fc.integer({ min: 0, max: 100 }), (kinds) => ({ load: { ...top, kinds } }), off(1, 4));
    // 0.15 to 0.45 g for each of the 729.7 cm² of 12 inches.
    falls(fc.double({ min: 0, max: 2_000, noNaN: true }), (grams) => ({ load: { ...top, grams } }), off(110, 328));
    falls(
      seconds,
      (time) => ({ heat: { ...oven, seconds: time } }),
      (time) => off(-0.25, 0.25)(Math.log2(time / 120)),
    );
  });

  it("scores words in the order of the page, and those that it does not know last", () => {
    const score = (cutting: Partial<Workflow["cutting"]>): number =>
      cut([tomato(0.9)], { ...GOOD.cutting, ...cutting }).score;
    assert.deepEqual(
      ["dice", "chop", "slice", "crush", "julienne", "other"].map((method) => score({ method })),
      [1, 0.995, 0.99, 0.985, 0.985, 0.985],
    );
    assert.deepEqual(
      ["medium", "small", "large", "tiny"].map((size) => score({ size })),
      [1, 0.99, 0.98, 0.98],
    );
    assert.deepEqual(
      ["uniform", "rustic", "toString"].map((consistency) => score({ consistency })),
      [1, 0.99, 0.99],
    );
  });

  it("lets all scores fall when the pizza is degraded", () => {
    fc.assert(
      fc.property(workflow, (way) => {
        const { metrics: good } = made(way);
        for (const [name, score] of Object.entries(made(way, "degraded").metrics)) {
          assert.ok(score < good[name as keyof typeof good] - 0.3);
        }
      }),
    );
  });

  it("wants each style in an oven of its own", () => {
    const best = { neapolitan: 450, new_york: 300, chicago: 225, roman: 310 };
    for (const style of STYLES) {
      const crusts = Object.entries(best).map(([other, celsius]) => {
        const needed = 120 * 2 ** ((450 - celsius) / 80);
        const way: Workflow = {
          ...GOOD,
          dough: { ...GOOD.dough, style },
          heat: { celsius, seconds: needed },
        };
        return [other, made(way).metrics.crust_crispness] as const;
      });
      const top = Math.max(...crusts.map(([, score]) => score));
      assert.equal(new Map(crusts).get(style), top, style);
    }
  });
});

describe("doneness()", () => {
  it("needs half the time for every 80 °C more", () => {
    const times = { 210: 960, 290: 480, 370: 240, 450: 120, 530: 60 };
    const done = Object.entries(times).map(([celsius, needed]) =>
      [needed / 16, needed / 2, needed, needed * 2, needed * 16].map((time) =>
        doneness({ celsius: Number(celsius), seconds: time }),
      ),
    );
    assert.deepEqual(done, Array(5).fill([0, 0.75, 1, 0.75, 0]));
  });
});
