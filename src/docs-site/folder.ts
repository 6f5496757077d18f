import { readdir, readFile } from "node:fs/promises";
import type { Tokens } from "marked";
import { SojournError } from "../engine/errors.ts";
import { pathOf, targetOf } from "./links.ts";
import { blocksOf, isHeading, type Parsed, parsePage, plainOf } from "./markdown.ts";

/** A page of the documentation. */
export interface Page extends Parsed {
  /** Its path below `/docs`, such as `guides/pizzastack`; `""` for the index. */
  readonly path: string;
  /** Its file in the folder, such as `guides/pizzastack.md`. */
  readonly file: string;
  readonly markdown: string;
}

/** A page's place in the index. */
export interface Entry {
  readonly page: Page;
  /** What the index calls it. */
  readonly title: string;
  /** One line of what it is for. */
  readonly line: string;
}

/** A part of the index. */
export interface Group {
  readonly title: string;
  readonly entries: readonly Entry[];
}

/** The documentation as it lies in its folder. */
export interface Folder {
  /** By path. */
  readonly pages: ReadonlyMap<string, Page>;
  readonly index: Page;
  /** The index as lists, in its order. A page that is in none of them can be read, and is found by links alone. */
  readonly groups: readonly Group[];
}

/** The documentation that ships with the package; in the repository it is the same folder. */
export const SHIPPED: URL = new URL("../../docs/", import.meta.url);

const INDEX = "README.md";

/**
 * Reads all pages of a folder.
 *
 * @throws {SojournError} `not_found` where the folder, or its `README.md`, is not there
 */
export async function readFolder(folder: URL): Promise<Folder> {
  const files = await markdownFiles(folder);
  const read = await Promise.all(
    files.map(async (file): Promise<Page> => {
      const markdown = (await readFile(new URL(file, folder), "utf8")).replaceAll("\r\n", "\n");
      return { path: pathOf(file), file, markdown, ...parsePage(markdown) };
    }),
  );
  const pages = new Map(read.map((page) => [page.path, page]));
  const index = pages.get("");
  if (index === undefined) throw missing();
  return { pages, index, groups: groupsOf(index, pages) };
}

async function markdownFiles(folder: URL): Promise<readonly string[]> {
  try {
    const names = await readdir(folder, { recursive: true });
    return names
      .map((name) => name.replaceAll("\\", "/"))
      .filter((name) => name.endsWith(".md"))
      .sort();
  } catch (cause) {
    throw missing(cause);
  }
}

function missing(cause?: unknown): SojournError {
  const message = `The documentation is not installed: there is no docs/${INDEX} beside the server's files`;
  return new SojournError("not_found", { message, cause });
}

/** Reads the index: below each heading, a list of links, each with a line of what its page is for. */
function groupsOf({ markdown, file }: Page, pages: ReadonlyMap<string, Page>): readonly Group[] {
  const groups: { title: string; entries: Entry[] }[] = [];
  for (const block of blocksOf(markdown)) {
    if (isHeading(block) && block.depth > 1) groups.push({ title: plainOf(block.tokens), entries: [] });
    if (block.type !== "list") continue;
    for (const { tokens } of (block as Tokens.List).items) {
      const [title, href] = linkAtStart(tokens);
      const target = targetOf(href, file);
      const page = target.to === "page" ? pages.get(target.path) : undefined;
      if (page === undefined) continue;
      const line = plainOf(tokens)
        .slice(title.length)
        .replace(/^[\s:–—-]+/, "");
      groups.at(-1)?.entries.push({ page, title, line });
    }
  }
  return groups.filter(({ entries }) => entries.length > 0);
}

function linkAtStart(tokens: Tokens.ListItem["tokens"]): readonly [title: string, href: string] {
  const [first] = tokens;
  const inline = first !== undefined && "tokens" in first ? (first.tokens ?? []) : [];
  const link = inline.find(({ type }) => type === "link");
  return link === undefined ? ["", ""] : [plainOf([link]), (link as Tokens.Link).href];
}
