import type { z } from "../app-format/index.ts";
import type { Fault } from "../engine/errors.ts";
import { faultsOf } from "./issue-faults.ts";

/** A value as a schema parsed it, or what is wrong with it. */
export type Parsed =
  | { readonly value: unknown; readonly faults?: undefined }
  | { readonly value?: undefined; readonly faults: readonly Fault[] };

/** Parses a value; at once, but where the schema has rules that take their time. */
export function parseWith(schema: z.ZodType, value: unknown): Parsed | Promise<Parsed> {
  return parseNow(schema, value) ?? schema.safeParseAsync(value).then(parsedOf);
}

/** Parses a value, unless the schema has rules that take their time. */
export function parseNow(schema: z.ZodType, value: unknown): Parsed | undefined {
  try {
    return parsedOf(schema.safeParse(value));
  } catch (error) {
    // An app may have a copy of Zod of its own, with a class of its own.
    if (!(error instanceof Error) || error.constructor.name !== "$ZodAsyncError") throw error;
    return undefined;
  }
}

function parsedOf(parsed: z.ZodSafeParseResult<unknown>): Parsed {
  return parsed.success ? { value: parsed.data } : { faults: parsed.error.issues.flatMap(faultsOf) };
}

/** The first fault in words. */
export function firstFault([first]: readonly Fault[]): string {
  if (first === undefined) return "it does not fit";
  return first.field === "" ? first.message : `"${first.field}" ${first.message}`;
}
