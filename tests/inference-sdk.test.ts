import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Inference } from "@inferencesh/sdk";
import { build } from "esbuild-wasm";
import { startServer, type TestServer } from "./server.ts";
import { until } from "./until.ts";
import { APPS } from "./workshop.ts";

type Sdk = typeof import("@inferencesh/sdk");

const { server, client, sdk } = withSdk();

const APP = "infsh/session-test";

/** What the tests look at of a task; the client's own types are lost to Node's resolution of modules. */
interface Seen {
  readonly id: string;
  readonly status: number;
  readonly app_id: string;
  readonly input: object;
  readonly logs: readonly { readonly content: string }[];
}

for (const stream of [true, false]) {
  describe(`@inferencesh/sdk, ${stream ? "streaming" : "polling"}`, () => {
    const own = () => client({ stream });

    it("keeps the state of a session from call to call", async () => {
      const first = await own().run({
        app: APP,
        function: "set_value",
        input: { key: "a", value: 1 },
        session: "new",
        session_timeout: 300,
      });
      assert.equal(first.status, 10);
      assert.deepEqual(first.output, { success: true, key: "a", value: 1 });
      assert.match(first.session_id ?? "", /^sess_[0-9a-f]{16}$/);
      const second = await own().run({
        app: `${APP}:increment`,
        input: { key: "a", amount: 4 },
        session: first.session_id ?? "",
      });
      assert.deepEqual(second.output, { key: "a", previous: 1, current: 5 });
      assert.equal(second.session_id, first.session_id);
    });

    it("calls without a session", async () => {
      const { output, session_id } = await own().run({ app: APP, function: "get_all", input: {} });
      assert.deepEqual(output, { state: {}, call_count: 1 });
      assert.equal(session_id, undefined);
    });

    it("sees what a task tells, whole each time", async () => {
      const updates: Seen[] = [];
      const { output } = await own().run(
        { app: "test/slow", function: "count", input: { to: 5, every_ms: 60 } },
        { onUpdate: (update: Seen) => updates.push(update) },
      );
      assert.deepEqual(output, { counted: 5 });
      assert.equal(updates.at(-1)?.status, 10);
      assert.deepEqual(
        updates.at(-1)?.logs.map(({ content }) => content),
        ["at 1", "at 2", "at 3", "at 4", "at 5"],
      );
      for (const { app_id, input } of updates.filter(() => stream)) {
        assert.deepEqual([app_id, input], ["test/slow", { to: 5, every_ms: 60 }]);
      }
    });

    it("rejects with the app's own error", async () => {
      await assert.rejects(own().run({ app: "test/slow", function: "fail", input: {} }), { message: "it broke" });
    });

    it("rejects what is refused, with status and text", async () => {
      const run = (params: object) => own().run({ app: APP, input: {}, ...params });
      await assert.rejects(run({ session: "sess_nobody" }), {
        name: "InferenceError",
        statusCode: 404,
        message: "HTTP 404: session not found: sess_nobody",
      });
      await assert.rejects(run({ app: "no/app" }), { statusCode: 404 });
      await assert.rejects(run({ session: "new", session_timeout: 3_601 }), {
        statusCode: 400,
        message: /session_timeout/,
      });
    });

    it("rejects a task that is canceled, and uses its session on", async () => {
      const { session_id: session = "" } = await own().run({ app: "test/slow", input: {}, session: "new" });
      const begun = await own().run({ app: "test/slow", function: "wait", input: {}, session }, { wait: false });
      const outcome = assert.rejects(own().tasks.watch(begun, { stream }).done, {
        message: "task cancelled",
      });
      await until("it waits", async () => (await own().getTask(begun.id)).data.logs.length > 0);
      await own().cancel(begun.id);
      await outcome;
      assert.equal((await own().getTask(begun.id)).data.status, 12);
      const { output } = await own().run({ app: "test/slow", function: "echo", input: {}, session });
      assert.deepEqual(output, { calls: 2 });
    });

    it("rejects, and does not hang, when the server stops in the middle", { timeout: 60_000 }, async () => {
      await using other = await startServer({ apps: APPS, shutdown_timeout_seconds: "1" });
      const theirs = clientOf(sdk(), other.url, { stream });
      const { session_id: session = "" } = await theirs.run({ app: "test/slow", input: {}, session: "new" });
      const outcome = assert.rejects(theirs.run({ app: "test/slow", function: "wait", input: {}, session }));
      await until("it runs", async () => (await theirs.sessions.get(session)).data.expires_at === undefined);
      await other.stop();
      await outcome;
    });
  });
}

