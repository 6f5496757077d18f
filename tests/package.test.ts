import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild-wasm";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { startExampleModel } from "./example-model.ts";
import { startServer } from "./server.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The most that the client may weigh in a browser, compressed by gzip. */
const CLIENT_BYTES_MAX = 24 * 1_024;

const run = promisify(execFile);

/** What each example prints, in order; `…` stands for anything. */
const PRINTED: Readonly<Record<string, readonly string[]>> = {
  "lifecycle.ts": [
    "Done: Hello",
    "Done: Request 1",
    "Done: Request 2",
    "user-123: 3 requests, active",
    "user-123: completed",
    "user-456: answered in 2 steps",
    "user-456: suspended, waiting for approval",
    "user-456: active",
    "user-789: completed",
    "user-456: failed, the user gave up",
    "1 session.created",
    "2 agent.started",
    "3 agent.stepped",
    "4 agent.stepped",
    "5 agent.stepped",
    "6 agent.finished",
    "7 session.suspended",
    "8 session.resumed",
    "9 session.failed",
    "user: When does the museum open?",
    "assistant: (calls search)",
    "tool: 10 to 17",
    "assistant: It is open from 10 to 17.",
    "whole: true",
  ],
  "identification.ts": [
    "user-user-456: 2 requests, 4 messages",
    "user-user-456-device-789: 2 requests, 4 messages",
    "user-user-456-app-web: 2 requests, 4 messages",
    "open: 3",
    "temporary: 1 completed",
    "used last: user-user-456-app-web",
  ],
  "metrics.ts": [
    "model_failed",
    "model_failed",
    "10 requests, 2 errors",
    "160 tokens in, 40 out",
    "some time for each: true",
    "13 requests, error rate 23 %",
    "113 requests",
    "2 sessions, 121 requests, 3 errors",
    "slowest: the other one",
  ],
  "limits.ts": [
    "Done: Request 1",
    "model_failed",
    "Done: Request 2",
    "Done: Request 3",
    "active: it goes on",
    '{"reason":"error_rate is 0.333333, over 0.3","measure":"error_rate","value":0.3333333333333333}',
    "Done: Request 4",
    "suspended: tokens is 100, the limit is 100",
    'Cannot resume session "watched": tokens is 100, the limit is 100; raise or remove limits.tokens first',
    "active",
    "model_failed",
    "model_failed",
    "model_failed",
    "model_failed",
    "failed: error_rate is 0.555556, over 0.5",
  ],
  "context-engine.ts": [
    "create: active, again: session_exists",
    "execute: It is open from 9 to 18.",
    "get: 1 request, missing: undefined",
    'update: 100 requests, 1 error, {"source":"web","device":"desktop"}',
    "history: assistant: It is open from 9 to 18.",
    "history: user: Thank you",
    "compress: 5 to 2, of 5",
    "context: Visit the library",
    "checkpoint: Visit the library",
    "user-123_mc_to_librarian: controller to librarian: Find a book on bees",
    "expired: false",
    "pool: 1 session for 3",
    "failing: failed, error_rate is 1, over 0.5",
    "list: user-123, user-123_mc_to_librarian",
    "end: completed, and then: invalid_transition",
    "cleanup: 1 expired",
    "metrics: 3 sessions, 0 active, 1 completed",
    "health: healthy",
  ],
  "agents-talk.ts": [
    "report-1",
    "  ada to controller, communication: When can I go out today?",
    "  controller to ada, result_report: Done: Invite Ada",
    "report-1_mc_to_researcher",
    "  controller to agent-r, communication: When does the museum open?",
    "  agent-r to controller, communication: It is open from 10 to 17.",
    "report-1_researcher_to_writer",
    "  agent-r to agent-w, collaboration_request: It is open from 10 to 17.",
    "  agent-r to agent-w, communication: Invite Ada",
    "  agent-w to agent-r, communication: Done: Invite Ada",
    "last reported by master_controller",
    'Validation failed: "from" must be one of "agent-r", "agent-w"',
    'Validation failed: "participants.1.role" must be there: an agent has a role',
    "held beside it: report-1_mc_to_researcher, report-1_researcher_to_writer",
  ],
  "cleanup.ts": ["idle: 1 of 1 ended", "failing: failed, fine: active", "old: 1 ended"],
  "recovery.ts": [
    "attempt 1: model_failed",
    "attempt 2: model_failed",
    "Done: Do what can be done",
    "flaky: active, 3 requests, 2 errors",
    "attempt 1: model_failed",
    "attempt 2: model_failed",
    "attempt 3: model_failed",
    "hopeless: failed, gave up after 3 attempts",
    "invalid_transition",
    "flaky: end it",
  ],
  "chat-with-memory.ts": [
    "knows the name: true",
    'remembers: {"user":{"name":"Ada","location":"Lyon"},"destination":"Rome","travellers":2}',
    "turns: 3, compacted: 4 of 6 messages",
    "5 user",
    "6 assistant",
    "verbosity: low, learned",
    "temporary: true, of its own",
    "erased: 2 sessions, 10 messages, profile: true",
  ],
  "artifacts.ts": [
    "report.md 1: text/markdown, 12 bytes",
    "363024 bytes sent, kept in fewer: true",
    "# Sales",
    "30000 lines",
    "0000;210000",
    "version 2, after the first",
    "report.md 2",
    "report.md 1",
    "sales.csv",
    "the writer reads: 12 characters",
    "the writer may not delete it",
    "read: completed",
    "read: completed",
    "admin: failed",
    "left: 2 artifacts, 32 bytes",
  ],
  "time-travel.ts": [
    "checkpoint at 4",
    'then: {"budget":1000}, Rome, By train',
    "fork: active, from 4, Rome",
    "in common: 4, since: 3 and 2",
    "metadata.budget: 200, 900",
    "replayed: 7, equal: 7",
    "imported: trip-from-file, whole: true",
    "would go: trip",
  ],
  "production.ts": [
    "3 made, 2 refused: limit_reached",
    "begun anew: true",
    "pooled: 5 requests, one session: true",
    "anew once it is over: true",
  ],
};

