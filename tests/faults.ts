import assert from "node:assert/strict";
import { SojournError } from "../src/client/index.ts";

/** The fields for which a call is refused as invalid. */
export async function faultsOf(call: Promise<unknown>): Promise<readonly string[]> {
  const error = await call.then(
    () => assert.fail("it went well"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SojournError && error.code === "invalid", String(error));
  return error.faults.map(({ field }) => field);
}
