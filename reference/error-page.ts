import { ERROR_KINDS, type ErrorCode } from "../src/engine/errors.ts";
import { HTTP_ERRORS as APPS } from "../src/http/dialects/apps/errors.ts";
import { HTTP_ERRORS as INFERENCE } from "../src/http/dialects/inference/errors.ts";
import { HTTP_ERRORS as NATIVE } from "../src/http/dialects/native/errors.ts";
import { ADVICE, type Advice, OF_APPS, OF_INFERENCE, OF_TASKS } from "./error-advice.ts";
import { wrapped } from "./markdown.ts";

interface Shown {
  readonly status: number;
  readonly code: string;
}

/** What only clients meet, whatever a server would say of it. */
const OF_CLIENTS: readonly ErrorCode[] = ["unreachable", "task_failed", "task_canceled"];

/** The other APIs, each with how it shows an error. */
const OTHERS: readonly (readonly [name: string, errors: Readonly<Record<ErrorCode, Shown>>])[] = [
  ["inference.sh's API", INFERENCE],
  ["routes of apps", APPS],
];

/** The page docs/errors.md, in Markdown: a heading for each public code, made from the tables of the errors. */
export function errorPage(): string {
  // NOTE: these are its keys.
  const codes = Object.keys(ERROR_KINDS) as ErrorCode[];
  const byHeading = Map.groupBy(codes, headingOf);
  const sections = [...byHeading.keys()].toSorted().map((heading) => section(heading, byHeading.get(heading) ?? []));
  return `${INTRODUCTION}
${sections.join("\n")}
## Codes of inference.sh's API alone

That API has the codes below beside those above, and calls most of them in lower case: \`not_found\`.

${Object.entries(OF_INFERENCE)
  .map(([code, { status, ...advice }]) => `### ${code}\n\n- Status: ${status}\n\n${advised(advice)}\n`)
  .join("\n")}
## Codes of the routes of apps alone

${Object.entries(OF_APPS)
  .map(([code, { status, ...advice }]) => `### ${code}\n\n- Status: ${status}\n\n${advised(advice)}\n`)
  .join("\n")}
## What the error of a task says

A task that did not complete has an \`error\` with a \`code\`, a \`message\`, and, where an input did not fit, \`faults\`.

${Object.entries(OF_TASKS)
  .map(([code, advice]) => `### Task error ${code}\n\n${advised(advice)}\n`)
  .join("\n")}`;
}

const INTRODUCTION = `# Errors

Every error code, with its cause and what to do about it. This page is made from the tables of errors by \`npm run docs\`.

## What an error looks like

The native API (\`/api/v1\`) answers

\`\`\`json
{
  "success": false,
  "error": { "code": "SESSION_NOT_FOUND", "message": "Session demo not found", "status": 404 },
  "timestamp": "2026-01-31T12:00:00.000Z",
  "request_id": "req_0123456789abcdef"
}
\`\`\`

with \`error.details\` where fields are wrong: a list of \`{"field", "message", "type"}\`. The SDK throws a \`SojournError\` with the same code in
lower case, as below, its fields in \`faults\`, and \`retryAfterMs\`. Branch on the code and never on the message. Commands print the message,
and end with [a code that tells the kind](cli.md#what-do-the-exit-codes-mean).

inference.sh's API answers \`application/problem+json\`, with the code in \`code\` and the message in \`detail\`. Routes of apps answer
\`{"detail": …, "error": {"code", "message"}}\`: \`detail\` is the message, or, with 422, a list of \`{"loc", "msg", "type"}\` that names the fields.

## Which errors may be retried

*Worth a retry* says whether the same call may succeed later. The SDK repeats by itself what soon passes
([retries are safe](sdk.md#when-something-fails)). Repeat writes under the same \`Idempotency-Key\`: then they happen once.
`;

function headingOf(code: ErrorCode): string {
  return OF_CLIENTS.includes(code) ? code.toUpperCase() : NATIVE[code].code;
}

function section(heading: string, codes: readonly ErrorCode[]): string {
  const statuses = new Set(codes.map((code) => NATIVE[code].status));
  const isOfClients = codes.every((code) => OF_CLIENTS.includes(code));
  const rows = [
    isOfClients ? "Status: none; only the SDK meets it" : `Status: ${[...statuses].join(", ")}`,
    `In the SDK: ${codes.map((code) => `\`${code}\``).join(", ")}`,
    ...(isOfClients ? [] : OTHERS.flatMap(([name, errors]) => elsewhere(name, codes, errors))),
    `Worth a retry: ${codes.map((code) => retried(code, codes.length > 1)).join(", ")}`,
  ];
  const advice = codes.map((code) => {
    const lead = codes.length === 1 ? "" : `**\`${code}\`**\n\n`;
    return `${lead}${advised(ADVICE[code])}`;
  });
  return `## ${heading}\n\n${rows.map((row) => `- ${row}`).join("\n")}\n\n${advice.join("\n\n")}\n`;
}

/** How another API shows errors, where that is not how the native one does. */
function elsewhere(name: string, codes: readonly ErrorCode[], errors: Readonly<Record<ErrorCode, Shown>>): string[] {
  const shown = new Set(
    codes
      .filter((code) => errors[code].code !== NATIVE[code].code || errors[code].status !== NATIVE[code].status)
      .map((code) => `${errors[code].status} \`${errors[code].code}\``),
  );
  return shown.size === 0 ? [] : [`In ${name}: ${[...shown].join(", ")}`];
}

function retried(code: ErrorCode, isNamed: boolean): string {
  const word = ERROR_KINDS[code].retry ? "yes" : "no";
  return isNamed ? `\`${code}\` ${word}` : word;
}

function advised({ cause, remedy }: Advice): string {
  return `${wrapped(`Cause: ${cause}`)}\n\n${wrapped(`What to do: ${remedy}`)}`;
}
