import type { Token, Tokens } from "marked";
import { leadsElsewhere } from "./grains.ts";
import { markdownHref, targetOf } from "./links.ts";
import { plainOf } from "./markdown.ts";
import type { Place } from "./search-index.ts";
import { hasTerm, stemOf, type Weighed, wordsOf } from "./words.ts";

/** The most of a section that is shown; one that is no longer is shown as it is. */
const PASSAGE_MAX = 1_500;

/** From which size on only those rows of a table, or items of a list, are shown that fit, as many of them as this. */
const LONG = 1_000;

/**
 * The part of a section that answers a question, below its heading, as Markdown whose links hold anywhere on the
 * server: all of it where it is short, else the part that fits best and, as far as there is room, what comes before it
 * and after it, from the beginning.
 */
export function answerIn(place: Place, terms: readonly Weighed[]): string {
  const heading = place.section.trail.at(-1);
  const passage = excerptOf(place, terms);
  return heading === undefined || passage === "" ? passage : `**${asText(heading)}**\n\n${passage}`;
}

/** What a section has to say to a question, as such Markdown, without its heading. */
export function excerptOf({ page, section }: Place, terms: readonly Weighed[]): string {
  const blocks = section.blocks.filter((block) => !leadsElsewhere(block));
  const whole = blocks.map(({ raw }) => raw.trimEnd()).join("\n\n");
  if (whole.length <= PASSAGE_MAX) return linked(whole, page.file);
  const units = unitsOf(blocks);
  const parts = units.map(({ blocks }) => blocks.map((block) => shown(block, terms)).join("\n\n"));
  const scores = units.map(({ text }) => scoreOf(text, terms));
  const best = scores.indexOf(Math.max(...scores));
  const chosen = new Set([best]);
  let room = PASSAGE_MAX - (parts[best]?.length ?? 0);
  for (const [i, { length }] of parts.entries()) {
    if (chosen.has(i)) continue;
    if (length > room) break;
    chosen.add(i);
    room -= length;
  }
  return linked(parts.filter((_, i) => chosen.has(i)).join("\n\n"), page.file);
}

/** A text on one line, in which nothing is a mark of Markdown's, or of HTML's. */
export function asText(text: string): string {
  return text
    .replaceAll(/[\s\p{C}]+/gu, " ")
    .trim()
    .replaceAll(/[\\`*_[\]<>#|~&]/g, "\\$&");
}

/** A line or two of a section in plain text, around the words that it is found by. */
export function snippetOf({ section }: Place, terms: readonly Weighed[]): string {
  const units = unitsOf(section.blocks).map(({ blocks, text }) => ({ text, prose: plainOf(blocks) }));
  const best = units.toSorted((a, b) => scoreOf(b.prose, terms) - scoreOf(a.prose, terms))[0];
  const stems = new Set(terms.map(({ stem }) => stem));
  const words = (best?.prose || best?.text || "").split(" ");
  const first = words.findIndex((word) => wordsOf(word).some((part) => stems.has(stemOf(part))));
  const start = Math.max(0, first - 8);
  const text = words.slice(start, start + 32).join(" ");
  return `${start > 0 ? "… " : ""}${text}${start + 32 < words.length ? " …" : ""}`;
}

/** Blocks that are understood together: what ends with a colon, and what comes after it. */
interface Unit {
  readonly blocks: readonly Token[];
  readonly text: string;
}

function unitsOf(blocks: readonly Token[]): readonly Unit[] {
  const units: Token[][] = [];
  for (const block of blocks) {
    const last = units.at(-1)?.at(-1);
    const belongs = last !== undefined && (block.type === "code" || /:\s*$/.test(last.raw));
    if (belongs) units.at(-1)?.push(block);
    else units.push([block]);
  }
  return units.map((unit) => ({ blocks: unit, text: plainOf(unit, { withCode: true }) }));
}

/** How much of what the question is about a text has; a little less where that stands among much else. */
function scoreOf(text: string, terms: readonly Weighed[]): number {
  const stems = new Set(wordsOf(text).map(stemOf));
  const has = (word: string): boolean => stems.has(stemOf(word));
  const sum = terms.reduce((score, term) => {
    if (hasTerm(stems, term)) return score + term.weight;
    return term.others.some(has) ? score + term.weight / 2 : score;
  }, 0);
  return sum / (1 + Math.log10(1 + stems.size) / 4);
}

/** A block as Markdown; of a long table or list, the rows that fit. */
function shown(block: Token, terms: readonly Weighed[]): string {
  if (block.raw.length <= LONG) return block.raw.trimEnd();
  if (block.type === "table") {
    const { header, rows } = block as Tokens.Table;
    const line = (cells: readonly Tokens.TableCell[]): string =>
      `| ${cells.map(({ text }) => text.replaceAll("|", "\\|")).join(" | ")} |`;
    const best = bestOf(rows, (cells) => cells.map(({ tokens }) => plainOf(tokens)).join(" "), terms);
    return [line(header), `|${" --- |".repeat(header.length)}`, ...best.map(line)].join("\n");
  }
  if (block.type === "list") {
    const { items } = block as Tokens.List;
    return bestOf(items, ({ tokens }) => plainOf(tokens, { withCode: true }), terms)
      .map(({ raw }) => raw.trimEnd())
      .join("\n");
  }
  return cut(block);
}

/** A block that is too long, up to the end of a line or a sentence; code keeps its fence. */
function cut(block: Token): string {
  const { raw } = block;
  if (raw.length <= PASSAGE_MAX) return raw.trimEnd();
  const head = raw.slice(0, PASSAGE_MAX).toWellFormed();
  const end = Math.max(head.lastIndexOf("\n"), head.lastIndexOf(". ") + 1, 1);
  return `${head.slice(0, end).trimEnd()}${block.type === "code" ? "\n…\n```" : " …"}`;
}

/** The rows that fit best, in their order, as long as there is room. */
function bestOf<T>(rows: readonly T[], textOf: (row: T) => string, terms: readonly Weighed[]): readonly T[] {
  const scored = rows
    .map((row, i) => ({ row, i, text: textOf(row) }))
    .map((one) => ({ ...one, score: scoreOf(one.text, terms) }));
  let room = LONG;
  return scored
    .toSorted((a, b) => b.score - a.score || a.i - b.i)
    .filter(({ text }, i) => {
      room -= text.length;
      return i === 0 || room >= 0;
    })
    .sort((a, b) => a.i - b.i)
    .map(({ row }) => row);
}

/** The Markdown with its relative links as addresses of this server; what is code stays as it is. */
function linked(markdown: string, file: string): string {
  return markdown.replaceAll(/(```.*?```|`[^`]*`)|\]\(([^()\s]+)\)/gs, (all, code: string | undefined, href = "") => {
    if (code !== undefined) return all;
    const target = targetOf(href, file);
    if (target.to === "page") return `](${markdownHref(`${target.path || "README"}.md`, target.anchor)})`;
    return target.to === "file" ? "]" : all;
  });
}
