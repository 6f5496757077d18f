import type { HttpContext } from "./context.ts";
import type { RouteScope } from "./gate.ts";
import { openApi } from "./openapi.ts";
import type { Dialect, Dialects, Reply } from "./route.ts";

/** A route of the server itself, which takes nothing but its path. */
export interface ServerRoute {
  readonly scope: RouteScope;
  readonly handler: () => Promise<Reply>;
}

/** The routes that belong to no dialect, by path: what there is, whether it is well, and what it counts. */
export function serverRoutes(
  { service, meters }: Pick<HttpContext, "service" | "meters">,
  dialects: Dialects,
): Record<string, ServerRoute> {
  const { version, probe, assertAlive } = service;
  const docs = (shown: readonly Dialect[], openapi: string): ServerRoute => {
    const endpoints = shown.flatMap(endpointsOf);
    return open(async () => ({ body: { service: "sojourn", version, status: "running", endpoints, openapi } }));
  };
  const described = (dialect: Dialect): ServerRoute => {
    let document: object | undefined;
    return open(async () => {
      document ??= openApi(dialect, version);
      return { body: document };
    });
  };
  const [first, ...others] = dialects;
  return {
    "/": docs(dialects, "/openapi.json"),
    [`${first.base}/docs`]: docs([first], "/openapi.json"),
    "/openapi.json": described(first),
    ...Object.fromEntries(
      others.flatMap((dialect) => {
        const openapi = `${dialect.base}/openapi.json`;
        return [
          [`${dialect.base}/docs`, docs([dialect], openapi)],
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

function open(handler: ServerRoute["handler"]): ServerRoute {
  return { scope: "open", handler };
}

function endpointsOf({ base, routes }: Dialect): readonly object[] {
  return routes.map(({ method, path, summary }) => ({ method, path: base + path, summary }));
}
