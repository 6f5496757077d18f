import type { Token, Tokens } from "marked";
import { blocksOf } from "./markdown.ts";

/** The link for the source of that number; `undefined` where there is none. */
export type Cite = (number: number) => string | undefined;

/**
 * Markdown that nobody vouches for, made again from what it says: no HTML, no image, and no link but those of `cite`,
 * which stand for `[1]` and the like outside code. Numbers without a source are left out, headings are bold lines, and
 * code is as it was.
 */
export function rebuilt(markdown: string, cite: Cite): string {
  return blocks(blocksOf(markdown), cite).join("\n\n");
}

function blocks(tokens: readonly Token[], cite: Cite): readonly string[] {
  return tokens.map((token) => block(token, cite).trimEnd()).filter((text) => text.trim() !== "");
}

function block(token: Token, cite: Cite): string {
  switch (token.type) {
    case "space":
    case "def":
    case "checkbox":
      return "";
    case "hr":
      return "* * *";
    case "code":
      return codeBlock(token as Tokens.Code);
    case "heading":
      return `**${inlines(token.tokens ?? [], cite)}**`;
    case "list":
      return list(token as Tokens.List, cite);
    case "blockquote":
      return prefixed(blocks(token.tokens ?? [], cite).join("\n\n"), "> ", "> ");
    case "table":
      return table(token as Tokens.Table, cite);
    default:
      return inline(token, cite).trim();
  }
}

function list({ items, ordered, start, loose }: Tokens.List, cite: Cite): string {
  return items
    .map((item, i) => {
      const mark = ordered ? `${Number(start) + i}. ` : "- ";
      return prefixed(blocks(item.tokens, cite).join(loose ? "\n\n" : "\n"), mark, " ".repeat(mark.length));
    })
    .join("\n");
}

function table({ header, rows, align }: Tokens.Table, cite: Cite): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  // A bar ends a cell, also within code.
  const row = (cells: readonly Tokens.TableCell[]): string =>
    line(cells.map(({ tokens }) => inlines(tokens, cite).replaceAll(/(?<!\\)\|/g, "\\|")));
  return [row(header), line(align.map((side) => (side === "right" ? "---:" : "---"))), ...rows.map(row)].join("\n");
}

function codeBlock({ text, lang = "" }: Tokens.Code): string {
  const fence = ticksAround(text, 3);
  return `${fence}${/^[\w+-]*/.exec(lang)?.[0] ?? ""}\n${text}\n${fence}`;
}

function inlines(tokens: readonly Token[], cite: Cite): string {
  return tokens.map((token) => inline(token, cite)).join("");
}

function inline(token: Token, cite: Cite): string {
  switch (token.type) {
    case "codespan":
      return codeSpan(token.text);
    case "strong":
      return `**${inlines(token.tokens ?? [], cite)}**`;
    case "em":
      return `*${inlines(token.tokens ?? [], cite)}*`;
    case "br":
      return " ";
    case "link":
      return link(token as Tokens.Link, cite);
    case "html":
      return asText(token.raw);
    case "image":
    case "escape":
      return asText(token.text);
    default:
      if ("tokens" in token && token.tokens !== undefined) return inlines(token.tokens, cite);
      return cited("text" in token ? token.text : token.raw, cite);
  }
}

/** What a link says. An address that would be a link by itself is code. */
function link({ raw, text, tokens }: Tokens.Link, cite: Cite): string {
  if (/^\d{1,2}$/.test(text)) return cite(Number(text)) ?? "";
  return raw.startsWith("[") ? inlines(tokens, cite) : codeSpan(text);
}

/** A text, with its numbers as links. What follows a word at once, as in `rows[1]`, is no such number. */
function cited(text: string, cite: Cite): string {
  const numbers = /(?:(?<![\p{L}\p{N}_)\]])|(?<=\[\d{1,2}\]))\[(\d{1,2}(?:, ?\d{1,2})*)\]/gu;
  let made = "";
  let at = 0;
  for (const { 0: all, 1: list = "", index } of text.matchAll(numbers)) {
    const links = list
      .split(",")
      .map((number) => cite(Number(number)))
      .filter((one) => one !== undefined);
    const before = asText(text.slice(at, index));
    made += links.length > 0 ? before + links.join(" ") : before.trimEnd();
    at = index + all.length;
  }
  return made + asText(text.slice(at));
}

/** A text on one line, in which nothing is a mark of Markdown's or of HTML's, nor a link by itself. */
function asText(text: string): string {
  return text
    .replaceAll(/[\s\p{C}]+/gu, " ")
    .replaceAll(/[\\`*[\]<>#|~&!@]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|:(?=\/)|(?<=www)\./giu, "\\$&");
}

function codeSpan(text: string): string {
  const line = text.replaceAll(/\s+/g, " ");
  const fence = ticksAround(line, 1);
  return /^`|`$/.test(line) ? `${fence} ${line} ${fence}` : fence + line + fence;
}

/** More ticks than stand together in a text. */
function ticksAround(text: string, least: number): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
  return "`".repeat(Math.max(least, longest + 1));
}

function prefixed(text: string, first: string, others: string): string {
  const lines = text.split("\n").map((line, i) => (i === 0 ? first : others) + line);
  return lines.map((line) => line.trimEnd()).join("\n");
}
