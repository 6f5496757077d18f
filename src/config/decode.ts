import { isSecret, type Option, rangeOf } from "./options.ts";

/** A value that an option allows, or what is wrong with it. */
export type Decoded = { readonly value: string | number } | { readonly fault: string };

/** Reads an option's value from text, as a flag or an environment variable has it. Integers are plain decimal digits. */
export function decodeText(option: Option, text: string): Decoded {
  if (option.type !== "integer") return decodeWord(option, text);
  return /^-?\d+$/.test(text) ? withinRange(option, Number(text), text) : wrong(option, JSON.stringify(text));
}

/** Reads an option's value from the file, where integers were parsed to bigint. */
export function decodeToml(option: Option, value: unknown): Decoded {
  if (option.type === "integer") {
    return typeof value === "bigint" ? withinRange(option, Number(value), `${value}`) : wrong(option, shown(value));
  }
  return typeof value === "string" ? decodeWord(option, value) : wrong(option, shown(value));
}

function withinRange(option: Option & { type: "integer" }, value: number, text: string): Decoded {
  return value >= option.min && value <= option.max ? { value } : wrong(option, text);
}

function decodeWord(option: Exclude<Option, { type: "integer" }>, text: string): Decoded {
  return isAllowed(option, text)
    ? { value: text }
    : wrong(option, isSecret(option) ? "what was given" : JSON.stringify(text));
}

function isAllowed(option: Exclude<Option, { type: "integer" }>, text: string): boolean {
  if (option.type === "choice") return option.choices.includes(text);
  if (option.type === "choices") return wordsOf(text).every((word) => option.choices.includes(word));
  if (option.type === "directories" || option.type === "words")
    return wordsOf(text).every((word) => word !== "" && !word.includes("\0"));
  if (option.type === "origins") return text === "*" || wordsOf(text).every(isOrigin);
  if (option.type === "model") return MODEL.test(text);
  if (option.type === "prices") return PRICES.test(text);
  if (option.type === "url") return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  return text.trim() !== "" && !text.includes("\0");
}

const PRICES = /^\d{1,6}(?:\.\d{1,6})?,\s*\d{1,6}(?:\.\d{1,6})?$/;

const MODEL = /^(?:openai|anthropic|google):\S+$/;

/** The origins, directories or words of a list with commas. */
export function wordsOf(text: string): readonly string[] {
  return text.split(",").map((word) => word.trim());
}

/** The same of an option that may be left out: there are none then. */
export function listOf(text: string | undefined): readonly string[] {
  return text === undefined ? [] : wordsOf(text);
}

function isOrigin(text: string): boolean {
  return !text.includes("*") && URL.canParse(text) && new URL(text).origin === text;
}

const EXPECTED: Readonly<Record<Option["type"], string>> = {
  integer: "must be a whole number",
  choice: "must be one of",
  choices: "must be some of",
  text: "must be text that is not empty",
  directory: "must name a directory",
  directories: "must name directories, separated by commas",
  words: "must be words, separated by commas",
  file: "must name a file",
  model: "must be a provider and its model, such as openai:gpt-5; the providers are openai, anthropic and google",
  url: "must be an http or https address",
  prices: "must be two prices, separated by a comma, such as 0.15,0.60",
  origins: "must be * or origins such as https://app.example.com, separated by commas",
};

function wrong(option: Option, got: string): Decoded {
  const range = rangeOf(option);
  const expected = range === undefined ? EXPECTED[option.type] : `${EXPECTED[option.type]} ${joint(option)}${range}`;
  return { fault: `${expected}, not ${got}` };
}

function joint(option: Option): string {
  if (option.type !== "integer") return "";
  return option.max === Number.MAX_SAFE_INTEGER ? "of " : "from ";
}

function shown(value: unknown): string {
  if (typeof value === "string") return `the text ${JSON.stringify(value)}`;
  if (typeof value === "object") return Array.isArray(value) ? "an array" : "a table or a date";
  // 5.0 in the file is the number 5 here, and would read as if it were right.
  return typeof value === "number" && Number.isInteger(value) ? `${value} with a fraction` : String(value);
}
