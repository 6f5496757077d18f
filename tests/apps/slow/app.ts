import { setTimeout as pause } from "node:timers/promises";
import { action, defineApp, z } from "../../../src/app-format/index.ts";

/** An app that does what tests can't wait for in others: takes its time, talks much, fails, and dies. */
export const app = defineApp({
  name: "test/slow",
  start: () => ({ calls: 0 }),
  recovery: "refuse",
  default: "echo",
  actions: {
    echo: action({
      input: z.object({ value: z.json().optional() }),
      run: ({ input, state }: { readonly input: object; readonly state: { calls: number } }) => {
        state.calls += 1;
        return { ...input, calls: state.calls };
      },
    }),
    wait: action({
      input: z.object({}),
      run: async ({ session, signal }) => {
        session.log("waiting");
        await pause(600_000, undefined, { signal });
      },
    }),
    count: action({
      input: z.object({ to: z.int(), every_ms: z.int().default(0), pad: z.int().default(0) }),
      run: async function* ({ input: { to, every_ms: everyMs, pad }, session }) {
        for (let at = 1; at <= to; at++) {
          await pause(everyMs);
          session.log(`at ${at}`);
          yield { at, pad: "x".repeat(pad) };
        }
        return { counted: to };
      },
    }),
    overlap: action({
      input: z.object({ id: z.int() }),
      run: async ({ input: { id } }) => {
        const from = performance.timeOrigin + performance.now();
        await pause(20);
        return { id, from, to: performance.timeOrigin + performance.now() };
      },
    }),
    fail: action({
      input: z.object({}),
      run: () => {
        throw new Error("it broke");
      },
    }),
    die: action({ input: z.object({}), run: () => process.kill(process.pid, "SIGKILL") }),
  },
});
