import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ScriptedRunner, scriptedApp } from "../../tests/scripted-runner.ts";
import { type Tasking, tasksForTests } from "../../tests/tasking.ts";
import { faulty } from "../conformance/index.ts";
import type { Json, JsonObject } from "./json.ts";
import {
  type GivenObject,
  madeObject,
  objectIdOf,
  type SessionObject,
  TASK_OBJECTS_CHARACTERS_MAX,
  TASK_OBJECTS_MAX,
} from "./object.ts";
import { Objects } from "./objects.ts";
import type { AppPlace, Job, Ran } from "./runner.ts";
import type { Store } from "./store.ts";
import { verify } from "./verify.ts";

const start = tasksForTests();

/** Takes objects that its input names, by `from`, and makes as many as `types` names. */
const cook = (place: AppPlace, types: readonly string[] = ["raw", "sauce"]): ScriptedRunner => {
  const inputObjects = (_: string, input: Json) => {
    const { from = [] } = input as { readonly from?: readonly string[] };
    return from.map((objectId, i) => ({ objectId, types, field: `input.from.${i}` }));
  };
  const runner = new ScriptedRunner(scriptedApp("tally", "a", { place, inputFaults: () => [], inputObjects }));
  runner.answers = (job): Ran => {
    const { make = [], reason } = job.input as { readonly make?: readonly string[]; readonly reason?: string };
    const made = make.map((type, i) =>
      madeObject(
        { type, prefix: type.slice(0, 3), data: { number: i }, ...(reason !== undefined && { reason }) },
        { taskId: job.taskId, number: i + 1, given: job.objects },
      ),
    );
    const output = { seen: job.objects.map(({ objectId, data }) => ({ objectId, data })) };
    const own = place === "process" ? ({ worker: "new", staysWarm: true } as const) : { staysWarm: false };
    return { status: "completed", output, ...own, ...(made.length > 0 && { made }) };
  };
  return runner;
};

const done = async (on: Tasking, input: JsonObject, sessionId = "a") =>
  (await (await on.call(sessionId, { input })).done).task;

const lastEntry = async ({ sessions, caller }: Tasking, sessionId = "a") => {
  const { items } = await sessions.operations(caller, sessionId, { after: 0, limit: 1_000 });
  return items.at(-1) ?? assert.fail("There are operations");
};

