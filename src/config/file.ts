import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse, TomlError } from "smol-toml";
import { DEFAULT_FILE } from "./options.ts";

/** What a configuration file holds, by key; integers are bigint. `name` is how messages call the file. */
export type FileContent =
  | { readonly name: string; readonly entries: Readonly<Record<string, unknown>> }
  | { readonly name: string; readonly fault: string };

/** Reads a configuration file. Without a `path`, sojourn.toml of `cwd`, which need not exist. */
export function readConfigFile(cwd: string, path: string | undefined): FileContent {
  const name = path ?? DEFAULT_FILE;
  let text: string;
  try {
    text = readFileSync(resolve(cwd, name), "utf8");
  } catch (error) {
    if (path === undefined && codeOf(error) === "ENOENT") return { name, entries: {} };
    return { name, fault: READ_FAULTS[codeOf(error)] ?? `cannot be read (${codeOf(error)})` };
  }
  try {
    return { name, entries: parse(text, { integersAsBigInt: true }) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason] = error.message.replace("Invalid TOML document: ", "").split("\n");
    return { name, fault: `is not TOML: ${reason} (line ${error.line}, column ${error.column})` };
  }
}

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EACCES: "cannot be read: permission denied",
  EISDIR: "is a directory, not a file",
  ENOTDIR: "does not exist: a part of its path is not a directory",
};

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
