import { nativeDialect } from "../src/http/dialects/native/routes.ts";
import { openApi } from "../src/http/openapi.ts";
import { anchorOf, cell, wrapped } from "./markdown.ts";
import { REST_EXAMPLES } from "./rest-examples.ts";
import { fieldsOf, type Schema, typeOf } from "./schema.ts";

/** The groups of the page: a heading, what it is about, and the paths that belong to it. The first that fits has a call. */
const GROUPS: readonly (readonly [title: string, about: string, paths: RegExp])[] = [
  ["Topics", "See [topics](topics.md).", /^\/topics\b/],
  ["Apps and tasks", "See [running apps](tasks.md).", /^\/apps|\/(run|tasks)\b/],
  ["Runs of agents", "See [agents](agents.md), which does all this by itself.", /\/agent-runs\b/],
  ["Objects and lineage", "See [objects](objects.md).", /\/objects\b/],
  ["Artifacts", "See [artifacts](artifacts.md).", /\/artifacts\b/],
  ["Chat and memory", "See [chat and memory](chat.md).", /^\/chat|\/(messages|compact|working-memory)\b/],
  ["Events", "See [events](events.md).", /^\/(events|webhooks)\b/],
  ["The log", "Each entry is hashed over the one before.", /\/(operations|verify)\b/],
  [
    "Time travel",
    "See [time travel](time-travel.md) and [replay](replay.md).",
    /\/(checkpoints|fork|replay|diff|tree|export|import|prune)\b/,
  ],
  ["Templates", "See [templates](templates.md).", /^\/templates\b/],
  ["Users", "What belongs to a user holds in every session.", /^\/users\b/],
  ["Keys", "See [keys](operations.md#how-do-i-make-rotate-and-revoke-api-keys).", /^\/keys\b/],
  ["The server", "See [operating a server](operations.md).", /^\/(backup|health)\b/],
  ["Sessions", "See [concepts](concepts.md#session).", /^\/sessions\b/],
];

/** In which order the groups stand on the page. */
const ORDER = [
  "Sessions",
  "Templates",
  "The log",
  "Chat and memory",
  "Artifacts",
  "Objects and lineage",
  "Apps and tasks",
  "Runs of agents",
  "Time travel",
  "Topics",
  "Events",
  "Users",
  "Keys",
  "The server",
];

/** The headers that the page tells of once. */
const TOLD_ONCE = ["X-Act-As-Session", "Idempotency-Key", "If-Match"];

/** Whose refusals the page tells once. */
const COMMON: readonly (readonly [calls: string, has: (operation: Operation) => boolean])[] = [
  ["Every call", () => true],
  [
    "Every call with a scope, by the session that it acts as or is about",
    ({ description }) => description !== undefined,
  ],
  ["Every call with a body", ({ requestBody }) => requestBody !== undefined],
  [
    "Every write, which is what takes an `Idempotency-Key`",
    ({ parameters = [] }) => parameters.some(({ name }) => name === "Idempotency-Key"),
  ],
];

/** What is in every answer that is no error, and is not told with each. */
const ENVELOPE = ["success", "timestamp"];

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly required?: boolean;
  readonly schema: Schema;
  readonly description?: string;
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Content & { readonly required?: boolean };
  readonly responses: Readonly<Record<string, Content & { readonly description: string }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** One call, as the page shows it. */
interface Shown {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

/** The page docs/rest.md, in Markdown, made from the OpenAPI document of the native dialect. */
export function restPage(): string {
  // NOTE: this is what `openApi` makes: an OpenAPI 3.1 document.
  const document = openApi(nativeDialect, "0") as Document;
  const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Shown => {
      return { method: method.toUpperCase(), path: path.slice(nativeDialect.base.length), operation };
    }),
  );
  const common = COMMON.map(([, has]) => refusedIn(calls.filter(({ operation }) => has(operation))));
  const groups = Map.groupBy(calls, ({ path }) => groupOf(path));
  const parts = ORDER.filter((title) => groups.has(title)).map((title) => {
    const about = GROUPS.find(([name]) => name === title)?.[1] ?? "";
    const shown = groups.get(title) ?? [];
    return `## ${title}\n\n${about}\n\n${shown.map((call) => section(call, { document, common })).join("\n")}`;
  });
  return `${introduction(calls, common)}\n${parts.join("\n")}\n${shapes(document)}`;
}

