import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { COOKING, CUTS, DONENESS, KINDS, LOAD, type Range, RIPENESS, STYLES } from "./best.ts";

function range({ low, high }: Range, digits?: number): string {
  return `${digits === undefined ? low : low.toFixed(digits)} to ${digits === undefined ? high : high.toFixed(digits)}`;
}

function row(what: string, best: Range): string {
  return `| ${what} | ${range(best)} | ${best.reach} |`;
}

describe("what is best", () => {
  it("is what the page says", async () => {
    const page = await readFile(new URL("../../../docs/apps/pizzastack.md", import.meta.url), "utf8");
    const styles = Object.entries(STYLES).map(([style, { hydration, thickness, oven }]) => {
      assert.deepEqual([hydration.reach, oven.reach], [0.4, 250]);
      return `| \`${style}\` | ${range(hydration, 2)} | ${thickness.join(", ")} | ${range(oven)} |`;
    });
    const cuts = Object.entries(CUTS).map(([what, { other, ...words }]) => {
      const better = Object.entries(words).filter(([, score]) => score > other);
      const [last] = Object.entries(words).find(([, score]) => score === other) ?? [];
      return `| \`${what}\` | ${better.map(([word, score]) => `${word} ${score}, `).join("")}${last} and others ${other} |`;
    });
    const rows = [
      row("ripeness of a tomato", RIPENESS),
      row("simmering, °C", COOKING.simmer.celsius),
      row("simmering, minutes", COOKING.simmer.minutes),
      row("roasting, °C", COOKING.roast.celsius),
      row("roasting, minutes", COOKING.roast.minutes),
      row("toppings, grams on a cm²", LOAD),
      row("kinds of toppings", KINDS),
      row("doneness: log2(time / time needed)", DONENESS),
      "| style | hydration, reach 0.4 | thickness | oven in °C, reach 250 |",
      ...styles,
      ...cuts,
    ];
    assert.deepEqual(
      rows.filter((one) => !page.includes(`\n${one}\n`)),
      [],
    );
  });
});
