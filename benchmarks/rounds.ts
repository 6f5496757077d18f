/** Something that is measured again and again; resolves to one number, more of which is better or worse as the claim says. */
export type Measure = () => Promise<number> | number;

/** What was measured, round by round. */
export interface Rounds {
  readonly ours: readonly number[];
  readonly raw: readonly number[];
}

/** How many rounds, so that the median outlives a neighbour on the machine. */
const ROUNDS = 7;

/**
 * Measures in turn: ours, raw, ours, raw… A shared machine is quick in one minute and slow in the next; both sides see
 * the same minutes. The first pair warms up and does not count.
 *
 * @param count  how many pairs count; default 7
 */
export async function interleave(
  title: string,
  { ours, raw, count }: { readonly ours: Measure; readonly raw: Measure; readonly count?: number },
): Promise<Rounds> {
  return await inTurns(title, { ours, raw }, count);
}

/** Like `interleave`, for any sides: each round measures each of them once, in the order given. */
export async function inTurns<S extends string>(
  title: string,
  sides: Readonly<Record<S, Measure>>,
  count: number = ROUNDS,
): Promise<Readonly<Record<S, readonly number[]>>> {
  // NOTE: the keys are those of the type.
  const names = Object.keys(sides) as S[];
  // NOTE: each name is given its list here.
  const counted = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<S, number[]>;
  progress(title);
  for (let round = 0; round <= count; round++) {
    const told: string[] = [];
    for (const name of names) {
      const value = await sides[name]();
      if (round > 0) counted[name].push(value);
      told.push(`${name} ${rounded(value)}`);
    }
    progress(`  ${round === 0 ? "warm-up" : `${round}/${count}`}: ${told.join(" · ")}`);
  }
  return counted;
}

/** Tells whoever waits how far a benchmark is; on stderr, since the results go to stdout. */
export function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value that a share of the values does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** A number as people read it: `12,345`, `0.62`. */
export function rounded(value: number | undefined): string {
  if (value === undefined) return "";
  return value.toLocaleString("en", { maximumSignificantDigits: Math.abs(value) >= 1_000 ? 3 : 2 });
}
