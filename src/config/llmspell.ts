import { type Decoded, decodeText, decodeToml } from "./decode.ts";
import { nearest } from "./nearest.ts";
import { OPTIONS, type Option, rangeOf } from "./options.ts";

type Name = keyof typeof OPTIONS;

/** A key of rs-llmspell's, a variable of its, or both, and which option of ours it is. */
interface LlmspellKey {
  readonly option: Name;
  /** In the table `[runtime.sessions]`. */
  readonly key?: string;
  readonly variable?: string;
  /** Its words, where they are other words than ours. */
  readonly words?: Readonly<Record<string, string>>;
}

/** All of them but `enabled`, which no option of ours is. */
const KEYS: readonly LlmspellKey[] = [
  { option: "max_sessions", key: "max_sessions", variable: "LLMSPELL_SESSIONS_MAX" },
  {
    option: "max_artifacts_per_session",
    key: "max_artifacts_per_session",
    variable: "LLMSPELL_SESSIONS_MAX_ARTIFACTS",
  },
  { option: "artifact_compression_threshold", key: "artifact_compression_threshold" },
  {
    option: "idle_timeout_seconds",
    key: "session_timeout_seconds",
    variable: "LLMSPELL_SESSIONS_TIMEOUT_SECONDS",
  },
  {
    option: "storage",
    key: "storage_backend",
    variable: "LLMSPELL_SESSIONS_BACKEND",
    words: { memory: "temporary", sled: "directory", sqlite: "directory" },
  },
  { option: "data", variable: "LLMSPELL_SESSION_PATH" },
];

const ENABLED = { key: "enabled", variable: "LLMSPELL_SESSIONS_ENABLED" } as const;

/** The key of a configuration file under which its table `sessions` stands. */
export const RUNTIME_KEY = "runtime";

const TABLE = `${RUNTIME_KEY}.sessions`;

/** What rs-llmspell's table or variables say of one of our options. */
export interface LlmspellValue {
  readonly option: Name;
  /** The key, with the table that it stands in, or the variable. */
  readonly source: string;
  readonly decoded: Decoded;
}

/** What is wrong, and where that stands: a key of the file, or a variable. */
export interface LlmspellFault {
  readonly source: string;
  readonly message: string;
}

/** What was found of rs-llmspell's configuration. */
export interface LlmspellSettings {
  readonly variables: readonly LlmspellValue[];
  readonly inFile: readonly LlmspellValue[];
  readonly variableFaults: readonly LlmspellFault[];
  readonly fileFaults: readonly LlmspellFault[];
}

/** Reads rs-llmspell's table of sessions and its variables; values come as what our options call them. */
export function llmspellSettings(
  runtime: unknown,
  env: Readonly<Record<string, string | undefined>>,
): LlmspellSettings {
  const variables = KEYS.flatMap(({ option, variable, words }) => {
    const text = variable === undefined ? undefined : env[variable];
    if (variable === undefined || text === undefined) return [];
    return [{ option, source: variable, decoded: decoded({ option, words }, (as) => decodeText(as, text)) }];
  });
  const enabled = env[ENABLED.variable];
  const { table, faults } = tableOf(runtime);
  const inFile = KEYS.flatMap(({ option, key, words }) => {
    if (key === undefined || !Object.hasOwn(table, key)) return [];
    const source = `${TABLE}.${key}`;
    return [{ option, source, decoded: decoded({ option, words }, (as) => decodeToml(as, table[key])) }];
  });
  return {
    variables,
    inFile,
    variableFaults: enabledFaults(ENABLED.variable, enabled, "true"),
    fileFaults: [...faults, ...enabledFaults(`${TABLE}.${ENABLED.key}`, table[ENABLED.key], true)],
  };
}

/** What each key and variable is here, and which values have other names: for the page of options. */
export function llmspellTable(): string {
  const rows = KEYS.map(({ option, key, variable, words }) => {
    const names = [key, variable].filter((name) => name !== undefined).map((name) => `\`${name}\``);
    const renamed = Object.entries(words ?? {}).map(([theirs, ours]) => `\`${theirs}\` is \`${ours}\``);
    const range = rangeOf(OPTIONS[option]);
    const values = renamed.length > 0 ? renamed.join(", ") : (range ?? "a path");
    return `| ${names.join(", ")} | [\`${option}\`](#${option}) | ${values} |`;
  });
  const first = `| \`${ENABLED.key}\`, \`${ENABLED.variable}\` | none | \`true\`; with \`false\` nothing opens the data |`;
  return ["| rs-llmspell | here | values |", "| --- | --- | --- |", first, ...rows].join("\n");
}

function decoded(
  { option, words }: Pick<LlmspellKey, "option"> & { readonly words: LlmspellKey["words"] | undefined },
  decode: (as: Option) => Decoded,
): Decoded {
  if (words === undefined) return decode(OPTIONS[option]);
  const choices = Object.keys(words);
  const found = decode({ type: "choice", default: "", choices, description: "" });
  return "fault" in found ? found : { value: words[found.value] ?? found.value };
}

/** The table of sessions, and what else stands beside it, which is wrong. */
function tableOf(runtime: unknown): {
  readonly table: Readonly<Record<string, unknown>>;
  readonly faults: readonly LlmspellFault[];
} {
  if (runtime === undefined) return { table: {}, faults: [] };
  if (!isTable(runtime)) return { table: {}, faults: [{ source: RUNTIME_KEY, message: "must be a table" }] };
  const beside = Object.keys(runtime).filter((key) => key !== "sessions");
  const faults = beside.map((key) => {
    return { source: `${RUNTIME_KEY}.${key}`, message: `is not an option; of rs-llmspell's, those of [${TABLE}] are` };
  });
  const { sessions = {} } = runtime;
  if (!isTable(sessions)) return { table: {}, faults: [...faults, { source: TABLE, message: "must be a table" }] };
  return { table: sessions, faults: [...faults, ...Object.keys(sessions).flatMap(unknownKey)] };
}

function unknownKey(key: string): readonly LlmspellFault[] {
  const known = [ENABLED.key, ...KEYS.flatMap((each) => each.key ?? [])];
  if (known.includes(key)) return [];
  const meant = nearest(key, known);
  const hint = meant === undefined ? `they are ${known.join(", ")}` : `did you mean ${meant}?`;
  return [{ source: `${TABLE}.${key}`, message: `is not among rs-llmspell's keys that are understood; ${hint}` }];
}

function enabledFaults(source: string, given: unknown, wanted: unknown): readonly LlmspellFault[] {
  if (given === undefined || given === wanted) return [];
  const isOff = given === false || given === "false";
  const message = isOff
    ? "is false: sessions are off, and nothing else is here; leave it out"
    : "must be true or false";
  return [{ source, message }];
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
