import { eventStream } from "./event-stream.ts";
import type { Meters } from "./meters.ts";
import type { Reply } from "./route.ts";

const FILE_TYPE = "application/octet-stream";

const EVENTS_TYPE = "text/event-stream; charset=utf-8";

/** The headers of every answer; the type is that of JSON, until an answer says otherwise. */
export function commonHeaders(requestId: string, ms: number): Record<string, string> {
  return {
    "content-type": "application/json; charset=utf-8",
    "x-request-id": requestId,
    "x-response-time": `${ms.toFixed(2)}ms`,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
  };
}

/** Nobody would read the events or the file of a HEAD, and so nobody would end them. */
export async function withoutStream(reply: Reply): Promise<Reply> {
  if ("events" in reply) return { text: "", type: EVENTS_TYPE };
  if (!("download" in reply)) return reply;
  await reply.download[Symbol.asyncDispose]();
  return { text: "", type: FILE_TYPE };
}

/** The answer as Hono takes it. `headers` is filled and handed on, and not copied: this runs for every request. */
export function toResponse(reply: Reply, headers: Record<string, string>, meters: Meters): Response {
  if ("events" in reply) {
    headers["content-type"] = EVENTS_TYPE;
    return new Response(eventStream(reply.events, meters.openStream()), { headers });
  }
  if ("download" in reply) {
    headers["content-type"] = FILE_TYPE;
    headers["content-length"] = String(reply.download.bytes);
    headers["content-disposition"] = `attachment; filename="${reply.fileName}"`;
    return new Response(ReadableStream.from(reply.download), { headers });
  }
  if ("text" in reply) {
    headers["content-type"] = reply.type;
    return new Response(reply.text, { headers });
  }
  Object.assign(headers, reply.headers);
  return new Response(JSON.stringify(reply.body), { status: reply.status ?? 200, headers });
}
