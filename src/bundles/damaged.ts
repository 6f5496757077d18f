import type { z } from "zod";
import { SojournError } from "../engine/errors.ts";

/**
 * What may be wrong with a bundle: the file itself; a link of the chain, a payload against its digest, or what an operation
 * carries; a content; what the manifest says of all these; and that a hash that was kept elsewhere is not part of the log.
 */
const BUNDLE_FAULTS = ["file", "chain", "payload", "operation", "content", "manifest", "known_head"] as const;

export type BundleFault = (typeof BUNDLE_FAULTS)[number];

/**
 * The error for a bundle that is not what it should be.
 *
 * @param what  such as `is cut off`
 * @param seq   the operation that it is about
 */
export function damaged(fault: BundleFault, what: string, seq?: number): SojournError {
  const field = seq === undefined ? "bundle" : `operations.${seq}`;
  return new SojournError("invalid", {
    message: `The bundle ${what}`,
    faults: [{ field, message: what, type: fault }],
  });
}

/** What is wrong with a shape, on one line: each place in quotes, and what is wrong there. */
export function faultsIn({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => `"${path.join(".")}" ${message}`).join("; ");
}

/** What `damaged` said is wrong, if the error is one of those. */
export function damageOf(error: unknown): { readonly fault: BundleFault; readonly seq?: number } | undefined {
  if (!(error instanceof SojournError && error.code === "invalid")) return undefined;
  const [{ type, field } = { type: "", field: "" }] = error.faults;
  const fault = BUNDLE_FAULTS.find((one) => one === type);
  if (fault === undefined) return undefined;
  const seq = /^operations\.(\d+)$/.exec(field)?.[1];
  return seq === undefined ? { fault } : { fault, seq: Number(seq) };
}
