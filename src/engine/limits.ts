import { SECOND } from "./clock.ts";
import { type Fault, invalid } from "./errors.ts";
import type { Json } from "./json.ts";
import type { Limits } from "./limit-rules.ts";
import type { SessionPatch } from "./session.ts";

/** How much a page of a list has at most, in characters, but for the last of what is on it. */
export const PAGE_CHARACTERS_MAX = 4 * 1_048_576;

/** How much a session may hold; lengths in UTF-16 units, except where they say bytes. */
export const LIMITS = {
  sessionIdLength: 128,
  userIdLength: 255,
  nameLength: 255,
  descriptionLength: 4_096,
  reasonLength: 1_024,
  tags: 64,
  tagLength: 64,
  /** Of one idle timeout or lifetime: ten years. */
  durationSeconds: 315_360_000,
  /** Of one metrics update. */
  count: 1_000_000_000,
  /** Of one measure of one session. */
  limitRules: 8,
  /** That one session may be bound to. */
  appsOfSession: 64,
  /** Of one metrics update, in US dollars. */
  costUsd: 100_000,
  /** How many levels of arrays and objects a JSON value may have. */
  jsonDepth: 32,
  idempotencyKeyLength: 255,
  /** Of what a user says in a chat, without the white space around it. */
  chatLength: 5_000,
  /** Of a message that is added as it is. */
  contentLength: 100_000,
  messagesAtOnce: 1_000,
  /** With those that make a history whole. */
  messagesOfOperation: 2_000,
  /** Of one message. */
  toolCalls: 64,
  toolCallIdLength: 255,
  /** Of a message's metadata as JSON text, in bytes of UTF-8. */
  messageMetadataBytes: 16_384,
  /** Of a session's working memory as JSON text, in bytes of UTF-8. */
  workingMemoryBytes: 65_536,
  /** Of a user's preferences as JSON text, in bytes of UTF-8. */
  preferencesBytes: 16_384,
  /** Of an artifact's name, in bytes of UTF-8. */
  artifactNameBytes: 255,
  artifactTypeLength: 64,
  mimeTypeLength: 255,
  /** Of an artifact's metadata as JSON text, in bytes of UTF-8. */
  artifactMetadataBytes: 65_536,
  /** Of a pattern that names are held against. */
  globLength: 1_024,
  /** Of one session. */
  checkpoints: 1_000,
  checkpointNameLength: 128,
  /** Of what a checkpoint keeps, as JSON text, in bytes of UTF-8. */
  checkpointDataBytes: 65_536,
  /** Of one tenant, beside those of the configuration. */
  templates: 100,
  /** Of a template's metadata as JSON text, in bytes of UTF-8. */
  templateMetadataBytes: 16_384,
  /** Of one tenant. */
  webhooks: 20,
  webhookUrlLength: 2_048,
  /** Names of events that one webhook listens to. */
  webhookTypes: 64,
  /** Of one message of a topic as JSON text, in bytes of UTF-8. */
  topicMessageBytes: 65_536,
  /** Of one topic. */
  subscribers: 1_000,
  /** How long an agent's run is taken to be worked on after a step: a day. */
  leaseSeconds: 86_400,
} as const;

/** What an operator may set. */
export interface Settings {
  /** Active sessions of a tenant; `undefined` for no limit. */
  readonly maxSessions?: number;
  /** When the limit is reached, sessions idle for longer than this are expired to make room. */
  readonly cleanupIdleUs: number;
  /** For sessions that are created without one. */
  readonly idleTimeoutUs: number;
  /** Of a session's metadata as JSON text, in bytes of UTF-8. */
  readonly metadataBytes: number;
  /** For sessions that say nothing of the same measure. */
  readonly limits?: Limits;
  /** What becomes of a session's open children when it ends; default: nothing. */
  readonly whenParentEnds?: ParentEnd;
}

/** What may become of the open children of a session that ends. */
export type ParentEnd = "nothing" | "complete" | "suspend";

export const DEFAULT_SETTINGS: Settings = {
  cleanupIdleUs: 900 * SECOND,
  idleTimeoutUs: 86_400 * SECOND,
  metadataBytes: 65_536,
};

/** Words that are routes beside `/sessions/{id}`, so that no session may be called so. */
export const RESERVED_IDS: readonly string[] = [".", "..", "continue", "stats", "cleanup", "import", "new"];

/** The characters of what a tenant may name. */
export const NAME_PATTERN = /^[A-Za-z0-9._:@-]{1,128}$/;

/** What fits the pattern and names nothing: no path could hold the first two, and no object the third. */
export const NO_NAMES: readonly string[] = [".", "..", "__proto__"];

/** Tells whether a template, a topic or a subscriber may be called so. */
export function isName(text: string): boolean {
  return NAME_PATTERN.test(text) && !NO_NAMES.includes(text);
}

/** Refuses a name that nothing may have, with `invalid`. */
export function assertName(field: string, text: string): void {
  if (isName(text)) return;
  const message = `must be 1 to 128 of the characters A-Z a-z 0-9 . _ : @ - and none of ${NO_NAMES.join(" ")}`;
  throw invalid([{ field, message, type: "invalid_name" }]);
}

/** The characters of a session's id. */
export const SESSION_ID_PATTERN = /^[A-Za-z0-9._:@-]{1,128}$/;

/** Tells whether a session may be called so. */
export function isSessionId(text: string): boolean {
  return SESSION_ID_PATTERN.test(text) && !RESERVED_IDS.includes(text);
}

