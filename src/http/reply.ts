import { create as contentDisposition } from "content-disposition";
import { given } from "../engine/given.ts";
import { type ByteStreamOptions, byteStream } from "./byte-stream.ts";
import { eventStream } from "./event-stream.ts";
import type { Meters } from "./meters.ts";
import type { DownloadReply, EventReply, JsonReply, Reply, TextReply } from "./route.ts";

const JSON_TYPE = "application/json; charset=utf-8";

const FILE_TYPE = "application/octet-stream";

/** The types of events, by how they are written. */
const EVENT_TYPES = {
  "event-stream": "text/event-stream; charset=utf-8",
  ndjson: "application/x-ndjson; charset=utf-8",
} as const;

/** The headers of every answer; the type is that of JSON, until an answer says otherwise. */
export function commonHeaders(requestId: string, ms: number): Record<string, string> {
  return {
    "content-type": JSON_TYPE,
    "x-request-id": requestId,
    "x-response-time": `${ms.toFixed(2)}ms`,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
  };
}

/** A file whose reading has begun. */
interface StreamReply extends Omit<TextReply, "text"> {
  readonly stream: ReadableStream<Uint8Array>;
  /** How many there are, where that is known. */
  readonly bytes?: number;
}

/** An answer that can be sent as it is. */
export type Sendable = TextReply | EventReply | StreamReply;

/** JSON as its text. */
export function rendered({ body, type = JSON_TYPE, ...rest }: JsonReply): TextReply & { readonly text: string } {
  return { ...rest, text: JSON.stringify(body), type };
}

/**
 * Makes of an answer what can be sent.
 *
 * @throws what the first bytes of a download fail with
 */
export async function sendable(
  reply: Reply,
  { isHead, ...options }: ByteStreamOptions & { readonly isHead: boolean },
): Promise<Sendable> {
  if ("body" in reply) return rendered(reply);
  // Nobody would read the events of a HEAD, and so nobody would end them.
  if ("events" in reply) return isHead ? { text: "", type: typeOf(reply) } : reply;
  if (!("download" in reply)) return reply;
  const { download, status = 200, type = FILE_TYPE } = reply;
  const file = { status, type, headers: fileHeaders(reply) };
  if (!isHead) return { ...file, stream: await byteStream(download, options), ...given("bytes", download.bytes) };
  await download[Symbol.asyncDispose]();
  return { ...file, text: "" };
}

function fileHeaders({ download: { bytes }, fileName, headers }: DownloadReply): Record<string, string> {
  return {
    ...(bytes !== undefined && { "content-length": String(bytes) }),
    "content-disposition": contentDisposition(fileName),
    ...headers,
  };
}

/** The answer as Hono takes it. `headers` is filled and handed on, and not copied: this runs for every request. */
export function toResponse(reply: Sendable, headers: Record<string, string>, meters: Meters): Response {
  if ("events" in reply) {
    headers["content-type"] = typeOf(reply);
    Object.assign(headers, reply.headers);
    return new Response(eventStream(reply, meters.openStream()), { headers });
  }
  const { status = 200, type } = reply;
  headers["content-type"] = type;
  Object.assign(headers, reply.headers);
  if ("stream" in reply) return new Response(reply.stream, { status, headers });
  if (status === 204) delete headers["content-type"];
  return new Response(status === 204 || status === 304 ? null : reply.text, { status, headers });
}

function typeOf({ as = "event-stream" }: EventReply): string {
  return EVENT_TYPES[as];
}
