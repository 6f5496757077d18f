import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { jobOf, listen, openStage, type Stage, type Wanted } from "../../tests/small-apps.ts";
import { until } from "../../tests/until.ts";
import type { App, Ran } from "../engine/runner.ts";
import { Stop } from "../engine/signal.ts";

/** Everything that an app should not do. */
const VILLAIN = `
import { closeSync, writeSync } from "node:fs";
import { spawn } from "node:child_process";
const bytes = (text, body = 0) => {
  const frame = Buffer.alloc(8 + Buffer.byteLength(text));
  frame.writeUInt32LE(Buffer.byteLength(text), 0);
  frame.writeUInt32LE(body, 4);
  frame.write(text, 8);
  return frame;
};
const held = [];
const nothing = z.object({});
const does = (run) => action({ input: z.looseObject({}), run });
const forever = () => new Promise(() => setInterval(() => {}, 1_000));
export const app = defineApp({
  name: "villain",
  recovery: "fresh",
  actions: {
    run: does(() => process.pid),
    exit: does(() => process.exit(3)),
    signal: does(({ input }) => { process.kill(process.pid, input.signal); return forever(); }),
    wait: does(({ session }) => { session.progress(0.1, String(process.pid)); return forever(); }),
    heap: does(() => { for (;;) held.push({ text: "x".repeat(100) + held.length }); }),
    buffers: does(async () => { for (;;) { held.push(Buffer.alloc(16_777_216, 1)); await new Promise(setImmediate); } }),
    loop: does(() => { for (;;); }),
    reject: does(() => { Promise.reject(new Error("nobody caught me")); return forever(); }),
    later: does(() => { setTimeout(() => { throw new Error("too late"); }, 20); return process.pid; }),
    throws: does(() => { throw new Error("not today"); }),
    garbage: does(() => { writeSync(3, Buffer.from("this is no frame at all")); return forever(); }),
    huge: does(() => { writeSync(3, Buffer.from([0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0])); return forever(); }),
    noJson: does(() => { writeSync(3, bytes("{no json")); return forever(); }),
    noWord: does(() => { writeSync(3, bytes(JSON.stringify({ type: "report", report: { type: "log", level: "loud" } }))); return forever(); }),
    closes: does(() => { closeSync(3); return forever(); }),
    unasked: does(() => { writeSync(3, bytes(JSON.stringify({ type: "begun" }))); return forever(); }),
    deaf: does(({ signal }) => { process.on("SIGTERM", () => {}); return forever(); }),
    heeds: does(({ signal, session }) => new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("stopped")));
      session.progress(0);
    })),
    returns: does(({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve("late")))),
    large: does(() => "x".repeat(5_000_000)),
    noOutput: does(() => ({ text: "a\\0b" })),
    chatter: does(({ session }) => { for (let i = 0; i < 5_000; i++) console.log("line", i); return "done"; }),
    flood: does(async () => {
      const frame = bytes(JSON.stringify({ type: "report", report: { type: "log", level: "info", message: "f" } }));
      const all = Buffer.concat(Array.from({ length: 3_000 }, () => frame));
      for (let at = 0; at < all.byteLength; ) {
        try { at += writeSync(3, all, at); } catch { await new Promise((resolve) => setTimeout(resolve, 1)); }
      }
      return "done";
    }),
  },
});`;

