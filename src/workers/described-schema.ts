import { z } from "zod";
import type { JsonObject } from "../engine/json.ts";

/**
 * Stands in a JSON Schema where the app makes what it is given fit first: it takes more than the schema beside it says,
 * which is for people then.
 */
export const MADE_TO_FIT = "x-made-to-fit";

/** The JSON Schema of what a Zod schema takes, or of what it returns; what JSON Schema has no words for may be anything. */
export function describedSchema(schema: z.ZodType, io: "input" | "output"): JsonObject {
  const described = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      if (io === "input" && isMadeToFit(zodSchema)) Object.assign(jsonSchema, { [MADE_TO_FIT]: true });
    },
  });
  // NOTE: only what JSON keeps of it; Zod puts functions beside it.
  return JSON.parse(JSON.stringify(described)) as JsonObject;
}

/** `z.coerce`, `z.preprocess` and `catch` are described by what comes of them. */
function isMadeToFit({ _zod: { def } }: z.core.$ZodTypes): boolean {
  if (def.type === "catch" || ("coerce" in def && def.coerce === true)) return true;
  return def.type === "pipe" && def.in._zod.def.type === "transform";
}
