import { describeMachine, machineLine } from "./machine.ts";
import { median, type Rounds, rounded } from "./rounds.ts";

/** What we say of ourselves, and what was measured. */
export interface Claim {
  readonly title: string;
  /** What `ours` and `raw` count, such as `operations/s`. */
  readonly unit: string;
  readonly ours: number;
  /** What the machine allows, measured in the same run; absent where nothing compares. */
  readonly raw?: number;
  /** The median of the rounds' ratios. */
  readonly ratio?: number;
  /** Absent, as is `isMet`, where a number only informs. */
  readonly aim?: string;
  readonly isMet?: boolean;
}

/** What was measured on both sides, and what to call it. */
export interface Contest {
  readonly title: string;
  readonly unit: string;
  readonly rounds: Rounds;
}

/** A claim that ours is at least a share of the raw limit. */
export function atLeast(aim: number, contest: Contest): Claim {
  const compared = compare(contest);
  return { ...compared, aim: `ratio at least ${aim}`, isMet: compared.ratio >= aim };
}

/** A claim that ours costs at most so many times what its peer costs. */
export function atMost(aim: number, contest: Contest): Claim {
  const compared = compare(contest);
  return { ...compared, aim: `ratio at most ${aim}`, isMet: compared.ratio <= aim };
}

/** Both sides' medians, without an aim. */
export function compare({ title, unit, rounds }: Contest): Claim & Required<Pick<Claim, "raw" | "ratio">> {
  const ratio = median(rounds.ours.map((value, round) => value / (rounds.raw[round] ?? Number.NaN)));
  return { title, unit, ours: median(rounds.ours), raw: median(rounds.raw), ratio };
}

/** Runs one benchmark for a person who called it by itself, and prints the machine and the table. */
export async function show(benchmark: () => Promise<readonly Claim[]>): Promise<void> {
  const line = machineLine(describeMachine());
  process.stdout.write(`${line}\n\n${claimTable(await benchmark())}`);
}

/** The claims as a table in Markdown. */
export function claimTable(claims: readonly Claim[]): string {
  const rows = claims.map(({ title, unit, ours, raw, ratio, aim, isMet }) => [
    title,
    `${rounded(ours)} ${unit}`,
    raw === undefined ? "–" : `${rounded(raw)} ${unit}`,
    ratio?.toFixed(2) ?? "–",
    aim ?? "–",
    isMet === undefined ? "–" : MET[`${isMet}`],
  ]);
  const head = ["Claim", "Ours", "Raw", "Ratio", "Aim", "Met"];
  return [head, ["---", "---:", "---:", "---:", "---", "---"], ...rows]
    .map((row) => `| ${row.join(" | ")} |\n`)
    .join("");
}

const MET = { true: "yes", false: "**no**" } as const;
