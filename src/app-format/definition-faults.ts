import type { Fault } from "../engine/errors.ts";

const NAME = /^[a-z0-9][a-z0-9-]{0,63}(\/[a-z0-9][a-z0-9-]{0,63})?$/;

/** What a name of an app is made of, in words. */
export const NAMED = "name or namespace/name, of lower-case letters, digits and -, at most 64 of each";

/** Whether a text may be the name of an app. */
export function isAppName(name: string): boolean {
  return NAME.test(name);
}

const ACTION = /^[A-Za-z][A-Za-z0-9_-]{0,63}(\/[A-Za-z0-9_-]{1,64})*$/;

const ACTION_LENGTH_MAX = 128;

/** Whether a text may be the name of an action; with `/` between its parts it is a path, where actions are routes. */
export function isActionName(name: string): boolean {
  return name.length <= ACTION_LENGTH_MAX && ACTION.test(name);
}

const BASE = /^(\/[a-z0-9-]{1,64})+$/;

const BASE_LENGTH_MAX = 128;

/** First segments of paths that are the server's own, or may be one day. */
const OWN_SEGMENTS = [
  ...["api", "assets", "console", "docs", "health", "healthz", "inference", "live", "livez"],
  ...["mcp", "metrics", "openapi", "ready", "readyz"],
];

/** Whether an app may have its routes below a path. */
export function isHttpBase(base: string): boolean {
  return baseFault(base) === undefined;
}

function baseFault(base: string): string | undefined {
  if (base.length > BASE_LENGTH_MAX || !BASE.test(base)) {
    return `must be segments of lower-case letters, digits and -, such as /v1, and at most ${BASE_LENGTH_MAX} characters`;
  }
  const [, first = ""] = base.split("/");
  return OWN_SEGMENTS.includes(first) ? `must not begin with /${first}, which the server has for itself` : undefined;
}

const FUNCTIONS = ["start", "snapshot", "restore", "stop"] as const;

const RECOVERIES = ["snapshot", "replay", "refuse", "fresh"];

const MEMBERS = [
  "name",
  "description",
  "in",
  "http",
  "permissions",
  "setup",
  "actions",
  "default",
  "recovery",
  ...FUNCTIONS,
] as const;

const PERMISSIONS: Readonly<Record<string, (value: unknown) => boolean>> = {
  addons: isBoolean,
  childProcesses: isBoolean,
  threads: isBoolean,
  network: isBoolean,
  wasi: isBoolean,
  read: isTexts,
  environment: isTexts,
  memoryMiB: (value) => Number.isSafeInteger(value) && Number(value) > 0,
};

/** What is wrong with a definition of an app, as far as its types do not say it, or nobody checked them. */
export function faultsOf(definition: object): readonly Fault[] {
  const faults: Fault[] = [];
  const app: Partial<Record<(typeof MEMBERS)[number], unknown>> = definition;
  const fault = (field: string, message: string, type = "invalid_value"): void =>
    void faults.push({ field, message, type });
  for (const name of Object.keys(app)) {
    if (!MEMBERS.some((member) => member === name)) fault(name, "is not known here", "unrecognized_keys");
  }
  if (typeof app.name !== "string" || !isAppName(app.name)) {
    fault("name", `must be ${NAMED}`);
  }
  for (const name of FUNCTIONS) {
    if (app[name] !== undefined && typeof app[name] !== "function") fault(name, "must be a function", "invalid_type");
  }
  if (app.setup !== undefined && !isSchema(app.setup)) fault("setup", "must be a Zod schema", "invalid_type");
  if (app.in !== undefined && app.in !== "process" && app.in !== "server") fault("in", "must be process or server");
  if (app.in === "server" && FUNCTIONS.some((name) => app[name] !== undefined)) {
    fault("in", "must be process, as it has state: start, snapshot, restore or stop");
  }
  faults.push(...httpFaults(app.http));
  faults.push(...actionFaults(app), ...recoveryFaults(app), ...permissionFaults(app.permissions));
  return faults;
}

