import type { z } from "zod";
import type { Fault } from "../engine/errors.ts";

/** What an issue of Zod says of an input: one fault, or one for each member that is not known. */
export function faultsOf(issue: z.core.$ZodIssue): readonly Fault[] {
  const path = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      field: path === "" ? key : `${path}.${key}`,
      message: "is not known here",
      type: issue.code,
    }));
  }
  return [{ field: path, message: issue.message, type: issue.code }];
}
