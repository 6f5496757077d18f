import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { filingForTests } from "../../tests/filing.ts";
import { ScriptedRunner, scriptedApp } from "../../tests/scripted-runner.ts";
import { NO_HOST } from "../../tests/tasking.ts";
import { Bundles } from "../bundles/bundles.ts";
import { guarded } from "../memory/guarded-model.ts";
import { Memory } from "../memory/memory.ts";
import { builtInModel } from "../memory/responder/responder.ts";
import { Access } from "./access.ts";
import { SECOND } from "./clock.ts";
import { SojournError } from "./errors.ts";
import { Objects } from "./objects.ts";
import { RunSlots } from "./run-slots.ts";
import type { Caller } from "./sessions.ts";
import { Tasks } from "./tasks.ts";

/** A call, made as a session: on itself, on another one, or on what is no session's. */
type Call = (it: World, by: Caller, id: string) => unknown;

/**
 * What becomes of each call of a caller that acts as a session: `own` is for the session itself and forbidden on any
 * other, `none` is forbidden, `granted` is held against grants, and `no call` takes no caller to hold against anything.
 */
type Rule = "own" | "none" | "granted" | "no call";

const CALLS: Readonly<Record<string, Readonly<Record<string, readonly [Rule, Call?]>>>> = {
  sessions: {
    create: ["none", ({ sessions }, by) => sessions.create(by, {})],
    get: ["own", ({ sessions }, by, id) => sessions.get(by, id)],
    find: ["own", ({ sessions }, by, id) => sessions.find(by, id)],
    shared: ["granted"],
    newest: ["none", ({ sessions }, by) => sessions.newest(by)],
    list: ["none", ({ sessions }, by) => sessions.list(by, { sort: "name", order: "asc", limit: 1 })],
    totals: ["none", ({ sessions }, by) => sessions.totals(by)],
    update: ["own", ({ sessions }, by, id) => sessions.update(by, id, { name: "x" })],
    suspend: ["own", ({ sessions }, by, id) => sessions.suspend(by, id)],
    resume: ["own", ({ sessions }, by, id) => sessions.resume(by, id)],
    keepalive: ["own", ({ sessions }, by, id) => sessions.keepalive(by, id)],
    record: [
      "own",
      ({ sessions }, by, id) => sessions.record(by, id, { requestCount: 1, errorCount: 0, processingTimeUs: 0 }),
    ],
    change: ["own", ({ sessions }, by, id) => sessions.change(by, id, () => [])],
    messages: ["own", ({ sessions }, by, id) => sessions.messages(by, id, { take: "oldest", limit: 1 })],
    operations: ["own", ({ sessions }, by, id) => sessions.operations(by, id, { after: 0, limit: 1 })],
    follow: [
      "own",
      async ({ sessions }, by, id) => {
        const feed = await sessions.follow(by, id, { after: 0, signal: AbortSignal.abort() });
        await feed.return(undefined);
      },
    ],
    verify: ["own", ({ sessions }, by, id) => sessions.verify(by, id)],
    readWhole: ["own", ({ sessions }, by, id) => sessions.readWhole(by, id, async () => 1)],
    cleanup: ["none", ({ sessions }, by) => sessions.cleanup(by, { maxIdleUs: 1 })],
    end: ["own", ({ sessions }, by, id) => sessions.end(by, id)],
    delete: ["own", ({ sessions }, by, id) => sessions.delete(by, id)],
    sweep: ["no call"],
    settle: ["no call"],
    close: ["no call"],
  },
  users: {
    get: ["none", ({ users }, by) => users.get(by, "u")],
    update: ["none", ({ users }, by) => users.update(by, "u", {})],
    erase: ["none", ({ users, sessions }, by) => users.erase(by, "u", sessions)],
    // Part of a chat.
    learning: ["no call"],
  },
  access: {
    create: ["none", ({ access }, by) => access.create(by)],
    revoke: ["none", ({ access }, by) => access.revoke(by, "key")],
    // Whoever has a session's key may not ask for these; the routes are for operators alone.
    list: ["no call"],
    disable: ["no call"],
    admitFirst: ["no call"],
    tenantNamed: ["no call"],
    identify: ["no call"],
    holds: ["no call"],
    mode: ["no call"],
    saveLastUse: ["no call"],
  },
  memory: {
    chat: ["own", ({ memory }, by, sessionId) => memory.chat(by, { message: "Hello", sessionId }, { signal })],
    add: ["own", ({ memory }, by, id) => memory.add(by, id, [{ role: "user", content: "x" }])],
    compact: [
      "own",
      ({ memory }, by, id) => memory.compact(by, id, { strategy: "truncate", keepTokens: 1 }, { signal }),
    ],
    changeWorkingMemory: ["own", ({ memory }, by, id) => memory.changeWorkingMemory(by, id, { merge: { a: 1 } })],
    close: ["no call"],
  },
  agentRuns: {
    begin: ["own", ({ agentRuns }, by, id) => agentRuns.begin(by, id, { agent: "a", messages: [ASKED] })],
    resume: ["own", ({ agentRuns }, by, id) => agentRuns.resume(by, id, { runId: "run_0" })],
    step: ["own", ({ agentRuns }, by, id) => agentRuns.step(by, id, { runId: "run_0", fence: 1, messages: [] })],
    finish: [
      "own",
      ({ agentRuns }, by, id) => agentRuns.finish(by, id, { runId: "run_0", fence: 1, status: "failed" }),
    ],
    get: ["own", ({ agentRuns }, by, id) => agentRuns.get(by, id, "latest")],
    window: ["own", ({ agentRuns }, by, id) => agentRuns.window(by, id, "latest")],
  },
  history: {
    seqOf: ["granted"],
    at: ["own", ({ history }, by, id) => history.at(by, id, 1)],
    messages: ["own", ({ history }, by, id) => history.messages(by, id, 1, { take: "oldest", limit: 1 })],
    checkpoint: ["own", ({ history }, by, id) => history.checkpoint(by, id, { name: "x" })],
    checkpoints: ["own", ({ history }, by, id) => history.checkpoints(by, id, { limit: 1 })],
    replay: ["own", ({ history }, by, id) => history.replay(by, id, { mode: "verify" })],
    fork: ["none", ({ history }, by, id) => history.fork(by, id, {})],
    diff: ["own", ({ history }, by, id) => history.diff(by, id, id)],
    family: ["none", ({ history }, by, id) => history.family(by, id)],
  },
  retention: {
    prune: ["none", ({ retention }, by) => retention.prune(by, {})],
    enforce: ["no call"],
  },
  bundles: {
    export: ["own", ({ bundles }, by, id) => bundles.export(by, id)],
    import: ["none", ({ bundles }, by) => bundles.import(by, (async function* () {})())],
  },
  tasks: {
    // Apps are no session's.
    apps: ["no call"],
    app: ["no call"],
    broken: ["no call"],
    check: ["no call"],
    begin: ["own", ({ tasks }, by, id) => tasks.begin(by, id, { app: "tally" })],
    run: ["own", ({ tasks }, by, id) => tasks.run(by, id, { app: "tally" })],
    get: ["own", ({ tasks }, by, id) => tasks.get(by, id, "task_0")],
    find: ["granted"],
    list: ["own", ({ tasks }, by, id) => tasks.list(by, id, { limit: 1 })],
    reports: ["own", ({ tasks }, by, id) => tasks.reports(by, id, "task_0")],
    ended: ["own", ({ tasks }, by, id) => tasks.ended(by, id, { after: 0, limit: 1 })],
    cancel: ["own", ({ tasks }, by, id) => tasks.cancel(by, id, "task_0")],
    follow: ["own", ({ tasks }, by, id) => tasks.follow(by, id, "task_0", signal).next()],
    recover: ["no call"],
    close: ["no call"],
  },
  objects: {
    list: ["own", ({ objects }, by, id) => objects.list(by, id, { limit: 1 })],
    get: ["own", ({ objects }, by, id) => objects.get(by, id, "made_0")],
    lineage: ["own", ({ objects }, by, id) => objects.lineage(by, id, "made_0")],
  },
  // See `sharing.test.ts`.
  artifacts: {
    store: ["granted"],
    storeFile: ["granted"],
    get: ["granted"],
    open: ["granted"],
    list: ["granted"],
    delete: ["granted"],
    grant: ["granted"],
    revoke: ["granted"],
    grants: ["granted"],
    collect: ["no call"],
    removeAbandoned: ["no call"],
  },
};