function httpFaults(http: unknown): Fault[] {
  if (http === undefined) return [];
  if (!isRecord(http)) return [{ field: "http", message: "must be an object", type: "invalid_type" }];
  const faults: Fault[] = Object.keys(http)
    .filter((name) => name !== "base")
    .map((name) => ({ field: `http.${name}`, message: "is not known here", type: "unrecognized_keys" }));
  const { base } = http;
  if (typeof base !== "string") {
    return [...faults, { field: "http.base", message: "must be a path, such as /v1", type: "invalid_type" }];
  }
  const message = baseFault(base);
  return message === undefined ? faults : [...faults, { field: "http.base", message, type: "invalid_value" }];
}

function actionFaults(app: { readonly actions?: unknown; readonly default?: unknown }): Fault[] {
  const { actions } = app;
  if (!isRecord(actions) || Object.keys(actions).length === 0) {
    return [{ field: "actions", message: "must have at least one action", type: "invalid_type" }];
  }
  const faults = Object.entries(actions).flatMap(([name, action]): Fault[] => {
    const field = `actions.${name}`;
    if (!isActionName(name)) {
      const message = "must be named by letters, digits, _ and -, a letter first, with / between parts";
      return [{ field, message: `${message}, at most ${ACTION_LENGTH_MAX} in all`, type: "invalid_key" }];
    }
    if (!isRecord(action)) return [{ field, message: "must be an action", type: "invalid_type" }];
    const wrong: Fault[] = [];
    if (typeof action.run !== "function") {
      wrong.push({ field: `${field}.run`, message: "must be a function", type: "invalid_type" });
    }
    if (!isSchema(action.input)) {
      wrong.push({ field: `${field}.input`, message: "must be a Zod schema", type: "invalid_type" });
    }
    if (action.output !== undefined && !isSchema(action.output)) {
      wrong.push({ field: `${field}.output`, message: "must be a Zod schema", type: "invalid_type" });
    }
    return wrong;
  });
  if (app.default !== undefined && !(typeof app.default === "string" && Object.hasOwn(actions, app.default))) {
    const message = `must be one of its actions: ${Object.keys(actions).join(", ")}`;
    faults.push({ field: "default", message, type: "invalid_value" });
  }
  return faults;
}

function recoveryFaults({
  recovery,
  snapshot,
  restore,
}: {
  readonly recovery?: unknown;
  readonly snapshot?: unknown;
  readonly restore?: unknown;
}): Fault[] {
  const type = "invalid_value";
  if (recovery !== undefined && !RECOVERIES.some((one) => one === recovery)) {
    return [{ field: "recovery", message: `must be one of ${RECOVERIES.join(", ")}`, type }];
  }
  if (recovery === "snapshot" && (snapshot === undefined || restore === undefined)) {
    return [{ field: "recovery", message: "must have snapshot and restore beside it to be snapshot", type }];
  }
  if ((snapshot === undefined) !== (restore === undefined)) {
    const [field, other] = snapshot === undefined ? ["restore", "snapshot"] : ["snapshot", "restore"];
    return [{ field, message: `must have ${other} beside it`, type }];
  }
  return [];
}

function permissionFaults(permissions: unknown): Fault[] {
  if (permissions === undefined) return [];
  if (!isRecord(permissions)) return [{ field: "permissions", message: "must be an object", type: "invalid_type" }];
  return Object.entries(permissions).flatMap(([name, value]): Fault[] => {
    const field = `permissions.${name}`;
    const fits = Object.hasOwn(PERMISSIONS, name) ? PERMISSIONS[name] : undefined;
    if (fits === undefined) return [{ field, message: "is not known here", type: "unrecognized_keys" }];
    return value === undefined || fits(value) ? [] : [{ field, message: "is not what it takes", type: "invalid_type" }];
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether it is a Zod schema. Not by `instanceof`: the app may have its own copy of Zod. */
export function isSchema(value: unknown): boolean {
  return isRecord(value) && isRecord(value._zod) && typeof value.safeParse === "function";
}

function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
