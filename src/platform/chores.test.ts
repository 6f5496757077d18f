import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startChores } from "./chores.ts";
import type { Logger } from "./log.ts";

const LONG_MS = 3_600_000;

describe("startChores()", () => {
  const silent: Logger = { info: () => {}, warn: () => {}, error: () => {}, fatal: () => {} };

  it("begins at once with those that ask for it, and again when it is time, one run at a time", async () => {
    let [runs, inHand, most] = [0, 0, 0];
    const { promise: third, resolve } = Promise.withResolvers<void>();
    const run = async (): Promise<void> => {
      most = Math.max(most, ++inHand);
      await new Promise((later) => setImmediate(later));
      inHand -= 1;
      if (++runs === 3) resolve();
    };
    const chores = startChores([{ name: "counting", everyMs: 1, atStart: true, run }], silent);
    await third;
    await chores.stop();
    assert.equal(most, 1);
  });

  it("logs what fails, and goes on", async () => {
    const told: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    let runs = 0;
    const run = async (): Promise<void> => {
      if (++runs === 2) resolve();
      throw new Error("no");
    };
    const logger = { ...silent, error: (_: object, text: string) => void told.push(text) };
    const chores = startChores([{ name: "the sweep", everyMs: 1, run }], logger);
    await promise;
    await chores.stop();
    assert.equal(told[0], "the sweep failed");
    assert.ok(told.length >= 2);
  });

  it("waits for what is in hand when it stops, and tells it to", async () => {
    let aborted: boolean | undefined;
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const run = async (signal: AbortSignal): Promise<void> => {
      begin();
      await released;
      aborted = signal.aborted;
    };
    const chores = startChores([{ name: "waiting", everyMs: LONG_MS, atStart: true, run }], silent);
    await begun;
    const stopped = chores.stop();
    release();
    await stopped;
    assert.equal(aborted, true);
  });
});
