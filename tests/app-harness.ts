import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AppDefinition, Artifact, Json, JsonObject, Session, z } from "../src/app-format/index.ts";
import { loadConfig } from "../src/config/config.ts";
import { LOCAL } from "../src/engine/access.ts";
import type { Artifact as StoredArtifact } from "../src/engine/artifact.ts";
import { given } from "../src/engine/given.ts";
import type { MadeObject } from "../src/engine/object.ts";
import type { Session as EngineSession } from "../src/engine/sessions.ts";
import type { Context, Model, Piece, Summary } from "../src/memory/model.ts";
import { builtInModel } from "../src/memory/responder/responder.ts";
import { startLog } from "../src/platform/log.ts";
import { type Engine, openEngine } from "../src/platform/open-engine.ts";
import { HeldObjects } from "./held-objects.ts";

/** What an action told while it ran. */
export type Told =
  | { readonly output: unknown }
  | { readonly progress: number | undefined; readonly message?: string }
  | { readonly log: string; readonly level: string };

/** What became of a call. */
export interface Ran {
  readonly output: unknown;
  readonly told: readonly Told[];
  /** Whether the app ended its session. */
  readonly ended: boolean;
}

/** An app in this process, in a session of a real engine, with a worker that can be lost. */
export interface HeldApp extends AsyncDisposable {
  readonly sessionId: string;
  /** The engine that the session is in. */
  readonly engine: Engine;
  /** What its actions made; the engine has none of it. */
  readonly objects: () => readonly MadeObject[];
  /** Calls the action that the input names, or the app's default; as callers do, what goes in and out is JSON. */
  call(input?: Json, signal?: AbortSignal): Promise<Ran>;
  /** Takes the state away, as a crash does; the next call comes back as the app declares. */
  lose(): void;
  /** Lets the worker go in good order. */
  stop(): Promise<void>;
}

/** What an app is held with. */
export interface HoldOptions {
  readonly setup?: JsonObject;
  /** What answers `session.chat`. */
  readonly model?: Model;
}

/** Holds an app in a session of its own. */
export async function holdApp<State, S extends z.ZodType>(
  definition: AppDefinition<State, S>,
  options: HoldOptions = {},
): Promise<HeldApp> {
  // NOTE: the state is what the app's own functions return, and the setup what its own schema makes.
  const app = definition as unknown as AppDefinition;
  const directory = await mkdtemp(join(tmpdir(), "sojourn-app-"));
  const loaded = loadConfig({ flags: { data: "data", durability: "none" }, cwd: directory });
  if ("faults" in loaded) throw new Error(loaded.faults.map(({ message }) => message).join("\n"));
  const log = startLog("silent");
  const model = new InstructedModel(options.model ?? builtInModel());
  const engine = openEngine(loaded.config, { logger: log.logger, model });
  const { value } = await engine.sessions.create(LOCAL, { name: "held" });
  const sessionId = value.session.ref.id;
  const setup = app.setup?.parse(options.setup ?? {}) ?? {};
  const worker = new HeldWorker(app, setup);
  return {
    sessionId,
    engine,
    objects: () => worker.objects.all,
    call: async (input = {}, signal = new AbortController().signal) => {
      const told: Told[] = [];
      let ended = false;
      const session = sessionOf(engine, { sessionId, model, signal, told, end: () => (ended = true) });
      const output = await worker.run(input, { session, signal, told });
      if (ended) await engine.sessions.end(LOCAL, sessionId, { status: "completed" });
      return { output, told, ended };
    },
    lose: () => worker.lose(),
    stop: () => worker.stop(),
    [Symbol.asyncDispose]: async () => {
      await worker.stop();
      await engine.close();
      log.stop();
      await rm(directory, { recursive: true });
    },
  };
}

