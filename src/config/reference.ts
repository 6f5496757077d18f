import { llmspellTable } from "./llmspell.ts";
import { DEFAULT_FILE, FILE_OPTION, flagOf, isSecret, OPTIONS, type Option, rangeOf, variableOf } from "./options.ts";

/**
 * The page docs/configuration.md, in Markdown. `npm run docs` writes it.
 */
export function configurationPage(): string {
  const sections = Object.entries(OPTIONS).map(([name, option]) => section(name, option));
  return `# Configuration

Each option can be set in three places (a secret has no flag): by a flag of \`sojourn serve\`, by an environment variable, or by a key of the file \`${DEFAULT_FILE}\` in the working directory. A flag wins over the variable, the variable over the file, the file over the default. The server starts only when everything in all three is valid, and lists all that is not.

An option without a default is off until it is set. Numbers are plain digits: \`65536\`, not \`64k\` or \`6.5e4\`. Relative paths begin at the working directory. An unknown key in the file is refused; other variables that begin with \`SOJOURN_\` are ignored.

\`\`\`toml
# ${DEFAULT_FILE}
port = 8080
data = "/var/lib/sojourn"
max_sessions = 10000
\`\`\`

Templates for new sessions stand in tables of the file alone, one for each name:

\`\`\`toml
[templates.research]
name_prefix = "Research: "
tags = ["research"]
metadata = { team = "labs" }
idle_timeout_seconds = "never"  # or a number
max_lifetime_seconds = 604800
\`\`\`

They are for all tenants. A tenant may set templates of its own beside them ([templates](templates.md)).

The table \`[runtime.sessions]\` of rs-llmspell may stand in the file as it is, and its variables in the environment. Each key is an option of ours by another name:

${llmspellTable()}

Where both are given, ours wins: in the environment \`SOJOURN_…\` over \`LLMSPELL_…\`, in the file our key over the one in the table; flags, variables and file rank among each other as ever. A key that is left out has our default, not that of rs-llmspell: \`enabled\` is true, and what is written stays. There is no store in PostgreSQL, and \`postgres\` is refused. With any of these given, [\`sojourn run\`](scripts.md) works on the data itself where no server is named.

${[section("config", FILE_OPTION), ...sections].join("\n\n")}

---

This page is generated from \`src/config/options.ts\` by \`npm run docs\`.
`;
}

function section(name: string, option: Option): string {
  const allowed = rangeOf(option) ?? ALLOWED[option.type];
  const unit = option.type === "integer" && option.unit !== undefined ? ` ${option.unit}` : "";
  const facts = [
    ...(isSecret(option) ? [] : [`\`${flagOf(name)}\``]),
    `\`${variableOf(name)}\``,
    ...(option === FILE_OPTION ? [] : [`key \`${name}\``]),
    option.default === undefined ? "no default" : `default \`${option.default}\``,
    `${allowed}${unit}`,
  ];
  return `## ${name}\n\n${option.description}.\n\n${facts.join(" · ")}`;
}

const ALLOWED: Readonly<Record<Option["type"], string>> = {
  integer: "a whole number",
  choice: "a word",
  choices: "words",
  text: "text",
  directory: "a path",
  directories: "paths",
  words: "words",
  file: "a path",
  origins: "URLs",
  model: "`provider:name`",
  url: "a URL",
  prices: "two prices",
};
