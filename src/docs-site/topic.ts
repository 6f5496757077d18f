import type { Token } from "marked";
import { plainOf, type Section } from "./markdown.ts";
import { asksWhatIs, SOJOURN, stemOf, type Term, termsOf, type Weighed, wordsOf } from "./words.ts";

/** What a section is about, as its heading and its first words tell. */
export interface Topic {
  /** Its own heading, where that may be the name of something, as such a term has it. */
  readonly name: string | undefined;
  /** The terms of its own heading, and of each part of one that asks or names several things. */
  readonly headings: readonly (readonly Term[])[];
  /** The stems of what it tells the meaning of: of what is its whole heading, or begins it as "An object is …" does. */
  readonly subjects: readonly (readonly string[])[];
}

/** What it adds that question and heading have the same words, as a share of the rest. */
const HEADING_FIT = 1.5;

/** What it adds that a section is named by a name in the question. */
const NAMED = 12;

/** What it adds that a section tells what that is whose meaning is asked. */
const DEFINED = 3;

/** What a word counts that means about the same as the one asked for. */
export const OTHER_WORD = 0.75;

/** Where a section stands. */
export interface Standing {
  /** The page's title, which is the heading of its first section. */
  readonly title: string;
  /** Whether the page is a reference: its headings are names, and tell the meaning of nothing. */
  readonly isReference: boolean;
}

/** What the section of a page is about. */
export function topicOf({ trail, blocks }: Section, { title, isReference }: Standing): Topic {
  const heading = trail.at(-1) ?? title;
  const first = blocks.find(({ type }) => type === "paragraph");
  return {
    name: /^(?:[a-z\d_]+|[A-Z\d_]+)$/.test(heading) ? wordsOf(heading).join(" ") : undefined,
    headings: trail.length === 0 ? [] : [...new Set([heading, ...heading.split(/[,:] (?:and )?/)])].map(headingTerms),
    subjects: [isReference ? [] : wordsOf(heading).map(stemOf), first === undefined ? [] : subjectOf(first)],
  };
}

function headingTerms(heading: string): readonly Term[] {
  return termsOf(heading).filter(({ word }) => word !== SOJOURN);
}

function subjectOf(paragraph: Token): readonly string[] {
  const [, subject = ""] =
    /^(?:An? |The )?(.{2,40}?)(?: of .{2,30}?)? (?:is|are|means)\b/.exec(plainOf([paragraph])) ?? [];
  const words = wordsOf(subject);
  return words.length > 3 ? [] : words.map(stemOf);
}

/** How much more a section counts for what it is about: 1 where that is nothing of the question. */
export function fitOf({ name, headings, subjects }: Topic, question: string, asked: readonly Weighed[]): number {
  if (asked.some(({ word, isName }) => isName && word === name)) return 1 + NAMED;
  const own = asked.filter(({ isImplied }) => !isImplied);
  const isDefined =
    asksWhatIs(question) &&
    !own.some(({ isName }) => isName) &&
    subjects.some(
      (subject) =>
        subject.length > 0 && subject.length === own.length && own.every(({ stem }) => subject.includes(stem)),
    );
  return (
    1 + HEADING_FIT * Math.max(0, ...headings.map((heading) => headingFit(heading, asked))) + (isDefined ? DEFINED : 0)
  );
}

/** How much of a section's own heading the question has, times how much of the question that is. */
function headingFit(heading: readonly Term[], asked: readonly Weighed[]): number {
  const all = asked.reduce((sum, { weight }) => sum + weight, 0);
  const fits = heading.map(({ stem }): number => {
    const same = asked.find((term) => term.stem === stem);
    if (same !== undefined) return same.weight;
    const other = asked.find(({ others }) => others.some((word) => stemOf(word) === stem));
    return other === undefined ? 0 : other.weight * OTHER_WORD;
  });
  const own = heading.filter(({ isImplied }, i) => !isImplied || (fits[i] ?? 0) > 0).length;
  const fitting = fits.filter((fit) => fit > 0);
  return fitting.length === 0
    ? 0
    : (fitting.length / own) * Math.min(1, fitting.reduce((sum, fit) => sum + fit, 0) / all);
}