const ASKED = { role: "user", content: "x" } as const;

const { signal } = new AbortController();

describe("a caller that acts as a session", () => {
  const filing = filingForTests();

  const world = () => {
    const it = filing();
    const model = guarded(builtInModel(), { timeoutMs: 10_000, maxOutputTokens: 100 });
    const onFailure = (error: unknown): void => assert.fail(String(error));
    const memory = new Memory(
      { ...it.ports, sessions: it.sessions, users: it.users, model, slots: new RunSlots(), onFailure },
      { systemPrompt: "", windowTokens: 1_000, temporaryIdleUs: SECOND, compactsItself: false },
    );
    const access = new Access({ ...it.ports, isSame: (a, b) => a === b });
    const settings = { artifactsMax: 9, bytesMax: 9, sizeMax: 9, cleanupIdleUs: 1, idleTimeoutUs: 1, metadataBytes: 9 };
    const { sessions, artifacts } = it;
    const bundles = new Bundles({ ...it.ports, sessions, contents: artifacts.contents, release: "0" }, settings);
    const tally = scriptedApp("tally", "a", { place: "server" });
    const runner = new ScriptedRunner(tally);
    runner.answers = () => ({ status: "completed", output: 1, staysWarm: false });
    const slots = new RunSlots();
    const ports = { ...it.ports, sessions, runner, slots, host: () => NO_HOST, onFailure };
    const tasks = new Tasks(ports, { timeoutMs: 1_000 });
    const objects = new Objects({ ...it.ports, sessions });
    return { ...it, memory, agentRuns: memory.agentRuns, access, bundles, tasks, objects };
  };

  it("is held against a rule by every method there is", () => {
    const it = world();
    for (const [service, calls] of Object.entries(CALLS)) {
      const methods = methodsOf(it[service as keyof World]);
      assert.deepEqual(Object.keys(calls).sort(), [...methods].sort(), service);
    }
  });

  for (const [service, calls] of Object.entries(CALLS)) {
    for (const [method, [rule, call]] of Object.entries(calls)) {
      if (call === undefined) continue;
      const may = rule === "own" ? "may call, on itself alone," : "may not call";
      it(`${may} ${service}.${method}()`, async () => {
        const it = world();
        const own = await it.begin("own");
        const other = await it.begin("other");
        const by = it.as(own);
        const before = await it.sessions.get(it.caller, "other");
        const on = async (id: string): Promise<unknown> => await call(it, by, id);
        for (const id of ["other", other.ref.id]) {
          await assert.rejects(on(id), { code: "forbidden", message: new RegExp(`${own.ref.id}`) });
        }
        assert.deepEqual(await it.sessions.get(it.caller, "other"), before);
        if (rule === "none") await assert.rejects(on("own"), { code: "forbidden" });
        else await unlessRefused(on("own"));
      });
    }
  }

  it("may not chat without a session, which would make one", async () => {
    const { memory, begin, as, sessions, caller } = world();
    const by = as(await begin("own"));
    await assert.rejects(memory.chat(by, { message: "Hello" }, { signal }), { code: "forbidden" });
    assert.equal((await sessions.totals(caller)).byStatus.active, 1);
  });

  it("may not compare itself with another, nor have calls made again in a copy", async () => {
    const { history, begin, as } = world();
    const by = as(await begin("own"));
    await begin("other");
    await assert.rejects(history.diff(by, "own", "other"), { code: "forbidden" });
    await assert.rejects(history.diff(by, "other", "own"), { code: "forbidden" });
    await assert.rejects(history.replay(by, "own", { mode: "execute" }), { code: "forbidden" });
  });

  it("finds what does not exist as missing", async () => {
    const { sessions, begin, as } = world();
    const by = as(await begin("own"));
    await assert.rejects(sessions.get(by, "nothing"), { code: "session_not_found" });
    assert.equal(await sessions.find(by, "nothing"), undefined);
  });

  it("finds a task of its own, and none of another session", async () => {
    const it = world();
    const own = await it.begin("own");
    const other = await it.begin("other");
    const run = async (id: string) => (await it.tasks.run(it.caller, id, { app: "tally" })).value.task;
    const [mine, foreign] = [await run(own.ref.id), await run(other.ref.id)];
    assert.deepEqual((await it.tasks.find(it.as(own), mine.taskId))?.task, mine);
    await assert.rejects(it.tasks.find(it.as(own), foreign.taskId), { code: "forbidden" });
  });

  it("is the actor of what its session's log says", async () => {
    const it = world();
    const own = await it.begin("own");
    await it.sessions.update(it.as(own), "own", { name: "x" });
    const { items } = await it.sessions.operations(it.caller, "own", { after: 1, limit: 1 });
    assert.equal(items[0]?.operation.actor, `session:${own.ref.id}`);
  });
});

type World =
  ReturnType<typeof filingForTests> extends () => infer T
    ? T & {
        readonly memory: Memory;
        readonly agentRuns: Memory["agentRuns"];
        readonly access: Access;
        readonly bundles: Bundles;
        readonly tasks: Tasks;
        readonly objects: Objects;
      }
    : never;

/** The public methods of an instance. */
function methodsOf(instance: object): readonly string[] {
  const prototype: object = Object.getPrototypeOf(instance);
  return Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([name, { value }]) => name !== "constructor" && typeof value === "function")
    .map(([name]) => name);
}

/** What is allowed may still be refused for what it asks, such as to resume what is active. */
async function unlessRefused(call: Promise<unknown>): Promise<void> {
  const [settled] = await Promise.allSettled([call]);
  if (settled.status === "fulfilled") return;
  assert.ok(settled.reason instanceof SojournError, String(settled.reason));
  assert.notEqual(settled.reason.code, "forbidden", settled.reason.message);
}
