import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startServer, type TestServer } from "./server.ts";
import { APPS } from "./workshop.ts";

/** A task as clients of the first generation read it. */
interface Task {
  readonly id: string;
  readonly status: number;
  readonly output: Record<string, unknown>;
  readonly error?: string;
  readonly session_id?: string;
}

/** What the Python client raises: the status, and what it finds in the body of a refusal. */
class ApiError extends Error {}

/**
 * Speaks as inference.sh's Python client does: no version header, an envelope whose `success` and `data` it looks for, and a
 * stream of lines that it reads up to one that says how the task ended.
 */
class PythonClient {
  readonly #url: string;

  constructor(url: string) {
    this.#url = `${url}/inference`;
  }

  async run(params: object): Promise<Task> {
    const begun = await this.#call<Task>("POST", "/apps/run", params);
    // It asks for the task once more before it follows it.
    await this.#call("GET", `/tasks/${begun.id}`);
    const task = await this.#followed(begun.id);
    if (task.status === 11) throw new Error(task.error ?? "task failed");
    if (task.status === 12) throw new Error("task cancelled");
    return task;
  }

  async #call<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(this.#url + path, {
      method,
      headers: { "content-type": "application/json", authorization: "Bearer inf_any" },
      ...(body && { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as { success?: boolean; data: T; error?: { message: string } };
    if (!response.ok) throw new ApiError(`HTTP ${response.status}: ${answer.error?.message}`);
    assert.equal(answer.success, true, "the client raises what has no success");
    return answer.data;
  }

  async #followed(id: string): Promise<Task> {
    const response = await fetch(`${this.#url}/tasks/${id}/stream`, { headers: { accept: "application/x-ndjson" } });
    const lines = (await response.text()).split("\n").filter((line) => line !== "");
    const tasks = lines.map((line) => JSON.parse(line) as Task & { type?: string; data?: unknown });
    for (const { type, data, id: its, session_id, status } of tasks.filter((one) => one.type !== "heartbeat")) {
      assert.deepEqual([type, data, its], [undefined, undefined, id]);
      assert.ok(session_id, "it would lose a session that the last line does not have");
      assert.equal(typeof status, "number");
    }
    const last = tasks.at(-1);
    if (last !== undefined && [10, 11, 12].includes(last.status)) return last;
    throw new Error("Stream ended without completion");
  }
}

/** The pattern that the guide to sessions gives: another session where one is not found any more. */
class SessionManager {
  readonly #client: PythonClient;
  readonly #app: string;
  readonly #timeout: number;
  sessionId: string | undefined;

  constructor(client: PythonClient, app: string, timeout: number) {
    this.#client = client;
    this.#app = app;
    this.#timeout = timeout;
  }

  async #ensured(): Promise<string> {
    const input = { action: "init" };
    const wanted = { app: this.#app, input, session: "new", session_timeout: this.#timeout };
    this.sessionId ??= (await this.#client.run(wanted)).session_id;
    return this.sessionId ?? "";
  }

  async run(input: object): Promise<Task> {
    try {
      return await this.#client.run({ app: this.#app, input, session: await this.#ensured() });
    } catch (error) {
      if (!String(error).toLowerCase().includes("session")) throw error;
      this.sessionId = undefined;
      return await this.#client.run({ app: this.#app, input, session: await this.#ensured() });
    }
  }
}

describe("the guide to sessions of inference.sh, over the wire of its Python client", () => {
  let server: TestServer;
  let client: PythonClient;
  before(async () => {
    server = await startServer({ apps: APPS });
    client = new PythonClient(server.url);
  });
  after(() => server[Symbol.asyncDispose]());

  it("creates a session, uses it, checks on it, closes it, and is told that it is gone", async () => {
    const first = await client.run({ app: "my-app", input: { action: "initialize" }, session: "new" });
    const session = first.session_id;
    assert.match(session ?? "", /^sess_[0-9a-f]{16}$/);
    const second = await client.run({ app: "my-app", input: { action: "process", data: "..." }, session });
    assert.equal(second.session_id, session);
    const checked = await client.run({ app: "my-app", input: { action: "check" }, session });
    assert.equal(checked.output["processed"], 1);
    await client.run({ app: "my-app", input: { action: "cleanup" }, session });
    const gone = client.run({ app: "my-app", input: { action: "check" }, session });
    await assert.rejects(gone, (error: Error) => error.message.toLowerCase().includes("session not found"));
  });

  it("sets how long an idle session stays", async () => {
    const params = { app: "my-app", input: { action: "init" }, session: "new", session_timeout: 300 };
    const { session_id: id } = await client.run(params);
    const answer = await fetch(`${server.url}/inference/sessions/${id}`);
    const { data } = (await answer.json()) as { data: { idle_timeout: number } };
    assert.equal(data.idle_timeout, 300);
  });

  it("remembers a conversation", async () => {
    const system = "You are a helpful assistant.";
    const begun = await client.run({
      app: "chat-with-memory",
      input: { action: "init", system },
      session: "new",
      session_timeout: 1_800,
    });
    const messages = [
      "What is quantum computing?",
      "Can you give me a simple example?",
      "How is it different from classical computing?",
    ];
    for (const message of messages) {
      const { output } = await client.run({ app: "chat-with-memory", input: { message }, session: begun.session_id });
      assert.equal(typeof output["response"], "string");
    }
  });

  it("begins another session where the one before is gone", async () => {
    const manager = new SessionManager(client, "my-app", 600);
    await manager.run({ action: "process", data: "..." });
    const first = manager.sessionId;
    await client.run({ app: "my-app", input: { action: "cleanup" }, session: first });
    const { output, session_id } = await manager.run({ action: "process", data: "..." });
    assert.equal(output["number"], 1);
    assert.notEqual(session_id, first);
  });

  it("runs ten calls at once one after the other, in the order in which they came", async () => {
    const begun = await client.run({ app: "my-app", input: { action: "init" }, session: "new", session_timeout: 300 });
    const calls = Array.from({ length: 10 }, (_, id) =>
      client.run({ app: "my-app", input: { action: "process", id }, session: begun.session_id }),
    );
    const numbers = (await Promise.all(calls)).map(({ output }) => [output["id"], output["number"]] as const);
    assert.deepEqual(numbers.map(([, number]) => number).toSorted(byNumber), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("never lets two calls of one session overlap", async () => {
    const call = (id: number, session: string | undefined): Promise<Task> =>
      client.run({ app: "test/slow", function: "overlap", input: { id }, session });
    const first = await call(0, "new");
    const done = await Promise.all(Array.from({ length: 5 }, (_, i) => call(i + 1, first.session_id)));
    const spans = done.map(({ output }) => [Number(output["from"]), Number(output["to"])] as const);
    const inOrder = spans.toSorted(([a], [b]) => a - b);
    for (const [i, [from]] of inOrder.entries()) assert.ok(i === 0 || from >= (inOrder[i - 1]?.[1] ?? 0));
  });

  it("tells what an app refuses by the name of the field", async () => {
    const params = { app: "infsh/session-test", function: "set_value", input: {}, session: "new" };
    await assert.rejects(client.run(params), { message: /^HTTP 400: .*input\.key/ });
  });

  it("opens a session as its context manager does, with a function that every app of theirs has", async () => {
    for (const app of ["infsh/session-test", "my-app"]) {
      const begun = await client.run({ app, function: "run", input: {}, session: "new" });
      assert.equal(begun.status, 10, app);
    }
  });
});

function byNumber(a: unknown, b: unknown): number {
  return Number(a) - Number(b);
}
