interface Described {
  /** One sentence that says what it does and when to change it; it ends without a full stop. */
  readonly description: string;
}

/** A whole number from `min` to `max`. Without `default` it is off unless set. */
export interface IntegerOption extends Described {
  readonly type: "integer";
  readonly default?: number;
  readonly min: number;
  readonly max: number;
  /** What is counted, where the name does not say it. */
  readonly unit?: string;
}

/** One of some words. */
export interface ChoiceOption extends Described {
  readonly type: "choice";
  readonly default: string;
  readonly choices: readonly string[];
}

/** Some of some words, separated by commas. */
export interface ChoicesOption extends Described {
  readonly type: "choices";
  readonly default: string;
  readonly choices: readonly string[];
}

/** Text that is not empty; a `directory`, or each of `directories`, is taken from the working directory on. */
export interface TextOption extends Described {
  readonly type: "text" | "words" | "directory" | "directories" | "file" | "origins" | "model" | "url" | "prices";
  readonly default?: string;
  /** See `isSecret`. */
  readonly isSecret?: boolean;
}

export type Option = IntegerOption | ChoiceOption | ChoicesOption | TextOption;

/**
 * Every option of a server, by its key in the file. Flags, environment variables, the file's keys, the text of
 * `--help`, the page docs/configuration.md and the type `Config` are all made from this table.
 */