describe("A worker that is lost", () => {
  let stage: Stage;
  let app: App;
  before(async () => {
    stage = openStage({ memoryMiB: 128 });
    app = await stage.app(VILLAIN);
  });
  after(() => stage[Symbol.asyncDispose]());

  const run = (action: string, wanted: Wanted = {}): Promise<Ran> => stage.pool.run(jobOf(app, { action, ...wanted }));

  const lost: readonly (readonly [what: string, action: string, input: { signal?: string }, message: RegExp])[] = [
    ["exits", "exit", {}, /^The worker of "villain" exited with code 3$/],
    ["is killed", "signal", { signal: "SIGKILL" }, /^The worker of "villain" was killed by SIGKILL$/],
    [
      "accesses memory that it has not",
      "signal",
      { signal: "SIGSEGV" },
      /^The worker of "villain" was killed by SIGSEGV$/,
    ],
    ["aborts", "signal", { signal: "SIGABRT" }, /^The worker of "villain" was killed by SIGABRT$/],
    [
      "fills its heap",
      "heap",
      {},
      /^The worker of "villain" (ran out of memory: it may hold|was killed: it held \d+ MiB of memory, and may hold) 128/,
    ],
    [
      "holds large buffers",
      "buffers",
      {},
      /^The worker of "villain" was killed: it held \d+ MiB of memory, and may hold 128 \(SIGKILL\)$/,
    ],
    [
      "leaves a rejection to nobody",
      "reject",
      {},
      /^The worker of "villain" crashed: app\.ts:\d+: nobody caught me \(exited with code 1\)$/,
    ],
    [
      "writes garbage to its pipe",
      "garbage",
      {},
      /^The worker of "villain" wrote what is no message to the server: a message of \d+ bytes/,
    ],
    ["announces a huge message", "huge", {}, /wrote what is no message to the server: a message of 2147483647 bytes/],
    ["writes what is no JSON", "noJson", {}, /wrote what is no message to the server: text that is no JSON/],
    [
      "writes JSON that is no message",
      "noWord",
      {},
      /wrote what is no message to the server: a message that it does not know/,
    ],
    ["closes its pipe", "closes", {}, /^The worker of "villain" closed its pipe to the server \(SIGKILL\)$/],
    [
      "answers what nobody asked",
      "unasked",
      {},
      /wrote what is no message to the server: "begun" where that was not asked/,
    ],
  ];
  for (const [what, action, input, message] of lost) {
    it(`since it ${what} loses the call in hand, and its neighbour nothing`, async () => {
      const neighbour = jobOf(app, { session: "neighbour" });
      const { output: pid } = await stage.pool.run(neighbour);
      const ran = await run(action, { input });
      assert.match(ran.error?.message ?? "", message);
      assert.deepEqual([ran.status, ran.error?.code, ran.staysWarm], ["lost", "worker_lost", false]);
      const again = await stage.pool.run(jobOf(app, { session: "neighbour" }));
      assert.deepEqual([again.worker, again.output], ["warm", pid]);
    });
  }

  it("to a signal from outside answers within 100 ms", async () => {
    let killedAtMs = Number.NaN;
    const host = listen((report) => {
      killedAtMs = performance.now();
      if (report.type === "progress") process.kill(Number(report.message), "SIGKILL");
    });
    const ran = await run("wait", { host });
    const tookMs = performance.now() - killedAtMs;
    assert.equal(ran.error?.message, 'The worker of "villain" was killed by SIGKILL');
    assert.ok(tookMs < 100, `answered after ${tookMs} ms`);
  });

  it("in an endless loop ends at its deadline", async () => {
    await run("run");
    const startedMs = performance.now();
    const ran = await run("loop", { timeoutMs: 300 });
    const tookMs = performance.now() - startedMs;
    assert.deepEqual(
      [ran.status, ran.error, ran.worker],
      [
        "lost",
        { code: "timed_out", message: "Timed out: the task took longer than 0.3 s, and its worker was killed" },
        "warm",
      ],
    );
    assert.ok(tookMs >= 300 && tookMs < 2_000, `took ${tookMs} ms`);
  });

  it("between two calls is told of, and the next call gets another", async () => {
    const { output: pid } = await run("later", { session: "s9" });
    await until("its death is told", async () => stage.released.some(([, reason]) => reason === "lost"));
    assert.deepEqual(stage.released.at(-1), ["villain", "lost"]);
    const next = await run("run", { session: "s9", past: {} });
    assert.equal(next.worker, "new");
    assert.notEqual(next.output, pid);
  });
});

