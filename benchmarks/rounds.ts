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
  { ours, raw, count = ROUNDS }: { readonly ours: Measure; readonly raw: Measure; readonly count?: number },
): Promise<Rounds> {
  const rounds: { ours: number; raw: number }[] = [];
  progress(title);
  for (let round = 0; round <= count; round++) {
    rounds.push({ ours: await ours(), raw: await raw() });
    progress(
      `  ${round === 0 ? "warm-up" : `${round}/${count}`}: ${rounded(rounds.at(-1)?.ours)} · raw ${rounded(rounds.at(-1)?.raw)}`,
    );
  }
  const counted = rounds.slice(1);
  return { ours: counted.map(({ ours: value }) => value), raw: counted.map(({ raw: value }) => value) };
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