export const OPTIONS = {
  port: {
    type: "integer",
    default: 7070,
    min: 0,
    max: 65_535,
    description: "TCP port to listen on; change it when another program has this one, 0 picks a free one",
  },
  host: {
    type: "text",
    default: "127.0.0.1",
    description:
      "Address to listen on; change it to 0.0.0.0 to let other machines in, which needs an API key first (sojourn keys " +
      "create), and a proxy that speaks TLS before it",
  },
  webhook_targets: {
    type: "choice",
    default: "public",
    choices: ["public", "any"],
    description:
      "Where webhooks may lead: to https addresses of the public internet, or anywhere; change it where whoever has a key may " +
      "reach your own networks",
  },
  data: {
    type: "directory",
    default: "./data",
    description: "Directory that holds everything; change it to keep the sessions on another disk or volume",
  },
  storage: {
    type: "choice",
    default: "directory",
    choices: ["directory", "temporary"],
    description:
      "Whether what is written stays in the data directory, or goes with the server, from a directory of its own among the " +
      "machine's temporary files; choose temporary for trials and tests",
  },
  durability: {
    type: "choice",
    default: "full",
    choices: ["full", "none"],
    description:
      "Whether a write waits until the disk has it; choose none for development only, where losing the latest writes " +
      "with the power is no harm",
  },
  log_level: {
    type: "choice",
    default: "info",
    choices: ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    description:
      "The least that is worth a line in the log; choose debug to see every request, and not only those that failed",
  },
  max_sessions: {
    type: "integer",
    min: 1,
    max: 1_000_000_000,
    unit: "sessions",
    description: "How many active sessions a tenant may have; set it when one caller must not crowd out the others",
  },
  cleanup_idle_seconds: {
    type: "integer",
    default: 900,
    min: 0,
    max: 315_360_000,
    unit: "seconds",
    description:
      "When max_sessions is reached, sessions idle for longer than this are expired to make room; raise it when " +
      "callers pause for longer and come back",
  },
  idle_timeout_seconds: {
    type: "integer",
    default: 86_400,
    min: 1,
    max: 315_360_000,
    unit: "seconds",
    description:
      "After how long without activity a session expires, where it was created without a timeout of its own; raise it " +
      "for work that rests for days",
  },
  max_metadata_bytes: {
    type: "integer",
    default: 65_536,
    min: 2,
    max: 1_048_576,
    unit: "bytes",
    description: "How large the metadata of a session may be as JSON; raise it when callers keep documents there",
  },
  model: {
    type: "model",
    description:
      "Language model that answers chats, as openai:NAME, anthropic:NAME or google:NAME; set it for real conversations, " +
      "since without one a built-in responder answers from a session's memory, which is no language model",
  },
  model_base_url: {
    type: "url",
    description:
      "Where the model is reached; set it for a proxy, or, with openai:, for any server that speaks its chat " +
      "completions, such as http://127.0.0.1:11434/v1",
  },
  model_api_key: {
    type: "text",
    isSecret: true,
    description:
      "API key for the model; set it for a server of model_base_url that wants one, or where the maker's own variable " +
      "(OPENAI_API_KEY, ANTHROPIC_API_KEY, GOOGLE_GENERATIVE_AI_API_KEY) is not set, which is taken otherwise",
  },
  model_prices: {
    type: "prices",
    description:
      "What the model costs, in US dollars for a million tokens, in and out, such as 0.15,0.60; set it to count costs, and to limit them",
  },
  model_timeout_seconds: {
    type: "integer",
    default: 60,
    min: 1,
    max: 3_600,
    unit: "seconds",
    description: "How long the model may take for an answer, its retries included; raise it for slow models",
  },
  model_max_output_tokens: {
    type: "integer",
    default: 2_048,
    min: 1,
    max: 1_000_000,
    unit: "tokens",
    description:
      "How long an answer of the model may be; raise it where answers end in the middle, and their finish_reason is length",
  },
  system_prompt: {
    type: "text",
    default: "You are a helpful assistant.",
    description: "What the model is told before each conversation; set it to say who it is and what it is for",
  },
  window_tokens: {
    type: "integer",
    default: 8_000,
    min: 100,
    max: 10_000_000,
    unit: "tokens",
    description:
      "How much of a conversation the model is shown, the newest of it, while what went before is summarized; raise it " +
      "for models that take more, at their price",
  },
  auto_compact: {
    type: "choice",
    default: "on",
    choices: ["on", "off"],
    description:
      "Whether a conversation that outgrows window_tokens is summarized by itself; choose off to do so only by hand",
  },
  temporary_idle_seconds: {
    type: "integer",
    default: 1_800,
    min: 1,
    max: 315_360_000,
    unit: "seconds",
    description:
      "After how long without use a session expires that was made for a chat without one; raise it where such clients " +
      "pause for longer",
  },
  max_artifact_bytes: {
    type: "integer",
    default: 104_857_600,
    min: 1,
    max: 1_099_511_627_776,
    unit: "bytes",
    description: "How large one artifact may be; raise it for recordings and models, on a disk that has the room",
  },
  max_artifacts_per_session: {
    type: "integer",
    default: 1_000,
    min: 1,
    max: 10_000_000,
    unit: "artifacts",
    description: "How many artifacts a session may have, versions included; raise it for sessions that store each step",
  },
  max_artifact_bytes_per_session: {
    type: "integer",
    default: 10_737_418_240,
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    unit: "bytes",
    description:
      "How much the artifacts of a session may take together, before compression; set it when one session must not fill " +
      "the disk",
  },
  artifact_compression_threshold: {
    type: "integer",
    default: 10_240,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    unit: "bytes",
    description:
      "Artifacts with more bytes than this are compressed, where that makes them smaller; raise it where processor time " +
      "is short and the disk large",
  },
  artifact_roots: {
    type: "directories",
    description:
      "Directories of this machine, separated by commas, below which callers may have files stored as artifacts by their " +
      "path; set it for data that lies beside the server, and to nothing that not every caller may read",
  },
  apps: {
    type: "words",
    description:
      "Folders with apps, and packages that are apps, separated by commas; set it to run your own beside those that come " +
      "with Sojourn",
  },
  watch_apps: {
    type: "choice",
    default: "on",
    choices: ["on", "off"],
    description:
      "Whether an app that changes in its folder is taken up at once, for sessions that begin then; choose off where " +
      "folders change only with a restart",
  },
  trusted_apps: {
    type: "words",
    default: "pizzastack",
    description:
      "Names of apps, separated by commas, that may run in the server itself, as they ask; set it for your own that are " +
      "pure and quick, beside pizzastack, which comes with Sojourn: nothing stands between such an app and the server",
  },
  app_session_idle_seconds: {
    type: "integer",
    default: 3_600,
    min: 1,
    max: 315_360_000,
    unit: "seconds",
    description:
      "After how long without activity a session expires that began with a call of an app's own route; lower it where " +
      "clients leave many behind",
  },
  data_folders: {
    type: "directories",
    description:
      "Directories, separated by commas, below which apps that ask for data may read files by their names; set it to the " +
      "data sets and models that every caller may use",
  },
  task_timeout_seconds: {
    type: "integer",
    default: 300,
    min: 1,
    max: 86_400,
    unit: "seconds",
    description: "How long one call of an app may take, and does where it does not say; raise it for slow work",
  },
  worker_idle_seconds: {
    type: "integer",
    default: 300,
    min: 1,
    max: 86_400,
    unit: "seconds",
    description:
      "After how long without a call the worker of a session goes, while the session stays; raise it where starting an " +
      "app is slow and memory is plenty",
  },
  worker_memory_mib: {
    type: "integer",
    default: 512,
    min: 64,
    max: 1_048_576,
    unit: "MiB",
    description:
      "How much memory one worker may hold before it is ended; raise it for apps with large models or tables",
  },
  workers_memory_mib: {
    type: "integer",
    min: 64,
    max: 16_777_216,
    unit: "MiB",
    description:
      "How much memory all workers may hold, half of the machine's where it does not say; past that, those that are idle " +
      "for the longest go; lower it where other programs need theirs",
  },
  spare_workers: {
    type: "integer",
    default: 2,
    min: 0,
    max: 256,
    unit: "workers",
    description:
      "How many workers are started ahead for the apps that were called last, so that first calls are quick; set 0 to " +
      "save their memory",
  },
  sandbox: {
    type: "choice",
    default: "auto",
    choices: ["auto", "process", "bubblewrap"],
    description:
      "How workers are held: process by process limits and Node's permissions, bubblewrap in namespaces of their own, " +
      "too; keep auto to have the best that the machine has",
  },
  sandbox_minimum: {
    type: "choice",
    default: "process",
    choices: ["process", "bubblewrap"],
    description: "Below which sandbox no app runs; choose bubblewrap where apps are not your own",
  },
  when_parent_ends: {
    type: "choice",
    default: "nothing",
    choices: ["nothing", "complete", "suspend"],
    description:
      "What becomes of the open children of a session that ends; choose complete where they have no use without it",
  },
  retention_days: {
    type: "integer",
    min: 1,
    max: 3_650,
    unit: "days",
    description:
      "How long a session that has ended is kept before it is removed with all it holds; set it for compliance",
  },
  retention_statuses: {
    type: "choices",
    default: "completed,failed,expired",
    choices: ["completed", "failed", "expired"],
    description:
      "Which ended sessions the policy of retention removes, separated by commas; set it to completed,expired where " +
      "those that failed are for people to look into",
  },
  retention_keep_latest: {
    type: "integer",
    default: 0,
    min: 0,
    max: 1_000_000_000,
    unit: "sessions",
    description:
      "How many of a tenant's ended sessions, those that ended last, stay whatever the other limits say; raise it to have some to " +
      "look back at",
  },
  retention_max_sessions: {
    type: "integer",
    min: 0,
    max: 1_000_000_000,
    unit: "sessions",
    description:
      "How many ended sessions a tenant may have; past that, those that ended first are removed; set it to " +
      "bound the store",
  },
  retention_max_artifact_bytes: {
    type: "integer",
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    unit: "bytes",
    description:
      "How much the artifacts of a tenant's ended sessions may take together; past that, those that ended first are " +
      "removed; set it to bound the disk",
  },
  topic_max_messages: {
    type: "integer",
    min: 1,
    max: 1_000_000_000,
    unit: "messages",
    description:
      "How many messages a topic may have; past that, the oldest are removed within minutes, whoever has read them or not; set it to " +
      "bound the store",
  },
  topic_retention_days: {
    type: "integer",
    min: 1,
    max: 3_650,
    unit: "days",
    description:
      "How long a message of a topic is kept, whoever has read it or not; set it for compliance, or where what is older has no use",
  },
  max_body_bytes: {
    type: "integer",
    default: 1_048_576,
    min: 1_024,
    max: 1_073_741_824,
    unit: "bytes",
    description:
      "How large the body of a request may be, on routes without a limit of their own; lower it where memory is short, " +
      "raise it for large inputs",
  },
  max_store_bytes: {
    type: "integer",
    min: 1_048_576,
    max: Number.MAX_SAFE_INTEGER,
    unit: "bytes",
    description:
      "How large the database may grow before writes are refused with storage_full, not counting the write-ahead log " +
      "beside it, of 64 MiB and more under load; set it when the disk is shared with something that must not run out",
  },
  first_key: {
    type: "text",
    isSecret: true,
    description:
      "API key that a store which never had one begins with, of all scopes: sjn_, 16 hex digits, _ and 64 more, all " +
      "random; set it for a container that has no terminal to make one",
  },
  max_failed_attempts: {
    type: "integer",
    default: 100,
    min: 1,
    max: 1_000_000,
    unit: "attempts",
    description:
      "How many API keys that are not good an address may try within a minute before it is told to wait; raise it " +
      "where many clients share one address and a wrong key",
  },
  rate_limit_reads: {
    type: "integer",
    min: 1,
    max: 1_000_000_000,
    unit: "requests",
    description:
      "How often an API key may call each route that reads, within a minute; set it when one client must not slow the " +
      "others (local mode has no such limit)",
  },
  rate_limit_writes: {
    type: "integer",
    min: 1,
    max: 1_000_000_000,
    unit: "requests",
    description: "The same for each route that writes; set it when one client must not fill the disk",
  },
  cors_origins: {
    type: "origins",
    description:
      "Origins whose pages may call the server from a browser, separated by commas, or * for all; set it when a web " +
      "app shows its users' keys itself (local mode lets no foreign page in)",
  },
  sweep_interval_ms: {
    type: "integer",
    default: 1_000,
    min: 10,
    max: 3_600_000,
    unit: "milliseconds",
    description:
      "How often sessions whose time is over get the operation that says so; raise it when a million idle sessions " +
      "make the sweep felt (reads show them as expired at once in any case)",
  },
  shutdown_timeout_seconds: {
    type: "integer",
    default: 10,
    min: 1,
    max: 3_600,
    unit: "seconds",
    description:
      "How long a stopping server waits for the requests in hand; keep it below the time after which the supervisor kills",
  },
  body_timeout_seconds: {
    type: "integer",
    default: 30,
    min: 1,
    max: 3_600,
    unit: "seconds",
    description:
      "How long the body of a request may take to arrive, or each 64 KiB of one that comes as bytes; raise it for slow lines",
  },
  max_connections: {
    type: "integer",
    default: 20_000,
    min: 1,
    max: 1_000_000,
    unit: "connections",
    description:
      "How many connections may be open, of which each event stream is one; past that everybody, a health check as " +
      "well, gets 503 and Retry-After; raise it for more followers, together with the limit on open files",
  },
  max_requests_in_hand: {
    type: "integer",
    default: 2_000,
    min: 1,
    max: 1_000_000,
    unit: "requests",
    description:
      "How many requests may be in hand, event streams not counted; past that all but health checks and metrics get 503 " +
      "and Retry-After; lower it where memory is short",
  },
  max_body_bytes_in_hand: {
    type: "integer",
    default: 134_217_728,
    min: 1_024,
    max: Number.MAX_SAFE_INTEGER,
    unit: "bytes",
    description:
      "How large the bodies of all requests in hand may be together, with the answers over 64 KiB that are still being " +
      "taken, of which files that are sent or taken piece by piece get three quarters; one past that gets 503 and " +
      "Retry-After, unless it is alone; lower it where memory is short, since a body takes several times its size while " +
      "it is worked on",
  },
} as const satisfies Readonly<Record<string, Option>>;

