import { LOG_BYTES_MAX } from "../src/bundles/arrival.ts";
import { LINE_BYTES_MAX } from "../src/bundles/lines.ts";
import { OPTIONS } from "../src/config/options.ts";
import { ANCESTORS_MAX } from "../src/engine/creation.ts";
import { REMEMBERED_US } from "../src/engine/idempotency.ts";
import { LIMITS } from "../src/engine/limits.ts";
import { LINEAGE_EDGES_MAX, LINEAGE_MAX, TASK_OBJECTS_CHARACTERS_MAX, TASK_OBJECTS_MAX } from "../src/engine/object.ts";
import { REPLAY_TIMEOUT_MAX_MS } from "../src/engine/replay-report.ts";
import { WAITING_MAX } from "../src/engine/run-slots.ts";
import { LOG_CHARACTERS_MAX } from "../src/engine/task-log.ts";
import { LOG_MAX } from "../src/http/dialects/apps/decode.ts";
import { nativeDialect } from "../src/http/dialects/native/routes.ts";
import { FIXED_LIMITS } from "../src/http/edge-limits.ts";
import { KEEP_RECENT_MAX } from "../src/memory/compaction.ts";
import { FACTS_MAX } from "../src/memory/facts.ts";
import { MEMORY_MAX_MIB, MEMORY_MIB, MEMORY_MIN_MIB, TIMEOUT_MAX_MS, TIMEOUT_MS } from "../src/scripts/run-script.ts";
import { BYTES_AT_ONCE_MAX, JSON_BYTES_MAX, LIST_MAX, VALUES_AT_ONCE_MAX } from "../src/scripts/sizes.ts";
import { DEPTH_MAX } from "../src/scripts/thread/lua-values.ts";
import { OUTPUT_MAX_BYTES as UNPACKED_MAX_BYTES } from "../src/scripts/tools/compression.ts";
import { HTTP_LIMITS } from "../src/scripts/tools/http.ts";
import { TEMPLATE_LIMITS } from "../src/scripts/tools/template.ts";
import { APP_LIMITS } from "../src/workers/app-files.ts";
import { OUTPUT_BYTES_MAX, REPORT_LIMITS, SNAPSHOT_BYTES_MAX } from "../src/workers/orders.ts";
import { SCRATCH_LIMITS } from "../src/workers/scratch.ts";
import { anchorOf } from "./markdown.ts";

/** A limit: what is bounded, by how much, and what happens past it. */
type Row = readonly [what: string, value: string, beyond: string];

interface Section {
  readonly title: string;
  readonly about?: string;
  readonly rows: readonly Row[];
}

const INVALID = code("VALIDATION_ERROR", 400);
const FULL = code("LIMIT_REACHED", 429);
const TOO_LARGE = code("PAYLOAD_TOO_LARGE", 413);
const OVERLOADED = code("OVERLOADED", 503);
const LATE = code("REQUEST_TIMEOUT", 408);

/** The page docs/limits.md, in Markdown, made from the constants and options that the server goes by. */
export function limitPage(): string {
  return `# Limits

Every bound, where it is set, and what happens past it. Bounds with the name of an option can be changed ([configuration](configuration.md)); the
others are fixed. This page is made from the code by \`npm run docs\`.

${SECTIONS.map(section).join("\n")}`;
}

function section({ title, about, rows }: Section): string {
  const told = about === undefined ? "" : `${about}\n\n`;
  const lines = rows.map(([what, value, beyond]) => `| ${what} | ${value} | ${beyond} |`);
  return `## ${title}\n\n${told}| What | At most | Past it |\n| --- | --- | --- |\n${lines.join("\n")}\n`;
}

