import bash from "@speed-highlight/core/languages/bash.js";
import http from "@speed-highlight/core/languages/http.js";
import js from "@speed-highlight/core/languages/js.js";
import jsdoc from "@speed-highlight/core/languages/jsdoc.js";
import json from "@speed-highlight/core/languages/json.js";
import py from "@speed-highlight/core/languages/py.js";
import regex from "@speed-highlight/core/languages/regex.js";
import sql from "@speed-highlight/core/languages/sql.js";
import todo from "@speed-highlight/core/languages/todo.js";
import toml from "@speed-highlight/core/languages/toml.js";
import ts from "@speed-highlight/core/languages/ts.js";
import uri from "@speed-highlight/core/languages/uri.js";
import { type ShjLanguageData, tokenizeWith } from "@speed-highlight/core/tokenize";
import { escaped } from "./html.ts";

/** What the fences of our pages name, and what those refer to. */
const RULES = { bash, http, js, jsdoc, json, py, regex, sql, todo, toml, ts, uri };

// NOTE: their declarations have `undefined` where the tokenizer's have nothing.
const LANGUAGES = RULES as object as Record<string, ShjLanguageData>;

const NAMES: Readonly<Record<string, keyof typeof RULES>> = {
  bash: "bash",
  console: "bash",
  http: "http",
  javascript: "js",
  js: "js",
  json: "json",
  jsonc: "json",
  python: "py",
  py: "py",
  sh: "bash",
  sql: "sql",
  toml: "toml",
  ts: "ts",
  typescript: "ts",
};

/** Code as HTML, with its words told apart by classes; in a language that we don't know, as it is. */
export function highlighted(code: string, language: string): string {
  const known = NAMES[language];
  if (known === undefined) return escaped(code);
  let html = "";
  tokenizeWith(
    code,
    known,
    (text, type) => {
      html += type === undefined ? escaped(text) : `<span class="${type}">${escaped(text)}</span>`;
    },
    { languages: LANGUAGES },
  );
  return html;
}
