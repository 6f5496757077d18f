import { type Finding, titleOf } from "./answer.ts";
import type { Page } from "./folder.ts";
import { escaped } from "./html.ts";
import type { Content } from "./layout.ts";
import { pageHref } from "./links.ts";
import type { Near } from "./near.ts";
import { snippetOf } from "./passage.ts";
import { renderMarkdown } from "./render.ts";
import type { Found, Search } from "./search-index.ts";
import { stemOf, wordsOf } from "./words.ts";

/** How many sections a search shows. */
export const RESULTS_MAX = 10;

/** A part of a text, and whether it is what was looked for. */
type Part = readonly [text: string, isMatch: boolean];

/** What was found, as the search box shows it. */
export function foundAsJson(query: string, search: Search): object {
  const results = search.found.map((found) => ({
    title: titleOf(found),
    url: pageHref(found.page.path, found.section.anchor),
    excerpt: marked(snippetOf(found, search.terms), search).map(([text, isMatch]) => ({ text, match: isMatch })),
  }));
  return { query, results };
}

/** What was found, as a page that needs no script. */
export function foundAsPage(query: string, search: Search, { answer, excerpts }: Finding): Content {
  const title = query === "" ? "Search" : `Search: ${query}`;
  const [first] = excerpts;
  const best =
    first === undefined
      ? ""
      : `<section class="answer" aria-label="Best passage">
${renderMarkdown(answer, "README.md").html}
<p class="source">From ${link(first.found)}</p>
</section>
`;
  const none = `<p>Nothing on these pages has these words. <a href="${pageHref("")}">All pages</a> may help.</p>`;
  const html = `<h1>Search</h1>
${query === "" ? "<p>Type what you look for above, or a question.</p>" : `${best}${list(search) || none}`}
`;
  return { title, description: "What the documentation has on it", html, headings: [], query };
}

/** The page for an address that has none. */
export function nothingThere(path: string, search: Search, { inside, alike }: Near): Content {
  const pages = (title: string, found: readonly Page[]): string => {
    if (found.length === 0) return "";
    const items = found.map(({ path, title }) => `<li><a href="${pageHref(path)}">${escaped(title)}</a></li>`);
    return `<h2>${title}</h2>\n<ul>\n${items.join("\n")}\n</ul>`;
  };
  const html = `<h1>There is no such page</h1>
<p>Nothing is at <code>${escaped(pageHref(path))}</code>. The search above looks through all pages, and
<a href="${pageHref("")}">the index</a> lists them.</p>
${pages("Pages below it", inside)}
${pages("Pages that are called so, or nearly", alike)}
${search.found.length > 0 ? `<h2>What has its words</h2>\n${list(search)}` : ""}
`;
  return { title: "No such page", description: "There is no such page", html, headings: [] };
}

function list(search: Search): string {
  const items = search.found.map((found) => {
    const parts = marked(snippetOf(found, search.terms), search);
    const text = parts.map(([text, isMatch]) => (isMatch ? `<mark>${escaped(text)}</mark>` : escaped(text))).join("");
    return `<li>${link(found)}<p>${text}</p></li>`;
  });
  return items.length === 0 ? "" : `<ol class="results">\n${items.join("\n")}\n</ol>`;
}

function link(found: Found): string {
  const { page, section } = found;
  return `<a href="${pageHref(page.path, section.anchor)}">${escaped(titleOf(found))}</a>`;
}

/** A text in parts, the words of the question apart from the others. */
function marked(text: string, { terms }: Search): readonly Part[] {
  const words = terms.flatMap(({ word }) => word.split(" ")).map((word) => ({ word, stem: stemOf(word) }));
  const isTerm = (word: string): boolean =>
    wordsOf(word).some((part) => words.some(({ stem, word }) => stem === stemOf(part) || part.startsWith(word)));
  const parts: [string, boolean][] = [];
  for (const piece of text.match(/[\p{L}\p{N}]+|[^\p{L}\p{N}]+/gu) ?? []) {
    const isMatch = isTerm(piece);
    const last = parts.at(-1);
    if (last?.[1] === isMatch) last[0] += piece;
    else parts.push([piece, isMatch]);
  }
  return parts;
}
