import type { HttpBindings } from "@hono/node-server";
import type { HttpContext } from "./context.ts";
import { docsRoute } from "./docs-route.ts";
import type { ServerScope } from "./gate.ts";
import { openApi } from "./openapi.ts";
import type { Dialect, Dialects, LateDialects, Reply } from "./route.ts";

/** A route of the server itself, which belongs to no contract. */
export interface ServerRoute {
  readonly scope: ServerScope;
  readonly handler: (env: HttpBindings) => Promise<Reply>;
}

/** The routes that belong to no dialect, by path: what there is, whether it is well, and what it counts. */
export function serverRoutes(
  context: HttpContext,
  dialects: Dialects,
  late: LateDialects,
): Record<string, ServerRoute> {
  const { services, meters } = context;
  const { version, probe, assertAlive } = services.service;
  const docs = (shown: () => readonly Dialect[] | Promise<readonly Dialect[]>, openapi: string): ServerRoute =>
    open(async () => {
      const endpoints = (await shown()).flatMap(endpointsOf);
      return { body: { service: "sojourn", version, status: "running", endpoints, openapi } };
    });
  const described = (dialect: Dialect): ServerRoute => {
    let document: object | undefined;
    return open(async () => {
      document ??= openApi(dialect, version);
      return { body: document };
    });
  };
  const documentation: ServerRoute = { scope: "page", handler: docsRoute(context) };
  const [first, ...others] = dialects;
  return {
    "/": forPeople(
      DOCS,
      docs(async () => [...dialects, ...(await late.now())], "/openapi.json"),
    ),
    [DOCS]: documentation,
    [`${DOCS}.md`]: documentation,
    [`${DOCS}/*`]: documentation,
    [`${first.base}/docs`]: docs(() => [first], "/openapi.json"),
    "/openapi.json": described(first),
    ...Object.fromEntries(
      others.flatMap((dialect) => {
        const openapi = `${dialect.base}/openapi.json`;
        return [
          [`${dialect.base}/docs`, docs(() => [dialect], openapi)],
          [openapi, described(dialect)],
        ];
      }),
    ),
    "/healthz": open(async () => {
      assertAlive();
      return { body: { status: "ok" } };
    }),
    "/readyz": open(async () => {
      await probe();
      return { body: { status: "ready" } };
    }),
    "/metrics": {
      scope: "admin",
      handler: async () => ({ text: await meters.registry.metrics(), type: meters.registry.contentType }),
    },
  };
}

/** Where the documentation is. */
const DOCS = "/docs";

/** The route, which sends a browser elsewhere. */
function forPeople(location: string, { handler }: ServerRoute): ServerRoute {
  const vary = { vary: "accept" };
  return {
    scope: "page",
    handler: async (env) => {
      if (env.incoming.headers.accept?.includes("text/html")) {
        return { status: 302, text: "", type: "text/plain; charset=utf-8", headers: { ...vary, location } };
      }
      const reply = await handler(env);
      return { ...reply, headers: { ...reply.headers, ...vary } };
    },
  };
}

function open(handler: ServerRoute["handler"]): ServerRoute {
  return { scope: "open", handler };
}

function endpointsOf({ base, routes }: Dialect): readonly object[] {
  return routes.map(({ method, path, summary }) => ({ method, path: base + path, summary }));
}