function introduction(calls: readonly Shown[], common: readonly (readonly string[])[]): string {
  return `# REST

Every call of the native API, made from the document at \`/openapi.json\` by \`npm run docs\`. There are ${calls.length} below \`${nativeDialect.base}\`.
The API of inference.sh has [a page of its own](guides/inference.md), and a document at \`/inference/openapi.json\`. Apps may have
[routes of their own](app-routes.md).

The examples run as they stand, where \`SOJOURN_URL\` says where the server is:

\`\`\`bash
export SOJOURN_URL="\${SOJOURN_URL:-http://127.0.0.1:7070}"
${REST_EXAMPLES.before}
\`\`\`

## What answers look like

A call that went well answers \`{"success": true, "data": …, "timestamp": …}\`; below, *answers* tells what \`data\` is. An error is
\`{"success": false, "error": {"code", "message", "status", "details"?}, "timestamp", "request_id"}\`; [errors](errors.md) has each code.
Names are in snake_case, times are ISO 8601 in UTC, durations are in seconds. Fields that a call does not know are refused; fields are added
to answers in later releases, so let those pass that you don't know.

## How to send the API key

Once a server has keys, every call but \`GET /health\` needs one: \`Authorization: Bearer sjn_…\`, or \`X-API-Key: sjn_…\`. Each call names the
[scope](operations.md#which-scopes-may-a-key-have) that its key must have. In local mode no key is needed.

## How to repeat a write safely

Writes take \`Idempotency-Key\`, of at most 255 characters: the same key with the same request gets the first answer again, for 24 hours, with
\`Idempotent-Replayed: true\`. They also take \`If-Match: "7"\`, which refuses the write with 412 where the session's version is another by now.

## How to call as a session

\`X-Act-As-Session\`, with a session_id or a uid, gives a call no more than the rights of that session: its own, and what is shared with it.

## How to read page by page

Lists take \`limit\` and \`cursor\`. An answer that is not the last has \`next_cursor\`; give it as \`cursor\`, with the same filters. A page may have
fewer than \`limit\`, since pages are bounded by size as well.

## What calls may be refused with

${common.map((refusals, i) => `- ${COMMON[i]?.[0]}: ${refusalList(refusalsBeyond(refusals, common.slice(0, i)))}`).join("\n")}

What a call may be refused with besides is told with it.

## What every server answers beside

| Path | What it answers |
| --- | --- |
| \`GET /healthz\` | 200 while the process can do its work |
| \`GET /readyz\` | 200 once it can answer |
| \`GET /metrics\` | metrics for Prometheus; scope \`admin\` |
| \`GET /openapi.json\` | the document that this page is made from |
| \`GET ${nativeDialect.base}/docs\` | a list of all calls, in JSON |
| \`GET /docs\` | this documentation; \`/docs/llms.txt\` is its index for programs |
| \`GET /docs/<page>.md?ask=<question>\` | an answer from it, in Markdown |
`;
}

function groupOf(path: string): string {
  return GROUPS.find(([, , paths]) => paths.test(path))?.[0] ?? "Sessions";
}

/** The refusals, as "status CODE", that each of some calls has. */
function refusedIn(calls: readonly Shown[]): readonly string[] {
  const [first = [], ...others] = calls.map(({ operation }) => refusalsOf(operation));
  return first.filter((one) => others.every((list) => list.includes(one)));
}

function refusalsBeyond(refusals: readonly string[], told: readonly (readonly string[])[]): readonly string[] {
  return refusals.filter((one) => !told.some((list) => list.includes(one)));
}

function refusalsOf({ responses }: Operation): readonly string[] {
  return Object.entries(responses)
    .filter(([status]) => Number(status) >= 400)
    .flatMap(([status, { description }]) => description.split(", ").map((code) => `${status} ${code}`));
}

function refusalList(refusals: readonly string[]): string {
  return refusals
    .map((one) => {
      const [status = "", code = ""] = one.split(" ");
      return `${status} [\`${code}\`](errors.md#${anchorOf(code)})`;
    })
    .join(", ");
}

interface Around {
  readonly document: Document;
  /** What the calls of each row of `COMMON` have in common. */
  readonly common: readonly (readonly string[])[];
}

function section({ method, path, operation }: Shown, { document, common }: Around): string {
  const { operationId, summary, parameters = [], requestBody } = operation;
  const shown = parameters.filter(({ in: place, name }) => place !== "path" && !TOLD_ONCE.includes(name));
  const own = refusalsBeyond(
    refusalsOf(operation),
    COMMON.map(([, has], i) => (has(operation) ? (common[i] ?? []) : [])),
  );
  const [scope = ""] = /`[^`]+`/.exec(operation.description ?? "") ?? [];
  const paragraphs = [
    `### ${wordsOf(operationId)}: ${method} ${path}`,
    wrapped(`${summary}. ${scope === "" ? "Open to everybody." : `Scope: ${scope}.`}`),
    ...(shown.length === 0 ? [] : [`Parameters:\n\n${shown.map(parameterRow).join("\n")}`]),
    ...(requestBody === undefined ? [] : [bodyOf(requestBody)]),
    `Answers:\n\n${answers(operation, document)}`,
    ...(own.length === 0 ? [] : [wrapped(`Also refused with ${refusalList(own)}.`)]),
    ...exampleOf(operationId),
  ];
  return `${paragraphs.join("\n\n")}\n`;
}