for (const place of ["server", "process"] as const) {
  describe(`objects of tasks in ${place === "server" ? "the server" : "a worker"}`, () => {
    it("are made, named by their task, recorded with what they were made from, and given to others", async () => {
      const on = start({ runner: cook(place) });
      await on.create("a");
      const first = await done(on, { make: ["raw", "raw"] });
      const ids = [1, 2].map((number) => objectIdOf("raw", first.taskId, number));
      assert.deepEqual(
        first.made?.map(({ objectId, data }) => [objectId, data]),
        [
          [ids[0], { number: 0 }],
          [ids[1], { number: 1 }],
        ],
      );
      const [one = "", two = ""] = ids;
      const next = await done(on, { from: [two, one, two], make: ["sauce"] });
      assert.deepEqual(next.output, {
        seen: [
          { objectId: two, data: { number: 1 } },
          { objectId: one, data: { number: 0 } },
        ],
      });
      const { operation } = await lastEntry(on);
      assert.deepEqual(operation.used, [two, one]);
      assert.deepEqual(operation.made, [objectIdOf("sau", next.taskId, 1)]);
      assert.deepEqual(await on.logged("a", next), next);
      const { record } = await on.sessions.get(on.caller, "a");
      assert.equal(record.work.objects, 3);
      assert.equal((await on.sessions.verify(on.caller, "a")).ok, true);
    });

    it("are refused where the session has none of that name, or of that type, by one failed operation", async () => {
      const on = start({ runner: cook(place, ["raw"]) });
      await on.create("a");
      await on.create("b");
      const [foreign] = (await done(on, { make: ["raw"] }, "b")).made ?? [];
      const [raw, sauce] = (await done(on, { make: ["raw", "sauce"] })).made ?? [];
      assert.ok(foreign && raw && sauce);
      const unknown = ["raw_0000000000000000", "", "__proto__", foreign.objectId];
      for (const id of unknown) {
        const { status, error, made } = await done(on, { from: [raw.objectId, id], make: ["raw"] });
        const message = `Object ${id} not found`;
        assert.deepEqual([status, error, made], ["failed", { code: "object_not_found", message }, undefined]);
        const { operation } = await lastEntry(on);
        assert.deepEqual([operation.outcome, operation.used, operation.made], ["failed", [], []]);
      }
      const wrong = await done(on, { from: [raw.objectId, sauce.objectId], make: ["raw"] });
      assert.deepEqual([wrong.status, wrong.error?.code], ["failed", "invalid"]);
      assert.deepEqual(wrong.error?.faults, [
        {
          field: "input.from.1",
          message: `must name an object of type raw; ${sauce.objectId} is of type sauce`,
          type: "wrong_object_type",
        },
      ]);
      assert.deepEqual(await on.logged("a", wrong), wrong);
      assert.equal((await on.sessions.get(on.caller, "a")).record.work.objects, 2);
      assert.equal(on.runner.jobs.length, 2, "the app was asked for none of those");
    });

    it("degrade what is made of them, with the first reason", async () => {
      const on = start({ runner: cook(place) });
      await on.create("a");
      const [good] = (await done(on, { make: ["raw"] })).made ?? [];
      const [bad] = (await done(on, { make: ["raw"], reason: "burnt" })).made ?? [];
      const degradation = { reason: "burnt", objectId: bad?.objectId };
      assert.deepEqual([good?.degradation, bad?.degradation], [undefined, degradation]);
      const [mixed] =
        (await done(on, { from: [good?.objectId ?? "", bad?.objectId ?? ""], make: ["sauce"] })).made ?? [];
      assert.deepEqual(mixed?.degradation, degradation);
      const [after] = (await done(on, { from: [mixed?.objectId ?? ""], make: ["sauce"] })).made ?? [];
      assert.deepEqual(after?.degradation, degradation);
      const own = await done(on, { from: [after?.objectId ?? ""], make: ["sauce"], reason: "cold" });
      assert.deepEqual(own.made?.[0]?.degradation, { reason: "cold", objectId: own.made?.[0]?.objectId });
      const [clean] = (await done(on, { from: [good?.objectId ?? ""], make: ["sauce"] })).made ?? [];
      assert.equal(clean?.degradation, undefined);
    });

    it("may be as many as a task takes, and no more", async () => {
      const on = start({ runner: cook(place) });
      await on.create("a");
      const make = Array.from({ length: TASK_OBJECTS_MAX / 2 }, () => "raw");
      const made = [...((await done(on, { make })).made ?? []), ...((await done(on, { make })).made ?? [])];
      const from = made.map(({ objectId }) => objectId);
      const all = await done(on, { from: [...from, ...from] });
      assert.deepEqual([all.status, (await lastEntry(on)).operation.used.length], ["completed", TASK_OBJECTS_MAX]);
      const [one] = (await done(on, { make: ["raw"] })).made ?? [];
      const past = await done(on, { from: [...from, one?.objectId ?? ""] });
      assert.deepEqual(past.error?.faults, [
        { field: "input", message: "must name at most 1000 objects", type: "too_many_objects" },
      ]);
    });
  });
}