/** Where the configuration file is. A flag and a variable only: the file cannot say where it is itself. */
export const FILE_OPTION = {
  type: "file",
  description:
    "Configuration file to read, which must exist; set it when the file is not sojourn.toml in the working directory",
} as const satisfies TextOption;

/** The file that is read from the working directory when it is there. */
export const DEFAULT_FILE = "sojourn.toml";

/** The options by name, in the order of the table; `config` comes first and has no key in the file. */
export const NAMED_OPTIONS: readonly (readonly [name: string, option: Option])[] = [
  ["config", FILE_OPTION],
  ...Object.entries(OPTIONS),
];

/** Whether an option has no flag, since everybody on a machine can read the arguments of its processes. */
export function isSecret(option: Option): boolean {
  return "isSecret" in option && option.isSecret === true;
}

/** `max_sessions` as a flag: `--max-sessions`. */
export function flagOf(name: string): string {
  return `--${name.replaceAll("_", "-")}`;
}

/** `max_sessions` as an environment variable: `SOJOURN_MAX_SESSIONS`. */
export function variableOf(name: string): string {
  return `SOJOURN_${name.toUpperCase()}`;
}

/** What stands for the value in the text of `--help`: `number`, `full|none`, `directory`. */
export function placeholderOf(option: Option): string {
  switch (option.type) {
    case "integer":
      return option.unit ?? "number";
    case "choice":
      return option.choices.length > 3 ? "word" : option.choices.join("|");
    case "choices":
      return "words";
    case "origins":
      return "urls";
    case "model":
      return "provider:name";
    default:
      return option.type;
  }
}

/** Which values are allowed, in words: `1 to 65535`, `full, none`; `undefined` where any text is. */
export function rangeOf(option: Option): string | undefined {
  switch (option.type) {
    case "integer":
      return option.max === Number.MAX_SAFE_INTEGER ? `at least ${option.min}` : `${option.min} to ${option.max}`;
    case "choice":
    case "choices":
      return option.choices.join(", ");
    default:
      return undefined;
  }
}

/** The text of `--help` for an option: its description, its default and its environment variable. */
export function helpOf(name: string, option: Option): string {
  const range = rangeOf(option);
  const facts = [
    ...(range === undefined ? [] : [range]),
    ...(option.default === undefined ? [] : [`default ${option.default}`]),
    `env ${variableOf(name)}`,
  ];
  return `${option.description} (${facts.join("; ")})`;
}
