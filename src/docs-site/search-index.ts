import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Page } from "./folder.ts";
import { grainsOf, leadsElsewhere } from "./grains.ts";
import type { Section } from "./markdown.ts";
import { meantBy } from "./spelling.ts";
import { fitOf, OTHER_WORD, type Topic, topicOf } from "./topic.ts";
import { impliedBy, stemOf, type Term, termOf, termsOf, type Weighed, withoutHumps, wordsOf } from "./words.ts";

/** A section of a page. */
export interface Place {
  readonly page: Page;
  readonly section: Section;
}

/** A page, and one line of what it is for. */
export interface Introduced {
  readonly page: Page;
  readonly line: string;
}

/** A section that has words of a question. */
export interface Found extends Place {
  readonly score: number;
  /**
   * How much of what the question is about stands there, in one paragraph and the headings above it, or, for less, in
   * all of it: 0 to 1, each word counted by how rare it is.
   */
  readonly coverage: number;
  /** Whether that is only one of several words, and no name: it stands there by chance as like as not. */
  readonly isOneWord: boolean;
}

/** What was looked for, and what was found, the best first. */
export interface Search {
  readonly terms: readonly Weighed[];
  readonly found: readonly Found[];
}

/** How to look. */
export interface SearchOptions {
  /** The path of the page that the question was asked of; its sections count a little more. */
  readonly near?: string | undefined;
  /** Whether the last word may be the beginning of one. */
  readonly isTyped?: boolean;
  /** How many sections at most. */
  readonly limit: number;
}

/** How much a word counts where it stands: in the page's title, in headings, in text, in code. */
const COLUMN_WEIGHTS = "0.5, 6.0, 1.0, 0.4";

/** What a word counts that begins like the one asked for. */
const LONGER_WORD = 0.7;

/** What a word counts that the question implies. */
const IMPLIED = 0.8;

/** What it adds that two words of the question stand together, as a share of what they count by themselves. */
const TOGETHER = 0.6;

/** What it adds that the page was asked. */
const NEAR = 1.15;

/** Shorter beginnings fit too many words. */
const PREFIX_MIN = 3;

/** What the second best paragraph of a section adds, and all that come after it. */
const MORE = 0.25;

/** What the words of a question count together that stand in several paragraphs of a section. */
const APART = 0.85;

/** A page of so many sections is a reference: it is looked up by names, and questions in words are answered elsewhere. */
const REFERENCE_SECTIONS = 40;
const REFERENCE = 0.6;

/** A word in more than this share of all paragraphs is a common one here. */
const EVERYWHERE = 0.05;

/** Full-text search over the sections of pages, in memory. */
export class SearchIndex {
  /** The section of each row. Rows are what sections say, one thing each, with the headings above it. */
  readonly #places: Place[] = [];
  readonly #topics: ReadonlyMap<Section, Topic>;
  /** How often there is each word. */
  readonly #known = new Map<string, number>();
  readonly #database = new DatabaseSync(":memory:");
  readonly #match: StatementSync;
  readonly #frequency: StatementSync;

