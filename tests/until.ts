import { setImmediate as turn } from "node:timers/promises";

/** Asks again and again, for at most 20 seconds, until the answer is yes. Each question should take a moment. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain until ${what}`);
    // A question that is answered within this process must not keep the rest of it from happening.
    await turn();
  }
}
