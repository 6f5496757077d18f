import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../src/config/config.ts";
import { LOCAL } from "../src/engine/access.ts";
import type { Json } from "../src/engine/json.ts";
import type { Task } from "../src/engine/tasks.ts";
import { startLog } from "../src/platform/log.ts";
import { type Engine, openEngine } from "../src/platform/open-engine.ts";

/** The apps that ship, in workers as users have them, and one session in which they are called. */
export interface ServedApps extends AsyncDisposable {
  readonly engine: Engine;
  readonly sessionId: string;
  /** What becomes of a call. */
  run(app: string, input: Json): Promise<Task>;
  /** The output of a call, which must have gone well. */
  call(app: string, input: Json): Promise<Readonly<Record<string, unknown>>>;
}

/** Opens an engine with its workers; its directory goes with it. */
export async function serveApps(flags: Readonly<Record<string, string>> = {}): Promise<ServedApps> {
  const directory = await mkdtemp(join(tmpdir(), "sojourn-served-"));
  const loaded = loadConfig({ flags: { data: "data", durability: "none", ...flags }, cwd: directory });
  if ("faults" in loaded) throw new Error(loaded.faults.map(({ message }) => message).join("\n"));
  const log = startLog("silent");
  const environment = { PATH: process.env["PATH"], CHROMIUM_PATH: process.env["CHROMIUM_PATH"] };
  const engine = openEngine(loaded.config, { logger: log.logger, environment });
  await engine.begin();
  const { value } = await engine.sessions.create(LOCAL, { name: "served" });
  const sessionId = value.session.ref.id;
  const run = async (app: string, input: Json): Promise<Task> => {
    return (await engine.tasks.run(LOCAL, sessionId, { app, input })).value.task;
  };
  return {
    engine,
    sessionId,
    run,
    call: async (app, input) => {
      const { status, error, output } = await run(app, input);
      if (status !== "completed") throw new Error(`${status}: ${error?.message}`);
      return output as Readonly<Record<string, unknown>>;
    },
    [Symbol.asyncDispose]: async () => {
      await engine.close();
      log.stop();
      await rm(directory, { recursive: true });
    },
  };
}
