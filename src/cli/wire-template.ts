import { encodeBody } from "../client/encode.ts";
import type { Template } from "../client/index.ts";

/** A template as the REST API shows it. */
export function wireTemplate({ updatedAt, ...template }: Template): object {
  return { ...encodeBody(template), updated_at: updatedAt };
}
