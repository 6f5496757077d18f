import { markdownHref } from "./links.ts";
import { answerIn, asText, excerptOf } from "./passage.ts";
import type { Found, Search } from "./search-index.ts";

/** The longest question that is taken. */
export const QUESTION_MAX = 1_000;

/** How many sections a question is answered from. */
export const SECTIONS_MAX = 5;

/** A section must have so much of what the question is about to answer it. */
const COVERAGE_MIN = 0.5;

/** What the documentation has to say to a question. */
export interface Finding {
  readonly question: string;
  /** The part of the best section that answers; `""` where the documentation does not. */
  readonly answer: string;
  /** The best first; none where the documentation does not answer. */
  readonly excerpts: readonly Excerpt[];
  /** Sections that have some of its words, where none answers it. */
  readonly closest: readonly Found[];
}

/** What a section says to a question. */
export interface Excerpt {
  readonly found: Found;
  /** Markdown. */
  readonly passage: string;
}

/** Whether the question is one that can be looked for. */
export function isQuestion(question: string): boolean {
  return question.trim() !== "" && question.length <= QUESTION_MAX;
}

/** Takes from what was found what answers the question. */
export function findingOf(question: string, { terms, found }: Search): Finding {
  const [best] = found;
  if (best === undefined || best.coverage < COVERAGE_MIN || best.isOneWord) {
    return { question, answer: "", excerpts: [], closest: found.slice(0, 3) };
  }
  const fit = found.filter(({ score, coverage }) => score >= best.score / 4 && coverage >= COVERAGE_MIN / 2);
  const told = fit
    .map((found) => ({ found, passage: excerptOf(found, terms) }))
    .filter(({ passage }) => passage !== "");
  const excerpts = told.slice(0, SECTIONS_MAX);
  const [first] = excerpts;
  return { question, answer: first === undefined ? "" : answerIn(first.found, terms), excerpts, closest: [] };
}

/** The answer that the documentation itself gives, as Markdown. */
export function answerOf(finding: Finding): string {
  const [best, ...others] = finding.excerpts;
  if (best === undefined) return unanswered(finding);
  return document([
    `# ${asText(finding.question)}`,
    finding.answer,
    `From ${linkTo(best.found)}.`,
    ...(others.length > 0 ? ["## Excerpts", ...others.map(excerpt)] : []),
  ]);
}

/** The answer in a model's words, with the excerpts that it was given. */
export function phrasedAnswer(finding: Finding, words: string, model: string): string {
  return document([
    `# ${asText(finding.question)}`,
    words,
    `Put into words by ${asText(model)}, from these sections alone:`,
    "## Excerpts",
    ...finding.excerpts.map(excerpt),
  ]);
}

/** Says that the documentation does not answer, and where to look. */
export function unanswered({ question, excerpts, closest }: Finding): string {
  const near = [...excerpts.map(({ found }) => found), ...closest].slice(0, 3);
  return document([
    `# ${asText(question)}`,
    "The documentation does not answer this question.",
    ...(near.length > 0
      ? [`These sections have some of its words:\n\n${near.map((found) => `- ${linkTo(found)}`).join("\n")}`]
      : []),
    "All pages are listed in [/docs/llms.txt](/docs/llms.txt).",
  ]);
}

/** Says what is wrong with a question. */
export function badQuestion(): string {
  return document(["# This is no question", `\`ask\` must be text of 1 to ${QUESTION_MAX} characters, given once.`]);
}

/** A section's name and link, as Markdown. */
export function linkTo({ page, section }: Pick<Found, "page" | "section">): string {
  return `[${asText(titleOf({ page, section }))}](${markdownHref(page.file, section.anchor)})`;
}

/** A section's name: its page's, and the headings above it. */
export function titleOf({ page, section }: Pick<Found, "page" | "section">): string {
  return [page.title, ...section.trail].join(" › ");
}

function excerpt({ found, passage }: Excerpt): string {
  return `### ${linkTo(found)}\n\n${passage}`;
}

function document(blocks: readonly string[]): string {
  return `${blocks.join("\n\n")}\n`;
}