  constructor(pages: readonly Introduced[]) {
    const lines = new Map(pages.map(({ page, line }) => [page.sections[0], line]));
    const places = pages.flatMap(({ page }) =>
      page.sections.filter(tellsSomething).map((section): Place => ({ page, section })),
    );
    this.#topics = new Map(
      places.map(({ page, section }) => [
        section,
        topicOf(section, { title: page.title, isReference: isReference(page) }),
      ]),
    );
    this.#database.exec(
      "CREATE VIRTUAL TABLE grains USING fts5 (title, headings, text, code, tokenize = 'porter unicode61', content = '')",
    );
    const insert = this.#database.prepare(
      "INSERT INTO grains (rowid, title, headings, text, code) VALUES (?, ?, ?, ?, ?)",
    );
    this.#database.exec("BEGIN");
    for (const place of places) {
      const { page, section } = place;
      const line = lines.get(section) ?? "";
      const grains = [...grainsOf(section.blocks), ...(line === "" ? [] : [{ text: line, code: "" }])];
      for (const { text, code } of grains.length > 0 ? grains : [{ text: "", code: "" }]) {
        const columns = [page.title, section.trail.join(" / "), text, code];
        insert.run(this.#places.length, ...columns.map(indexed));
        for (const word of wordsOf(text)) this.#known.set(word, (this.#known.get(word) ?? 0) + 1);
        this.#places.push(place);
      }
    }
    this.#database.exec("COMMIT");
    this.#match = this.#database.prepare(
      `SELECT rowid AS row, -bm25(grains, ${COLUMN_WEIGHTS}) AS score FROM grains WHERE grains MATCH ?`,
    );
    this.#match.setReturnArrays(true);
    this.#database.exec("CREATE VIRTUAL TABLE temp.words USING fts5vocab (main, grains, row)");
    this.#frequency = this.#database.prepare("SELECT doc FROM temp.words WHERE term = ?");
    this.#frequency.setReturnArrays(true);
  }

  /** The sections that fit a question best. Nothing in it has a meaning but its words. */
  search(question: string, { near, isTyped = false, limit }: SearchOptions): Search {
    const asked = this.#telling(termsOf(question).map((term) => (isTyped ? term : this.#meant(term))));
    const last = asked.findLast(({ isImplied }) => !isImplied);
    const hits = asked.map((term) => this.#scores(term, isTyped && term === last));
    const terms = asked.map((term, i) => ({ ...term, weight: this.#weightOf(term, hits[i] ?? new Map()) }));
    const said = terms.filter(({ isImplied }) => !isImplied).length;
    const all = terms.reduce((sum, { weight }) => sum + weight, 0);
    const rows = this.#rowsOf(terms, hits);
    this.#addNeighbours(asked, rows);
    const found = new Map<Section, { place: Place; scores: number[]; coverage: number; shares: number[] }>();
    for (const [row, { score, shares }] of rows) {
      const place = this.#places[row];
      if (place === undefined) continue;
      const coverage = sumOf(shares.map((share, i) => share * (terms[i]?.weight ?? 0))) / all;
      const known = found.get(place.section) ?? { place, scores: [], coverage: 0, shares: terms.map(() => 0) };
      known.scores.push(score * (0.1 + coverage * coverage));
      known.coverage = Math.max(known.coverage, coverage);
      known.shares = known.shares.map((share, i) => Math.max(share, shares[i] ?? 0));
      found.set(place.section, known);
    }
    const sections = found.values().map(({ place, scores, coverage, shares }): Found => {
      const [best = 0, second = 0] = scores.sort((a, b) => b - a);
      const { page, section } = place;
      const topic = this.#topics.get(section);
      const fit = topic === undefined ? 1 : fitOf(topic, question, terms);
      const prior = (isReference(page) ? REFERENCE : 1) * (page.path === near ? NEAR : 1);
      const apart = (APART * sumOf(shares.map((share, i) => share * (terms[i]?.weight ?? 0)))) / all;
      const there = terms.filter((_, i) => (shares[i] ?? 0) > 0);
      const isOneWord = said > 1 && there.length === 1 && there.every(({ isName, isImplied }) => !isName && !isImplied);
      const score = (best + second * MORE) * prior * fit;
      return { ...place, coverage: Math.max(coverage, apart), isOneWord, score };
    });
    return { terms, found: [...sections].sort((a, b) => b.score - a.score).slice(0, limit) };
  }

  /** Lets go of the memory. */
  close(): void {
    this.#database.close();
  }

  /** The terms, without such other words as stand all over the documentation: they take longest, and tell the least. */
  #telling(terms: readonly Term[]): readonly Term[] {
    const most = this.#places.length * EVERYWHERE;
    return terms.map((term) => ({ ...term, others: term.others.filter((word) => this.#count(stemOf(word)) < most) }));
  }

  /** The term that is meant, where it is a slip of the pen. */
  #meant(term: Term): Term {
    const { word, stem, others, isImplied, isName } = term;
    if (isName || others.length > 0 || this.#count(stem) > 0) return term;
    const meant = meantBy(word, this.#known);
    return meant === undefined ? term : termOf(meant, { isImplied, isName });
  }

  /** What the terms count in each row that has one of them. */
  #rowsOf(terms: readonly Weighed[], hits: readonly Hits[]): Map<number, Row> {
    const rows = new Map<number, Row>();
    for (const [i, scores] of hits.entries()) {
      for (const [row, { score, share }] of scores) {
        const known = rows.get(row) ?? { score: 0, shares: terms.map(() => 0) };
        known.score += score;
        known.shares[i] = share;
        rows.set(row, known);
      }
    }
    return rows;
  }

  /** How many rows have a stem. */
  #count(stem: string): number {
    return Number((this.#frequency.get(stem) as readonly unknown[] | undefined)?.[0] ?? 0);
  }

  /** The rows that have a word, or one that stands for it, with what that counts. */
  #scores({ word, others, isImplied }: Term, isBeginning: boolean): Hits {
    const hits: Hits = new Map();
    const add = (expression: string, counts: number): void => {
      const share = counts * (isImplied ? IMPLIED : 1);
      for (const [row, score] of this.#rows(expression)) {
        if ((hits.get(row)?.score ?? 0) < score * share) hits.set(row, { score: score * share, share });
      }
    };
    add(quoted(word), 1);
    if (word.length >= PREFIX_MIN && (isBeginning || hits.size === 0)) add(`${quoted(word)} *`, LONGER_WORD);
    if (others.length > 0) add(others.map(quoted).join(" OR "), OTHER_WORD);
    return hits;
  }

  #addNeighbours(terms: readonly Term[], sums: ReadonlyMap<number, Row>): void {
    for (const [i, { word }] of terms.entries()) {
      const next = terms[i + 1];
      if (next === undefined || next.isImplied) return;
      for (const [row, score] of this.#rows(`NEAR(${quoted(word)} ${quoted(next.word)}, 3)`)) {
        const sum = sums.get(row);
        if (sum !== undefined) sum.score += score * TOGETHER;
      }
    }
  }

  #rows(expression: string): readonly (readonly [row: number, score: number])[] {
    // NOTE: these are the columns of the query, as arrays.
    return this.#match.all(expression) as unknown as readonly (readonly [row: number, score: number])[];
  }

  #weightOf({ isImplied }: Term, hits: Hits): number {
    const sections = new Set(hits.keys().map((row) => this.#places[row]?.section)).size;
    return Math.log(1 + (this.#topics.size + 1) / (sections + 2)) * (isImplied ? IMPLIED : 1);
  }
}

/** What a row counts, and which share of each term it has. */
interface Row {
  score: number;
  readonly shares: number[];
}

function isReference({ sections }: Page): boolean {
  return sections.length > REFERENCE_SECTIONS;
}

/** Whether there is more in a section than links to others. */
function tellsSomething({ blocks }: Section): boolean {
  return blocks.length === 0 || !blocks.every(leadsElsewhere);
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

/** What a word counts in each row, and what share of it is there: all, or what stands for it. */
type Hits = Map<number, { readonly score: number; readonly share: number }>;

/** A word, or a name, as the full-text search takes it: it is letters, numbers and spaces alone. */
function quoted(word: string): string {
  return `"${word}"`;
}

/** A text as it is looked through: with names such as `idleTimeoutMs` in their parts, too, and what its idioms come to. */
function indexed(text: string): string {
  return [text, names(text), ...impliedBy(wordsOf(text))].join(" ");
}

function names(text: string): string {
  return (text.match(/\b[a-z]+(?:[A-Z][a-z\d]*)+/g) ?? []).map(withoutHumps).join(" ");
}
