import {
  answerOf,
  badQuestion,
  type Finding,
  findingOf,
  isQuestion,
  linkTo,
  phrasedAnswer,
  QUESTION_MAX,
  SECTIONS_MAX,
  unanswered,
} from "./answer.ts";
import { type Assets, digestOf, readAssets } from "./assets.ts";
import { Compression, plainTags } from "./compression.ts";
import { type Folder, type Page, readFolder, SHIPPED } from "./folder.ts";
import { foundAsJson, foundAsPage, nothingThere, RESULTS_MAX } from "./found.ts";
import { type Content, layout } from "./layout.ts";
import { Library } from "./library.ts";
import { BASE, markdownHref, pageHref } from "./links.ts";
import { llmsFull, llmsIndex } from "./llms.ts";
import { nearTo } from "./near.ts";
import { type Ask, promptOf, wordsOf } from "./phrasing.ts";
import { renderMarkdown } from "./render.ts";

/** A request for a page. */
export interface DocsRequest {
  /** With its query, such as `/docs/tasks.md?ask=…`. */
  readonly url: string;
  readonly accept?: string | undefined;
  readonly acceptEncoding?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  /** The language model that may put an answer into words, if there is one and whoever asks may have it asked. */
  readonly model: () => Promise<LanguageModel | undefined>;
}

/** What puts an answer into words. */
export interface LanguageModel {
  readonly name: string;
  readonly ask: Ask;
}

/** What is answered. */
export interface DocsAnswer {
  readonly status: number;
  readonly type: string;
  /** As bytes where it is compressed. */
  readonly text: string | Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

const HTML = "text/html; charset=utf-8";
const MARKDOWN = "text/markdown; charset=utf-8";
const PLAIN = "text/plain; charset=utf-8";
const JSON_TYPE = "application/json; charset=utf-8";

/** Nothing from elsewhere, and no script or style but our files. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** Pages change with the server's version alone; a browser asks whether they have. */
const REVALIDATED = "no-cache";

/** Opens the documentation of a folder. */
export async function openSite(folder: URL = SHIPPED): Promise<DocsSite> {
  const [read, assets] = await Promise.all([readFolder(folder), readAssets()]);
  return new DocsSite(read, assets);
}

/** The documentation as a site: pages, their Markdown, what is found in them, and answers to questions. */
export class DocsSite {
  readonly #folder: Folder;
  readonly #assets: Assets;
  readonly #compression = new Compression();
  readonly #library: Library;
  /** The pages as HTML, by path, and their digests. */
  readonly #rendered = new Map<string, { readonly html: string; readonly etag: string }>();

  constructor(folder: Folder, assets: Assets) {
    this.#folder = folder;
    this.#assets = assets;
    this.#library = new Library(folder);
  }

  /** Answers any address below `/docs`. */
  async answer(request: DocsRequest): Promise<DocsAnswer> {
    const answer = await this.#answer({ ...request, ifNoneMatch: plainTags(request.ifNoneMatch) });
    return await this.#compression.apply(answer, request.acceptEncoding);
  }

