/**
 * How good things turn out: the same inputs always give the same numbers.
 *
 * A step is judged by how near its inputs are to what is best. `nearness` is 1 from `low` to `high`, and falls in a straight line
 * to 0 at `reach` beyond either end. The score of a thing, 0 to 1, is made of the nearnesses of its step and of the scores of
 * what it was made from, by the weights below; docs/apps/pizzastack.md has them as a table.
 *
 * Only the oven tells a score as the published one: `band` puts each score between 0.90 and 0.98, or, where the pizza is
 * degraded, between 0.35 and 0.50. So nothing but degradation leaves the upper band, and then all scores do.
 */

import { COOKING, CUTS, DONENESS, KINDS, LOAD, type Range, RIPENESS, STYLES, type Words } from "./best.ts";
import { GENERIC, mean, mix, type Properties, rounded, rounded3 } from "./properties.ts";

export type Quality = "optimal" | "degraded";

/** Of which step a pizza's scores come. */
export interface Parts {
  readonly crust: number;
  readonly sauce: number;
  readonly toppings: number;
}

export interface Metrics {
  readonly overall_score: number;
  readonly crust_crispness: number;
  readonly cheese_melt: number;
  readonly topping_distribution: number;
  readonly sauce_integration: number;
}

export type Style = keyof typeof STYLES;
export type Thickness = "thin" | "medium" | "thick";
export type Cooking = keyof typeof COOKING;

const BANDS = { optimal: { low: 0.9, high: 0.98 }, degraded: { low: 0.35, high: 0.5 } } as const;

/** A tomato, by its ripeness. */
export function tomato(ripeness: number): Properties {
  return rounded({
    sweetness: 0.3 + 0.5 * ripeness,
    acidity: 0.8 - 0.4 * ripeness,
    umami: 0.2 + 0.5 * ripeness,
    aroma: 0.2 + 0.6 * ripeness,
    firmness: 0.9 - 0.5 * ripeness,
    juiciness: 0.4 + 0.5 * ripeness,
    score: nearness(ripeness, RIPENESS),
  });
}

/** Tomatoes that were cut. */
export function cut(
  tomatoes: readonly Properties[],
  { method, size, consistency }: { readonly method: string; readonly size: string; readonly consistency: string },
): Properties {
  const mixed = mix(tomatoes);
  const work = mean([wordOf(CUTS.method, method), wordOf(CUTS.size, size), wordOf(CUTS.consistency, consistency)]);
  return rounded({ ...mixed, firmness: 0.9 * mixed.firmness, score: 0.7 * mixed.score + 0.3 * work });
}

/** Their juice. */
export function juice(tomatoes: readonly Properties[], { isFiltered }: { readonly isFiltered: boolean }): Properties {
  const mixed = mix(tomatoes);
  return rounded({ ...mixed, firmness: 0, juiciness: 1, score: 0.9 * mixed.score + (isFiltered ? 0.1 : 0.05) });
}

/** A sauce, of what is tracked among its ingredients, or of nothing but `GENERIC`. */
export function sauce(
  ingredients: readonly Properties[],
  { by, celsius, seconds }: { readonly by: Cooking; readonly celsius: number; readonly seconds: number },
): Properties {
  const mixed = ingredients.length === 0 ? GENERIC : mix(ingredients);
  const minutes = seconds / 60;
  const heat = nearness(celsius, COOKING[by].celsius);
  const time = nearness(minutes, COOKING[by].minutes);
  const reduced = Math.min(1, minutes / 60);
  return rounded({
    sweetness: mixed.sweetness + 0.15 * reduced,
    acidity: mixed.acidity * (1 - 0.3 * reduced),
    umami: mixed.umami + 0.2 * reduced,
    aroma: mixed.aroma + 0.1 * heat,
    firmness: mixed.firmness * (1 - 0.8 * reduced),
    juiciness: mixed.juiciness * (1 - 0.4 * reduced),
    score: 0.5 * mixed.score + 0.25 * heat + 0.25 * time,
  });
}

/** A base of dough. */
export function base({
  style,
  thickness,
  hydration,
}: {
  readonly style: Style;
  readonly thickness: Thickness;
  readonly hydration: number;
}): Properties {
  const best = STYLES[style];
  const water = nearness(hydration, best.hydration);
  const shape = best.thickness.some((one) => one === thickness) ? 1 : 0.6;
  return rounded({
    sweetness: 0.2,
    acidity: 0.1,
    umami: 0.1,
    aroma: 0.4,
    firmness: { thin: 0.8, medium: 0.65, thick: 0.5 }[thickness],
    juiciness: 0.3 * hydration,
    score: 0.6 * water + 0.4 * shape,
  });
}

/** How well toppings lie on a pizza, 0 to 1. */
export function topping({
  grams,
  kinds,
  inches,
}: {
  readonly grams: number;
  readonly kinds: number;
  readonly inches: number;
}): number {
  const radiusCm = (inches * 2.54) / 2;
  const load = grams / (Math.PI * radiusCm ** 2);
  return rounded3(0.7 * nearness(load, LOAD) + 0.3 * nearness(kinds, KINDS));
}

/** A pizza before the oven. */
export function assembled(of: {
  readonly base: Properties;
  readonly sauce: Properties;
  readonly toppings: number;
}): Properties {
  const mixed = mix([of.base, of.sauce]);
  return rounded({
    ...mixed,
    umami: mixed.umami + 0.2 * of.toppings,
    score: mean([of.base.score, of.sauce.score, of.toppings]),
  });
}

/** How near a pizza comes to being done: the time that it needs halves with every 80 °C, and is 2 minutes at 450 °C. */
export function doneness({ celsius, seconds }: { readonly celsius: number; readonly seconds: number }): number {
  const needed = 120 * 2 ** ((450 - celsius) / 80);
  return nearness(Math.log2(seconds / needed), DONENESS);
}

/** A pizza from the oven, and its scores. */
export function baked(
  pizza: { readonly properties: Properties; readonly parts: Parts; readonly style: Style },
  { celsius, seconds, quality }: { readonly celsius: number; readonly seconds: number; readonly quality: Quality },
): { readonly properties: Properties; readonly metrics: Metrics } {
  const { parts, properties } = pizza;
  const done = doneness({ celsius, seconds });
  const oven = nearness(celsius, STYLES[pizza.style].oven);
  const scores = {
    crust_crispness: band(mean([parts.crust, oven, done]), quality),
    cheese_melt: band(mean([parts.toppings, done, done]), quality),
    topping_distribution: band(parts.toppings, quality),
    sauce_integration: band(mean([parts.sauce, done]), quality),
  };
  return {
    metrics: { overall_score: rounded3(mean(Object.values(scores))), ...scores },
    properties: rounded({
      ...properties,
      aroma: properties.aroma + 0.2 * done,
      firmness: properties.firmness + 0.2 * done,
      juiciness: 0.8 * properties.juiciness,
      score: 0.5 * properties.score + 0.25 * oven + 0.25 * done,
    }),
  };
}

/** See above: 1 from `low` to `high`, and falling to 0 at `reach` beyond either. */
export function nearness(value: number, { low, high, reach }: Range): number {
  const off = Math.max(low - value, value - high, 0);
  return Math.max(0, 1 - off / reach);
}

/** A score where its quality has it. */
function band(score: number, quality: Quality): number {
  const { low, high } = BANDS[quality];
  return rounded3(low + (high - low) * score);
}

function wordOf(words: Words, word: string): number {
  const score = Object.hasOwn(words, word) ? words[word] : undefined;
  return score ?? words.other;
}
