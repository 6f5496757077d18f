import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { WAITING_MAX } from "../src/engine/run-slots.ts";
import { inferenceDialect } from "../src/http/dialects/inference/routes.ts";
import { Api } from "./api.ts";
import { startServer, type TestServer } from "./server.ts";
import { bearer, type NewKey } from "./site.ts";
import { until } from "./until.ts";
import { APPS } from "./workshop.ts";

interface Task {
  readonly id: string;
  readonly status: number;
  readonly status_text: string;
  readonly output: unknown;
  readonly logs: readonly { readonly content: string }[];
  readonly error?: string;
  readonly session_id: string;
}

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
}

const APP = "infsh/session-test";

describe("inference.sh's dialect", () => {
  let server: TestServer;
  let api: Api;
  before(async () => {
    server = await startServer({ apps: APPS, shutdown_timeout_seconds: "1" });
    api = new Api(server.url, new Set(), inferenceDialect);
  });
  after(() => server[Symbol.asyncDispose]());

  const run = (body: object, headers = {}) => api.post<Task>("/run", { app: APP, ...body }, headers);
  const slow = (action: string, body: object = {}) => run({ app: "test/slow", function: action, ...body });
  const begin = async (action: string, body: object = {}): Promise<Task> => {
    const wanted = { app: "test/slow", function: action, session: "new", ...body };
    return (await api.post<Task>("/apps/run", wanted)).data;
  };
  const refusal = async (body: object): Promise<Problem> => (await run(body)).body as Problem;
  const sessions = async (): Promise<string> => {
    const answer = await fetch(`${server.url}/api/v1/sessions?limit=1000`);
    const { data } = (await answer.json()) as { data: { sessions: { session_id: string }[] } };
    return data.sessions.map(({ session_id }) => session_id).join();
  };

  describe("an answer", () => {
    it("comes in the envelope, or bare for clients of the second generation", async () => {
      const { session_id } = (await run({ function: "get_all", session: "new" })).data;
      const wrapped = (await api.get(`/sessions/${session_id}`)).body as { data: object };
      assert.deepEqual({ ...wrapped, data: {} }, { success: true, status: 200, data: {}, messages: [] });
      const bare = (await api.get(`/sessions/${session_id}`, { "x-api-version": "2" })).body;
      assert.deepEqual(bare, wrapped.data);
    });

    it("of /apps/run does not wait, and that of /run does, unless the call says otherwise", async () => {
      const { session_id: session } = (await slow("echo", { session: "new" })).data;
      const call = { app: "test/slow", session };
      const statuses: number[] = [];
      for (const [path, more] of [
        ["/apps/run", {}],
        ["/apps/run", { wait: true }],
        ["/run", {}],
        ["/run", { wait: false }],
        ["/run?wait=false", {}],
        ["/v1/run", {}],
        ["//apps/run?wait=true", {}],
        ["/run/", {}],
      ] as const) {
        statuses.push((await api.post<Task>(path, { ...call, ...more })).data.status);
      }
      assert.deepEqual(
        statuses.map((status) => status === 10),
        [false, true, true, false, false, true, true, true],
      );
    });

    it("has what was asked of where no path, no method, no JSON and no room is", async () => {
      const big = JSON.stringify({ app: APP, input: "x".repeat(2_000_000) });
      for (const [method, path, body, status, code] of [
        ["GET", "/nothing", undefined, 404, "not_found"],
        ["DELETE", "/run", undefined, 405, "method_not_allowed"],
        ["POST", "/run", "{", 400, "invalid_request"],
        ["POST", "/run", big, 413, "payload_too_large"],
      ] as const) {
        const answer = await api.call(method, path, { ...(body && { body }) });
        assert.deepEqual([answer.status, answer.error.code], [status, code]);
        assert.equal((answer.body as { success: boolean }).success, false);
      }
    });
  });

  describe("a refused call", () => {
    const rows: readonly (readonly [string, object, number, string, RegExp])[] = [
      ["no app", { app: undefined }, 400, "invalid_request", /"app" is required/],
      ["an unknown app", { app: "no/app" }, 404, "not_found", /no\/app/],
      ["an unknown function", { function: "nothing" }, 400, "invalid_request", /"function" is "nothing", .*set_value/],
      ["one in the app's name", { app: `${APP}:nothing` }, 400, "invalid_request", /"app" is "nothing", .*set_value/],
      ["one in the input", { input: { action: "x" } }, 400, "invalid_request", /"input.action" is "x", .*set_value/],
      ["an input that does not fit", { function: "get_value", input: {} }, 400, "invalid_request", /input\.key/],
      ["a version of no digits", { app: `${APP}@latest` }, 400, "invalid_request", /"app"/],
      ["a version that is not here", { app: `${APP}@00000000` }, 404, "not_found", /version/i],
      ["an unknown id", { session: "sess_x" }, 404, "SESSION_NOT_FOUND", /^session not found: sess_x$/],
      ["no time", { session_timeout: 0 }, 400, "invalid_request", /session_timeout/],
      ["too much time", { session_timeout: 3_601 }, 400, "invalid_request", /session_timeout/],
      ["half a second", { session_timeout: 1.5 }, 400, "invalid_request", /session_timeout/],
      ["time as text", { session_timeout: "x" }, 400, "invalid_request", /session_timeout/],
      ["time without a session", { session: undefined, session_timeout: 5 }, 400, "invalid_request", /"new" alone/],
      ["a webhook", { webhook: "http://127.0.0.1/" }, 400, "invalid_request", /webhook/],
      ["a later time", { run_at: "2999-01-01T00:00:00Z" }, 400, "invalid_request", /"run_at" must not lie/],
      ["no time to run at", { run_at: "x" }, 400, "invalid_request", /"run_at" must be a time in ISO 8601/],
    ];
    for (const [what, body, status, code, detail] of rows) {
      it(`with ${what} is ${status} ${code}, and leaves no session`, async () => {
        const before = await sessions();
        const problem = await refusal({ session: "new", ...body });
        assert.deepEqual([problem.status, problem.code], [status, code], problem.detail);
        assert.match(problem.detail, detail);
        assert.equal(await sessions(), before);
      });
    }

    it("with the session of another app is APP_MISMATCH, and of another version VERSION_MISMATCH", async () => {
      const { session_id: session } = (await run({ function: "get_all", session: "new" })).data;
      const other = await refusal({ app: "my-app", session });
      assert.deepEqual([other.status, other.code], [400, "APP_MISMATCH"]);
      assert.match(other.detail, /session/);
      const version = await refusal({ app: `${APP}@00000000`, session });
      assert.deepEqual([version.status, version.code], [400, "VERSION_MISMATCH"]);
      assert.match(version.detail, /session/i);
    });

    it("with a time for a session that is there is refused", async () => {
      const { session_id: session } = (await run({ function: "get_all", session: "new" })).data;
      assert.equal((await refusal({ session, session_timeout: 5 })).code, "invalid_request");
    });

    it("in a session that has ended is 410, and may end it again", async () => {
      const { session_id: session } = (await run({ function: "get_all", session: "new" })).data;
      for (const _ of [1, 2]) assert.equal((await api.call("DELETE", `/sessions/${session}`)).status, 204);
      const { status, code, detail } = await refusal({ session });
      assert.deepEqual([status, code], [410, "SESSION_ENDED"]);
      assert.equal(detail, `session ended: ${session} (session not found)`);
      assert.equal((await api.post(`/sessions/${session}/keepalive`)).status, 410);
    });

    it("in a session that was made elsewhere is none", async () => {
      const made = await fetch(`${server.url}/api/v1/sessions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ session_id: "from-elsewhere" }),
      });
      assert.equal(made.status, 201);
      assert.equal((await run({ function: "get_all", session: "from-elsewhere" })).data.session_id, "from-elsewhere");
    });
  });

  it("says that the queue is full without a word that lets clients begin a session anew", async () => {
    await using other = await startServer({ apps: APPS, shutdown_timeout_seconds: "1" });
    const theirs = new Api(other.url, new Set(), inferenceDialect);
    const { session_id: session } = (await theirs.post<Task>("/run", { app: "test/slow", session: "new" })).data;
    const wait = { app: "test/slow", function: "wait", session };
    const answers = await Promise.all(
      Array.from({ length: WAITING_MAX + 2 }, () => theirs.post<Task>("/apps/run", wait)),
    );
    const refused = answers.filter(({ status }) => status !== 200).map(({ body }) => body as Problem);
    assert.deepEqual(
      refused.map(({ status, code, detail }) => [status, code, /session/i.test(detail)]),
      [[429, "rate_limited", false]],
    );
  });

  describe("a worker that dies", () => {
    it("fails its task, and then, where the app can't come back, the next call", async () => {
      const { session_id: session } = (await slow("echo", { session: "new" })).data;
      const { status, error } = (await slow("die", { session })).data;
      assert.equal(status, 11);
      assert.match(error ?? "", new RegExp(`^worker lost for session: ${session}`));
      const next = await refusal({ app: "test/slow", session });
      assert.deepEqual([next.status, next.code], [500, "WORKER_LOST"]);
      assert.ok(next.detail.startsWith(`worker lost for session: ${session}`));
      assert.ok(next.detail.endsWith("begin a new session)"), next.detail);
    });
  });

  describe("a stream", () => {
    const lines = async (id: string): Promise<readonly Task[]> =>
      (await api.get(`/tasks/${id}/stream`)).lines as readonly Task[];

    it("has the whole task in each line, and says how it ended, however late one comes", async () => {
      const { id } = await begin("count", { input: { to: 4, every_ms: 80 } });
      const told = await lines(id);
      assert.equal(told.at(-1)?.status, 10);
      assert.deepEqual(told.at(-1)?.output, { counted: 4 });
      assert.ok(told.length > 1 && told.slice(0, -1).every(({ status }) => status < 10));
      const again = await lines(id);
      assert.deepEqual(
        again.map(({ status, output, logs }) => [status, output, logs.map(({ content }) => content)]),
        [[10, { counted: 4 }, ["at 1", "at 2", "at 3", "at 4"]]],
      );
    });

    it("sends no more than about a megabyte each second, and the end at once", async () => {
      const { id } = await begin("count", { input: { to: 40, every_ms: 5, pad: 400_000 } });
      const { bytes } = await api.get(`/tasks/${id}/stream`);
      // All parts together are sixteen.
      assert.ok(bytes.length < 8_000_000, `${bytes.length}`);
    });

    it("tells of a canceled task that it stops, and that it has", async () => {
      const { session_id: session } = (await slow("echo", { session: "new" })).data;
      const { id } = await begin("wait", { session });
      const told = lines(id);
      await until("it waits", async () => (await api.get<Task>(`/tasks/${id}`)).data.logs.length > 0);
      const asked = (await api.post<object>(`/tasks/${id}/cancel`)).data;
      assert.deepEqual(asked, { id, status: 8, cancelled: true });
      const seen = (await told).map(({ status_text }) => status_text);
      assert.deepEqual(seen.slice(-2), ["cancelling", "cancelled"]);
      assert.deepEqual((await api.post<object>(`/tasks/${id}/cancel`)).data, { id, status: 12, cancelled: true });
      const over = (await slow("echo", { session })).data.id;
      const late = (await api.post<object>(`/tasks/${over}/cancel`)).data;
      assert.deepEqual(late, { id: over, status: 10, cancelled: false });
    });

    it("ends with a failure where the server stops, and so does a call that waits", async () => {
      await using other = await startServer({ apps: APPS, shutdown_timeout_seconds: "4" });
      const theirs = new Api(other.url, new Set(), inferenceDialect);
      const { session_id: session } = (await theirs.post<Task>("/run", { app: "test/slow", session: "new" })).data;
      const body = { app: "test/slow", function: "wait", session };
      const { id } = (await theirs.post<Task>("/apps/run", body)).data;
      const waiting = (await theirs.post<Task>("/apps/run", body)).data;
      const told = [id, waiting.id].map(async (one) => (await theirs.get(`/tasks/${one}/stream`)).lines as Task[]);
      await until("it waits", async () => (await theirs.get<Task>(`/tasks/${id}`)).data.logs.length > 0);
      await other.stop();
      const [running, queued] = await Promise.all(told);
      assert.deepEqual([running?.at(-1)?.status, queued?.at(-1)?.status], [11, 11]);
      assert.match(running?.at(-1)?.error ?? "", /^worker lost for session/);
      assert.match(queued?.at(-1)?.error ?? "", /stopped/);
    });

    it("of no task is 404", async () => {
      assert.equal((await api.get("/tasks/task_x/stream")).status, 404);
    });
  });

  describe("tasks", () => {
    it("are listed page by page, and have their logs", async () => {
      const { id, session_id: session } = (await slow("count", { input: { to: 2 }, session: "new" })).data;
      await slow("echo", { session });
      const first = (await api.post<Page>("/tasks/list", { limit: 1 })).data;
      assert.deepEqual([first.items.length, first.has_next], [1, true]);
      const second = (await api.post<Page>("/tasks/list", { limit: 1, cursor: first.next_cursor })).data;
      assert.deepEqual([first, second].map(({ items }) => items[0]?.id).at(1), id);
      assert.equal((await api.post("/tasks/list", { cursor: "x" })).status, 400);
      const { logs } = (await api.get<Task>(`/tasks/${id}/logs`)).data;
      assert.deepEqual(
        logs.map(({ content }) => content),
        ["at 1", "at 2"],
      );
    });
  });

  describe("the address of a file", () => {
    interface File {
      readonly id: string;
      readonly uri: string;
      readonly upload_url: string;
    }
    it("opens that file alone, and each address what it is for", async () => {
      const files = (await api.post<File[]>("/files", { files: [{ filename: "a" }, { filename: "b" }] })).data;
      const [a, b] = [files[0] ?? assert.fail(), files[1] ?? assert.fail()];
      const put = async (url: string): Promise<number> => (await fetch(url, { method: "PUT", body: "hello" })).status;
      const token = (url: string): string => new URL(url).search;
      assert.equal(await put(a.upload_url), 204);
      assert.equal(await put(a.upload_url), 204);
      assert.equal(await (await fetch(a.uri)).text(), "hello");
      assert.equal(await (await fetch(b.uri)).text(), "");
      assert.equal(await put(b.upload_url.replace(token(b.upload_url), token(a.upload_url))), 403);
      assert.equal(await put(a.upload_url.replace(token(a.upload_url), token(a.uri))), 403);
      assert.equal((await fetch(a.uri.replace(token(a.uri), token(a.upload_url)))).status, 403);
      assert.equal((await fetch(a.uri.replace(/\?.*/, ""))).status, 400);
    });

    it("takes as many bytes as was said, and no others", async () => {
      const [file] = (await api.post<File[]>("/files", { files: [{ size: 5 }] })).data;
      const put = async (body: string): Promise<readonly unknown[]> => {
        const answer = await fetch(file?.upload_url ?? "", { method: "PUT", body });
        return [answer.status, answer.status === 204 ? "" : ((await answer.json()) as Problem).detail];
      };
      const refusal = 'Validation failed: "size" was said to be 5 bytes, and';
      assert.deepEqual(await put("hell"), [400, `${refusal} 4 came`]);
      assert.deepEqual(await put(""), [400, `${refusal} 0 came`]);
      assert.deepEqual(await put("hello!"), [400, `${refusal} more came`]);
      assert.equal(await (await fetch(file?.uri ?? "")).text(), "");
      assert.deepEqual(await put("hello"), [204, ""]);
      assert.equal((await api.post("/files", { files: [{ size: -1 }] })).status, 400);
    });

    it("is where the client reaches the server, by what its proxy says", async () => {
      await using other = await startServer();
      const theirs = new Api(other.url, new Set(), inferenceDialect);
      const { key } = (await new Api(other.url).post<NewKey>("/keys")).data;
      const headers = { ...bearer(key), "x-forwarded-proto": "https", "x-forwarded-host": "files.example" };
      const [file] = (await theirs.post<File[]>("/files", { files: [{}] }, headers)).data;
      assert.match(file?.upload_url ?? "", /^https:\/\/files\.example\/inference\/files\/file_/);
    });
  });

  it("tells what is left of a rate limit in its own headers, too", async () => {
    await using other = await startServer({ rate_limit_reads: "1" });
    const theirs = new Api(other.url, new Set(), inferenceDialect);
    const { key } = (await new Api(other.url).post<NewKey>("/keys")).data;
    for (const status of [200, 429]) {
      const answer = await theirs.get("/sessions", bearer(key));
      assert.equal(answer.status, status);
      assert.equal(answer.headers.get("x-ratelimit-remaining"), "0");
      const resetS = Number(answer.headers.get("x-ratelimit-reset"));
      assert.ok(resetS > Date.now() / 1_000 && resetS < Date.now() / 1_000 + 62);
    }
  });
});

interface Page {
  readonly items: readonly Task[];
  readonly has_next: boolean;
  readonly next_cursor: string;
}
