import type { Argument, Command, Option } from "commander";
import { buildProgram } from "../src/cli/program.ts";
import { flagOf, NAMED_OPTIONS } from "../src/config/options.ts";
import { COMMAND_EXAMPLES, EXAMPLES_BEGIN_WITH } from "./command-examples.ts";
import { anchorOf, cell, wrapped } from "./markdown.ts";

/** Options that most commands have, and that the page tells of once. */
const SHARED = ["--url", "--data", "--tenant", "--json"];

/** Commands whose options are those of the server, which have a page of their own. */
const OF_THE_SERVER = ["serve", "doctor"];

const OF_CONFIGURATION = NAMED_OPTIONS.filter(([name]) => name !== "config").map(([name]) => flagOf(name));

/** The page docs/cli.md, in Markdown, made from the commands themselves. */
export function commandPage(): string {
  const program = buildProgram("", async () => {});
  const commands = leavesOf(program, []);
  const shared = SHARED.map((flag) => sharedOption(commands, flag));
  return `# Commands

Every command of \`sojourn\`, with its arguments and options, as \`--help\` tells them. This page is made from the commands by \`npm run docs\`.
They are called by \`npx sojourn\`, in a checkout and in a project where the package is installed, on any Node from 20 on.

The examples are of a session \`demo\`, on the server at \`SOJOURN_URL\`:

\`\`\`bash
${EXAMPLES_BEGIN_WITH}
\`\`\`

${commands.map(({ names }) => `[\`${names.join(" ")}\`](#${anchorOf(headingOf(names))})`).join(" · ")}

## Options that most commands have

${shared.map(optionRow).join("\n")}
- \`-h, --help\`: Print this help

## Where do commands find the server, and the key?

They talk to the server at \`--url\`, or \`SOJOURN_URL\`, or else \`http://127.0.0.1:7070\`, with the key in \`SOJOURN_API_KEY\`. With \`--data\` they
open the store of a server that is not running, and need no key.

## What do the exit codes mean?

${exitCodes(program)}

${commands.map((leaf) => section(leaf, shared)).join("\n")}`;
}

/** A command that does something, with the names that lead to it. */
interface Leaf {
  readonly names: readonly string[];
  readonly command: Command;
}

function leavesOf(command: Command, names: readonly string[]): readonly Leaf[] {
  const below = command.commands.filter((one) => one.name() !== "help");
  if (below.length === 0) return [{ names, command }];
  return below.flatMap((one) => leavesOf(one, [...names, one.name()]));
}

function headingOf(names: readonly string[]): string {
  return `sojourn ${names.join(" ")}`;
}

function section({ names, command }: Leaf, shared: readonly Option[]): string {
  const heading = headingOf(names);
  const usage = [heading, ...command.registeredArguments.map(placeholder)].join(" ");
  const isShared = ({ long, description }: Option): boolean =>
    shared.some((one) => one.long === long && one.description === description);
  const own = command.options.filter((option) => !isShared(option));
  const others = command.options.filter(isShared).map(({ long }) => `\`${long}\``);
  const isOfServer = OF_THE_SERVER.includes(names.join(" "));
  const options = isOfServer ? own.filter(({ long }) => !OF_CONFIGURATION.includes(long ?? "")) : own;
  const parts = [
    `## ${heading}`,
    wrapped(`${command.description()}.`),
    `Usage: \`${usage}${command.options.length > 0 ? " [options]" : ""}\``,
    ...(options.length === 0 ? [] : [options.map(optionRow).join("\n")]),
    ...(isOfServer
      ? ["It takes each option of the [configuration](configuration.md) as a flag, but secrets."]
      : notesOf(command)),
    ...(others.length === 0 ? [] : [`It takes ${others.join(", ")} [as most do](#options-that-most-commands-have).`]),
    ...exampleOf(names.join(" ")),
  ];
  return `${parts.join("\n\n")}\n`;
}

function placeholder(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

function optionRow({ flags, description, defaultValue, argChoices, mandatory }: Option): string {
  const facts = [
    ...(argChoices === undefined ? [] : [`one of ${argChoices.map((choice) => `\`${choice}\``).join(", ")}`]),
    ...(defaultValue === undefined ? [] : [`default \`${defaultValue}\``]),
    ...(mandatory ? ["required"] : []),
  ];
  return `- \`${flags}\`: ${description}${facts.length === 0 ? "" : ` (${facts.join("; ")})`}`;
}

function sharedOption(commands: readonly Leaf[], flag: string): Option {
  const others = commands.filter(({ names }) => !OF_THE_SERVER.includes(names.join(" ")));
  const found = others.flatMap(({ command }) => command.options).find(({ long }) => long === flag);
  if (found === undefined) throw new TypeError(`No command has ${flag}`);
  return found;
}

/** What stands in the help of a command after its options. */
function notesOf(command: Command): readonly string[] {
  let help = "";
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
  });
  command.outputHelp();
  const notes = help.slice(command.helpInformation().length).trim();
  if (notes === "") return [];
  // Indented lines are commands.
  const lines = notes.split("\n");
  const text = lines.filter((line) => !line.startsWith("  ")).join("\n");
  const commands = lines.filter((line) => line.startsWith("  ")).map((line) => `- \`${line.trim()}\``);
  return [wrapped(text), ...(commands.length === 0 ? [] : [commands.join("\n")])];
}

/** The table of exit codes, out of the sentence that the help of the program ends with. */
function exitCodes(program: Command): string {
  const [notes = ""] = notesOf(program);
  const sentence = notes.replaceAll("\n", " ").split("It ends with ")[1]?.replace(/\.$/, "") ?? "";
  const rows = sentence.split(", ").map((part) => {
    const [, code = "", when = ""] = /^(\d+) when (.*)$/.exec(part) ?? [];
    return `| ${code} | ${cell(when)} |`;
  });
  return `| Code | When |\n| --- | --- |\n${rows.join("\n")}`;
}

function exampleOf(name: string): readonly string[] {
  const example = COMMAND_EXAMPLES[name];
  if (example === undefined) return [];
  const language = example.isRun === false ? "console" : "bash";
  return [`\`\`\`${language}\n${example.code}\n\`\`\``];
}