function parameterRow({ in: place, name, required, schema, description }: Parameter): string {
  const facts = [place === "header" ? "header" : undefined, typeOf(schema), required ? "required" : undefined];
  return row(name, facts, description ?? schema.description);
}

function row(name: string, facts: readonly (string | undefined)[], description: string | undefined): string {
  const told = facts.filter((fact) => fact !== undefined).join(", ");
  return `- \`${name}\` (${told})${description === undefined ? "" : `: ${description}`}`;
}

function bodyOf({ content = {}, required }: Content & { readonly required?: boolean }): string {
  const json = content["application/json"]?.schema;
  const bytes = Object.keys(content).filter((type) => type !== "application/json");
  const optional = required === true ? "" : ", which may be left out";
  const parts = json === undefined ? [] : [jsonBody(json, optional)];
  if (bytes.length > 0) {
    const type = bytes[0] === "*/*" ? "of any other type" : `as \`${bytes[0]}\``;
    parts.push(json === undefined ? `Body: bytes, ${type}.` : `Or, in place of JSON, bytes ${type}.`);
  }
  return parts.join("\n\n");
}

function jsonBody(schema: Schema, optional: string): string {
  const alternatives = schema.anyOf ?? schema.oneOf ?? [schema];
  return alternatives
    .map((one, i) => {
      const rows = fieldsOf(one).map(({ name, type, isRequired, description }) =>
        row(name, [type, isRequired ? "required" : undefined], description),
      );
      const lead = i === 0 ? `Body, in JSON${optional}` : "Or";
      return rows.length === 0 ? `${lead}: ${one.description ?? typeOf(one)}.` : `${lead}:\n\n${rows.join("\n")}`;
    })
    .join("\n\n");
}

function answers({ summary, responses }: Operation, { components }: Document): string {
  return Object.entries(responses)
    .filter(([status]) => Number(status) < 400)
    .map(([status, { description, content = {} }]) => {
      const types = Object.keys(content).filter((type) => type !== "application/json");
      const beside = types.length === 0 ? "" : `; ${types.map((type) => `\`${type}\``).join(", ")}`;
      const schema = content["application/json"]?.schema;
      const data = schema?.properties?.["data"] ?? schema;
      const what = data === undefined ? undefined : describedData(data, components.schemas);
      const when = description === summary && what !== undefined ? undefined : description;
      return `- ${status}: ${[when, what].filter((part) => part !== undefined).join(" → ")}${beside}`;
    })
    .join("\n");
}

/** The type of what is answered, with its members where it has no name. */
function describedData(data: Schema, schemas: Document["components"]["schemas"]): string {
  const members = Object.entries(data.properties ?? {}).filter(([name]) => !ENVELOPE.includes(name));
  if (members.length === 0) return typeOf(data, schemas);
  const rows = members.map(([name, schema]) => {
    const mark = data.required?.includes(name) ? "" : "?";
    const told = schema.description === undefined ? "" : ` (${schema.description})`;
    return `\`${name}${mark}\` ${typeOf(schema, schemas)}${told}`;
  });
  return rows.join(", ");
}

function exampleOf(operationId: string): readonly string[] {
  const code = REST_EXAMPLES.of[operationId];
  if (code === undefined) return [];
  const language = REST_EXAMPLES.notRun.includes(operationId) ? "console" : "bash";
  return [`\`\`\`${language}\n${code}\n\`\`\``];
}

/** The shapes that answers have in common, each under a heading. */
function shapes({ components: { schemas } }: Document): string {
  const parts = Object.entries(schemas)
    .filter(([name]) => !name.startsWith("__"))
    .map(([name, schema]) => {
      const rows = fieldsOf(schema, schemas).map(
        ({ name: field, type, isRequired, description = "" }) =>
          `| \`${field}\` | ${cell(type)} | ${isRequired ? "always" : ""} | ${cell(description)} |`,
      );
      if (rows.length === 0) return `### Shape: ${name}\n\n${typeOf(schema, schemas)}.\n`;
      return `### Shape: ${name}\n\n| Field | Type | There | Meaning |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
    });
  return `## Shapes\n\nWhat answers consist of.\n\n${parts.join("\n")}`;
}

/** \`createSession\` as words: Create session. */
function wordsOf(operationId: string): string {
  const words = operationId.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
