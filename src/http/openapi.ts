import { z } from "zod";
import {
  createDocument,
  type ZodOpenApiObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from "zod-openapi";
import type { ErrorCode } from "../engine/errors.ts";
import { LIMITS } from "../engine/limits.ts";
import { BYTES, type Dialect, isNothing, type Route } from "./route.ts";

/** What every route may be refused with. */
const ALWAYS: readonly ErrorCode[] = [
  "invalid",
  "unauthorized",
  "forbidden",
  "rate_limited",
  "store_unavailable",
  "overloaded",
  "internal",
];

/** The statuses that come with `Retry-After`. */
const RETRIED: readonly ErrorCode[] = ["limit_reached", "overloaded", "session_busy", "model_failed"];

const WITH_BODY: readonly ErrorCode[] = [
  "invalid_json",
  "invalid_content_type",
  "payload_too_large",
  "request_timeout",
];

const ACTING_HEADERS = z.object({
  "X-Act-As-Session": z
    .string()
    .optional()
    .describe("A session_id, or a uid: the call is made as that session, with no more than its rights"),
});

const WRITE_HEADERS = z.object({
  "Idempotency-Key": z
    .string()
    .max(LIMITS.idempotencyKeyLength)
    .optional()
    .describe("The same key with the same request gets the first answer again, for 24 hours"),
  "If-Match": z.string().optional().describe('A version in quotes, such as "7": refused with 412 if it is another now'),
});

const STREAM_HEADERS = z.object({
  "Last-Event-ID": z.string().optional().describe("The seq of the last event that was received: resumes after it"),
});

const ETAG = z.string().optional().describe("The session's version in quotes; what If-Match takes");

const REPLAYED = z.literal("true").optional().describe("This is the answer that the idempotency key got first");

const RETRY_AFTER = z.string().optional().describe("After how many seconds a retry makes sense");

/** The OpenAPI 3.1 document of a dialect, made from the shapes that its routes validate with. */
export function openApi(dialect: Dialect, version: string): object {
  const { base, routes, title = "Sojourn" } = dialect;
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const route of routes) {
    const path = `${base}${route.path}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, dialect) };
  }
  const document: ZodOpenApiObject = {
    openapi: "3.1.0",
    info: {
      title,
      version,
      description: "The session server for AI agents and stateful workflows",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    security: [{ bearer: [] }, { header: [] }],
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "An API key; none is needed in local mode" },
        header: { type: "apiKey", in: "header", name: "X-API-Key", description: "The same key" },
      },
    },
    // NOTE: its keys are paths, each with its methods in lower case.
    paths: paths as ZodOpenApiPathsObject,
  };
  return createDocument(document, {
    override: ({ jsonSchema, io }) => {
      // Fields are added in later releases: whoever reads an answer must let those pass that it does not know.
      if (io === "output" && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
}

function operation(route: Route, dialect: Dialect): ZodOpenApiOperationObject {
  const {
    operationId,
    summary,
    scope,
    path,
    query,
    headers = z.object({}),
    answerHeaders = z.object({}),
    isWrite,
    stream,
    answers,
    type = "application/json",
  } = route;
  return {
    operationId,
    summary,
    ...(scope === "open" && { security: [] }),
    ...(scope !== "open" && { description: `Scope: \`${scope}\`.` }),
    requestParams: {
      ...pathParameters(path),
      ...(query && { query }),
      header: z.object({
        ...headers.shape,
        ...(scope !== "open" && ACTING_HEADERS.shape),
        ...(isWrite && WRITE_HEADERS.shape),
        ...(stream === "feed" && STREAM_HEADERS.shape),
      }),
    },
    ...requestBody(route),
    // NOTE: its keys are statuses.
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, schema]) => [
          status,
          {
            description: schema.description ?? summary,
            headers: z.object({
              ETag: ETAG,
              ...(isWrite && { "Idempotent-Replayed": REPLAYED }),
              ...answerHeaders.shape,
            }),
            ...(!isNothing(schema) && {
              content: {
                [type]: { schema },
                ...(stream !== undefined && { "text/event-stream": { schema: z.string() } }),
              },
            }),
          },
        ]),
      ),
      ...refusals(route, dialect),
    } as ZodOpenApiResponsesObject,
  };
}

function requestBody({ body, bytes, isBodyOptional }: Route): Pick<ZodOpenApiOperationObject, "requestBody"> {
  if (body === undefined && bytes === undefined) return {};
  const content = {
    ...(body && { "application/json": { schema: body } }),
    ...(bytes?.take === "always" && { "application/octet-stream": { schema: BYTES } }),
    ...(bytes?.take === "unless_json" && { "*/*": { schema: BYTES } }),
  };
  return { requestBody: { required: isBodyOptional !== true, content } };
}

/** What each parameter of a path means. */
const PARAMETERS: Readonly<Record<string, string>> = {
  id: "a session_id, or a uid",
  user_id: "what the user is called",
  artifact_id: "an artifact_id",
  task_id: "a task_id",
  object_id: "an object_id",
  template: "the name of a template",
  topic: "the name of a topic",
  webhook: "the name of a webhook",
  subscriber: "the name of a subscriber of the topic; that of a session is its session_id",
  name: "the name of an app, with its slash as %2F",
  session_id: "the session_id, or the uid, of the session that it is shared with",
};

function pathParameters(path: string): { readonly path?: z.ZodObject } {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
  if (names.length === 0) return {};
  return {
    path: z.object(Object.fromEntries(names.map((name) => [name, z.string().describe(PARAMETERS[name] ?? "")]))),
  };
}

function refusals(
  { scope, body, bytes, isWrite, refusals: own }: Route,
  { errors, errorShape, errorType = "application/json" }: Dialect,
): Record<string, object> {
  const codes = [
    ...ALWAYS,
    // The session that the call is made as.
    ...(scope === "open" ? [] : ["session_not_found" as const]),
    ...(body || bytes ? WITH_BODY : []),
    ...(isWrite ? ["storage_full" as const] : []),
    ...own,
  ];
  const byStatus = Map.groupBy(
    codes.map((code) => errors[code]),
    ({ status }) => status,
  );
  return Object.fromEntries(
    [...byStatus].map(([status, known]) => [
      status,
      {
        description: [...new Set(known.map(({ code }) => code))].join(", "),
        ...(RETRIED.some((code) => errors[code].status === status) && {
          headers: z.object({ "Retry-After": RETRY_AFTER }),
        }),
        content: { [errorType]: { schema: errorShape } },
      },
    ]),
  );
}
