import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where the documents stand, with a slash at its end. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The languages that an example may be in, and what is done with it. */
export const LANGUAGES = {
  ts: "checked and run",
  js: "checked and run",
  bash: "run",
  sh: "run",
  python: "run",
  json: "parsed",
  toml: "read as a configuration",
  console: "held against the command line",
  text: "left as it is",
} as const;

export type Language = keyof typeof LANGUAGES;

/** An example: what stands between two fences. */
export interface Example {
  /** As `docs/sdk.md`. */
  readonly page: string;
  /** Of the fence that opens it, from 1 on; its code begins on the next. */
  readonly line: number;
  /** The first word after the fence, also where that is none of `Language`. */
  readonly language: string;
  /** Whether it says `not-run` after its language: it is checked, and needs what a test has not. */
  readonly isNotRun: boolean;
  readonly code: string;
  /** The path that its first line names in a comment: it is a file, which the commands of the page find there. */
  readonly file?: string;
  /** The line of the fence that closes it. */
  readonly end: number;
}

/** All pages with the documentation, sorted. */
export function pages(): readonly string[] {
  const found = globSync(["*.md", "docs/**/*.md", "examples/*.md", "src/**/*.md", "benchmarks/*.md"], { cwd: ROOT });
  return found.map((path) => path.replaceAll("\\", "/")).sort();
}

/** The examples of a page of the repository, in their order. */
export function examplesOf(page: string): readonly Example[] {
  return examplesIn(page, readFileSync(join(ROOT, page), "utf8"));
}

/**
 * The examples of a text, in their order.
 *
 * @throws {Error} for a fence that nothing closes
 */
export function examplesIn(page: string, text: string): readonly Example[] {
  const lines = text.split("\n");
  const examples: Example[] = [];
  for (let at = 0; at < lines.length; at++) {
    const opening = OPENING.exec(lines[at] ?? "");
    if (opening === null) continue;
    const [, lead = "", fence = "", told = ""] = opening;
    const indent = " ".repeat(lead.length);
    const close = new RegExp(`^ *${fence[0]}{${fence.length},} *$`);
    const end = lines.findIndex((line, i) => i > at && close.test(line));
    if (end < 0) throw new Error(`${page}:${at + 1}: nothing closes this fence`);
    const [language = "", ...words] = told.trim().split(/\s+/);
    const code = lines
      .slice(at + 1, end)
      .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line.trimStart()))
      .map((line) => `${line}\n`)
      .join("");
    const file = FILE.exec(code)?.[1];
    const isNotRun = words.includes("not-run");
    examples.push({ page, line: at + 1, end: end + 1, language, isNotRun, code, ...(file !== undefined && { file }) });
    at = end;
  }
  return examples;
}

/** Where an example stands, as an editor opens it. */
export function placeOf({ page, line }: Pick<Example, "page" | "line">): string {
  return `${page}:${line}`;
}

/** Code with as many empty lines before it that its lines have the numbers they have on the page. */
export function atItsLines({ line, code }: Pick<Example, "line" | "code">): string {
  return "\n".repeat(line) + code;
}

/** A fence, which may stand in a list. */
const OPENING = /^( *(?:(?:[-*+]|\d+[.)]) +)?)(`{3,}|~{3,})([^`]*)$/;

/** The first line of an example that is a file. */
const FILE = /^(?:\/\/|#) ((?:[\w@.-]+\/)*[\w-]+\.(?:ts|js|py|toml))\n/;
