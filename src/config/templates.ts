/** A value that a configuration file and JSON both have. */
export type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value };

/** Defaults for new sessions, as an operator writes them. Nothing here knows how much of it is too much. */
export interface ConfiguredTemplate {
  readonly namePrefix?: string;
  readonly tags?: readonly string[];
  readonly metadata?: Readonly<Record<string, Value>>;
  /** `null`, which is written as `"never"`: not by idleness. */
  readonly idleTimeoutSeconds?: number | null;
  readonly maxLifetimeSeconds?: number;
  /** As they are over HTTP. */
  readonly limits?: Value;
  readonly apps?: readonly string[];
}

/** Templates by their names. */
export type ConfiguredTemplates = Readonly<Record<string, ConfiguredTemplate>>;

/** The key of a configuration file that holds them: a table for each, such as `[templates.research]`. */
export const TEMPLATES_KEY = "templates";

/** What is wrong with a value, and where in the file that stands. */
export interface TemplateFault {
  readonly path: string;
  readonly message: string;
}

/** Reads the tables of templates, where integers were parsed to bigint; adds to `faults` what is wrong with them. */
export function decodeTemplates(tables: unknown, faults: TemplateFault[]): ConfiguredTemplates {
  if (tables === undefined) return {};
  if (!isTable(tables)) {
    faults.push({ path: TEMPLATES_KEY, message: "must be a table of tables, such as [templates.research]" });
    return {};
  }
  const decoded = Object.entries(tables).map(([name, table]) => [name, decodeTemplate(name, table, faults)] as const);
  return Object.fromEntries(decoded);
}

function decodeTemplate(name: string, table: unknown, faults: TemplateFault[]): ConfiguredTemplate {
  const path = `${TEMPLATES_KEY}.${name}`;
  if (!isTable(table)) {
    faults.push({ path, message: "must be a table" });
    return {};
  }
  const members: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(table)) {
    const member = Object.hasOwn(MEMBERS, key) ? MEMBERS[key] : undefined;
    if (member === undefined) {
      faults.push({ path: `${path}.${key}`, message: `is none of ${Object.keys(MEMBERS).join(", ")}` });
      continue;
    }
    const read = member.read(value);
    if (read === undefined) faults.push({ path: `${path}.${key}`, message: member.expected });
    else members[member.name] = read;
  }
  // NOTE: each member was read as what it is.
  return members as ConfiguredTemplate;
}

interface Member {
  readonly name: keyof ConfiguredTemplate;
  readonly expected: string;
  /** `undefined` for a value that is something else. */
  readonly read: (value: unknown) => unknown;
}

const MEMBERS: Readonly<Record<string, Member>> = {
  name_prefix: { name: "namePrefix", expected: "must be text", read: text },
  tags: {
    name: "tags",
    expected: "must be an array of texts",
    read: texts,
  },
  metadata: {
    name: "metadata",
    expected: "must be a table that JSON could hold: no dates, and no integers past 2^53 − 1",
    read: (value) => (isTable(value) ? plain(value) : undefined),
  },
  idle_timeout_seconds: {
    name: "idleTimeoutSeconds",
    expected: 'must be a number of seconds, or "never"',
    read: (value) => (value === "never" ? null : number(value)),
  },
  limits: {
    name: "limits",
    expected: "must be a table of limits, such as { calls = 100 }",
    read: (value) => (isTable(value) ? plain(value) : undefined),
  },
  apps: { name: "apps", expected: "must be an array of names of apps", read: texts },
  max_lifetime_seconds: { name: "maxLifetimeSeconds", expected: "must be a number of seconds", read: number },
};

function texts(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((one) => typeof one === "string") ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function number(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
}

/** The key of a configuration file that holds the limits of sessions: a table. */
export const LIMITS_KEY = "limits";

/** Reads the table of limits; adds to `faults` what is wrong with it. What it may hold is said where it is read. */
export function decodeLimits(table: unknown, faults: TemplateFault[]): Value | undefined {
  if (table === undefined) return undefined;
  if (!isTable(table)) {
    faults.push({ path: LIMITS_KEY, message: "must be a table, such as [limits] with calls = 100 below it" });
    return undefined;
  }
  for (const [key, value] of Object.entries(table)) {
    if (plain(value) === undefined)
      faults.push({ path: `${LIMITS_KEY}.${key}`, message: "must be finite numbers, or rules" });
  }
  return plain(table);
}

/** A value of the file as JSON has it, or `undefined` where JSON has nothing like it. */
function plain(value: unknown): Value | undefined {
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (Array.isArray(value)) {
    const items = value.map(plain);
    return items.every((item) => item !== undefined) ? items : undefined;
  }
  if (!isTable(value)) return number(value);
  const members = Object.entries(value).map(([key, item]) => [key, plain(item)] as const);
  // NOTE: none of them is absent.
  return members.every(([, item]) => item !== undefined) ? (Object.fromEntries(members) as Value) : undefined;
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