describe("@inferencesh/sdk", () => {
  it("lists, shows, keeps alive and ends sessions", async () => {
    const { session_id: id = "" } = await client().run({ app: APP, function: "get_all", input: {}, session: "new" });
    const { sessions } = client();
    const listed = (await sessions.list()).data;
    assert.ok(Array.isArray(listed));
    assert.ok(listed.some((session: Seen) => session.id === id));
    const { data: shown } = await sessions.get(id);
    assert.deepEqual([shown.status, shown.app_id, shown.call_count, shown.idle_timeout], ["active", APP, 1, 60]);
    const kept = (await sessions.keepalive(id)).data;
    assert.ok(Date.parse(kept.expires_at) > Date.parse(shown.expires_at));
    assert.equal((await sessions.end(id)).data, undefined);
    assert.ok(!(await sessions.list()).data.some((session: Seen) => session.id === id));
    assert.equal((await sessions.get(id)).data.status, "ended");
    await assert.rejects(client().run({ app: APP, input: {}, session: id }), {
      statusCode: 410,
      message: `HTTP 410: session ended: ${id} (session not found)`,
    });
  });

  it("follows a task by server-sent events", async () => {
    const task = await client().run({ app: APP, function: "get_all", input: {} }, { wait: false });
    const source = await client().streamTask(task.id);
    assert.ok(source);
    try {
      await new Promise<void>((resolve, reject) => {
        source.onmessage = ({ data }: { readonly data: string }) => {
          if (JSON.parse(data).status === 10) resolve();
        };
        source.onerror = reject;
      });
    } finally {
      source.close();
    }
  });

  it("begins a task without its end, and takes a missing input", async () => {
    const task = await client().tasks.run({ app: APP, function: "get_all" } as never, undefined, { wait: false });
    assert.ok([2, 7].includes(task.status));
    await until("it is done", async () => (await client().getTask(task.id)).data.status === 10);
  });

  it("sends files in its input, which are then an address to read them from", async () => {
    const texts = { uri: "data:text/plain;base64,aGVsbG8=", hex: "0123456789abcdef".repeat(4) };
    const { session_id: session = "" } = await client().run({
      app: APP,
      function: "set_value",
      input: { key: "file", value: texts.uri },
      session: "new",
    });
    const { output } = await client().run({ app: APP, function: "get_value", input: { key: "file" }, session });
    const file = await fetch(output.value);
    assert.deepEqual([file.headers.get("content-type"), await file.text()], ["text/plain", "hello"]);
    const set = await client().run({
      app: APP,
      function: "set_value",
      input: { key: "hex", value: texts.hex },
      session,
    });
    assert.equal(Buffer.from(await (await fetch(set.output.value)).arrayBuffer()).toString("base64"), texts.hex);
  });

  it("uploads, shows, lists and deletes files", async () => {
    const { files } = client();
    const made = await files.upload(new Blob(["a,b\n1,2\n"], { type: "text/csv" }), { filename: "a.csv", path: "in" });
    const { data: shown } = await files.get(made.id);
    assert.deepEqual(
      [shown.filename, shown.content_type, shown.size, shown.path, shown.uri],
      ["a.csv", "text/csv", 8, "in", made.uri],
    );
    assert.equal(shown.upload_url, "");
    assert.ok((await files.list({})).data.items.some(({ id }: Seen) => id === made.id));
    await files.delete(made.id);
    await assert.rejects(files.get(made.id), { statusCode: 404 });
    assert.equal((await fetch(made.uri)).status, 403);
  });

  it("reaches the same server with a slash at the end of its base", async () => {
    const own = client({ baseUrl: `${server().url}/inference/` });
    assert.deepEqual((await own.run({ app: APP, function: "get_all", input: {} })).output, {
      state: {},
      call_count: 1,
    });
  });
});

/** How a test reaches its server by inference.sh's own client. */
interface WithSdk {
  readonly server: () => TestServer;
  readonly client: (options?: object) => Inference;
  readonly sdk: () => Sdk;
}

/** A server for all tests of a file, with the apps of tests, and inference.sh's own client, bundled as it is. */
function withSdk(): WithSdk {
  let directory = "";
  let server: TestServer | undefined;
  let sdk: Sdk | undefined;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sojourn-sdk-"));
    sdk = await bundled(directory);
    server = await startServer({ apps: APPS, shutdown_timeout_seconds: "1" });
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });
  const there = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error("It is there once the tests run");
    return value;
  };
  return {
    server: () => there(server),
    sdk: () => there(sdk),
    client: (options = {}) => clientOf(there(sdk), there(server).url, options),
  };
}

/** A client of a server. */
function clientOf(sdk: Sdk, url: string, options: object = {}): Inference {
  const config = { apiKey: "inf_any", baseUrl: `${url}/inference`, pollIntervalMs: 20, ...options };
  return sdk.createClient(config);
}

/** The client as a bundler makes it: Node alone can't import it, since its imports have no extensions. */
async function bundled(directory: string): Promise<Sdk> {
  const outfile = join(directory, "sdk.mjs");
  await build({
    entryPoints: [fileURLToPath(import.meta.resolve("@inferencesh/sdk"))],
    bundle: true,
    platform: "node",
    format: "esm",
    outfile,
    logLevel: "silent",
  });
  // NOTE: it is the same module, in one file.
  return (await import(outfile)) as Sdk;
}
