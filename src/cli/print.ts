import stringWidth from "string-width";
import type { Json } from "../client/index.ts";

/** Rows under headings, in columns that are as wide as they must be. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = (headings.length === 0 ? rows : [headings, ...rows]).map((row) => row.map(shown));
  const widths: number[] = [];
  for (const row of all) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, stringWidth(cell));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => cell + " ".repeat((widths[i] ?? 0) - stringWidth(cell))).join("  ");
  return all.map((row) => line(row).trimEnd()).join("\n");
}

/** A number of things: `1 session`, `2 sessions`. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A number of bytes for people: `532 B`, `1.2 MiB`. */
export function size(bytes: number): string {
  let [rest, power] = [bytes, 0];
  // What would be shown as 1024.0 is one of the next unit.
  for (; rest >= 1023.95 && power < SIZES.length - 1; power += 1) rest /= 1_024;
  return `${power === 0 ? rest : rest.toFixed(1)} ${SIZES[power]}`;
}

/** A moment to the second, in UTC. */
export function moment(date: Date | undefined): string {
  return date === undefined ? "" : date.toISOString().replace(/\.\d+Z$/, "Z");
}

// What a session holds was written by others: it must not move the cursor, or ring.
/** A text without what a terminal would obey. */
export function shown(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
}

/** A text of some lines without what a terminal would obey, but for the ends of its lines, tabs, and what joins emoji. */
export function shownLines(text: string): string {
  return text.replaceAll("\r", "").replaceAll(/(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
}

/** JSON, with what a terminal would obey in the letters that JSON has for it. */
export function safeJson(value: Json | undefined, indent?: number): string {
  const json = JSON.stringify(value ?? null, undefined, indent);
  return json.replaceAll(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

/** Prints a value for programs: one line of JSON. */
export function printJson(value: unknown): void {
  console.log(JSON.stringify(value));
}