describe("A task", () => {
  let stage: Stage;
  let app: App;
  before(async () => {
    stage = openStage({ memoryMiB: 128 });
    app = await stage.app(VILLAIN);
  });
  after(() => stage[Symbol.asyncDispose]());

  const run = (action: string, wanted: Wanted = {}): Promise<Ran> => stage.pool.run(jobOf(app, { action, ...wanted }));

  it("whose action throws has failed, and its worker stays", async () => {
    const ran = await run("throws");
    assert.deepEqual(
      [ran.status, ran.error, ran.staysWarm],
      ["failed", { code: "app_failed", message: "not today" }, true],
    );
    assert.equal((await run("run")).worker, "warm");
  });

  it("that heeds that it was canceled leaves its worker warm", async () => {
    const signal = new Stop();
    const host = listen(() => signal.abort());
    const ran = await run("heeds", { signal, host });
    assert.deepEqual(
      [ran.status, ran.error, ran.staysWarm],
      ["canceled", { code: "canceled", message: "The task was canceled" }, true],
    );
    assert.equal((await run("run")).worker, "warm");
  });

  it("that heeds that its time is over has failed, and leaves its worker warm", async () => {
    await run("run");
    for (const action of ["heeds", "returns"]) {
      const ran = await run(action, { timeoutMs: 200 });
      assert.deepEqual(
        [ran.status, ran.error, ran.staysWarm, ran.worker],
        [
          "failed",
          { code: "timed_out", message: "Timed out: the task took longer than 0.2 s, and heeded that it was to end" },
          true,
          "warm",
        ],
      );
    }
    assert.equal((await run("run")).worker, "warm");
  });

  for (const [how, action] of [
    ["does not heed that it was canceled is asked to end", "wait"],
    ["does not heed a signal either is killed", "deaf"],
    ["is in an endless loop is killed when it is canceled", "loop"],
  ] as const) {
    it(`that ${how}`, async () => {
      await run("run");
      const signal = new Stop();
      setTimeout(() => signal.abort(), 20);
      const ran = await run(action, { signal });
      assert.deepEqual(
        [ran.status, ran.error?.code, ran.staysWarm, ran.worker],
        ["canceled", "canceled", false, "warm"],
      );
    });
  }

  it("that was canceled before it began does not begin", async () => {
    const signal = new Stop();
    signal.abort();
    const ran = await run("run", { signal, session: "other" });
    assert.deepEqual(ran, { ...ran, status: "canceled", staysWarm: false });
    assert.equal(ran.worker, undefined);
  });

  it("with too large an output has failed", async () => {
    const ran = await run("large");
    assert.deepEqual(ran.error, {
      code: "output_too_large",
      message: "The output has more than 4194304 bytes of JSON; store large results as artifacts",
    });
    assert.deepEqual([ran.status, ran.staysWarm], ["failed", true]);
  });

  it("with an output that no store can keep has failed", async () => {
    const ran = await run("noOutput");
    assert.deepEqual(
      [ran.status, ran.error],
      [
        "failed",
        {
          code: "app_failed",
          message: `What the app made can't be kept: "output.text" must hold neither NUL nor lone surrogates`,
        },
      ],
    );
  });

  it("that tells too much is cut short, and says so", async () => {
    const host = listen();
    const ran = await run("chatter", { host });
    assert.equal(ran.output, "done");
    assert.equal(host.reports.length, 1_000);
    assert.deepEqual(host.reports[0], { type: "log", level: "info", message: "line 0" });
    assert.deepEqual(host.reports.at(-1), {
      type: "log",
      level: "warn",
      message: "The task tells too much; the rest is dropped",
    });
  });

  it("that floods its pipe by itself is read slowly, and no more than the bound is heard", async () => {
    const host = listen();
    const ran = await run("flood", { host });
    assert.equal(ran.output, "done");
    assert.equal(host.reports.length, 1_000);
  });
});
