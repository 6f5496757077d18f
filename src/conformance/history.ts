import { describe, it } from "node:test";
import fc from "fast-check";
import type { Author } from "./author.ts";
import { steps } from "./history-steps.ts";
import { World } from "./history-world.ts";

/** How the random history is run. */
export interface HistoryOptions {
  /** How many histories; default 60. */
  readonly runs?: number;
  /** How many steps each has at most; default 60. */
  readonly stepsMax?: number;
  /** As a failure prints them, to run it again. */
  readonly seed?: number;
  readonly path?: string;
}

/** Runs random histories against the store and a model side by side; the two must never differ. */
export function randomHistory(author: () => Author, { runs = 60, stepsMax = 60, seed, path }: HistoryOptions): void {
  describe("a random history", () => {
    it("is told by the store as by a model in memory", async () => {
      const property = fc.asyncProperty(fc.array(steps, { maxLength: stepsMax, size: "max" }), async (history) => {
        const world = new World(author());
        for (const step of history) await world.play(step);
        await world.assertSame();
      });
      await fc.assert(property, {
        numRuns: path === undefined ? runs : 1,
        ...(seed === undefined ? {} : { seed }),
        ...(path === undefined ? {} : { path }),
        asyncReporter: async (details) => {
          if (!details.failed) return;
          const replay = `history: { seed: ${details.seed}, path: "${details.counterexamplePath}" }`;
          throw new Error(
            `${fc.defaultReportMessage(details)}\n\nTo run it again, add ${replay} to the options of storeConformance, then:\n` +
              `node --test --test-name-pattern="a random history" ${process.argv[1]}`,
            { cause: details.errorInstance },
          );
        },
      });
    });
  });
}