  async #answer(request: DocsRequest): Promise<DocsAnswer> {
    const { pathname, searchParams: query } = new URL(request.url, "http://localhost");
    const path = decoded(pathname).slice(BASE.length);
    const isForPeople = (request.accept ?? "").includes("text/html");
    if (path.startsWith("/assets/")) return this.#asset(path.slice("/assets/".length), request, query);
    if (path === "/search") return this.#search(query.get("q") ?? "", isForPeople);
    if (path === "/llms.txt") return checked(request, { type: PLAIN, text: llmsIndex(this.#folder) });
    if (path === "/llms-full.txt") return checked(request, { type: PLAIN, text: llmsFull(this.#folder) });
    const meant = this.#meant(path);
    if (meant === undefined) return this.#missing(path, isForPeople);
    const { page, href, isMarkdown } = meant;
    if (decoded(href) !== BASE + path) return moved(`${href}${query.size > 0 ? `?${query}` : ""}`);
    const asked = query.getAll("ask");
    if (asked.length > 0) return await this.#ask(asked, page, request);
    const wantsMarkdown = isMarkdown || (!isForPeople && (request.accept ?? "").includes("text/markdown"));
    const vary = isMarkdown ? {} : { vary: "accept" };
    if (wantsMarkdown) return checked(request, { type: MARKDOWN, text: page.markdown, headers: vary });
    const { html, etag } = this.#page(page);
    return checked(request, { type: HTML, text: html, etag, headers: { ...vary, ...PAGE_HEADERS } });
  }

  /** The page that an address means, however it is written, and the one address that it has. */
  #meant(path: string): { readonly page: Page; readonly href: string; readonly isMarkdown: boolean } | undefined {
    const [, bare = "", ending = ""] = /^\/?(.*?)(\.md|\.html?)?\/*$/i.exec(path) ?? [];
    const isMarkdown = ending.toLowerCase() === ".md";
    const name = bare.replace(/\/+$/, "").replace(/(?:^|\/)(?:readme|index)$/i, "");
    const page = this.#folder.pages.get(name) ?? this.#named(name);
    if (page === undefined) return undefined;
    // The index has a second name, beside its folder.
    const href = isMarkdown ? markdownHref(page.file) : pageHref(page.path);
    return { page, isMarkdown, href: isMarkdown && name === "" && path === ".md" ? `${BASE}.md` : encodeURI(href) };
  }

  #named(name: string): Page | undefined {
    const lower = name.toLowerCase();
    return this.#folder.pages.values().find(({ path }) => path.toLowerCase() === lower);
  }

  #page(page: Page): { readonly html: string; readonly etag: string } {
    const known = this.#rendered.get(page.path);
    if (known !== undefined) return known;
    const { html, headings } = renderMarkdown(page.markdown, page.file);
    const whole = this.#layout({ title: page.title, description: page.summary, html, headings, page });
    const rendered = { html: whole, etag: digestOf(whole) };
    this.#rendered.set(page.path, rendered);
    return rendered;
  }

  #layout(content: Content): string {
    return layout({ folder: this.#folder, assets: this.#assets.hrefs }, content);
  }

  #missing(path: string, isForPeople: boolean): DocsAnswer {
    const name = path.replace(/^\/+|(?:\.\w+)?\/*$/g, "");
    const pages = nearTo(name, this.#folder.pages.values());
    const search = this.#library.search(name.slice(0, QUESTION_MAX), { limit: SECTIONS_MAX });
    if (isForPeople) {
      const text = this.#layout(nothingThere(name, search, pages));
      return { status: 404, type: HTML, text, headers: PAGE_HEADERS };
    }
    const named = [...pages.inside, ...pages.alike].map(({ title, file }) => `- [${title}](${markdownHref(file)})\n`);
    const near = [...named, ...search.found.map((found) => `- ${linkTo(found)}\n`)].join("");
    const text = `# There is no such page\n\nAll pages are listed in [/docs/llms.txt](/docs/llms.txt).\n${near && `\nThese come near:\n\n${near}`}`;
    return { status: 404, type: MARKDOWN, text, headers: {} };
  }

  #asset(name: string, request: DocsRequest, query: URLSearchParams): DocsAnswer {
    const asset = this.#assets.files.get(name);
    if (asset === undefined) return this.#missing(`/assets/${name}`, false);
    const { text, type, digest } = asset;
    const cache = query.get("v") === digest ? "public, max-age=31536000, immutable" : REVALIDATED;
    return checked(request, { type, text, etag: digest, headers: { "cache-control": cache } });
  }

  #search(query: string, isForPeople: boolean): DocsAnswer {
    const asked = query.slice(0, QUESTION_MAX).trim();
    const search = this.#library.search(asked, { limit: RESULTS_MAX, isTyped: true });
    const headers = { "cache-control": REVALIDATED, vary: "accept" };
    if (!isForPeople) {
      return { status: 200, type: JSON_TYPE, text: JSON.stringify(foundAsJson(asked, search)), headers };
    }
    const text = this.#layout(foundAsPage(asked, search, findingOf(asked, search)));
    return { status: 200, type: HTML, text, headers: { ...headers, ...PAGE_HEADERS } };
  }

  async #ask(asked: readonly string[], { path }: Page, request: DocsRequest): Promise<DocsAnswer> {
    const [question = ""] = asked;
    const markdown = (status: number, text: string): DocsAnswer => ({ status, type: MARKDOWN, text, headers: {} });
    if (asked.length > 1 || !isQuestion(question)) return markdown(400, badQuestion());
    const finding = this.#finding(question, path);
    const model = finding.excerpts.length > 0 ? await request.model() : undefined;
    return markdown(200, model === undefined ? answerOf(finding) : await inWordsOf(model, finding));
  }

  #finding(question: string, near: string): Finding {
    let none: Finding = { question, answer: "", excerpts: [], closest: [] };
    for (const search of this.#library.searches(question, { near, limit: SECTIONS_MAX * 2 })) {
      const finding = findingOf(question, search);
      if (finding.excerpts.length > 0) return finding;
      if (none.closest.length === 0) none = finding;
    }
    return none;
  }
}

/** How long a model may take before the passages themselves are the answer. */
const MODEL_MS = 20_000;

async function inWordsOf({ name, ask }: LanguageModel, finding: Finding): Promise<string> {
  try {
    const said = await ask(promptOf(finding), AbortSignal.timeout(MODEL_MS));
    const words = wordsOf(said, finding.excerpts);
    return words === undefined ? unanswered(finding) : phrasedAnswer(finding, words, name);
  } catch {
    // A model that fails, is too slow, or does not say where it has it from, is no reason to have no answer.
    return answerOf(finding);
  }
}

const PAGE_HEADERS = {
  "content-security-policy": POLICY,
  "referrer-policy": "same-origin",
};

interface Checked {
  readonly type: string;
  readonly text: string;
  /** Default: made of the text. */
  readonly etag?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer, or that the one that the client has still holds. */
function checked({ ifNoneMatch }: DocsRequest, { type, text, etag, headers }: Checked): DocsAnswer {
  const tag = `"${etag ?? digestOf(text)}"`;
  const all = { etag: tag, "cache-control": REVALIDATED, ...headers };
  const known = ifNoneMatch?.split(",").map((one) => one.trim().replace(/^W\//, "")) ?? [];
  if (known.includes(tag) || known.includes("*")) return { status: 304, type, text: "", headers: all };
  return { status: 200, type, text, headers: all };
}

function moved(location: string): DocsAnswer {
  return { status: 308, type: PLAIN, text: `${location}\n`, headers: { location, "cache-control": REVALIDATED } };
}

/** A path as it is meant; one that is no UTF-8 in percent-encoding names nothing, as it stands. */
function decoded(pathname: string): string {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return pathname;
  }
}
