import { eventStream } from "./event-stream.ts";
import type { Meters } from "./meters.ts";
import type { JsonReply, Reply } from "./route.ts";

const JSON_TYPE = "application/json; charset=utf-8";

const FILE_TYPE = "application/octet-stream";

const EVENTS_TYPE = "text/event-stream; charset=utf-8";

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

/** An answer that can be sent as it is: JSON as its text. */
export function rendered(reply: Reply): Exclude<Reply, JsonReply> {
  if (!("body" in reply)) return reply;
  const { body, ...rest } = reply;
  return { ...rest, text: JSON.stringify(body), type: JSON_TYPE };
}

/** Nobody would read the events of a HEAD, and so nobody would end them. */
export function withoutEvents(reply: Exclude<Reply, JsonReply>): Exclude<Reply, JsonReply> {
  return "events" in reply ? { text: "", type: EVENTS_TYPE } : reply;
}

/** The answer as Hono takes it. `headers` is filled and handed on, and not copied: this runs for every request. */
export function toResponse(
  reply: Exclude<Reply, JsonReply>,
  headers: Record<string, string>,
  meters: Meters,
): Response {
  if ("events" in reply) {
    headers["content-type"] = EVENTS_TYPE;
    Object.assign(headers, reply.headers);
    return new Response(eventStream(reply.events, meters.openStream()), { headers });
  }
  if ("download" in reply) {
    headers["content-type"] = FILE_TYPE;
    headers["content-length"] = String(reply.download.bytes);
    headers["content-disposition"] = `attachment; filename="${reply.fileName}"`;
    return new Response(ReadableStream.from(reply.download), { headers });
  }
  headers["content-type"] = reply.type;
  Object.assign(headers, reply.headers);
  return new Response(reply.text, { status: reply.status ?? 200, headers });
}
