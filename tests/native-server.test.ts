import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { inferenceDialect } from "../src/http/dialects/inference/routes.ts";
import { nativeDialect } from "../src/http/dialects/native/routes.ts";
import { VERSION } from "../src/platform/version.ts";
import { probeSandbox } from "../src/workers/sandbox.ts";
import { Api } from "./api.ts";
import { startServer } from "./server.ts";
import { serverOfSuite } from "./suite.ts";
import { until } from "./until.ts";

interface OpenApi {
  readonly openapi: string;
  readonly paths: Record<
    string,
    Record<string, { operationId: string; responses: Record<string, object>; requestBody?: object }>
  >;
  readonly components: object;
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

describe("the server", async () => {
  const { server, api } = await serverOfSuite();

  async function get(path: string): Promise<Record<string, unknown>> {
    const response = await fetch(server.url + path);
    assert.equal(response.status, 200, path);
    assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
    return (await response.json()) as Record<string, unknown>;
  }

  it("says that it is well", async () => {
    const { timestamp, ...health } = await get("/api/v1/health");
    assert.deepEqual(health, {
      status: "healthy",
      service: "sojourn",
      version: VERSION,
      model: "built-in",
      is_language_model: false,
      sandbox: probeSandbox().level,
    });
    assert.ok(Math.abs(Date.parse(String(timestamp)) - Date.now()) < 60_000);
    assert.deepEqual(await get("/healthz"), { status: "ok" });
    assert.deepEqual(await get("/readyz"), { status: "ready" });
  });

  const places = [
    { path: "/", dialects: [nativeDialect, inferenceDialect], openapi: "/openapi.json" },
    { path: "/api/v1/docs", dialects: [nativeDialect], openapi: "/openapi.json" },
    { path: "/inference/docs", dialects: [inferenceDialect], openapi: "/inference/openapi.json" },
  ];
  for (const { path, dialects, openapi } of places) {
    it(`lists every route at ${path}`, async () => {
      const { endpoints, ...rest } = await get(path);
      assert.deepEqual(rest, { service: "sojourn", version: VERSION, status: "running", openapi });
      const listed = (endpoints as { method: string; path: string }[]).map(({ method, path }) => `${method} ${path}`);
      const routes = dialects.flatMap(({ base, routes }) =>
        routes.map(({ method, path }) => `${method} ${base}${path}`),
      );
      assert.deepEqual(listed.slice(0, routes.length), routes);
      // Those of apps, as far as apps were found by then.
      const others = listed.slice(routes.length);
      assert.ok(others.length === 0 || (path === "/" && others.includes("POST /v1/pizza/bake")), others.join());
    });
  }

  it("describes inference.sh's dialect in a valid document of its own", async () => {
    const document = await get("/inference/openapi.json");
    const { valid, errors } = await new Validator().validate(document as Record<string, unknown>);
    assert.ok(valid, JSON.stringify(errors));
    const described = Object.entries((document as unknown as OpenApi).paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const routes = inferenceDialect.routes.map(({ method, path }) => `${method} /inference${path}`);
    assert.deepEqual(described.toSorted(), routes.toSorted());
  });

  it("describes every route in a valid OpenAPI document, open to fields that a later release adds", async () => {
    const text = JSON.stringify(await get("/openapi.json"));
    const { valid, errors } = await new Validator().validate(JSON.parse(text));
    assert.ok(valid, JSON.stringify(errors));
    const document = JSON.parse(text) as OpenApi;
    assert.match(document.openapi, /^3\.1\.\d$/);
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId, responses, requestBody }]) => {
        assert.ok(Object.keys(responses).some((status) => status.startsWith("2")) && responses["400"] !== undefined);
        assert.doesNotMatch(JSON.stringify(responses), /"additionalProperties":false/);
        // Working memory is whatever its owner makes of it.
        const isJson = JSON.stringify(requestBody ?? {}).includes('"application/json"');
        if (isJson && !path.endsWith("/working-memory"))
          assert.match(JSON.stringify(requestBody), /"additionalProperties":false/);
        return `${method.toUpperCase()} ${path} ${operationId}`;
      }),
    );
    assert.doesNotMatch(JSON.stringify(document.components), /"additionalProperties":false/);
    const routes = nativeDialect.routes.map(
      ({ method, path, operationId }) => `${method} /api/v1${path} ${operationId}`,
    );
    assert.deepEqual(described.toSorted(), routes.toSorted());
  });

  it("counts its requests by route, never by path", async () => {
    await api.get("/sessions/somebody's-secret");
    const response = await fetch(`${server.url}/metrics`);
    assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    assert.match(
      text,
      /sojourn_http_request_duration_seconds_count\{method="GET",route="\/api\/v1\/sessions\/\{id\}",status="404"\} 1/,
    );
    assert.match(text, /^process_resident_memory_bytes \d+/m);
    assert.ok(!text.includes("secret"));
  });

  it("counts the operations that it appends, and what became of commits", async () => {
    const value = async (series: string): Promise<number> => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      const line = text.split("\n").find((one) => one.startsWith(`${series} `));
      return Number(line?.slice(series.length) ?? 0);
    };
    const kept = 'sojourn_operations_total{kind="session.kept_alive"}';
    const committed = 'sojourn_store_commit_duration_seconds_count{outcome="committed"}';
    const { session_id } = await api.create();
    const [keptBefore, committedBefore] = [await value(kept), await value(committed)];
    await api.post(`/sessions/${session_id}/keepalive`);
    assert.deepEqual([await value(kept), await value(committed)], [keptBefore + 1, committedBefore + 1]);
  });

  it("answers HEAD like GET, without a body", async () => {
    const { session_id } = await api.create();
    for (const path of [`/api/v1/sessions/${session_id}`, "/healthz", "/openapi.json"]) {
      const [head, got] = [await fetch(server.url + path, { method: "HEAD" }), await fetch(server.url + path)];
      assert.equal(head.status, 200);
      assert.equal(head.headers.get("etag"), got.headers.get("etag"));
      assert.equal(await head.text(), "");
      await got.text();
    }
  });

  it("answers every path that exists with 405 to other methods, and says which it takes", async () => {
    const byPath = Map.groupBy(nativeDialect.routes, ({ path }) => path);
    const methodsOf = (path: string): readonly string[] => (byPath.get(path) ?? []).map(({ method }) => method);
    for (const path of byPath.keys()) {
      const taken = methodsOf(path);
      // A word such as `stats` stands where an id may stand; what ids take is the call of a session that can't exist.
      const asId = /^\/sessions\/\w+$/.test(path) ? methodsOf("/sessions/{id}") : [];
      for (const method of METHODS.filter((one) => ![...taken, ...asId].includes(one))) {
        const answer = await api.call(method, path.replace("{id}", "x"), { headers: { "content-type": "text/plain" } });
        assert.deepEqual([answer.status, answer.error.code], [405, "METHOD_NOT_ALLOWED"], `${method} ${path}`);
        const allowed = answer.headers.get("allow")?.split(", ") ?? [];
        for (const one of taken) assert.ok(allowed.includes(one), `${method} ${path}`);
      }
    }
  });

  it("answers every other path with 404", async () => {
    for (const path of [
      "/nothing",
      "/sessions/",
      "/sessions/x/",
      "/sessions/x/unknown",
      "/users",
      "/sessions/a/b/c",
      "//",
    ]) {
      const { error } = await api.get(path);
      assert.deepEqual([error.code, error.status], ["NOT_FOUND", 404], path);
    }
    assert.equal((await fetch(`${server.url}/api/v2/sessions`)).status, 404);
  });

  it("gives the id of the request back, or makes one", async () => {
    const own = { "x-request-id": "trace/42:~!" };
    const refused = await api.get("/sessions/nobody", own);
    assert.equal(refused.headers.get("x-request-id"), "trace/42:~!");
    assert.equal((refused.body as { request_id: string }).request_id, "trace/42:~!");
    assert.equal((await api.get("/sessions", own)).headers.get("x-request-id"), "trace/42:~!");
    const made = [await api.get("/sessions"), await api.get("/sessions")].map(({ headers }) =>
      headers.get("x-request-id"),
    );
    assert.match(made[0] ?? "", /^req_[0-9a-f]{16}$/);
    assert.notEqual(made[0], made[1]);
  });

  it("protects every answer from sniffing, framing and caches, and says how long it took", async () => {
    for (const path of ["/", "/api/v1/sessions", "/api/v1/sessions/nobody", "/nothing", "/metrics"]) {
      const { headers } = await fetch(server.url + path);
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.equal(headers.get("x-frame-options"), "DENY");
      assert.equal(headers.get("cache-control"), "no-store");
      assert.match(headers.get("x-response-time") ?? "", /^\d+\.\d\dms$/);
    }
  });

  it("lets pages of this machine read, and no others", async () => {
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${server.url}/api/v1/sessions`, { headers })).status;
    assert.equal(await status({ origin: "http://localhost:3000" }), 200);
    assert.equal(await status({ origin: "http://[::1]:3000" }), 200);
    assert.equal(await status({ origin: "https://example.com" }), 403);
  });

  it("refuses fields that it does not know, by name", async () => {
    const { error } = await api.post("/sessions", { budget: 1 });
    assert.deepEqual(error.details, [{ field: "budget", message: "is not known here", type: "unrecognized_keys" }]);
  });
});

describe("a server with limits", () => {
  it("refuses one active session too many, and counts none that ended or is suspended", async () => {
    await using server = await startServer({ max_sessions: "2" });
    const api = new Api(server.url);
    await api.create({ session_id: "a" });
    await api.create({ session_id: "b" });
    const refused = await api.post("/sessions", {});
    assert.deepEqual([refused.status, refused.error.code], [429, "LIMIT_REACHED"]);
    assert.equal(refused.error.details?.[0]?.field, "max_sessions");
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
    await api.post("/sessions/a/suspend");
    await api.create({ session_id: "c" });
    assert.equal((await api.post("/sessions/a/resume")).status, 429);
    assert.equal((await api.session("a")).status, "suspended");
    await api.post("/sessions/b/end");
    assert.equal((await api.post("/sessions/a/resume")).status, 200);
  });

  it("makes room by expiring what is idle", async () => {
    await using server = await startServer({ max_sessions: "2", cleanup_idle_seconds: "0" });
    const api = new Api(server.url);
    await api.create({ session_id: "a" });
    await api.create({ session_id: "b" });
    // The clock must move on before anyone is idle.
    await until("there is room", async () => (await api.post("/sessions", { session_id: "c" })).status === 201);
    assert.deepEqual([(await api.session("a")).status, (await api.session("c")).status], ["expired", "active"]);
  });

  it("refuses writes when the store is full, goes on reading, and heals once there is room", async () => {
    await using server = await startServer({ max_store_bytes: String(1_048_576) });
    const api = new Api(server.url);
    const metadata = { text: "x".repeat(60_000) };
    const made: string[] = [];
    for (;;) {
      const answer = await api.post("/sessions", { metadata });
      if (answer.status !== 201) {
        assert.deepEqual([answer.status, answer.error.code], [507, "STORAGE_FULL"]);
        break;
      }
      made.push(answer.data.session_id);
      assert.ok(made.length < 100, "1 MiB holds no 100 times 60 KB");
    }
    assert.ok(made.length > 1);
    const stats = await api.get<{ sessions: number }>("/sessions/stats");
    assert.equal(stats.data.sessions, made.length);
    for (const id of made) assert.equal((await api.get<{ ok: boolean }>(`/sessions/${id}/verify`)).data.ok, true);
    for (const id of made)
      assert.equal((await api.call("DELETE", `/sessions/${id}`)).status, 200, "deleting needs no room");
    await api.create({ metadata });
  });
});
