import type { Answer } from "../../../engine/idempotency.ts";
import type { Head } from "../../../engine/store.ts";
import type { JsonReply } from "../../route.ts";
import * as encode from "./encode.ts";

interface Versioned {
  readonly head: Head;
}

/** What any write of one session may be refused with. */
export const writeRefusals = [
  "session_not_found",
  "invalid_transition",
  "precondition_failed",
  "idempotency_mismatch",
  "conflict",
] as const;

/** The answer of a write. */
export function answered(answer: Answer<unknown>, data: object, stream?: Versioned): JsonReply {
  return {
    body: encode.envelope(data, answer.at),
    headers: { ...(stream && entityTag(stream)), ...replayed(answer) },
  };
}

/** The version, as `If-Match` takes it. */
export function entityTag({ head }: Versioned): Record<string, string> {
  return { etag: `"${head.seq}"` };
}

/** Says of a repeated answer that it is. */
export function replayed(answer: Answer<unknown>): Record<string, string> {
  return answer.replayed ? { "idempotent-replayed": "true" } : {};
}

/** Whether a client wants events. */
export function acceptsEvents(accept: string | undefined): boolean {
  const types =
    accept
      ?.toLowerCase()
      .split(",")
      .map((type) => type.split(";").map((part) => part.trim())) ?? [];
  return types.some(
    ([type, ...rest]) => type === "text/event-stream" && !rest.some((one) => /^q=0(?:\.0*)?$/.test(one)),
  );
}
