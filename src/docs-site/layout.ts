import type { Folder, Page } from "./folder.ts";
import { escaped } from "./html.ts";
import { BASE, markdownHref, pageHref } from "./links.ts";
import type { Heading } from "./render.ts";

/** What a page of the site shows. */
export interface Content {
  readonly title: string;
  readonly description: string;
  /** The main part. */
  readonly html: string;
  readonly headings: readonly Heading[];
  /** The page of the documentation that it is; absent for a list of what was found, or where nothing is. */
  readonly page?: Page;
  /** What the search box has. */
  readonly query?: string;
}

/** What all pages of the site share. */
export interface Frame {
  readonly folder: Pick<Folder, "groups">;
  /** The addresses of what pages load. */
  readonly assets: Readonly<Record<"css" | "js" | "theme" | "icon", string>>;
}

/**
 * A page as HTML. Ids of the site itself have a colon, which anchors of headings never have.
 *
 * It can be read without its script, and loads nothing from elsewhere.
 */
export function layout({ folder, assets }: Frame, content: Content): string {
  const { title, description, html, headings, page, query = "" } = content;
  const outline = headings.filter(({ level }) => level <= 3);
  const name = page?.path === "" ? "Sojourn’s documentation" : `${title} · Sojourn`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(name)}</title>
<meta name="description" content="${escaped(description)}">
<script src="${assets.theme}"></script>
<link rel="stylesheet" href="${assets.css}">
<link rel="icon" href="${assets.icon}" type="image/svg+xml">
${page === undefined ? "" : `<link rel="alternate" type="text/markdown" href="${markdownHref(page.file)}">\n`}<script type="module" src="${assets.js}"></script>
</head>
<body>
<a class="skip" href="#site:content">Skip to the text</a>
<header class="top">
<a class="brand" href="${BASE}"><img src="${assets.icon}" alt="" width="24" height="24">Sojourn</a>
<form class="search" role="search" action="${BASE}/search">
<input type="search" name="q" value="${escaped(query)}" placeholder="Search or ask" aria-label="Search the documentation" autocomplete="off" maxlength="1000" required>
<kbd aria-hidden="true">/</kbd>
</form>
<button class="theme" type="button" hidden></button>
<a class="menu" href="#site:navigation">Menu</a>
</header>
<div class="${outline.length > 1 ? "columns" : "columns wide"}">
<nav class="pages" id="site:navigation" aria-label="Pages">
<a class="close" href="#site:content">Close</a>
${navigation(folder.groups, page)}
</nav>
<main id="site:content" tabindex="-1">
${outline.length > 1 ? `<details class="outline"><summary>On this page</summary>${tableOfContents(outline)}</details>` : ""}
<article>
${html}</article>
${page === undefined ? "" : footer(folder.groups, page)}</main>
${outline.length > 1 ? `<nav class="contents" aria-label="On this page"><p>On this page</p>${tableOfContents(outline)}</nav>` : ""}
</div>
</body>
</html>
`;
}

function navigation(groups: Folder["groups"], current: Page | undefined): string {
  const item = ({ page, title }: Folder["groups"][number]["entries"][number]): string => {
    const mark = page === current ? ' aria-current="page"' : "";
    return `<li><a href="${pageHref(page.path)}"${mark}>${escaped(title)}</a></li>`;
  };
  return groups
    .map(({ title, entries }) => `<p>${escaped(title)}</p>\n<ul>\n${entries.map(item).join("\n")}\n</ul>`)
    .join("\n");
}

function tableOfContents(headings: readonly Heading[]): string {
  const item = ({ level, text, anchor }: Heading): string =>
    `<li class="level-${level}"><a href="#${escaped(anchor)}">${escaped(text)}</a></li>`;
  return `<ul>${headings.map(item).join("")}</ul>`;
}

function footer(groups: Folder["groups"], page: Page): string {
  const entries = groups.flatMap(({ entries }) => entries);
  const at = entries.findIndex((entry) => entry.page === page);
  const before = at > 0 ? entries[at - 1] : undefined;
  const after = at >= 0 || page.path === "" ? entries[at + 1] : undefined;
  const link = (rel: "prev" | "next", entry: (typeof entries)[number] | undefined): string =>
    entry === undefined
      ? ""
      : `<a rel="${rel}" href="${pageHref(entry.page.path)}"><small>${NEIGHBOURS[rel]}</small>${escaped(entry.title)}</a>`;
  return `<footer>
<nav class="neighbours" aria-label="Neighbouring pages">${link("prev", before)}${link("next", after)}</nav>
<p><a href="${markdownHref(page.file)}">This page as Markdown</a> · <a href="${BASE}/llms.txt">All pages for programs</a></p>
</footer>
`;
}

const NEIGHBOURS = { prev: "Before", next: "Next" } as const;
