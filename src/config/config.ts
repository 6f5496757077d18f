import { resolve } from "node:path";
import { type Decoded, decodeText, decodeToml, wordsOf } from "./decode.ts";
import { readConfigFile } from "./file.ts";
import { type LlmspellFault, type LlmspellValue, llmspellSettings, RUNTIME_KEY } from "./llmspell.ts";
import { nearest } from "./nearest.ts";
import { FILE_OPTION, flagOf, OPTIONS, type Option, variableOf } from "./options.ts";
import {
  type ConfiguredTemplates,
  decodeLimits,
  decodeTemplates,
  type Value as FileValue,
  LIMITS_KEY,
  TEMPLATES_KEY,
  type TemplateFault,
} from "./templates.ts";

type Table = typeof OPTIONS;

type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name;

type Value<O> = O extends { type: "choice"; choices: readonly (infer Choice)[] }
  ? Choice
  : O extends { type: "integer" }
    ? number
    : string;

type Defaulted = { [Name in keyof Table]: Table[Name] extends { default: unknown } ? Name : never }[keyof Table];

/** The configuration of a server: every option of the table in camel case, all valid; paths are absolute. */
export type Config = { readonly [Name in Defaulted as Camel<Name>]: Value<Table[Name]> } & {
  readonly [Name in Exclude<keyof Table, Defaulted> as Camel<Name>]?: Value<Table[Name]>;
} & {
  /** The operator's templates, which only the file has. */
  readonly templates?: ConfiguredTemplates;
  /** The operator's limits of sessions, which only the file has. */
  readonly limits?: FileValue;
  /** Whether rs-llmspell's table or variables are there: its scripts open the data themselves, where no server is named. */
  readonly isLlmspell?: true;
};

/** One thing that is wrong with the configuration. */
export interface ConfigFault {
  /** Where the value came from: `--port`, `SOJOURN_PORT`, `LLMSPELL_SESSIONS_MAX`, `sojourn.toml: port`, or the file itself. */
  readonly source: string;
  /** The option's name, `config` for the file as a whole; of an unknown key, the key. */
  readonly option: string;
  readonly message: string;
}

export interface ConfigSources {
  /** Values of flags as they were typed, by option name (`max_sessions`). */
  readonly flags?: Readonly<Record<string, string | undefined>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What is wrong with templates and limits beside their form; whoever knows what they may hold tells. */
  readonly check?: (tables: Pick<Config, "templates" | "limits">) => readonly TemplateFault[];
  /** Where sojourn.toml is looked for, and where relative paths begin. */
  readonly cwd: string;
}

/** The configuration, or everything that is wrong with it. */
export type Loaded = { readonly config: Config } | { readonly faults: readonly ConfigFault[] };

/**
 * Makes the configuration: a flag wins over the environment, that over the file, that over the default.
 *
 * All faults are told at once, also those of values that another source overrides. Unknown keys of the file are
 * faults; unknown `SOJOURN_…` variables are not, because orchestrators inject some (`SOJOURN_PORT_7070_TCP`).
 *
 * What rs-llmspell calls an option counts less than our own name of it, in the environment as in the file.
 */
