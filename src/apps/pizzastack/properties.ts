/** What is known of anything that can be tasted, each 0 to 1. */
export interface Properties {
  readonly sweetness: number;
  readonly acidity: number;
  readonly umami: number;
  readonly aroma: number;
  readonly firmness: number;
  readonly juiciness: number;
  /** How well it was made so far. */
  readonly score: number;
}

/** Of what nobody knows more than its name. */
export const GENERIC: Properties = {
  sweetness: 0.5,
  acidity: 0.5,
  umami: 0.4,
  aroma: 0.5,
  firmness: 0.5,
  juiciness: 0.5,
  score: 0.8,
};

/** Of several things, mixed in equal parts. */
export function mix(things: readonly Properties[]): Properties {
  return each((name) => mean(things.map((thing) => thing[name])));
}

/** The same, each within 0 to 1 and to three digits. */
export function rounded(properties: Properties): Properties {
  return each((name) => rounded3(Math.min(1, Math.max(0, properties[name]))));
}

/** To three digits, so that the same score reads the same everywhere. */
export function rounded3(number: number): number {
  return Math.round(number * 1_000) / 1_000;
}

/** Of one number at least. */
export function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}

function each(of: (name: keyof Properties) => number): Properties {
  return {
    sweetness: of("sweetness"),
    acidity: of("acidity"),
    umami: of("umami"),
    aroma: of("aroma"),
    firmness: of("firmness"),
    juiciness: of("juiciness"),
    score: of("score"),
  };
}