describe("objects", () => {
  it("may hold as much as a task takes, and no more, and are told wrong a hundred times", async () => {
    const runner = cook("server", ["raw"]);
    const on = start({ runner });
    await on.create("a");
    const { answers } = runner;
    const sizes = [TASK_OBJECTS_CHARACTERS_MAX / 2, TASK_OBJECTS_CHARACTERS_MAX / 2, 2];
    runner.answers = (job) => {
      const size = sizes.shift();
      if (size === undefined) return answers?.(job) ?? assert.fail("It answers");
      const data = "x".repeat(size - 2);
      const made = [madeObject({ type: "raw", prefix: "raw", data }, { taskId: job.taskId, number: 1, given: [] })];
      return { status: "completed", output: null, staysWarm: false, made };
    };
    const from: string[] = [];
    for (const _ of [...sizes]) from.push((await done(on, {})).made?.[0]?.objectId ?? "");
    assert.equal((await done(on, { from: from.slice(0, 2) })).status, "completed");
    const past = await done(on, { from });
    assert.deepEqual(past.error?.faults?.[0]?.type, "objects_too_large");
    const [sauce] = (await done(on, { make: ["sauce"] })).made ?? [];
    const wrong = await done(on, { from: Array.from({ length: 1_000 }, () => sauce?.objectId ?? "") });
    assert.equal(wrong.error?.faults?.length, 100);
  });

  it("have the types of their app: of another's, only where that is named", async () => {
    const types = [["raw"], ["tally:raw", "sauce"], ["other:raw"]];
    const uses = (input: Json, allowed: readonly string[]) => {
      const { from = [] } = input as { readonly from?: readonly string[] };
      return from.map((objectId) => ({ objectId, types: allowed, field: "input.from" }));
    };
    const apps = types.map((allowed, i) =>
      scriptedApp(i === 0 ? "tally" : `app${i}`, "a", {
        ...{ place: "server", inputFaults: () => [], inputObjects: (_, input) => uses(input, allowed) },
      }),
    );
    const runner = new ScriptedRunner(...apps);
    const { answers } = cook("server");
    runner.answers = answers;
    const on = start({ runner });
    await on.create("a");
    const [raw] = (await done(on, { make: ["raw"] })).made ?? [];
    const input = { from: [raw?.objectId ?? ""] };
    const by = async (app: string) => (await (await on.call("a", { app, input })).done).task;
    assert.equal((await by("tally")).status, "completed");
    assert.equal((await by("app1")).status, "completed");
    const message = `must name an object of type other:raw; ${raw?.objectId} is of type tally:raw`;
    assert.deepEqual((await by("app2")).error?.faults, [{ field: "input.from", message, type: "wrong_object_type" }]);
  });

  it("are found by a call that waited until they were made", async () => {
    const runner = cook("process");
    const on = start({ runner });
    await on.create("a");
    const { promise, resolve } = Promise.withResolvers<void>();
    const { answers } = runner;
    runner.answers = async (job) => {
      await promise;
      return (await answers?.(job)) ?? assert.fail("It answers");
    };
    const first = await on.call("a", { input: { make: ["raw"] } });
    const objectId = objectIdOf("raw", first.task.taskId, 1);
    const second = await on.call("a", { input: { from: [objectId], make: ["sauce"] } });
    assert.equal(second.task.status, "queued");
    resolve();
    const { task } = await second.done;
    assert.deepEqual([task.status, task.made?.length], ["completed", 1]);
  });

  it("are there for a worker that is brought back, under the ids that they had", async () => {
    const on = start({ runner: cook("process") });
    await on.create("a");
    const [raw] = (await done(on, { make: ["raw"] })).made ?? [];
    const second = await done(on, { from: [raw?.objectId ?? ""], make: ["sauce"] });
    let seen: Job | undefined;
    const other = cook("process");
    const { answers } = other;
    other.answers = (job) => {
      seen = job;
      return answers?.(job) ?? assert.fail("It answers");
    };
    const after = start({ beside: on, runner: other });
    await done(after, {});
    const past = await Array.fromAsync(seen?.past?.tasks() ?? []);
    const objects: readonly GivenObject[] = [
      { objectId: raw?.objectId ?? "", app: "tally", type: "raw", data: { number: 0 } },
    ];
    assert.deepEqual(
      past.map((task) => [task.taskId, task.objects]),
      [
        [raw?.objectId.replace("raw_", "task_"), []],
        [second.taskId, objects],
      ],
    );
  });

  it("are in a fork what they were, and those that each makes after it are its own", async () => {
    const on = start({ runner: cook("server") });
    const session = await on.create("a");
    const objects = new Objects({ ...on.ports, sessions: on.sessions });
    const [raw] = (await done(on, { make: ["raw"] })).made ?? [];
    const forked = await on.history.fork(on.caller, "a", { sessionId: "b" });
    assert.equal(forked.value.record.work.objects, 1);
    const from = [raw?.objectId ?? ""];
    const [here, there] = [await done(on, { from, make: ["sauce"] }), await done(on, { from, make: ["sauce"] }, "b")];
    const idsIn = async (id: string) => {
      const { items } = await objects.list(on.caller, id, { limit: 10 });
      return items.map(({ objectId }) => objectId);
    };
    assert.deepEqual(await idsIn("a"), [...from, here.made?.[0]?.objectId]);
    assert.deepEqual(await idsIn("b"), [...from, there.made?.[0]?.objectId]);
    const lineage = await objects.lineage(on.caller, "b", there.made?.[0]?.objectId ?? "");
    assert.deepEqual(lineage.edges, [{ from: from[0], to: there.made?.[0]?.objectId }]);
    for (const id of ["a", "b"]) assert.equal((await on.sessions.verify(on.caller, id)).ok, true);
    for (const missing of [there.made?.[0]?.objectId ?? "", "nothing"]) {
      await assert.rejects(objects.get(on.caller, "a", missing), { code: "object_not_found" });
      await assert.rejects(objects.lineage(on.caller, "a", missing), { code: "object_not_found" });
    }
    await assert.rejects(objects.list({ ...on.caller, tenant: "other" }, session.ref.id, { limit: 1 }), {
      code: "session_not_found",
    });
  });

  it("come out the same where what is recorded is decided on again", async () => {
    for (const place of ["server", "process"] as const) {
      const on = start({ runner: cook(place) });
      await on.create(place);
      const [raw] = (await done(on, { make: ["raw"] }, place)).made ?? [];
      await done(on, { from: [raw?.objectId ?? ""], make: ["sauce"], reason: "burnt" }, place);
      await done(on, { from: ["nobody"] }, place);
      const report = await on.history.replay(on.caller, place, { mode: "recorded" });
      assert.deepEqual([report.differences, report.different, report.failed], [[], 0, 0], place);
    }
  });

  it("that are not those of the log are found by verify", async () => {
    const on = start({ runner: cook("server") });
    const { ref } = await on.create("a");
    await done(on, { make: ["raw", "sauce"] });
    const { store, digest } = on.ports;
    const stored = (await store.stored(ref)) ?? assert.fail("It is there");
    const changes: Record<string, (items: readonly SessionObject[]) => readonly SessionObject[]> = {
      "one is left out": (items) => items.slice(1),
      "one is of another type": ([one, ...items]) => (one === undefined ? [] : [{ ...one, type: "other" }, ...items]),
      "one is too many": (items) => [...items, ...items.slice(0, 1).map((one) => ({ ...one, objectId: "raw_more" }))],
      "one is degraded": (items) => items.map((one) => ({ ...one, degradation: { reason: "r", objectId: "o" } })),
    };
    for (const [what, change] of Object.entries(changes)) {
      const objects: Store["objects"] = async (...query) => ({ items: change((await store.objects(...query)).items) });
      const changed: Store = { ...faulty(store, { seed: 0, delays: 0 }), objects };
      assert.equal((await verify({ store: changed, digest }, stored)).fault, "view", what);
    }
    assert.equal((await verify({ store, digest }, stored)).ok, true);
  });
});
