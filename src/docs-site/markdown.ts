import GithubSlugger from "github-slugger";
import { Marked, type Token, type Tokens } from "marked";

/** What of a page stands between two headings. */
export interface Section {
  /** The heading's text, and before it those that it stands below; the page's title, which is the first, is not among them. */
  readonly trail: readonly string[];
  /** As GitHub makes it; `""` for what stands below the page's title. */
  readonly anchor: string;
  /** 1 for the page's title. */
  readonly level: number;
  readonly blocks: readonly Token[];
}

/** A page of Markdown, taken apart. */
export interface Parsed {
  readonly title: string;
  /** The first paragraph, as plain text. */
  readonly summary: string;
  readonly sections: readonly Section[];
}

const marked = new Marked({ gfm: true });

/** The blocks of a Markdown text. */
export function blocksOf(markdown: string): readonly Token[] {
  return marked.lexer(markdown);
}

/** Takes a page apart at its headings. What stands before the first heading belongs to none, and is left out. */
export function parsePage(markdown: string): Parsed {
  const slugger = new GithubSlugger();
  let title = "";
  const sections: { trail: string[]; anchor: string; level: number; blocks: Token[] }[] = [];
  const above: { level: number; text: string }[] = [];
  for (const block of blocksOf(markdown)) {
    if (isHeading(block)) {
      const text = plainOf(block.tokens);
      title ||= text;
      const slug = slugger.slug(text);
      while ((above.at(-1)?.level ?? 0) >= block.depth) above.pop();
      above.push({ level: block.depth, text });
      const trail = above.filter(({ level }) => level > 1).map(({ text }) => text);
      sections.push({ trail, anchor: block.depth === 1 ? "" : slug, level: block.depth, blocks: [] });
    } else if (block.type !== "space") sections.at(-1)?.blocks.push(block);
  }
  const [first] = sections;
  const intro = first?.blocks.find(({ type }) => type === "paragraph");
  return { title, summary: intro === undefined ? "" : plainOf([intro]), sections };
}

/** Whether a block is a heading. */
export function isHeading(token: Token): token is Tokens.Heading {
  return token.type === "heading";
}

/** What Markdown says, without its marks; code of its own blocks is left out unless it is wanted. */
export function plainOf(tokens: readonly Token[], { withCode = false } = {}): string {
  return tokens
    .map((token) => textOf(token, withCode))
    .join("")
    .replaceAll(/\s+/g, " ")
    .trim();
}

function textOf(token: Token, withCode: boolean): string {
  switch (token.type) {
    case "code":
      return withCode ? ` ${token.text} ` : " ";
    case "table": {
      const { header, rows } = token as Tokens.Table;
      return [header, ...rows].map((cells) => cells.map(({ tokens }) => plainOf(tokens)).join(" · ")).join(" ");
    }
    case "list":
      return (token as Tokens.List).items.map((item) => ` ${plainOf(item.tokens, { withCode })}`).join("");
    case "br":
    case "space":
    case "hr":
    case "html":
      return " ";
    default: {
      const inner = "tokens" in token && token.tokens !== undefined ? token.tokens : [];
      const text = inner.length > 0 ? inner.map((child) => textOf(child, withCode)).join("") : unescaped(token);
      return token.type === "paragraph" || token.type === "blockquote" ? `${text} ` : text;
    }
  }
}

function unescaped(token: Token): string {
  return "text" in token ? String(token.text) : token.raw;
}