const SECTIONS: readonly Section[] = [
  {
    title: "How many sessions, and how long do they live",
    rows: [
      [
        "active sessions of a tenant",
        option("max_sessions"),
        `sessions idle for longer than ${option("cleanup_idle_seconds")} expire to make room; if none is, ${FULL}`,
      ],
      [
        "idle time of a session without a timeout of its own",
        option("idle_timeout_seconds"),
        "it expires; its data stays",
      ],
      ["an idle timeout, or a lifetime, of its own", `${count(LIMITS.durationSeconds)} seconds, ten years`, INVALID],
      [
        "idle time of a session that began with a route of an app",
        option("app_session_idle_seconds"),
        "it expires; its data stays",
      ],
      [
        "idle time of a temporary session, made for a chat without one",
        option("temporary_idle_seconds"),
        "it is removed",
      ],
      ["how long what has ended is kept", option("retention_days"), "it is removed with all it holds"],
      ["ended sessions of a tenant", option("retention_max_sessions"), "those that ended first are removed"],
      ["messages of a topic", option("topic_max_messages"), "the oldest are removed"],
      [
        "bytes of artifacts of a tenant's ended sessions",
        option("retention_max_artifact_bytes"),
        "those that ended first are removed",
      ],
      ["generations of parents above a session", count(ANCESTORS_MAX), INVALID],
    ],
  },
  {
    title: "How large may the fields of a session be",
    about: "Lengths are in UTF-16 units, as JavaScript counts them.",
    rows: [
      ["`session_id`", `${count(LIMITS.sessionIdLength)} of the characters \`A-Z a-z 0-9 . _ : @ -\``, INVALID],
      ["`user_id`, `name`", `${count(LIMITS.userIdLength)}, ${count(LIMITS.nameLength)} characters`, INVALID],
      ["`description`", `${count(LIMITS.descriptionLength)} characters`, INVALID],
      ["`reason`", `${count(LIMITS.reasonLength)} characters`, INVALID],
      ["tags", `${count(LIMITS.tags)}, of ${count(LIMITS.tagLength)} characters each`, INVALID],
      ["`metadata` of a session, as JSON", option("max_metadata_bytes"), INVALID],
      ["levels of arrays and objects in any JSON", count(LIMITS.jsonDepth), INVALID],
      ["a number in any JSON", "±(2^53 − 1); send larger ones as text", INVALID],
      [
        "templates of a tenant, beside those of the configuration",
        `${count(LIMITS.templates)}; names have 128 of the characters \`A-Z a-z 0-9 . _ : @ -\``,
        FULL,
      ],
      ["`metadata` of a template, as JSON", bytes(LIMITS.templateMetadataBytes), INVALID],
      ["webhooks of a tenant", count(LIMITS.webhooks), FULL],
      ["the address of a webhook", `${count(LIMITS.webhookUrlLength)} characters`, INVALID],
      ["names of events that a webhook listens to", count(LIMITS.webhookTypes), INVALID],
      ["a message of a topic, as JSON", bytes(LIMITS.topicMessageBytes), INVALID],
      ["subscribers of a topic", count(LIMITS.subscribers), FULL],
      ["counts and seconds of one metrics update", count(LIMITS.count), INVALID],
      ["what one metrics update, or one step of an agent, may cost", `${count(LIMITS.costUsd)} US dollars`, INVALID],
      ["rules of a limit of a session, for each measure", count(LIMITS.limitRules), INVALID],
      ["apps that a session may be bound to", count(LIMITS.appsOfSession), INVALID],
      [
        "how long a run of an agent is taken to be worked on after a step",
        `${count(LIMITS.leaseSeconds)} seconds`,
        INVALID,
      ],
      [
        "`Idempotency-Key`",
        `${count(LIMITS.idempotencyKeyLength)} characters; it is remembered for ${REMEMBERED_US / 3_600_000_000} hours`,
        INVALID,
      ],
    ],
  },
  {
    title: "How long may messages and conversations be",
    rows: [
      ["what a user says in a chat", `${count(LIMITS.chatLength)} characters, without white space around it`, INVALID],
      ["a message that is added as it is", `${count(LIMITS.contentLength)} characters`, INVALID],
      [
        "messages added at once",
        `${count(LIMITS.messagesAtOnce)}; ${count(LIMITS.messagesOfOperation)} with those that make a history whole`,
        INVALID,
      ],
      [
        "calls of tools in a message",
        `${count(LIMITS.toolCalls)}, with ids of ${count(LIMITS.toolCallIdLength)} characters`,
        INVALID,
      ],
      ["metadata of a message, as JSON", bytes(LIMITS.messageMetadataBytes), INVALID],
      ["working memory, as JSON", bytes(LIMITS.workingMemoryBytes), INVALID],
      ["preferences of a user, as JSON", bytes(LIMITS.preferencesBytes), INVALID],
      ["facts taken from one message", count(FACTS_MAX), "the first are taken"],
      ["what a model is shown of a conversation", option("window_tokens"), "what went before is summarized"],
      ["`keep_recent` of a compaction", count(KEEP_RECENT_MAX), INVALID],
      ["an answer of a model", option("model_max_output_tokens"), "it is cut off, with the `finish_reason` `length`"],
      ["time of a model for an answer", option("model_timeout_seconds"), code("MODEL_FAILED", 502)],
    ],
  },
  {
    title: "How large may artifacts be",
    rows: [
      ["one artifact, such as a file that is uploaded", option("max_artifact_bytes"), TOO_LARGE],
      ["artifacts of a session, versions included", option("max_artifacts_per_session"), FULL],
      ["their bytes together, before compression", option("max_artifact_bytes_per_session"), FULL],
      ["a name", `${count(LIMITS.artifactNameBytes)} bytes of UTF-8, without a path`, INVALID],
      [
        "a type, a media type",
        `${count(LIMITS.artifactTypeLength)}, ${count(LIMITS.mimeTypeLength)} characters`,
        INVALID,
      ],
      ["metadata, as JSON", bytes(LIMITS.artifactMetadataBytes), INVALID],
      ["a pattern for names", `${count(LIMITS.globLength)} characters`, INVALID],
      ["an artifact stored as JSON in base64", `${bodyOf("storeArtifact")} of body; send bytes for more`, TOO_LARGE],
    ],
  },
  {
    title: "How many checkpoints may a session have",
    rows: [
      ["checkpoints of a session", count(LIMITS.checkpoints), FULL],
      ["a name", `${count(LIMITS.checkpointNameLength)} characters, and no number`, INVALID],
      ["what a checkpoint keeps, as JSON", bytes(LIMITS.checkpointDataBytes), INVALID],
      ["time of a replay", `${count(REPLAY_TIMEOUT_MAX_MS / 1_000)} seconds`, "it stops, and says so"],
    ],
  },
  {
    title: "How many objects may a task take and make",
    rows: [
      ["objects that the input of a task names", count(TASK_OBJECTS_MAX), INVALID],
      ["what those objects hold together, as JSON", `${count(TASK_OBJECTS_CHARACTERS_MAX)} characters`, INVALID],
      ["objects that a task makes", count(TASK_OBJECTS_MAX), "the task fails"],
      [
        "the output of a task with what it made, as JSON",
        bytes(OUTPUT_BYTES_MAX),
        "the task fails, with `output_too_large`",
      ],
      [
        "objects and edges that a lineage tells",
        `${count(LINEAGE_MAX)}, ${count(LINEAGE_EDGES_MAX)}`,
        "the oldest are left out, and `is_cut` says so",
      ],
    ],
  },
  {
    title: "How long and how large may a task of an app be",
    rows: [
      ["time of a call", option("task_timeout_seconds"), "the task is ended, as `timed_out`"],
      ["calls that wait for a session's run slot", count(WAITING_MAX), code("SESSION_BUSY", 409)],
      ["an input", `what a body may have: ${option("max_body_bytes")}`, TOO_LARGE],
      ["an output, as JSON", bytes(OUTPUT_BYTES_MAX), "the task fails, with `output_too_large`"],
      [
        "what a task tells while it runs",
        `${count(REPORT_LIMITS.count)} reports, of ${bytes(REPORT_LIMITS.bytes)} together`,
        "the rest is dropped",
      ],
      ["a snapshot, as JSON", bytes(SNAPSHOT_BYTES_MAX), "there is no snapshot of that call"],
      ["memory of a worker", option("worker_memory_mib"), `it is ended: ${code("WORKER_LOST", 502)}`],
      [
        "memory of all workers",
        `${option("workers_memory_mib")}: half of the machine's`,
        "those that are idle for the longest go",
      ],
      [
        "what a worker writes to its directory",
        `${bytes(SCRATCH_LIMITS.bytes)}, ${count(SCRATCH_LIMITS.entries)} files`,
        `it is ended: ${code("WORKER_LOST", 502)}`,
      ],
      ["how long a worker waits for a call", option("worker_idle_seconds"), "it goes; the session stays"],
      [
        "files of an app",
        `${count(APP_LIMITS.files)}, of ${bytes(APP_LIMITS.bytes)} together`,
        code("APP_BROKEN", 502),
      ],
    ],
  },
  {
    title: "What may a script take",
    about:
      "What it gives, and what it is returned, goes from one thread to another. Each is an error of the script with its line, which it may catch, unless it says otherwise.",
    rows: [
      [
        "time of a script, with what it waits for",
        `\`--timeout\`, ${TIMEOUT_MS / 1_000} seconds; ${TIMEOUT_MAX_MS / 86_400_000} days may be given`,
        "it is stopped",
      ],
      [
        "memory of a script",
        `\`--memory\`, ${MEMORY_MIB} MiB; ${count(MEMORY_MIN_MIB)} to ${count(MEMORY_MAX_MIB)}`,
        "the script's own error, or its end",
      ],
      ["values that it gives a function at once, with all that is in them", count(VALUES_AT_ONCE_MAX), "an error"],
      ["strings that it gives a function at once, in Lua", bytes(BYTES_AT_ONCE_MAX), "an error"],
      ["levels of tables in tables, in Lua", count(DEPTH_MAX), "an error"],
      ["what it is returned", "about its memory", "an error"],
      ["sessions of a list without a `limit`", count(LIST_MAX), "an error"],
      ["a text that is read as JSON", bytes(JSON_BYTES_MAX), "an error"],
      ["what `compression` unpacks, what `file` reads", bytes(UNPACKED_MAX_BYTES), "`success` is false"],
      [
        "a template, and what it comes to",
        `${bytes(TEMPLATE_LIMITS.template)}, with ${count(TEMPLATE_LIMITS.space)} characters of white space on end; ${bytes(TEMPLATE_LIMITS.text)}, of ${count(TEMPLATE_LIMITS.parts)} parts`,
        "`success` is false",
      ],
      [
        "an answer of `http`, and the time for it",
        `${bytes(HTTP_LIMITS.bytes)}, ${HTTP_LIMITS.ms / 1_000} seconds`,
        "`success` is false",
      ],
    ],
  },
  {
    title: "How large may requests be, and how many at once",
    rows: [
      ["the body of a request, where the route has no bound of its own", option("max_body_bytes"), TOO_LARGE],
      ["the body that adds messages", bodyOf("addMessages"), TOO_LARGE],
      ["the body of calls that take a reason or a few numbers", bodyOf("endSession"), TOO_LARGE],
      ["the headers of a request", "16 KiB", TOO_LARGE],
      ["time for the headers", `${FIXED_LIMITS.headersMs / 1_000} seconds`, LATE],
      ["time for a body, or for each 64 KiB of one that comes as bytes", option("body_timeout_seconds"), LATE],
      [
        "time in which a client takes nothing of its answer",
        `${FIXED_LIMITS.stalledMs / 1_000} seconds`,
        "the connection is cut off",
      ],
      ["connections", option("max_connections"), OVERLOADED],
      ["requests in hand", option("max_requests_in_hand"), OVERLOADED],
      ["bytes of bodies in hand", option("max_body_bytes_in_hand"), OVERLOADED],
      [
        "calls of a key a minute, to each route that reads",
        option("rate_limit_reads"),
        code("RATE_LIMIT_EXCEEDED", 429),
      ],
      [
        "calls of a key a minute, to each route that writes",
        option("rate_limit_writes"),
        code("RATE_LIMIT_EXCEEDED", 429),
      ],
      [
        "keys that are not good, from one address a minute",
        option("max_failed_attempts"),
        code("RATE_LIMIT_EXCEEDED", 429),
      ],
      ["items of a page", "1,000, and less where they are large", INVALID],
      [
        "operations of a session's log in the [routes of apps](app-routes.md#how-do-i-see-what-happened)",
        `${count(LOG_MAX)}, and less past ${bytes(LOG_CHARACTERS_MAX)} of JSON`,
        "`next_cursor` leads on",
      ],
    ],
  },
  {
    title: "How large may the store and its exports become",
    rows: [
      ["the database", option("max_store_bytes"), code("STORAGE_FULL", 507)],
      ["the log in a bundle that is imported", bytes(LOG_BYTES_MAX), TOO_LARGE],
      ["one operation in a bundle", bytes(LINE_BYTES_MAX), TOO_LARGE],
      ["time of a stopping server for requests in hand", option("shutdown_timeout_seconds"), "they are cut off"],
    ],
  },
];

function code(name: string, status: number): string {
  return `${status} [\`${name}\`](errors.md#${anchorOf(name)})`;
}

/** An option with its default, in words. */
function option(name: keyof typeof OPTIONS): string {
  const { default: value, unit } = { default: undefined, unit: undefined, ...OPTIONS[name] };
  if (typeof value !== "number") return `\`${name}\`, none by default`;
  return `\`${name}\`, ${unit === "bytes" ? bytes(value) : `${count(value)} ${unit ?? ""}`.trim()}`;
}

function bodyOf(operationId: string): string {
  const found = nativeDialect.routes.find((route) => route.operationId === operationId)?.maxBodyBytes;
  if (found === undefined) throw new TypeError(`${operationId} has no bound of its own`);
  return bytes(found);
}

function count(number: number): string {
  return number.toLocaleString("en");
}

function bytes(number: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const power = Math.min(
    3,
    units.findIndex((_, i) => number % 1_024 ** (i + 1) !== 0),
  );
  return `${count(number / 1_024 ** Math.max(0, power))} ${units[Math.max(0, power)]}`;
}
