import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startServer, type TestServer } from "./server.ts";

// The session calls of ATLUS's "Session API Guide", field by field. What it shows must be there exactly so; fields that
// it does not show may be there too. Its chat is in seed-chat.test.ts.

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;
const CURL = { Accept: "*/*", "User-Agent": "curl/8.5.0" };
const PYTHON = {
  Accept: "*/*",
  "Accept-Encoding": "gzip, deflate",
  "User-Agent": "python-requests/2.32.3",
  Connection: "keep-alive",
};

interface Guide {
  readonly success: boolean;
  readonly message?: string;
  readonly session_id?: string;
  readonly timestamp: string;
  readonly data: {
    readonly session_id: string;
    readonly user_id: string;
    readonly created_at: string;
    readonly last_activity: string;
    readonly is_active: boolean;
    readonly metadata: object;
  };
  readonly error: { readonly code: string; readonly message: string };
}

describe("the session API guide of ATLUS", () => {
  let server: TestServer;
  let base = "";
  before(async () => {
    server = await startServer();
    base = `${server.url}/api/v1`;
  });
  after(() => server[Symbol.asyncDispose]());

  async function send(method: string, path: string, init: RequestInit = {}): Promise<{ status: number; json: Guide }> {
    const response = await fetch(base + path, { method, ...init });
    assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
    return { status: response.status, json: (await response.json()) as Guide };
  }

  async function create(body: string): Promise<Guide> {
    const { status, json } = await send("POST", "/sessions", {
      headers: { ...CURL, "Content-Type": "application/json" },
      body,
    });
    assert.equal(status, 201, JSON.stringify(json));
    return json;
  }

  describe("create session", () => {
    it("answers 201 with the guide's fields to the guide's curl", async () => {
      // As the shell hands the example's multi-line body to curl.
      const { success, data, timestamp } = await create(
        '{\n    "user_id": "user_123",\n    "metadata": {"source": "web"}\n  }',
      );
      assert.equal(success, true);
      assert.match(data.session_id, /^session_[0-9a-f]{16}$/);
      assert.equal(data.user_id, "user_123");
      assert.deepEqual(data.metadata, { source: "web" });
      assert.match(data.created_at, ISO);
      assert.match(timestamp, ISO);
    });

    it("keeps the metadata of the guide's request word for word", async () => {
      const metadata = { source: "web", client_version: "1.0.0" };
      const { data } = await create(JSON.stringify({ user_id: "user_123", metadata }));
      assert.deepEqual(data.metadata, metadata);
    });

    it("takes default_user and no metadata where the body leaves them out", async () => {
      const { data } = await create("{}");
      assert.equal(data.user_id, "default_user");
      assert.deepEqual(data.metadata, {});
    });

    it("makes a new id each time", async () => {
      const made = await Promise.all(Array.from({ length: 50 }, () => create("{}")));
      assert.equal(new Set(made.map(({ data }) => data.session_id)).size, 50);
    });
  });

  describe("get session info", () => {
    it("answers 200 with the guide's fields to the guide's curl", async () => {
      const made = await create('{"user_id": "user_123", "metadata": {"source": "web"}}');
      const { status, json } = await send("GET", `/sessions/${made.data.session_id}`, { headers: CURL });
      assert.equal(status, 200);
      assert.equal(json.success, true);
      assert.match(json.timestamp, ISO);
      const { session_id, user_id, created_at, last_activity, is_active, metadata } = json.data;
      assert.equal(session_id, made.data.session_id);
      assert.equal(user_id, "user_123");
      assert.equal(created_at, made.data.created_at);
      assert.match(last_activity, ISO);
      assert.equal(is_active, true);
      assert.deepEqual(metadata, { source: "web" });
    });
  });

  describe("delete session", () => {
    it("answers 200 with the guide's fields at the top, and the session is gone", async () => {
      const { data } = await create("{}");
      const { status, json } = await send("DELETE", `/sessions/${data.session_id}`, { headers: CURL });
      assert.equal(status, 200);
      const { timestamp, ...rest } = json;
      assert.deepEqual(rest, { success: true, message: "Session deleted successfully", session_id: data.session_id });
      assert.match(timestamp, ISO);
      assert.equal((await send("GET", `/sessions/${data.session_id}`)).status, 404);
      assert.equal((await send("DELETE", `/sessions/${data.session_id}`)).status, 404);
    });
  });

  describe("errors", () => {
    for (const method of ["GET", "DELETE"]) {
      it(`answers ${method} of an unknown session with the guide's code and message`, async () => {
        const { status, json } = await send(method, "/sessions/session_xxx");
        assert.equal(status, 404);
        assert.equal(json.success, false);
        assert.equal(json.error.code, "SESSION_NOT_FOUND");
        assert.equal(json.error.message, "Session session_xxx not found");
        assert.match(json.timestamp, ISO);
      });
    }
  });

  it("serves the session calls of the guide's Python client", async () => {
    const headers = { ...PYTHON, "Content-Type": "application/json" };
    const body = '{"user_id": "user_123", "metadata": {"source": "python_client"}}';
    const created = await send("POST", "/sessions", { headers, body });
    assert.equal(created.status, 201);
    const { session_id } = created.json.data;
    const info = await send("GET", `/sessions/${session_id}`, { headers: PYTHON });
    assert.deepEqual(info.json.data.metadata, { source: "python_client" });
    // `requests` sends a DELETE with this header and nothing after it.
    const gone = await send("DELETE", `/sessions/${session_id}`, { headers: { ...PYTHON, "Content-Length": "0" } });
    assert.equal(gone.json.message, "Session deleted successfully");
  });
});
