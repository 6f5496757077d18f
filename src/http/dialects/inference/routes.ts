import type { Dialect } from "../../route.ts";
import { BASE } from "./answer.ts";
import { ErrorShape, encodeError, HTTP_ERRORS, PROBLEM_TYPE } from "./errors.ts";
import { fileRoutes } from "./file-routes.ts";
import { sessionRoutes } from "./session-routes.ts";
import { taskRoutes } from "./task-routes.ts";

/** The dialect of inference.sh: its clients work with this base as their `baseUrl`. */
export const inferenceDialect: Dialect = {
  base: BASE,
  routes: [...taskRoutes, ...sessionRoutes, ...fileRoutes],
  // A base that ends in `/` gives two, and neither a leading `/v1` nor a `/` at the end means anything.
  canonical: (path) =>
    path
      .replaceAll(/\/{2,}/g, "/")
      .replace(/^\/v1(?=\/)/, "")
      .replace(/(?<=.)\/$/, ""),
  encodeError,
  errorType: PROBLEM_TYPE,
  errorShape: ErrorShape,
  errors: HTTP_ERRORS,
  limitHeaders: ({ calls, resetMs }, now) => ({
    "x-ratelimit-remaining": String(calls),
    "x-ratelimit-reset": String(Math.ceil((now / 1_000 + resetMs) / 1_000)),
  }),
};
