import { z } from "zod";
import type { Call, JsonReply } from "../../route.ts";

/** Where this dialect is mounted. */
export const BASE = "/inference";

/** What a client says of the generation that it is of. */
export const VERSION_HEADERS: z.ZodObject = z.object({
  "X-API-Version": z.string().optional().describe("2: the data alone, without the envelope"),
});

/** The shape of an answer: the envelope, or, for clients of the second generation, the data alone. */
export function enveloped(data: z.ZodType): z.ZodType {
  return z.union([
    z.object({ success: z.literal(true), status: z.int(), data, messages: z.array(z.string()) }),
    data.describe("With X-API-Version: 2"),
  ]);
}

/** An answer as the client's generation reads it. The first and the third look for `data`, and the first for `success`. */
export function answered({ header }: Pick<Call, "header">, data: object, status = 200): JsonReply {
  if (header("x-api-version") === "2") return { status, body: data };
  return { status, body: { success: true, status, data, messages: [] } };
}

/** Whether a client wants server-sent events, and not a line of JSON for each. */
export function wantsEventStream({ header }: Pick<Call, "header">): boolean {
  return /\btext\/event-stream\b/i.test(header("accept") ?? "");
}
