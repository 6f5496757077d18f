import type { Fault } from "./errors.ts";
import { LIMITS, textFaults } from "./limits.ts";

/** What one place of a pattern takes: any run of characters, or one character of some. */
type Part = "any run" | ((character: string) => boolean);

/**
 * Reads a pattern for names: `*` is any characters or none, `?` is one, `[a-z]` is one of these and `[!a-z]` none of them,
 * and `\` takes its character as it is. Letters of either case differ.
 *
 * What it returns tells whether all of a name matches. It takes time in proportion to the lengths of pattern and name
 * multiplied, whatever they are: where a `*` took too little, only the last one ever takes more.
 */
export function compileGlob(pattern: string): (name: string) => boolean {
  const parts = partsOf([...pattern]);
  return (name) => matches(parts, [...name]);
}

/** What is wrong with a pattern: too long, or a set that does not end. */
export function globFaults(field: string, pattern: string): readonly Fault[] {
  const faults = textFaults(field, pattern, { min: 1, max: LIMITS.globLength });
  if (setsEnd([...pattern])) return faults;
  return [...faults, { field, message: "has a [ without its ]; write \\[ for the character", type: "invalid_pattern" }];
}

function matches(parts: readonly Part[], name: readonly string[]): boolean {
  let [part, at] = [0, 0];
  // Where to go on with one character more for the last run.
  let retry: { readonly part: number; at: number } | undefined;
  while (at < name.length) {
    const wanted = parts[part];
    if (wanted === "any run") {
      retry = { part: ++part, at };
    } else if (wanted?.(name[at] ?? "")) {
      part += 1;
      at += 1;
    } else if (retry === undefined) {
      return false;
    } else {
      part = retry.part;
      at = ++retry.at;
    }
  }
  while (parts[part] === "any run") part += 1;
  return part === parts.length;
}

function partsOf(characters: readonly string[]): readonly Part[] {
  const parts: Part[] = [];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] ?? "";
    const end = character === "[" ? endOfSet(characters, i) : undefined;
    if (character === "*") {
      if (parts.at(-1) !== "any run") parts.push("any run");
    } else if (character === "?") parts.push(() => true);
    else if (end !== undefined) {
      parts.push(setOf(characters.slice(i + 1, end)));
      i = end;
    } else {
      if (character === "\\" && i + 1 < characters.length) i += 1;
      const literal = characters[i];
      parts.push((one) => one === literal);
    }
  }
  return parts;
}

function setOf(inside: readonly string[]): Part {
  const isNegated = inside[0] === "!" || inside[0] === "^";
  const ranges: (readonly [from: string, to: string])[] = [];
  const members = isNegated ? inside.slice(1) : inside;
  for (let i = 0; i < members.length; i++) {
    if (members[i] === "\\" && i + 1 < members.length) i += 1;
    const from = members[i] ?? "";
    const to = members[i + 1] === "-" ? members[i + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) i += 2;
  }
  const isIn = (one: string): boolean =>
    ranges.some(([from, to]) => codeOf(one) >= codeOf(from) && codeOf(one) <= codeOf(to));
  return (one) => isIn(one) !== isNegated;
}

/** Where the set ends that begins at `start`; a `]` at its very beginning is one of its members. */
function endOfSet(characters: readonly string[], start: number): number | undefined {
  let i = start + 1;
  if (characters[i] === "!" || characters[i] === "^") i += 1;
  for (let first = i; i < characters.length; i++) {
    if (characters[i] === "\\") i += 1;
    else if (characters[i] === "]" && i > first) return i;
  }
  return undefined;
}

function setsEnd(characters: readonly string[]): boolean {
  for (let i = 0; i < characters.length; i++) {
    if (characters[i] === "\\") i += 1;
    else if (characters[i] === "[") {
      const end = endOfSet(characters, i);
      if (end === undefined) return false;
      i = end;
    }
  }
  return true;
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}
