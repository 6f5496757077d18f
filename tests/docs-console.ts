import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, CommanderError } from "commander";
import { buildProgram } from "../src/cli/program.ts";
import { type Example, ROOT } from "./docs-examples.ts";

/** A command of an example, and where it stands. */
export interface TypedCommand {
  readonly line: number;
  readonly words: readonly string[];
}

/**
 * The commands of an example of a terminal.
 *
 * Where lines begin with a prompt (`$ `), those are the commands, and the others what they printed; else each line is one.
 */
export function commandsIn({ line, code }: Pick<Example, "line" | "code">): readonly TypedCommand[] {
  const lines = code.split("\n").map((text, i) => ({ line: line + 1 + i, text }));
  const hasPrompts = lines.some(({ text }) => text.startsWith("$ "));
  const commands: TypedCommand[] = [];
  for (let at = 0; at < lines.length; at++) {
    const first = lines[at];
    if (first === undefined || (hasPrompts && !first.text.startsWith("$ "))) continue;
    let text = first.text.replace(/^\$ /, "");
    while (text.endsWith("\\") && lines[at + 1] !== undefined) text = text.slice(0, -1) + lines[++at]?.text;
    for (const words of wordsIn(text)) commands.push({ line: first.line, words });
  }
  return commands;
}

/** What is wrong with a command of ours, without running it; of others only the scripts of npm are known. */
export async function faultOf(words: readonly string[]): Promise<string | undefined> {
  const [first = "", ...rest] = words;
  if (/^\w+=/.test(first)) return await faultOf(rest);
  if (first === "sojourn") return await faultOfCall(rest);
  if (first === "npx" && rest[0] === "sojourn") return await faultOfCall(rest.slice(1));
  if (first !== "npm") return undefined;
  const script = /^(?:start|test)$/.test(rest[0] ?? "") ? rest[0] : rest[rest[0] === "run" ? 1 : rest.length];
  if (script === undefined) return undefined;
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: object };
  if (!Object.hasOwn(scripts, script)) return `package.json has no script "${script}"`;
  const dashes = rest.indexOf("--");
  return script === "start" ? await faultOfCall(["serve", ...(dashes < 0 ? [] : rest.slice(dashes + 1))]) : undefined;
}

async function faultOfCall(args: readonly string[]): Promise<string | undefined> {
  const program = buildProgram("0.0.0", async () => undefined);
  for (const command of allOf(program)) command.exitOverride().configureOutput({ writeOut: mute, writeErr: mute });
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? undefined : error.message;
  }
}

function allOf(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(allOf)];
}

function mute(): void {}

/** The words of each command of a line, as a shell takes them apart; enough for what documents show. */
function wordsIn(line: string): readonly (readonly string[])[] {
  const commands: string[][] = [[]];
  for (const [, token = ""] of line.matchAll(TOKEN)) {
    if (token.startsWith("#")) break;
    if (/^(?:&&|\|\|?|;|&)$/.test(token)) commands.push([]);
    else commands.at(-1)?.push(token.replaceAll(QUOTED, (_, single, double) => single ?? double));
  }
  return commands.map(withoutRedirections).filter((words) => words.length > 0);
}

/** A word such as `<id>` stands for what a reader puts there. */
const TOKEN = /(<[a-z-]+>|&&|\|\|?|;|&|#.*$|\d?[<>]+&?|(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"|&;<>\\])+)/g;

const QUOTED = /'([^']*)'|"((?:\\.|[^"\\])*)"/g;

function withoutRedirections(words: readonly string[]): readonly string[] {
  return words.filter((word, i) => !REDIRECTION.test(word) && !REDIRECTION.test(words[i - 1] ?? ""));
}

const REDIRECTION = /^\d?[<>]+&?$/;
