import type { Folder } from "./folder.ts";
import { type Search, SearchIndex, type SearchOptions } from "./search-index.ts";

/** How much of a question must stand together in a section outside the index for it to be told of. */
const COVERAGE_MIN = 0.6;

/** How many of the sections that are told of may be from outside the index. */
const ASIDE_SHARE = 0.2;

/**
 * All pages, to be searched: those of the index, and beside them the others, which are decisions.
 *
 * Those tell why something is so, and mostly in the words in which a page of the index tells how it is. They come last
 * therefore, and do not count for how rare a word is.
 */
export class Library {
  readonly #indexed: SearchIndex;
  readonly #aside: SearchIndex;
  readonly #pathsAside: ReadonlySet<string>;

  constructor({ groups, pages, index }: Folder) {
    const entries = groups.flatMap((group) => group.entries);
    const indexed = new Set([index, ...entries.map(({ page }) => page)]);
    const aside = [...pages.values()].filter((page) => !indexed.has(page));
    this.#indexed = new SearchIndex([{ page: index, line: "" }, ...entries]);
    this.#aside = new SearchIndex(aside.map((page) => ({ page, line: "" })));
    this.#pathsAside = new Set(aside.map(({ path }) => path));
  }

  /** Finds sections that have words of a question, the best first, and a few from outside the index after them. */
  search(question: string, options: SearchOptions): Search {
    const { terms, found } = this.#indexed.search(question, options);
    const aside = this.#searchAside(question, { ...options, limit: Math.floor(options.limit * ASIDE_SHARE) });
    return { terms, found: [...found.slice(0, options.limit - aside.found.length), ...aside.found] };
  }

  /**
   * Where to look for an answer, in turn: in the index, and where that has none, outside it; the other way round for what is
   * asked of a page that is there.
   */
  *searches(question: string, options: SearchOptions): Generator<Search> {
    const { near } = options;
    const isAside = near !== undefined && this.#pathsAside.has(near);
    if (isAside) yield this.#searchAside(question, options);
    yield this.#indexed.search(question, options);
    if (!isAside) yield this.#searchAside(question, options);
  }

  #searchAside(question: string, options: SearchOptions): Search {
    const { terms, found } = this.#aside.search(question, options);
    return { terms, found: found.filter(({ coverage }) => coverage >= COVERAGE_MIN) };
  }
}