/**
 * Refuses a session's fields that are over a limit, with `invalid` and all faults.
 *
 * Also what JSON allows but no store or client could keep whole: NUL, lone surrogates, numbers past 2^53 − 1.
 */
export function assertWithin(
  fields: SessionPatch & { sessionId?: string; userId?: string; parentSessionId?: string; reason?: string },
): void {
  const faults: Fault[] = [];
  const text = (field: string, value: string | null | undefined, max: number, min = 0): void => {
    if (typeof value === "string") faults.push(...textFaults(field, value, { min, max }));
  };
  for (const field of ["sessionId", "parentSessionId"] as const) {
    const id = fields[field];
    if (id !== undefined && !isSessionId(id)) faults.push({ field: snake(field), message: BAD_ID, type: "invalid_id" });
  }
  text("user_id", fields.userId, LIMITS.userIdLength, 1);
  if (fields.userId === "." || fields.userId === "..") {
    faults.push({
      field: "user_id",
      message: 'must be neither "." nor "..": no path could name it',
      type: "invalid_id",
    });
  }
  text("name", fields.name, LIMITS.nameLength);
  text("description", fields.description, LIMITS.descriptionLength);
  text("reason", fields.reason, LIMITS.reasonLength);
  if (fields.tags !== undefined && fields.tags.length > LIMITS.tags) {
    faults.push({ field: "tags", message: `must be at most ${LIMITS.tags}`, type: "too_big" });
  }
  for (const [i, tag] of fields.tags?.entries() ?? []) text(`tags.${i}`, tag, LIMITS.tagLength, 1);
  if (fields.metadata !== undefined) faults.push(...jsonFaults(fields.metadata, "metadata"));
  if (faults.length > 0) throw invalid(faults);
}

/** Refuses a value whose JSON text is over the limit, with `invalid`. */
export function assertSize(field: string, object: Json, limit: number): void {
  const faults = sizeFaults(field, object, limit);
  if (faults.length > 0) throw invalid(faults);
}

/** The fault of a value whose JSON text is over the limit, if it is. */
export function sizeFaults(field: string, object: Json, limit: number): Fault[] {
  const bytes = utf8Length(JSON.stringify(object));
  if (bytes <= limit) return [];
  const message = `would take ${bytes} bytes as JSON; at most ${limit} are allowed`;
  return [{ field, message, type: "too_big" }];
}

/** The faults of a text: too short, too long, or not to be kept whole. */
export function textFaults(
  field: string,
  text: string,
  { min, max }: { readonly min: number; readonly max: number },
): Fault[] {
  const faults: Fault[] = [];
  if (text.length < min) faults.push({ field, message: "must not be empty", type: "too_small" });
  if (text.length > max) faults.push({ field, message: `must have at most ${max} characters`, type: "too_big" });
  if (!isCleanText(text)) faults.push({ field, message: UNCLEAN, type: "invalid_text" });
  return faults;
}

const BAD_ID =
  "must be 1 to 128 of the characters A-Z a-z 0-9 . _ : @ - and none of the reserved words " +
  RESERVED_IDS.map((word) => `"${word}"`).join(" ");

const UNCLEAN = "must hold neither NUL nor lone surrogates";

/** The faults of a JSON value that could not be kept as it is, by path from `field`. */
export function jsonFaults(value: unknown, field: string): Fault[] {
  return faultsIn(value, field, Number.MAX_SAFE_INTEGER);
}

/**
 * What is wrong with JSON that was computed here, and not read: its numbers have lost nothing on their way, however large
 * they are.
 */
export function computedFaults(value: unknown, field: string): Fault[] {
  return faultsIn(value, field, Number.MAX_VALUE);
}

function faultsIn(value: unknown, field: string, numberMax: number): Fault[] {
  const faults: Fault[] = [];
  collectFaults(value, { path: field === "" ? [] : [field], depth: 0, numberMax, faults });
  return faults;
}

/** Where in a value the search is. The path becomes a text only for a fault: a body may have half a million members. */
interface Search {
  readonly path: (string | number)[];
  readonly depth: number;
  readonly numberMax: number;
  readonly faults: Fault[];
}

function collectFaults(value: unknown, search: Search): void {
  const { path, depth, numberMax, faults } = search;
  const add = (message: string, type: string): unknown => faults.push({ field: path.join("."), message, type });
  if (typeof value === "string") {
    if (!isCleanText(value)) add(UNCLEAN, "invalid_text");
  } else if (typeof value === "number") {
    if (!(Math.abs(value) <= numberMax)) {
      add("must lie within ±(2^53 − 1); send larger numbers as text", "unsafe_number");
    }
  } else if (typeof value === "object" && value !== null) {
    if (depth === LIMITS.jsonDepth) add(`must have at most ${LIMITS.jsonDepth} levels`, "too_deep");
    else collectFaultsWithin(value, { path, depth: depth + 1, numberMax, faults });
  }
}

function collectFaultsWithin(value: object, search: Search): void {
  const { path, faults } = search;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      path.push(i);
      collectFaults(value[i], search);
      path.pop();
    }
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    path.push(key);
    if (key !== "__proto__" && isCleanText(key)) collectFaults(item, search);
    else faults.push({ field: path.join("."), message: "is not a name that a member may have", type: "invalid_key" });
    path.pop();
  }
}

/** Whether a text can be kept by every store: no NUL, and well-formed Unicode. */
function isCleanText(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

/** How many bytes a text takes in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // A unit of a surrogate pair is half of four bytes.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
