import { charactersOf, type Entry } from "./operation.ts";

/** How many entries are read at a time, and how many are kept. */
const PAGE = 100;

/** How much of payloads is read at a time, and how much is kept, in characters but for the last entry of it. */
const CHARACTERS_MAX = 262_144;

/** Entries of a log behind a `seq`, and whether there were no more. */
export interface Stretch {
  readonly entries: readonly Entry[];
  readonly isEnd: boolean;
}

/** How a log is read. */
export type ReadLog = (range: {
  readonly after: number;
  readonly limit: number;
  readonly charactersMax: number;
}) => Promise<readonly Entry[]>;

interface Reading {
  /** How often the log had changed when it began. */
  readonly changes: number;
  readonly stretch: Promise<Stretch>;
}

/**
 * The last of a log that is followed: what one follower reads, the others need not read again. Followers that are woken
 * together share one read; one that is a little behind finds what it needs here, and one that is far behind reads by itself,
 * so that a slow one holds nobody up and what is kept has a bound.
 */
export class RecentEntries {
  readonly #read: ReadLog;
  /** By the `seq` that they begin after. */
  readonly #readings = new Map<number, Reading>();
  #entries: readonly Entry[] = [];
  /** How often the log has changed, as far as this was told. */
  #changes = 0;
  /** How often it had when its end was read; then nothing is behind the kept entries until it changes again. */
  #endedAt = -1;
  #erasures = 0;

  constructor(read: ReadLog) {
    this.#read = read;
  }

  /** Something was appended. Call it before a follower is woken for that. */
  change(): void {
    this.#changes += 1;
  }

  /** The log was erased, and may begin anew. */
  erase(): void {
    this.change();
    this.#erasures += 1;
    this.#entries = [];
  }

  /** What follows a `seq`: some entries at least, or the end. Has all that was told of by `change` before the call. */
  async after(seq: number): Promise<Stretch> {
    const kept = this.#kept(seq);
    if (kept !== undefined) return kept;
    const known = this.#readings.get(seq);
    // One that began before the last change may not have it, and nobody would wake its follower for that again.
    if (known?.changes === this.#changes) return await known.stretch;
    const reading = { changes: this.#changes, stretch: this.#readOn(seq) };
    this.#readings.set(seq, reading);
    try {
      return await reading.stretch;
    } finally {
      if (this.#readings.get(seq) === reading) this.#readings.delete(seq);
    }
  }

  #kept(seq: number): Stretch | undefined {
    const first = this.#entries[0]?.operation.seq;
    const last = this.#entries.at(-1)?.operation.seq;
    if (first === undefined || last === undefined || seq < first - 1 || seq > last) return undefined;
    const isEnd = this.#endedAt === this.#changes;
    return seq < last || isEnd ? { entries: this.#entries.slice(seq - first + 1), isEnd } : undefined;
  }

  async #readOn(after: number): Promise<Stretch> {
    const [changes, erasures] = [this.#changes, this.#erasures];
    const entries = await this.#read({ after, limit: PAGE, charactersMax: CHARACTERS_MAX });
    const isEnd = entries.length < PAGE && charactersOf(entries) <= CHARACTERS_MAX;
    if (erasures === this.#erasures) this.#keep(entries, after, isEnd ? changes : undefined);
    return { entries, isEnd };
  }

  #keep(entries: readonly Entry[], after: number, endedAt: number | undefined): void {
    const last = entries.at(-1)?.operation.seq ?? after;
    const keptLast = this.#entries.at(-1)?.operation.seq ?? 0;
    if (endedAt !== undefined && last >= keptLast) this.#endedAt = Math.max(this.#endedAt, endedAt);
    // What is far behind is of no use to the others.
    if (last <= keptLast) return;
    // Where a log was cut off meanwhile, there is a gap between what is kept and what was read.
    const isNext = (entries[0]?.operation.seq ?? 0) <= keptLast + 1;
    const more = entries.filter(({ operation }) => operation.seq > keptLast);
    this.#entries = newest(isNext ? [...this.#entries, ...more] : entries);
  }
}

function newest(entries: readonly Entry[]): readonly Entry[] {
  let [from, characters] = [entries.length, 0];
  while (from > 0 && entries.length - from < PAGE && characters <= CHARACTERS_MAX) {
    from -= 1;
    characters += charactersOf(entries.slice(from, from + 1));
  }
  return entries.slice(from);
}
