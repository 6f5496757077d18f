import { z } from "zod";
import { SojournError } from "../../../engine/errors.ts";
import type { Json, JsonObject } from "../../../engine/json.ts";
import type { ActionInfo, App, Runner } from "../../../engine/runner.ts";
import { openApi } from "../../openapi.ts";
import { type Dialect, type LateDialects, type Route, route } from "../../route.ts";
import { callAction, type SessionTerms } from "./calls.ts";
import { AnyQueryShape, SESSION_HEADERS } from "./decode.ts";
import { ErrorShape, encodeError, HTTP_ERRORS, SHARED_PATH } from "./errors.ts";
import { logRoute } from "./log-routes.ts";

/** What the routes of apps are made from. */
export interface AppRoutesOptions extends SessionTerms {
  /** See `Runner.apps`. */
  readonly apps: Runner["apps"];
}

/**
 * The routes of apps that ask for some: a dialect for each base. Apps that ask for the same share it. An action that
 * several of them have at one path, by whichever base, is refused until one of them goes.
 */
export function appDialects({ apps, ...terms }: AppRoutesOptions): LateDialects {
  let routed: readonly App[] = [];
  let dialects: readonly Dialect[] = [];
  return {
    known: () => dialects,
    now: async (options) => {
      const now = (await apps(options)).filter(({ httpBase }) => httpBase !== undefined);
      // An app that changes is another one.
      if (now.length !== routed.length || now.some((app, i) => app !== routed[i])) {
        routed = now;
        dialects = dialectsOf(now, terms);
      }
      return dialects;
    },
  };
}

function dialectsOf(apps: readonly App[], terms: SessionTerms): readonly Dialect[] {
  const baseOf = new Map(apps.map(({ name, httpBase }) => [name, httpBase]));
  const offered = apps.flatMap(({ name, httpBase: base = "", actions }) =>
    actions.map((action): Offered => ({ app: name, base, action })),
  );
  const byPath = Map.groupBy(offered, pathOf);
  const appsAt = (path: string): readonly string[] => byPath.get(path)?.map(({ app }) => app) ?? [];
  return [...Map.groupBy(offered, ({ base }) => base)]
    .sort(([a], [b]) => b.length - a.length)
    .map(([base, here]) => {
      const actions = [...Map.groupBy(here, pathOf)].flatMap(([path, [one]]) =>
        one === undefined ? [] : [actionRoute(one, { apps: appsAt(path), terms })],
      );
      const dialect: Dialect = {
        base,
        title: [...new Set(here.map(({ app }) => app))].join(", "),
        routes: [...actions, logRoute((name) => baseOf.get(name)), documentRoute(() => dialect)],
        encodeError,
        errorShape: ErrorShape,
        errors: HTTP_ERRORS,
      };
      return dialect;
    });
}

interface Offered {
  readonly app: string;
  readonly base: string;
  readonly action: ActionInfo;
}

function pathOf({ base, action }: Offered): string {
  return `${base}/${action.name}`;
}

/** @param apps  all that have an action at its path */
function actionRoute(
  { app, action }: Offered,
  { apps, terms }: { readonly apps: readonly string[]; readonly terms: SessionTerms },
): Route {
  const { name, description, inputSchema, outputSchema } = action;
  return route({
    method: "POST",
    path: `/${name}`,
    operationId: name.replaceAll("/", "_"),
    summary: description ?? `${name} of ${app}`,
    scope: "apps:execute",
    headers: SESSION_HEADERS,
    answerHeaders: z.object({
      "X-Session-ID": z.string(),
      Warning: z.string().optional().describe("what it made is degraded, and why"),
    }),
    query: AnyQueryShape,
    body: shapeOf(inputSchema),
    isBodyOptional: true,
    isBodyNullable: true,
    isWrite: true,
    answers: { 200: shapeOf(outputSchema ?? {}) },
    refusals: [
      "object_not_found",
      "session_exists",
      "invalid_transition",
      "precondition_failed",
      "idempotency_mismatch",
      "conflict",
      "session_busy",
      "limit_reached",
      "app_not_found",
      "app_broken",
      "version_mismatch",
      "worker_lost",
      "sandbox_missing",
    ],
    handle: async (call) => {
      if (apps.length > 1) throw sharedPath(name, apps);
      return await callAction(call, { app, action: name }, terms);
    },
  });
}

/** A shape that its action's schema describes. What is sent is held against that where the action is called. */
function shapeOf(schema: JsonObject): z.ZodType<Json> {
  // NOTE: what a body holds is JSON: it was parsed as that, and searched for what can't be kept.
  return (z.any() as z.ZodType<Json>).meta({ override: { ...schema } });
}

function documentRoute(dialect: () => Dialect): Route {
  let document: object | undefined;
  return route({
    method: "GET",
    path: "/openapi.json",
    operationId: "openApi",
    summary: "These routes, as OpenAPI 3.1",
    scope: "apps:read",
    query: AnyQueryShape,
    isWrite: false,
    answers: { 200: z.record(z.string(), z.json()) },
    refusals: [],
    handle: async ({ service }) => {
      document ??= openApi(dialect(), service.version);
      return { body: document };
    },
  });
}

function sharedPath(action: string, apps: readonly string[]): SojournError {
  const message = `Several apps have the action "${action}" at this path: ${apps.join(", ")}; one of them must go`;
  return new SojournError("app_broken", { message, faults: [{ field: "", message, type: SHARED_PATH }] });
}
