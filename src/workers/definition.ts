import { faultsOf } from "../app-format/definition-faults.ts";
import { type AppDefinition, isApp } from "../app-format/index.ts";
import type { JsonObject } from "../engine/json.ts";
import type { Recovery } from "../engine/runner.ts";
import { describedSchema } from "./described-schema.ts";

/** The app that a module exports, as `app` or by default, or what is wrong with it. */
export function definitionOf(module: Readonly<Record<string, unknown>>): AppDefinition | { readonly fault: string } {
  const exported = module["app"] ?? module["default"];
  if (exported === undefined)
    return { fault: "it exports no app: export what defineApp() returns, as `app` or by default" };
  if (!isApp(exported)) return { fault: "what it exports as its app was not made by defineApp()" };
  // An app may bring a release of the format that allowed what this one does not.
  const [first] = faultsOf(exported);
  return first === undefined ? exported : { fault: `its "${first.field}" ${first.message}` };
}

/** What an app says of itself, as JSON; see `AppDescription`. */
export function describeDefinition(app: AppDefinition): JsonObject {
  const defaultAction = defaultActionOf(app);
  return {
    name: app.name,
    description: app.description,
    place: app.in ?? "process",
    recovery: recoveryOf(app),
    httpBase: app.http?.base,
    setupSchema: app.setup === undefined ? undefined : describedSchema(app.setup, "input"),
    defaultAction,
    permissions: jsonOf(app.permissions ?? {}),
    actions: Object.entries(app.actions).map(([name, action]) => ({
      name,
      description: action.description,
      inputSchema: describedSchema(action.input, "input"),
      outputSchema: action.output === undefined ? undefined : describedSchema(action.output, "output"),
      isIdempotent: action.isIdempotent === true,
    })),
  };
}

function defaultActionOf({ default: named, actions }: AppDefinition): string | undefined {
  if (named !== undefined) return named;
  const names = Object.keys(actions);
  return names.length === 1 ? names[0] : names.find((name) => name === "run");
}

function recoveryOf({ recovery, snapshot, start }: AppDefinition): Recovery {
  if (recovery !== undefined) return recovery;
  if (snapshot !== undefined) return "snapshot";
  return start === undefined ? "fresh" : "refuse";
}

function jsonOf(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}
