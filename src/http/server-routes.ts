import type { HttpContext } from "./context.ts";
import type { RouteScope } from "./gate.ts";
import { openApi } from "./openapi.ts";
import type { Dialect, Reply } from "./route.ts";

/** A route of the server itself, which takes nothing but its path. */
export interface ServerRoute {
  readonly scope: RouteScope;
  readonly handler: () => Promise<Reply>;
}

/** The routes that belong to no dialect, by path: what there is, whether it is well, and what it counts. */
export function serverRoutes(
  { service, meters }: Pick<HttpContext, "service" | "meters">,
  dialect: Dialect,
): Record<string, ServerRoute> {
  const { version, probe, assertAlive } = service;
  const endpoints = dialect.routes.map(({ method, path, summary }) => ({ method, path: dialect.base + path, summary }));
  const docs = async (): Promise<Reply> => ({
    body: { service: "sojourn", version, status: "running", endpoints, openapi: "/openapi.json" },
  });
  let document: object | undefined;
  const open = (handler: ServerRoute["handler"]): ServerRoute => ({ scope: "open", handler });
  return {
    "/": open(docs),
    [`${dialect.base}/docs`]: open(docs),
    "/healthz": open(async () => {
      assertAlive();
      return { body: { status: "ok" } };
    }),
    "/readyz": open(async () => {
      await probe();
      return { body: { status: "ready" } };
    }),
    "/openapi.json": open(async () => {
      document ??= openApi(dialect, version);
      return { body: document };
    }),
    "/metrics": {
      scope: "admin",
      handler: async () => ({ text: await meters.registry.metrics(), type: meters.registry.contentType }),
    },
  };
}
