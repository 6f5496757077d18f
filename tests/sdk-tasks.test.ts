import assert from "node:assert/strict";
import { after, afterEach, describe, it } from "node:test";
import { type Run, type Session, SojournError, type Task, type TaskEvent, TaskFailure } from "../src/client/index.ts";
import { PLACES } from "./sdk-places.ts";
import { until } from "./until.ts";
import { APPS, WORKSHOP } from "./workshop.ts";

/** What of an event is the same each time. */
function shapeOf(event: TaskEvent): unknown {
  if (event.type === "task") return event.task.status;
  const { timestamp, ...told } = event;
  assert.ok(Math.abs(timestamp.getTime() - Date.now()) < 60_000);
  return told;
}

/** Why a run failed. */
async function failureOf(run: Run): Promise<TaskFailure> {
  const error = await run.then(
    () => assert.fail("it went well"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof TaskFailure, String(error));
  return error;
}

/** Waits until a task of `wait` runs. */
async function untilItWaits(run: Run): Promise<string> {
  for await (const event of run) if (event.type === "progress") break;
  return await run.taskId;
}

for (const [name, start] of PLACES) {
  describe(`the SDK by ${name} runs apps`, async () => {
    const place = await start({ apps: APPS });
    after(() => place[Symbol.asyncDispose]());
    const { sojourn } = place;
    const { sessions } = sojourn;
    // Most share one, as each that runs an app has a worker.
    const desk = await sessions.create({ sessionId: "desk" });
    afterEach(() => desk.workingMemory.set({}));

    describe("apps()", () => {
      it("tells which there are, and what their actions take", async () => {
        const app = (await sojourn.apps()).find((one) => one.name === WORKSHOP) ?? assert.fail();
        const { version, actions, setupSchema, ...rest } = app;
        assert.deepEqual(rest, {
          name: WORKSHOP,
          description: "What tests want to see of an app",
          place: "process",
          recovery: "fresh",
          defaultAction: "count",
          permissions: {},
        });
        assert.match(version, /^[0-9a-f]{64}$/);
        assert.equal(setupSchema?.["type"], "object");
        const [count, echo] = actions;
        assert.deepEqual(
          [count?.name, count?.description, count?.isIdempotent, count?.outputSchema?.["type"]],
          ["count", "How often it was called", false, "object"],
        );
        assert.deepEqual([echo?.name, echo?.description, echo?.isIdempotent], ["echo", undefined, true]);
        assert.deepEqual(await sojourn.app(WORKSHOP), app);
      });

      it("has those that come with Sojourn, whose names have a slash", async () => {
        assert.equal((await sojourn.app("infsh/session-test")).name, "infsh/session-test");
      });

      it("says what is wrong with one that is none", async () => {
        await assert.rejects(sojourn.app("broken"), { code: "app_broken" });
        for (const missing of ["nobody", "..", ""])
          await assert.rejects(sojourn.app(missing), { code: "app_not_found" });
      });
    });

    describe("run()", () => {
      it("is a promise of the task with its output, and the worker keeps its state", async () => {
        const session = await sessions.create();
        const { version } = await sojourn.app(WORKSHOP);
        const first = await session.run<{ count: number }>(WORKSHOP, "count", {});
        const { taskId, createdAt, startedAt, finishedAt, processingTimeMs, operationSeq, ...task } = first;
        assert.deepEqual(task, {
          status: "completed",
          sessionId: session.sessionId,
          app: WORKSHOP,
          version,
          action: "count",
          input: undefined,
          output: { count: 1 },
          error: undefined,
          worker: "new",
        });
        assert.match(taskId, /^task_\w+$/);
        assert.ok(startedAt && finishedAt && createdAt <= startedAt && startedAt <= finishedAt);
        assert.ok(processingTimeMs !== undefined && processingTimeMs >= 0);
        const { output, worker } = await session.run<{ count: number }>(WORKSHOP);
        assert.deepEqual([output, worker], [{ count: 2 }, "warm"]);
        assert.equal((await session.run(WORKSHOP, undefined, { action: "echo", value: 7 })).output, 7);
      });

      it("brings its session up to date", async () => {
        const session = await sessions.create();
        const { operationSeq, processingTimeMs } = await session.run(WORKSHOP);
        assert.equal(session.version, operationSeq);
        const { apps, tasks, usage } = session.work;
        const { version } = await sojourn.app(WORKSHOP);
        assert.deepEqual([apps, tasks], [{ [WORKSHOP]: { version, setup: undefined, isWarm: true } }, []]);
        assert.equal(usage.calls, 1);
        assert.equal(usage.busyTimeMs, processingTimeMs);
        assert.equal(session.metrics.requestCount, 1);
        await failureOf(session.run(WORKSHOP, "fail", { message: "No" }));
        assert.deepEqual([session.work.usage.calls, session.metrics.errorCount], [2, 1]);
        assert.deepEqual((await sessions.get(session.uid)).toJSON(), session.toJSON());
      });

      it("iterates over what happens, from the beginning, however late or often", async () => {
        const session = await desk.refresh();
        const run = session.run(WORKSHOP, "tell", { parts: ["a", "b"] });
        const events = (await Array.fromAsync(run)).map(shapeOf);
        assert.deepEqual(
          events.filter((event) => event !== "queued"),
          [
            "running",
            { type: "progress", fraction: 0.5, message: "part 1" },
            { type: "output", output: { part: "a" } },
            { type: "progress", fraction: 1, message: "part 2" },
            { type: "output", output: { part: "b" } },
            { type: "log", level: "warn", message: "All told" },
            "completed",
          ],
        );
        assert.deepEqual((await run).output, { whole: "ab" });
        assert.deepEqual((await Array.fromAsync(run)).map(shapeOf), events);
      });

      it("puts out null where the app puts out nothing", async () => {
        assert.equal((await desk.run(WORKSHOP, "nothing")).output, null);
      });

      it("rejects with the task where the app failed, and leaves no rejection to nobody", async () => {
        const unhandled: unknown[] = [];
        const hear = (error: unknown): unknown => unhandled.push(error);
        process.on("unhandledRejection", hear);
        try {
          const session = await sessions.create();
          const run = session.run(WORKSHOP, "fail", { message: "No more paper" });
          const error = await failureOf(run);
          assert.ok(error instanceof SojournError);
          assert.deepEqual([error.code, error.message, error.retry], ["task_failed", "No more paper", false]);
          assert.deepEqual([error.task.status, error.task.error?.code], ["failed", "app_failed"]);
          await assert.rejects(Array.fromAsync(run), (thrown) => thrown === error);
          session.run(WORKSHOP, "fail", { message: "To nobody" });
          session.run("nobody");
          await until("both are over", async () => (await session.refresh()).metrics.errorCount === 2);
          assert.deepEqual(unhandled, []);
        } finally {
          process.off("unhandledRejection", hear);
        }
      });

      it("names the field of an input that does not fit, wherever that is found", async () => {
        const session = await desk.refresh();
        const { version } = session;
        assert.equal(await fieldOf(session.run(WORKSHOP, "tell", { parts: [1] })), "input.parts.0");
        assert.equal(await fieldOf(session.run(WORKSHOP, "dance")), "action");
        assert.equal(await fieldOf(session.run(WORKSHOP, "count", {}, { setup: { step: "far" } })), "setup.step");
        assert.equal(await fieldOf(session.run(WORKSHOP, "count", {}, { timeoutMs: -1 })), "timeout_seconds");
        assert.equal((await session.refresh()).version, version, "nothing was recorded");
        const { code, faults, task } = await failureOf(session.run(WORKSHOP, "even", { number: 3 }));
        assert.equal(code, "invalid");
        assert.deepEqual(faults[0], { field: "input.number", message: "must be even", type: "custom" });
        assert.deepEqual([task.status, task.error?.code], ["failed", "invalid"]);
      });

      it("says that a worker is lost, and the session goes on with a new one", async () => {
        const session = await sessions.create();
        await session.run(WORKSHOP);
        const { code, message, task } = await failureOf(session.run(WORKSHOP, "die"));
        assert.deepEqual([code, task.status, task.error?.code], ["worker_lost", "lost", "worker_lost"]);
        assert.match(message, /7/);
        const { output, worker } = await session.run(WORKSHOP);
        assert.deepEqual([output, worker], [{ count: 1 }, "new"]);
      });

      it("is bound by its time", async () => {
        const session = await desk.refresh();
        const { code, task } = await failureOf(session.run(WORKSHOP, "hang", {}, { timeoutMs: 300 }));
        assert.deepEqual([code, task.status, task.error?.code], ["worker_lost", "lost", "timed_out"]);
      });

      it("refuses what can't be begun", async () => {
        const session = await sessions.create();
        await assert.rejects(session.run("nobody"), { code: "app_not_found" });
        await assert.rejects(session.run("broken"), { code: "app_broken" });
        await session.run(WORKSHOP);
        await assert.rejects(session.run(WORKSHOP, "count", {}, { version: "00000000" }), { code: "version_mismatch" });
        const { version } = await sojourn.app(WORKSHOP);
        const options = { version: version.slice(0, 8), ifMatch: session.version };
        assert.deepEqual((await session.run(WORKSHOP, "count", {}, options)).output, { count: 2 });
        await assert.rejects(session.run(WORKSHOP, "count", {}, options), { code: "precondition_failed" });
        await session.complete();
        await assert.rejects(session.run(WORKSHOP), { code: "invalid_transition" });
        await session.delete();
        await assert.rejects(session.run(WORKSHOP), { code: "session_not_found" });
      });

      it("begins anew with another setup, or where that is asked for", async () => {
        const session = await sessions.create();
        const counts: unknown[] = [];
        for (const options of [{}, { setup: { step: 10 } }, {}, { fresh: true }, { setup: { step: 10 } }]) {
          counts.push((await session.run(WORKSHOP, "count", {}, options)).output);
        }
        assert.deepEqual(
          counts,
          [1, 10, 20, 10, 20].map((count) => ({ count })),
        );
        assert.deepEqual(session.work.apps[WORKSHOP]?.setup, { step: 10 });
      });

      it("happens once under one key", async () => {
        const session = await sessions.create();
        const options = { idempotencyKey: `once-${session.uid}` };
        const first = await session.run(WORKSHOP, "count", {}, options);
        const second = await session.run(WORKSHOP, "count", {}, options);
        assert.deepEqual(second, first);
        await assert.rejects(session.run(WORKSHOP, "echo", { value: 1 }, options), { code: "idempotency_mismatch" });
      });

      it("waits for others in its session, is refused, or takes their place", async () => {
        const session = await desk.refresh();
        const first = session.run(WORKSHOP, "wait");
        await untilItWaits(first);
        await assert.rejects(session.run(WORKSHOP, "count", {}, { whenBusy: "reject" }), { code: "session_busy" });
        const second = session.run(WORKSHOP);
        const queued = await session.tasks.get(await second.taskId);
        assert.equal(queued.status, "queued");
        await session.refresh();
        assert.deepEqual(
          session.work.tasks.map(({ taskId, status }) => [taskId, status]),
          [
            [await first.taskId, "running"],
            [queued.taskId, "queued"],
          ],
        );
        const { output } = await session.run(WORKSHOP, "echo", { value: "first" }, { whenBusy: "interrupt" });
        assert.equal(output, "first");
        for (const run of [first, second]) assert.equal((await failureOf(run)).code, "task_canceled");
      });
    });

    describe("a run's signal", () => {
      it("rejects at once with its reason, and cancels the task", async () => {
        const session = await desk.refresh();
        const abort = new AbortController();
        const run = session.run(WORKSHOP, "wait", {}, { signal: abort.signal });
        const taskId = await untilItWaits(run);
        const reason = new Error("enough");
        abort.abort(reason);
        await assert.rejects(run, (thrown) => thrown === reason);
        await until("it is canceled", async () => (await session.tasks.get(taskId)).status === "canceled");
      });

      it("that was set off before begins nothing", async () => {
        const session = await sessions.create();
        const reason = new Error("too late");
        const run = session.run(WORKSHOP, "count", {}, { signal: AbortSignal.abort(reason) });
        await assert.rejects(run, (thrown) => thrown === reason);
        assert.equal((await session.refresh()).version, 1);
      });
    });

    describe("cancel()", () => {
      it("ends a run, which tells so once it is over", async () => {
        const session = await desk.refresh();
        const run = session.run(WORKSHOP, "wait");
        await untilItWaits(run);
        await run.cancel();
        const { code, task } = await failureOf(run);
        assert.deepEqual([code, task.status, task.error?.code], ["task_canceled", "canceled", "canceled"]);
      });

      it("cancels one that waits at once, and leaves one that has finished as it is", async () => {
        const session = await desk.refresh();
        const busy = session.run(WORKSHOP, "wait");
        await untilItWaits(busy);
        const { taskId } = await session.tasks.begin(WORKSHOP);
        assert.equal((await session.tasks.cancel(taskId)).status, "canceled");
        await go(session);
        const done = await busy;
        assert.equal((await session.tasks.cancel(done.taskId)).status, "completed");
        await assert.rejects(session.tasks.cancel("nobody"), { code: "task_not_found" });
      });
    });

    describe("begin() and follow()", () => {
      it("take a task up where it was left, with all that it told", async () => {
        const session = await desk.refresh();
        const begun = await session.tasks.begin(WORKSHOP, "wait");
        assert.equal(begun.status, "running");
        const run = session.tasks.follow<{ went: boolean }>(begun.taskId);
        await untilItWaits(run);
        await go(session);
        assert.deepEqual((await run).output, { went: true });
        const told = [
          { type: "progress", fraction: 0, message: "waiting" },
          { type: "progress", fraction: 1, message: "gone" },
          "completed",
        ];
        assert.deepEqual((await Array.fromAsync(run)).map(shapeOf), ["running", ...told]);
        const later = await Array.fromAsync(session.tasks.follow(begun.taskId));
        assert.deepEqual(later.map(shapeOf), told);
        assert.equal(session.version, (await session.tasks.get(begun.taskId)).operationSeq);
      });

      it("leave a task alone whose follower goes", async () => {
        const session = await desk.refresh();
        const { taskId } = await session.tasks.begin(WORKSHOP, "wait");
        const abort = new AbortController();
        const run = session.tasks.follow(taskId, { signal: abort.signal });
        await untilItWaits(run);
        const reason = new Error("enough");
        abort.abort(reason);
        await assert.rejects(run, (thrown) => thrown === reason);
        await go(session);
        assert.deepEqual((await session.tasks.follow(taskId)).output, { went: true });
        await assert.rejects(session.tasks.follow("nobody"), { code: "task_not_found" });
      });
    });

    describe("list()", () => {
      it("has all tasks, or those that are open, newest first, with their inputs", async () => {
        const session = await sessions.create();
        for (const value of [1, 2, 3]) await session.run(WORKSHOP, "echo", { value });
        const busy = session.run(WORKSHOP, "wait");
        await untilItWaits(busy);
        const of = async (query: object): Promise<readonly unknown[]> =>
          (await Array.fromAsync(session.tasks.list(query))).map(({ status, input, output }: Task) => [
            status,
            input,
            output,
          ]);
        const open = ["running", {}, undefined];
        assert.deepEqual(await of({ pageSize: 2 }), [
          open,
          ["completed", { value: 3 }, 3],
          ["completed", { value: 2 }, 2],
          ["completed", { value: 1 }, 1],
        ]);
        assert.deepEqual(await of({ status: "open" }), [open]);
        await go(session);
        await busy;
        const [newest] = await Array.fromAsync(session.tasks.list());
        assert.deepEqual(await session.tasks.get(newest?.taskId ?? ""), newest);
        await assert.rejects(session.tasks.get("nobody"), { code: "task_not_found" });
      });
    });

    describe("operations()", () => {
      it("has what was called, told and put out", async () => {
        const session = await desk.refresh();
        const after = session.version;
        const { taskId, version, worker } = await session.run(
          WORKSHOP,
          "tell",
          { parts: ["a"] },
          { timeoutMs: 60_000 },
        );
        const log = await Array.fromAsync(session.operations({ after }));
        const [started, reported, finished] = log.filter(({ kind }) => kind.startsWith("task."));
        assert.deepEqual(started?.inputs, {
          taskId,
          app: WORKSHOP,
          version,
          action: "tell",
          input: { parts: ["a"] },
          timeoutMs: 60_000,
        });
        assert.deepEqual(reported?.inputs, {
          taskId,
          reports: [
            { type: "progress", fraction: 1, message: "part 1" },
            { type: "output", output: { part: "a" } },
            { type: "log", level: "warn", message: "All told" },
          ],
        });
        assert.ok(finished?.kind === "task.finished");
        const { processingTimeMs, memoryPeakBytes, ...outcome } = finished.inputs ?? assert.fail();
        assert.deepEqual(outcome, { taskId, status: "completed", worker, staysWarm: true });
        assert.ok(processingTimeMs >= 0);
        assert.deepEqual([finished.output, finished.durationMs], [{ whole: "a" }, processingTimeMs]);
      });
    });
  });
}

/** The field of the input that a call was refused for. */
async function fieldOf(run: Run): Promise<string | undefined> {
  const error: unknown = await run.catch((thrown: unknown) => thrown);
  assert.ok(error instanceof SojournError && error.code === "invalid", String(error));
  return error.faults[0]?.field;
}

/** Lets what waits in a session go on. */
async function go(session: Session): Promise<void> {
  await session.workingMemory.update({ go: true });
}
