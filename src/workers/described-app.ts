import { z } from "zod";
import { isActionName, isHttpBase } from "../app-format/definition-faults.ts";
import { SojournError } from "../engine/errors.ts";
import type { Json, JsonObject } from "../engine/json.ts";
import type { App } from "../engine/runner.ts";
import { type Check, checkOf } from "./app-schema.ts";
import type { AppDescription } from "./app-source.ts";
import { type FindUses, usesIn } from "./input-objects.ts";

/** An app by what it says of itself. */
export function appOf({ actions, ...description }: AppDescription, version: string): App {
  const checks = new Map<string, Check>(actions.map(({ name, inputSchema }) => [name, checkOf(inputSchema)]));
  const uses = new Map<string, FindUses>(actions.map(({ name, inputSchema }) => [name, usesIn(inputSchema)]));
  return {
    ...description,
    version,
    actions,
    inputFaults: (action, input) => checks.get(action)?.(input) ?? [],
    inputObjects: (action, input) => uses.get(action)?.(input) ?? [],
    setupFaults: checkOf(description.setupSchema),
  };
}

/** What is known of a version of an app. */
export interface AppFacts {
  /** The release of Sojourn that described it. */
  readonly release: string;
  /** Where its files were copied from. */
  readonly origin: string;
  readonly description: AppDescription;
}

const json: z.ZodType<Json> = z.json();

const object: z.ZodType<JsonObject> = z.record(z.string(), json);

/** What an app's module says of itself, held against what it may be, since the app shares the process that tells it. */
export const descriptionShape: z.ZodType<AppDescription> = z.object({
  name: z.string(),
  description: z.string().exactOptional(),
  place: z.enum(["process", "server"]),
  recovery: z.enum(["snapshot", "replay", "refuse", "fresh"]),
  httpBase: z.string().refine(isHttpBase).exactOptional(),
  setupSchema: object.exactOptional(),
  defaultAction: z.string().exactOptional(),
  permissions: object,
  actions: z.array(
    z.object({
      name: z.string().refine(isActionName),
      description: z.string().exactOptional(),
      inputSchema: object,
      outputSchema: object.exactOptional(),
      isIdempotent: z.boolean(),
    }),
  ),
});

const factsShape = z.object({
  release: z.string(),
  origin: z.string(),
  description: descriptionShape,
}) satisfies z.ZodType<AppFacts>;

/** Reads what was written of a version; `undefined` where it is not that. */
export function factsOf(value: unknown): AppFacts | undefined {
  return factsShape.safeParse(value).data;
}

/** What is wrong with an app, in words: a fault of its files by where the operator has them, and not by their copy. */
export function faultOf(error: unknown, { copy, origin }: { readonly copy?: string; readonly origin: string }): string {
  const message = error instanceof SojournError ? error.message : String(error);
  return copy === undefined ? message : message.replaceAll(copy, origin);
}
