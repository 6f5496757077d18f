import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ManualClock } from "../src/conformance/manual-clock.ts";
import type { Json, JsonObject } from "../src/engine/json.ts";
import type { App, Host, Job, RecordedTask } from "../src/engine/runner.ts";
import { Stop } from "../src/engine/signal.ts";
import type { Report } from "../src/engine/task.ts";
import type { AppSource } from "../src/workers/app-source.ts";
import { createDescribe } from "../src/workers/describe.ts";
import { openIsolation } from "../src/workers/isolation.ts";
import { Pool, type PoolOptions } from "../src/workers/pool.ts";
import type { SandboxLevel } from "../src/workers/sandbox.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** A pool over apps that a test writes, with all that it keeps; gone when disposed. */
export interface Stage extends AsyncDisposable {
  readonly pool: Pool;
  readonly clock: ManualClock;
  /** What went between two tasks: app and reason. */
  readonly released: (readonly [app: string, reason: string])[];
  /** Where tests may put files, beside the apps. */
  readonly directory: string;
  /** Writes an app, and looks at it as the server would. */
  readonly app: (source: string) => Promise<App>;
}

/** Opens a pool; by default at the first level, which works on every machine. */
export function openStage({
  level = "process",
  memoryMiB = 256,
  dataFolders = [],
  environment = { PATH: "/usr/bin:/bin", SECRET: "s3cret", ASKED: "given" },
  ...options
}: Partial<Omit<PoolOptions, "isolation">> & {
  readonly level?: SandboxLevel;
  readonly memoryMiB?: number;
  readonly dataFolders?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
} = {}): Stage {
  const directory = mkdtempSync(join(tmpdir(), "sojourn-stage-"));
  const scratch = join(directory, "scratch");
  const isolation = openIsolation({ sandbox: level, directory: scratch, memoryMiB, dataFolders, environment });
  const sources = new Map<string, AppSource>();
  const clock = new ManualClock();
  const released: (readonly [string, string])[] = [];
  const describe = createDescribe({ isolation });
  const pool = new Pool({
    ...{ clock, memoryBytes: 4 * 1_073_741_824, idleMs: 60_000, spares: 0, cancelGraceMs: 300, stopGraceMs: 1_000 },
    ...options,
    isolation,
    sourceOf: ({ version }) => sources.get(version) ?? (Promise.reject(new Error(`no source of ${version}`)) as never),
    onReleased: (_ref, app, reason) => released.push([app, reason]),
  });
  let written = 0;
  return {
    ...{ pool, clock, released, directory },
    app: async (source) => {
      const home = join(directory, `app-${++written}`);
      const appSource = writeApp(home, source);
      const description = await describe(appSource);
      const version = String(written).padStart(64, "0");
      sources.set(version, appSource);
      return { ...description, version, inputFaults: () => [], inputObjects: () => [], setupFaults: () => [] };
    },
    [Symbol.asyncDispose]: async () => {
      await pool.close();
      await isolation.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Writes an app's main file, with what it always needs before it. */
export function writeApp(home: string, source: string): AppSource {
  mkdirSync(home, { recursive: true });
  writeFileSync(
    join(home, "app.ts"),
    `import { action, defineApp, idOf, objectType, z } from "sojourn/app-format";\n${source}`,
  );
  return { directory: home, entry: "app.ts", packageRoots: [ROOT] };
}

/** A session that keeps what an app does in memory. */
export interface Heard extends Host {
  readonly reports: Report[];
  readonly memory: JsonObject;
  readonly said: { readonly role: string; readonly content: string }[];
}

/** A host of which a test sees what reached it. */
export function listen(onReport: (report: Report) => void = () => {}): Heard {
  const reports: Report[] = [];
  const said: Heard["said"] = [];
  const stored = new Map<string, { artifact: Awaited<ReturnType<Host["storeArtifact"]>>; bytes: Uint8Array }>();
  let memory: JsonObject = {};
  return {
    session: { sessionId: "s1", userId: "u1" },
    reports,
    said,
    get memory() {
      return memory;
    },
    report: (report) => {
      reports.push(report);
      onReport(report);
    },
    workingMemory: async () => memory,
    changeWorkingMemory: async (change) => {
      memory = "set" in change ? change.set : { ...memory, ...change.merge };
      return memory;
    },
    messages: async (limit) => said.slice(-limit) as never,
    addMessages: async (messages) => {
      said.push(...messages);
    },
    chat: async ({ message }, onText) => {
      onText?.("he");
      onText?.("ard");
      return { response: `heard ${message}`, model: "echo" };
    },
    storeArtifact: async ({ name, type = "agent_output", mimeType = "text/plain" }, bytes) => {
      const artifact = {
        artifactId: `a-${name}`,
        name,
        version: 1,
        type,
        mimeType,
        size: bytes.byteLength,
        digest: "d",
      };
      stored.set(name, { artifact, bytes });
      return artifact;
    },
    readArtifact: async (which) => stored.get(which),
    artifacts: async () => [...stored.values()].map(({ artifact }) => artifact),
  };
}

/** What a test says of a job; the rest is as it mostly is. */
export type Wanted = Partial<Omit<Job, "app" | "ref" | "past">> & {
  readonly session?: string;
  readonly past?: { readonly snapshot?: Json; readonly tasks?: readonly RecordedTask[] };
};

let jobs = 0;

export function jobOf(app: App, { session = "s1", past, ...wanted }: Wanted = {}): Job {
  return {
    ref: { tenant: "t", kind: "session", id: session },
    taskId: `task-${++jobs}`,
    app,
    action: app.defaultAction ?? "run",
    input: {},
    objects: [],
    fresh: false,
    timeoutMs: 20_000,
    host: listen(),
    signal: new Stop(),
    ...wanted,
    ...(past === undefined
      ? {}
      : {
          past: {
            snapshot: async () => past.snapshot,
            tasks: async function* () {
              yield* past.tasks ?? [];
            },
          },
        }),
  };
}
