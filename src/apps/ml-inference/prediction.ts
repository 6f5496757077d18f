import type { Tensor } from "onnxruntime-web";
import type { Card } from "./models.ts";
import { toNested } from "./tensor.ts";

/** What a model says of one item: with labels the best and its scores, otherwise all that comes out, by name. */
export type Prediction =
  | { readonly label: string; readonly score: number; readonly scores: Readonly<Record<string, number>> }
  | { readonly outputs: Readonly<Record<string, unknown>> };

/**
 * Says what a model's outputs mean, item by item.
 *
 * @param outputs  of all items at once (`count` of them), or of one
 * @param top  how many labels to give, the best first
 * @throws {Error} where its card does not fit what comes out
 */
export function predictionsOf(
  outputs: Readonly<Record<string, Tensor>>,
  {
    card,
    count,
    isBatched,
    top,
  }: { readonly card: Card; readonly count: number; readonly isBatched: boolean; readonly top: number },
): readonly Prediction[] {
  const { labels } = card;
  if (labels === undefined) {
    const all = Object.entries(outputs).map(([name, tensor]) => [name, toNested(tensor)] as const);
    return Array.from({ length: count }, (_, index) => {
      return {
        outputs: Object.fromEntries(
          all.map(([name, value]) => [name, isBatched ? (value as unknown[])[index] : value]),
        ),
      };
    });
  }
  const [only] = Object.keys(outputs);
  const name = card.output ?? only ?? "";
  const tensor = outputs[name];
  const values = Array.from((tensor?.data ?? []) as ArrayLike<unknown>, Number);
  if (values.length !== labels.length * count) {
    throw new Error(
      `The model's card has ${labels.length} labels, and its output "${name}" has ` +
        `${values.length / count} numbers for each item; outputs are ${Object.keys(outputs).join(", ")}`,
    );
  }
  return Array.from({ length: count }, (_, index) => {
    const own = values.slice(index * labels.length, (index + 1) * labels.length);
    return best(card.softmax === true ? softmax(own) : own, labels, top);
  });
}

function best(scores: readonly number[], labels: readonly string[], top: number): Prediction {
  const ranked = labels.map((label, index) => [label, scores[index] ?? 0] as const).sort(([, a], [, b]) => b - a);
  const [label, score] = ranked[0] ?? ["", 0];
  // Labels that are numbers would come first in an object whatever their score; its order says nothing then.
  return { label, score, scores: Object.fromEntries(ranked.slice(0, top)) };
}

function softmax(values: readonly number[]): readonly number[] {
  const largest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}