/** JSON as it comes out of a log: what it cannot hold is gone. */
function json(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

interface Surroundings {
  readonly session: Session;
  readonly signal: AbortSignal;
  readonly told: Told[];
}

/** What a worker does with an app, but for the process. */
class HeldWorker {
  readonly #app: AppDefinition;
  readonly #setup: unknown;
  #held: { readonly state: unknown } | undefined;
  #snapshot: { readonly json: unknown } | undefined;
  readonly #past: { readonly taskId: string; readonly action: string; readonly input: unknown }[] = [];
  readonly objects: HeldObjects = new HeldObjects();
  #tasks = 0;

  constructor(app: AppDefinition, setup: unknown) {
    this.#app = app;
    this.#setup = setup;
  }

  async run(input: Json, around: Surroundings): Promise<unknown> {
    const action = actionOf(this.#app, input);
    await this.#begin(around);
    this.#tasks += 1;
    const task = { taskId: `task_${this.#tasks}`, action, input };
    this.#past.push(task);
    const output = await this.#perform(task, around);
    if (this.#app.snapshot !== undefined) {
      this.#snapshot = { json: json(await this.#app.snapshot(this.#held?.state)) };
    }
    return output;
  }

  lose(): void {
    this.#held = undefined;
  }

  async stop(): Promise<void> {
    if (this.#held !== undefined) await this.#app.stop?.(this.#held.state);
    this.#held = undefined;
  }

  async #begin(around: Surroundings): Promise<void> {
    if (this.#held !== undefined) return;
    const { restore, snapshot, start, recovery = restore && snapshot && "snapshot" } = this.#app;
    const given = { setup: this.#setup, signal: around.signal };
    if (recovery === "snapshot" && this.#snapshot !== undefined && restore !== undefined) {
      this.#held = { state: await restore(this.#snapshot.json, given) };
      return;
    }
    this.#held = { state: await start?.(given) };
    if (recovery !== "replay") return;
    for (const task of this.#past) {
      await this.#perform(task, { ...around, told: [] }).catch(() => undefined);
    }
  }

  async #perform(
    { taskId, action: name, input }: { readonly taskId: string; readonly action: string; readonly input: unknown },
    { session, signal, told }: Surroundings,
  ): Promise<unknown> {
    const action = this.#app.actions[name];
    if (action === undefined) throw new Error(`${this.#app.name} has no action "${name}"`);
    return await this.objects.perform({ taskId, action, input }, async (objects) => {
      const ran = await action.run({
        ...{ state: this.#held?.state, input: action.input.parse(input), setup: this.#setup },
        ...{ session, objects, signal, taskId },
      });
      const output = isGenerator(ran) ? await drained(ran, told) : ran;
      return json(action.output === undefined ? output : action.output.parse(output));
    });
  }
}

function actionOf({ actions, default: byDefault }: AppDefinition, input: Json): string {
  const named = typeof input === "object" && input !== null && "action" in input ? input.action : undefined;
  const [only, ...others] = Object.keys(actions);
  const without = byDefault ?? ("run" in actions || others.length > 0 ? "run" : only);
  return typeof named === "string" ? named : (without ?? "run");
}

function isGenerator(value: unknown): value is AsyncGenerator<unknown, unknown, void> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

async function drained(generator: AsyncGenerator<unknown, unknown, void>, told: Told[]): Promise<unknown> {
  for (;;) {
    const { done, value } = await generator.next();
    if (done === true) return value;
    told.push({ output: json(value) });
  }
}

/** Answers as another, told by `session.chat` what to be. */
class InstructedModel implements Model {
  readonly #model: Model;
  readonly name: string;
  readonly isLanguageModel: boolean;
  system: string | undefined;

  constructor(model: Model) {
    this.#model = model;
    this.name = model.name;
    this.isLanguageModel = model.isLanguageModel;
  }

  answer(context: Context, signal: AbortSignal): AsyncIterable<Piece> {
    return this.#model.answer({ ...context, systemPrompt: this.system ?? context.systemPrompt }, signal);
  }

  async summarize(...asked: Parameters<Model["summarize"]>): Promise<Summary> {
    return await this.#model.summarize(...asked);
  }
}

interface Held {
  readonly sessionId: string;
  readonly model: InstructedModel;
  readonly signal: AbortSignal;
  readonly told: Told[];
  readonly end: () => void;
}

function sessionOf(
  { sessions, memory, artifacts }: Engine,
  { sessionId: id, model, signal, told, end }: Held,
): Session {
  const factsOf = ({ record }: EngineSession): JsonObject => json(record.workingMemory) as JsonObject;
  return {
    id,
    userId: "default_user",
    memory: {
      get: async () => factsOf(await sessions.get(LOCAL, id)),
      set: async (set) => factsOf((await memory.changeWorkingMemory(LOCAL, id, { set })).value),
      merge: async (merge) => factsOf((await memory.changeWorkingMemory(LOCAL, id, { merge })).value),
    },
    messages: {
      list: async ({ limit = 100 } = {}) => {
        const { items } = await sessions.messages(LOCAL, id, { limit, take: "newest" });
        return items.map(({ role, content }) => ({ role, content }));
      },
      add: async (...messages) => void (await memory.add(LOCAL, id, messages)),
    },
    chat: async (message, { system, onText } = {}) => {
      model.system = system;
      const { value } = await memory.chat(LOCAL, { message, sessionId: id }, { signal, ...given("onText", onText) });
      return { response: value.response, model: value.model };
    },
    artifacts: {
      store: async (name, content, description = {}) => {
        const bytes = typeof content === "string" ? Buffer.from(content) : content;
        const wanted = { name, type: "agent_output", ...description };
        return shown((await artifacts.store(LOCAL, id, wanted, bytes)).value.artifact);
      },
      read: async (nameOrId) => {
        const { items } = await artifacts.list(LOCAL, id, { limit: 1_000 });
        const found = items.find((one) => one.name === nameOrId || one.id === nameOrId);
        if (found === undefined) return undefined;
        const pieces: Uint8Array[] = [];
        for await (const piece of await artifacts.open(LOCAL, id, found.id)) pieces.push(Buffer.from(piece));
        return { artifact: shown(found), bytes: Buffer.concat(pieces) };
      },
      list: async (namePattern) => {
        const { items } = await artifacts.list(LOCAL, id, { limit: 1_000, ...given("namePattern", namePattern) });
        return items.map(shown);
      },
    },
    output: (output) => void told.push({ output: json(output) }),
    progress: (progress, message) => void told.push({ progress, ...given("message", message) }),
    log: (log, level = "info") => void told.push({ log, level }),
    end,
  };
}

function shown({ id, name, version, type, mimeType, size, digest }: StoredArtifact): Artifact {
  return { artifactId: id, name, version, type, mimeType, size, digest };
}