describe("the package, installed into an empty project", () => {
  let project = "";
  let archive = "";
  before(async () => {
    project = await mkdtemp(join(tmpdir(), "sojourn-package-"));
    const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", project], {
      cwd: ROOT,
      shell: isWindows,
    });
    // NOTE: what npm prints, after whatever its scripts printed.
    const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as [{ filename: string }];
    archive = join(project, filename);
    await writeFile(join(project, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
    const flags = ["--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts"];
    await run("npm", ["install", ...flags, archive], { cwd: project, shell: isWindows });
    await cp(join(ROOT, "examples"), project, { recursive: true });
  });
  after(() => rm(project, { recursive: true, force: true }));

  it("has an expectation for each example", async () => {
    const examples = (await readdir(join(ROOT, "examples"))).filter(
      (name) => name.endsWith(".ts") && name !== "agent.ts",
    );
    assert.deepEqual(examples.sort(), Object.keys(PRINTED).sort());
  });

  for (const [name, lines] of Object.entries(PRINTED)) {
    it(`runs ${name}`, async () => {
      await using server = await startServer();
      await using model = await startExampleModel();
      // Times short enough that a moment is long.
      const env = {
        ...process.env,
        SOJOURN_URL: server.url,
        SOJOURN_MODEL: "openai:test",
        SOJOURN_MODEL_BASE_URL: model.url,
        SOJOURN_DATA: join(project, `data-${name}`),
        IDLE_MS: "1",
        AGE_MS: "0",
      };
      const { stdout, stderr } = await run(process.execPath, [name], { cwd: project, env });
      assert.deepEqual(stdout.trimEnd().split("\n"), lines);
      assert.equal(stderr, "");
    });
  }

  it("runs what the README shows, without await using, which Node 20 lacks", async () => {
    await using server = await startServer();
    const readme = await readFile(join(ROOT, "README.md"), "utf8");
    const code = /```js\n(.*?)```/s.exec(readme)?.[1] ?? "";
    assert.ok(code.includes("http://127.0.0.1:7070"));
    assert.doesNotMatch(code, /\busing\b/);
    await writeFile(join(project, "readme.js"), code.replace("http://127.0.0.1:7070", server.url));
    const { stdout } = await run(process.execPath, ["readme.js"], { cwd: project });
    assert.deepEqual(stdout.trimEnd().split("\n"), ["Hello, ada 1 false", "session.created", "metrics.recorded"]);
  });

  it("brings a Node for the scripts of the project that has all it needs", async () => {
    const manifest = join(project, "package.json");
    const scripts = { opens: "node opens.js" };
    await writeFile(manifest, JSON.stringify({ ...JSON.parse(await readFile(manifest, "utf8")), scripts }));
    await writeFile(join(project, "opens.js"), OPENS);
    const { stdout } = await run("npm", ["run", "--silent", "opens"], { cwd: project, shell: isWindows });
    assert.match(stdout, /^v26\.\S+ healthy$/m);
  });

  it("has the apps with all that is theirs, which say what to install where that is missing", async () => {
    const model = "apps/ml-inference/models/digits.onnx";
    const packed = await readFile(join(project, "node_modules/sojourn/dist", model));
    assert.deepEqual(packed, await readFile(join(ROOT, "src", model)));
    await writeFile(join(project, "apps.js"), WITHOUT_PEERS);
    const { stdout } = await run(process.execPath, ["apps.js"], { cwd: project });
    assert.deepEqual(stdout.trimEnd().split("\n"), [
      "This app needs the package onnxruntime-web: run `npm install onnxruntime-web` beside Sojourn, then call again",
      "This app needs the package playwright-core: run `npm install playwright-core` beside Sojourn, then call again",
    ]);
  });

  it("has the documentation, with all that its pages load", async () => {
    await writeFile(join(project, "docs.js"), DOCS);
    const { stdout } = await run(process.execPath, ["docs.js"], { cwd: project });
    assert.deepEqual(stdout.trimEnd().split("\n"), ["/docs 200", "/docs/llms.txt 200", "/docs/assets/site.css 200"]);
  });

  it("has types for every subpath, for bundlers and for Node, and without Node's own for the client", async () => {
    const subpaths = Object.keys(JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")).exports);
    const modules = subpaths.filter((path) => path !== "./package.json").map((path) => path.replace(".", "sojourn"));
    assert.ok(modules.includes("sojourn") && modules.includes("sojourn/client"), modules.join());
    await mkdir(join(project, "types"));
    const names = modules.map(
      (module, i) => `import * as m${i} from "${module}";\nexport const k${i}: object = m${i};`,
    );
    await writeFile(join(project, "types", "all.ts"), names.join("\n"));
    await writeFile(
      join(project, "types", "client.ts"),
      'import { connect, type Session } from "sojourn/client";\nconst got: Session = await connect().sessions.get("a");\nexport const at: Date = got.createdAt;\n',
    );
    const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
    const inProject = { cwd: project };
    const strict = ["--noEmit", "--strict", "--target", "es2024"];
    const nodeTypes = ["--types", "node", "--typeRoots", join(ROOT, "node_modules", "@types")];
    const browser = ["--types", "", "--lib", "es2024,dom,dom.asynciterable,esnext.disposable"];
    // Of a project that is older than `await using`, and checks the declarations of others as well.
    const older = ["--target", "es2022", "--types", "", "--lib", "es2022,dom"];
    for (const resolution of [
      ["--module", "nodenext"],
      ["--module", "esnext", "--moduleResolution", "bundler"],
    ]) {
      await run(
        process.execPath,
        [tsc, ...strict, ...resolution, ...nodeTypes, "--skipLibCheck", "types/all.ts"],
        inProject,
      ).catch(failWithOutput);
      for (const settings of [browser, older]) {
        await run(process.execPath, [tsc, ...strict, ...resolution, ...settings, "types/client.ts"], inProject).catch(
          failWithOutput,
        );
      }
    }
  });

  it("is clean for publint and for attw", async () => {
    const { messages, pkg } = await publint({ pkgDir: join(project, "node_modules", "sojourn"), strict: true });
    assert.deepEqual(
      messages.map((message) => formatMessage(message, pkg)),
      [],
    );
    const attw = join(ROOT, "node_modules", "@arethetypeswrong", "cli", "dist", "index.js");
    // It ends with another number than 0 where it finds a problem; for a package that is ESM alone, that require() and
    // TypeScript's oldest resolution can't load it is none.
    await run(process.execPath, [attw, archive, "--profile", "esm-only", "--no-color"]).catch(failWithOutput);
  });

  it("has a client that is small in a browser, and takes nothing of Node's", async () => {
    const entry = join(project, "node_modules", "sojourn", "dist", "client", "index.js");
    const bundle = await build({
      entryPoints: [entry],
      bundle: true,
      minify: true,
      format: "esm",
      platform: "browser",
      target: "es2022",
      write: false,
      logLevel: "silent",
    });
    const code = bundle.outputFiles[0]?.text ?? "";
    assert.ok(!/\bfrom ?"|\brequire\(|node:/.test(code), "imports nothing, and no module of Node's");
    const [gzip, brotli] = [gzipSync(code).length, brotliCompressSync(code).length];
    assert.ok(gzip <= CLIENT_BYTES_MAX, `${gzip} bytes by gzip, ${brotli} by brotli`);
  });

  it("serves", async () => {
    const bin = join(project, "node_modules", ".bin", isWindows ? "sojourn.cmd" : "sojourn");
    const { stdout } = await run(bin, ["--version"], { cwd: project, shell: isWindows });
    assert.equal(stdout.trim(), JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")).version);
  });
});

/** Opens a store, and says on which Node. */
const OPENS = `import { open } from "sojourn";
const sojourn = await open({ data: "./opened" });
console.log(process.version, (await sojourn.health()).status);
await sojourn.close();
`;

/** Asks for parts of the documentation. */
const DOCS = `import { openSite } from "./node_modules/sojourn/dist/docs-site/site.js";
const site = await openSite();
for (const url of ["/docs", "/docs/llms.txt", "/docs/assets/site.css"]) {
  console.log(url, (await site.answer({ url, model: async () => undefined })).status);
}
`;

/** Calls apps whose heavy libraries are not installed. */
const WITHOUT_PEERS = `import { app as inference } from "./node_modules/sojourn/dist/apps/ml-inference/app.js";
import { app as browser } from "./node_modules/sojourn/dist/apps/browser-automation/app.js";
const { signal } = new AbortController();
for (const [app, action, input] of [
  [inference, "load_model", { model: "digits" }],
  [browser, "start", { viewport: { width: 800, height: 600 }, timeout_seconds: 10 }],
]) {
  const state = await app.start({ setup: {}, signal });
  await app.actions[action].run({ state, input, setup: {}, session: {}, signal, taskId: "task_1" })
    .catch((error) => console.log(error.message));
}
`;

const isWindows = process.platform === "win32";

function failWithOutput(error: { readonly cmd: string; readonly stdout: string }): never {
  assert.fail(`${error.cmd}\n${error.stdout}`);
}