export function loadConfig({ flags = {}, env = {}, cwd, check = () => [] }: ConfigSources): Loaded {
  const faults: ConfigFault[] = [];
  const typed = (name: string, option: Option): readonly Candidate[] => [
    ...candidate(flagOf(name), flags[name], (text) => decodeText(option, text)),
    ...candidate(variableOf(name), env[variableOf(name)], (text) => decodeText(option, text)),
  ];
  const settle = (name: string, candidates: readonly Candidate[]): Candidate | undefined => {
    for (const { source, decoded } of candidates) {
      if ("fault" in decoded) faults.push({ source, option: name, message: decoded.fault });
    }
    return candidates[0];
  };

  const chosen = settle("config", typed("config", FILE_OPTION));
  const file = readConfigFile(cwd, chosen && decodedValue(chosen)?.toString());
  if ("fault" in file) {
    const [source, prefix] = chosen === undefined ? [file.name, ""] : [chosen.source, `${file.name} `];
    faults.push({ source, option: "config", message: prefix + file.fault });
  }
  const entries = "entries" in file ? file.entries : {};
  for (const key of Object.keys(entries)) {
    if (!TABLES.includes(key) && !Object.hasOwn(OPTIONS, key)) faults.push(unknownKey(file.name, key));
  }

  const wrong: TemplateFault[] = [];
  const templates = decodeTemplates(entries[TEMPLATES_KEY], wrong);
  const limits = decodeLimits(entries[LIMITS_KEY], wrong);
  wrong.push(...check({ templates, ...(limits !== undefined && { limits }) }));
  for (const { path, message } of wrong) {
    faults.push({ source: `${file.name}: ${path}`, option: path.split(".", 1)[0] ?? path, message });
  }

  const llmspell = llmspellSettings(entries[RUNTIME_KEY], env);
  faults.push(
    ...llmspell.variableFaults.map(theirFault),
    ...llmspell.fileFaults.map(inFileOf(file.name)).map(theirFault),
  );

  const values = Object.entries(OPTIONS).map(([name, option]: [string, Option]) => {
    const inFile = candidate(`${file.name}: ${name}`, entries[name], (value) => decodeToml(option, value));
    const theirs = (values: readonly LlmspellValue[]) => values.filter((value) => value.option === name);
    const strongest = settle(name, [
      ...typed(name, option),
      ...theirs(llmspell.variables),
      ...inFile,
      ...theirs(llmspell.inFile).map(inFileOf(file.name)),
    ]);
    return [name, (strongest && decodedValue(strongest)) ?? option.default] as const;
  });
  if (faults.length > 0) return { faults };
  const config = withMakersKey(compose(values, cwd), env);
  return {
    config: {
      ...config,
      ...(Object.keys(templates).length > 0 && { templates }),
      ...(limits !== undefined && { limits }),
      ...((llmspell.variables.length > 0 || Object.hasOwn(entries, RUNTIME_KEY)) && { isLlmspell: true }),
    },
  };
}

/** Keys of the file that are no options, but tables. */
const TABLES: readonly string[] = [TEMPLATES_KEY, LIMITS_KEY, RUNTIME_KEY];

function theirFault({ source, message }: LlmspellFault): ConfigFault {
  return { source, option: RUNTIME_KEY, message };
}

/** Says that something stands in the file. */
function inFileOf(file: string): <T extends { readonly source: string }>(found: T) => T {
  return (found) => ({ ...found, source: `${file}: ${found.source}` });
}

/** Where the makers of models have their users keep the key. */
const MAKERS_KEYS: Readonly<Record<string, string>> = {
  openai: "OPENAI_API_KEY",
  anthropic: "ANTHROPIC_API_KEY",
  google: "GOOGLE_GENERATIVE_AI_API_KEY",
};

/** With the key that a model's maker is to get. At another address it would be told to somebody else. */
function withMakersKey(config: Config, env: Readonly<Record<string, string | undefined>>): Config {
  const { model, modelBaseUrl, modelApiKey } = config;
  const key = env[MAKERS_KEYS[model?.split(":", 1)[0] ?? ""] ?? ""];
  if (modelApiKey !== undefined || modelBaseUrl !== undefined || key === undefined || key === "") return config;
  return { ...config, modelApiKey: key };
}

/** What one source says of an option. */
interface Candidate {
  readonly source: string;
  readonly decoded: Decoded;
}

function candidate<T>(source: string, given: T | undefined, decode: (given: T) => Decoded): readonly Candidate[] {
  return given === undefined ? [] : [{ source, decoded: decode(given) }];
}

function decodedValue({ decoded }: Candidate): string | number | undefined {
  return "value" in decoded ? decoded.value : undefined;
}

function unknownKey(file: string, key: string): ConfigFault {
  const meant = nearest(key, Object.keys(OPTIONS));
  const hint = meant === undefined ? "the keys are listed by: sojourn serve --help" : `did you mean ${meant}?`;
  return { source: `${file}: ${key}`, option: key, message: `is not an option; ${hint}` };
}

function compose(
  values: readonly (readonly [name: string, value: string | number | undefined])[],
  cwd: string,
): Config {
  const config = Object.fromEntries(
    values.filter(([, value]) => value !== undefined).map(([name, value]) => [camelOf(name), placed(name, value, cwd)]),
  );
  // NOTE: the table that the type is made from also decoded the values.
  return config as unknown as Config;
}

/** A path as an absolute one; whatever else as it is. */
function placed(name: string, value: string | number | undefined, cwd: string): string | number | undefined {
  if (name === "data") return resolve(cwd, `${value}`);
  const option: Option | undefined = Object.hasOwn(OPTIONS, name) ? OPTIONS[name as keyof Table] : undefined;
  if (option?.type !== "directories" || value === undefined) return value;
  return wordsOf(`${value}`)
    .map((path) => resolve(cwd, path))
    .join(",");
}

function camelOf(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
