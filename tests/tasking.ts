import { type EngineOptions, engineForTests, type TestEngine } from "../src/conformance/index.ts";
import type { JsonObject } from "../src/engine/json.ts";
import { RunSlots } from "../src/engine/run-slots.ts";
import type { Host } from "../src/engine/runner.ts";
import type { Session } from "../src/engine/sessions.ts";
import type { Task } from "../src/engine/task-view.ts";
import { type Begun, type NewTask, type RunOptions, Tasks } from "../src/engine/tasks.ts";
import { openSqliteStore } from "../src/store/sqlite/index.ts";
import { ScriptedRunner, scriptedApp } from "./scripted-runner.ts";

/** An engine with tasks, whose time stands still and whose jobs the test settles. */
export interface Tasking extends TestEngine {
  readonly tasks: Tasks;
  readonly runner: ScriptedRunner;
  readonly slots: RunSlots;
  /** What could not be recorded. */
  readonly failures: unknown[];
  /** Makes a session of that name. */
  create(sessionId: string, idleTimeoutUs?: number): Promise<Session>;
  /** Calls the app `tally` in a session. */
  call(sessionId: string, wanted?: Partial<NewTask>, options?: RunOptions): Promise<Begun>;
  /** The kinds of a session's operations, from the second on. */
  kinds(sessionId: string): Promise<readonly string[]>;
  /** A task as its session's log tells it, whatever is known of it here. */
  logged(sessionId: string, task: Task): Promise<Task>;
}

/** What a test may ask of its engine. */
export interface TaskingOptions extends EngineOptions {
  readonly runner?: ScriptedRunner;
  readonly timeoutMs?: number;
}

/** Opens one store for the tests of a file; the function returned starts an engine on it. */
export function tasksForTests(): (options?: TaskingOptions) => Tasking {
  const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));
  return ({ runner = new ScriptedRunner(scriptedApp("tally", "a")), timeoutMs = 5_000, ...options } = {}) => {
    const it = engine(options);
    const { caller, sessions } = it;
    const failures: unknown[] = [];
    const slots = new RunSlots();
    const onFailure = (error: unknown): void => void failures.push(error);
    const ports = { ...it.ports, sessions, runner, slots, host: () => NO_HOST, onFailure };
    const tasks = new Tasks(ports, { timeoutMs });
    return {
      ...it,
      tasks,
      runner,
      slots,
      failures,
      create: async (sessionId, idleTimeoutUs) =>
        (await sessions.create(caller, { sessionId, idleTimeoutUs: idleTimeoutUs ?? null })).value.session,
      call: async (sessionId, wanted = {}, options = {}) =>
        (await tasks.begin(caller, sessionId, { app: "tally", ...wanted }, options)).value,
      kinds: async (sessionId) => {
        const { items } = await sessions.operations(caller, sessionId, { after: 1, limit: 1_000 });
        return items.map(({ operation }) => operation.kind);
      },
      logged: async (sessionId, { taskId }) => {
        const elsewhere = new Tasks({ ...ports, slots: new RunSlots(), runner: new ScriptedRunner() }, { timeoutMs });
        return await elsewhere.get(caller, sessionId, taskId);
      },
    };
  };
}

/** For apps that do nothing in their sessions. */
export const NO_HOST: Omit<Host, "session" | "report"> = {
  workingMemory: async () => ({}),
  changeWorkingMemory: async (change) => ("set" in change ? change.set : change.merge) satisfies JsonObject,
  messages: async () => [],
  addMessages: async () => undefined,
  chat: async () => ({ response: "", model: "none" }),
  storeArtifact: async () => {
    throw new Error("No artifacts here");
  },
  readArtifact: async () => undefined,
  artifacts: async () => [],
};
