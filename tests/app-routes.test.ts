import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { z } from "zod";
import { WAITING_MAX } from "../src/engine/run-slots.ts";
import { LogShape } from "../src/http/dialects/apps/encode.ts";
import { ErrorShape } from "../src/http/dialects/apps/errors.ts";
import { Api } from "./api.ts";
import { startServer, type TestServer } from "./server.ts";
import { bearer, Site } from "./site.ts";
import { until } from "./until.ts";
import { MILL, MILL_BASE, ROUTED_APPS } from "./workshop.ts";

type Headers = Readonly<Record<string, string>>;
type Log = z.output<typeof LogShape>;

/** What came back, as clients of these routes read it. */
interface Came {
  readonly status: number;
  readonly headers: globalThis.Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects.
  readonly body: any;
}

/** A client of the routes of apps; every refusal must be in their shape. */
class Client {
  readonly #url: string;
  readonly #headers: Headers;

  constructor(url: string, headers: Headers = {}) {
    this.#url = url;
    this.#headers = headers;
  }

  async call(
    method: string,
    path: string,
    { body, headers }: { body?: unknown; headers?: Headers } = {},
  ): Promise<Came> {
    const response = await fetch(this.#url + MILL_BASE + path, {
      method,
      headers: { ...(body !== undefined && { "content-type": "application/json" }), ...this.#headers, ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const came = { status: response.status, headers: response.headers, body: text === "" ? "" : JSON.parse(text) };
    if (came.status >= 400 && method !== "HEAD") assert.deepEqual(ErrorShape.parse(came.body), came.body);
    return came;
  }

  /** Calls an action in a session. */
  async act(session: string, action: string, body?: unknown, headers: Headers = {}): Promise<Came> {
    return await this.call("POST", `/${action}`, { body, headers: { "x-session-id": session, ...headers } });
  }

  /** What an action answers, which must go well. */
  async made(session: string, action: string, body: unknown): Promise<Came["body"]> {
    const came = await this.act(session, action, body);
    assert.equal(came.status, 200, JSON.stringify(came.body));
    return came.body;
  }

  async log(session: string, query = ""): Promise<Log> {
    const { status, body } = await this.call("GET", `/session/${session}/log${query}`);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(LogShape.parse(body), body);
    return body;
  }
}

const FLAGS = { apps: ROUTED_APPS, trusted_apps: MILL };

const refusal = ({ status, body }: Came) => [status, body.error.code, body.detail];

describe("the routes of apps", () => {
  let server: TestServer;
  let client: Client;
  let api: Api;
  before(async () => {
    server = await startServer(FLAGS);
    client = new Client(server.url);
    api = new Api(server.url);
  });
  after(() => server[Symbol.asyncDispose]());

  const sessionsLike = async (part: string): Promise<number> =>
    (await api.get<{ sessions: object[] }>(`/sessions?search=${part}`)).data.sessions.length;

  it("begin the session with its first call, and make objects from objects in either place", async () => {
    const id = randomUUID();
    const grain = await client.act(id, "grain/buy", { kind: "rye" });
    assert.deepEqual([grain.status, grain.body.kind], [200, "rye"]);
    assert.equal(grain.headers.get("x-session-id"), id);
    assert.equal(grain.headers.get("warning"), null);
    const flour = await client.made(id, "flour/grind", { grains: [{ id: grain.body.id, grams: 3 }] });
    const dough = await client.made(id, "dough/knead", { grams: 10 });
    const bread = await client.made(id, "bread/bake", { dough_id: dough.id });
    assert.deepEqual(bread, { id: bread.id, quality: "optimal", baked: 1 });
    const session = await api.session(id);
    assert.deepEqual([session.idle_timeout_seconds, session.usage.object_count], [3_600, 4]);

    const log = await client.log(id);
    assert.deepEqual(
      [log.session_id, log.created_at, log.last_activity, log.expires_at],
      [id, session.created_at, session.last_activity, session.expires_at],
    );
    assert.deepEqual(log.objects, [
      { id: grain.body.id, type: "grain", kind: "rye", quality: "optimal" },
      // Its data has a type and a quality of its own.
      { id: flour.id, type: "flour", kind: "rye", quality: "optimal" },
      { id: dough.id, type: "dough", grams: 10, quality: "optimal" },
      { id: bread.id, type: "bread", grams: 9, quality: "optimal" },
    ]);
    assert.deepEqual(
      log.operations.map(({ endpoint, result_id, object_ids, used_ids, inputs, status }) => [
        ...[endpoint, result_id, object_ids, used_ids, inputs, status],
      ]),
      [
        ["/mill/v1/grain/buy", grain.body.id, [grain.body.id], [], { kind: "rye" }, "completed"],
        [
          ...["/mill/v1/flour/grind", flour.id, [flour.id], [grain.body.id]],
          ...[{ grains: [{ id: grain.body.id, grams: 3 }] }, "completed"],
        ],
        ["/mill/v1/dough/knead", dough.id, [dough.id], [], { grams: 10 }, "completed"],
        ["/mill/v1/bread/bake", bread.id, [bread.id], [dough.id], { dough_id: dough.id }, "completed"],
      ],
    );
    const times = log.operations.map(({ timestamp }) => timestamp);
    assert.deepEqual(times, times.toSorted());
  });

  it("warn of what came out degraded, and of what was made of that", async () => {
    const id = randomUUID();
    const wet = await client.act(id, "grain/buy", { kind: "rye", wet: true });
    assert.equal(wet.status, 200);
    assert.equal(wet.headers.get("warning"), `299 sojourn "${wet.body.id} is degraded: too \\"wet\\"??"`);
    const sour = await client.made(id, "dough/knead", { grams: 10, sour: true });
    const bread = await client.act(id, "bread/bake", { dough_id: sour.id });
    assert.deepEqual([bread.status, bread.body.quality], [200, "degraded"]);
    assert.equal(bread.headers.get("warning"), `299 sojourn "${bread.body.id} is degraded: sour"`);
    assert.deepEqual((await client.log(id)).objects.at(-1), {
      ...{ id: bread.body.id, type: "bread", grams: 9, quality: "degraded" },
      degradation: { reason: "sour", object_id: sour.id },
    });
  });

  it("send an output that is no object as it is", async () => {
    for (const value of ["text", 7, null, [1, { a: 2 }], false]) {
      assert.deepEqual(await client.made("any", "say", { value }), value);
    }
    assert.equal(await client.made("any", "nothing", undefined), null);
  });

  it("make one session of calls that come at once", async () => {
    const id = randomUUID();
    const calls = Array.from({ length: 20 }, (_, i) =>
      client.made(id, i % 2 ? "say" : "grain/buy", { value: i, kind: "rye" }),
    );
    await Promise.all(calls);
    assert.equal(await sessionsLike(id), 1);
    assert.equal((await client.log(id)).operations.length, 20);
  });

  it("refuse what does not fit, by its place in the body, and make no session for it", async () => {
    const id = randomUUID();
    const bad = await client.act(id, "flour/grind", { grains: [{ id: "grn_1", grams: -1 }, { id: 7 }] });
    assert.equal(bad.status, 422);
    assert.deepEqual(
      bad.body.detail.map(({ loc, type }: { loc: unknown; type: string }) => [loc, type]),
      [
        [["body", "grains", 0, "grams"], "too_small"],
        [["body", "grains", 1, "id"], "invalid_type"],
        [["body", "grains", 1, "grams"], "invalid_type"],
      ],
    );
    assert.equal(bad.body.error.code, "VALIDATION_ERROR");
    const missing = await client.act(id, "grain/buy");
    assert.deepEqual([missing.status, missing.body.detail[0].loc], [422, ["body", "kind"]]);
    const nul = await client.act(id, "say", { value: { deep: ["a\0b"] } });
    assert.deepEqual([nul.status, nul.body.detail[0].loc], [422, ["body", "value", "deep", 0]]);
    const empty = await client.act(id, "grain/buy", { kind: "", wet: 1 });
    assert.deepEqual(
      [empty.status, empty.body.detail.map(({ loc }: { loc: unknown }) => loc)],
      [
        422,
        [
          ["body", "kind"],
          ["body", "wet"],
        ],
      ],
    );
    for (const body of ["null", "[1]", '"x"', "7"]) {
      const none = await client.act(id, "grain/buy", body);
      const found = none.body.detail.map(({ loc, type }: { loc: unknown; type: string }) => [loc, type]);
      assert.deepEqual([none.status, found], [422, [[["body"], "invalid_type"]]], body);
    }
    const text = await client.act(id, "say", "{");
    assert.deepEqual([text.status, text.body.error.code], [400, "INVALID_JSON"]);
    const xml = await client.act(id, "say", "<a/>", { "content-type": "text/xml" });
    assert.deepEqual([xml.status, xml.body.error.code], [415, "INVALID_CONTENT_TYPE"]);
    assert.equal(await sessionsLike(id), 0);
  });

  it("want the name of a session", async () => {
    const body = { kind: "rye" };
    assert.deepEqual(refusal(await client.call("POST", "/grain/buy", { body })), [
      ...[400, "VALIDATION_ERROR", "X-Session-ID is missing: name the session, such as by a UUID"],
    ]);
    for (const name of ["a b", "a/b", "x".repeat(129), "new", "é"]) {
      const [status, , detail] = refusal(await client.act(name, "grain/buy", body));
      assert.equal(status, 400, name);
      assert.match(detail, /^X-Session-ID must be 1 to 128 of the characters A-Z a-z 0-9 \. _ : @ -/);
    }
    await client.made("A-z.0_9:@-", "grain/buy", body);
  });

  it("refuse an object that the session does not have, whoever has it, and one of another type, and record that", async () => {
    const [mine, theirs] = [randomUUID(), randomUUID()];
    const foreign = await client.made(theirs, "dough/knead", { grams: 1 });
    const grain = await client.made(mine, "grain/buy", { kind: "rye" });
    const refused = async (dough_id: string) => refusal(await client.act(mine, "bread/bake", { dough_id }));
    const message = "Object … not found";
    for (const id of [foreign.id, "dgh_none"]) {
      const [status, code, detail] = await refused(id);
      assert.deepEqual([status, code, detail.replace(id, "…")], [404, "OBJECT_NOT_FOUND", message]);
    }
    const wrong = `dough_id must name an object of type dough; ${grain.id} is of type test/mill:grain`;
    assert.deepEqual(await refused(grain.id), [400, "WRONG_OBJECT_TYPE", wrong]);
    const inServer = await client.act(mine, "flour/grind", { grains: [{ id: foreign.id, grams: 1 }] });
    assert.deepEqual([inServer.status, inServer.body.error.code], [404, "OBJECT_NOT_FOUND"]);
    const { operations, objects } = await client.log(mine);
    assert.deepEqual(
      operations.map(({ status, error, result_id }) => [status, error, result_id]),
      [
        ["completed", undefined, grain.id],
        ["failed", { code: "OBJECT_NOT_FOUND", message: message.replace("…", foreign.id) }, null],
        ["failed", { code: "OBJECT_NOT_FOUND", message: message.replace("…", "dgh_none") }, null],
        ["failed", { code: "WRONG_OBJECT_TYPE", message: wrong }, null],
        ["failed", { code: "OBJECT_NOT_FOUND", message: message.replace("…", foreign.id) }, null],
      ],
    );
    assert.equal(objects.length, 1);
  });

  it("record the input that only an app in a process refused, and tell of it in the log as in the answer", async () => {
    const id = randomUUID();
    const { status, body } = await client.act(id, "dough/knead", { grams: 1, flour: "" });
    assert.deepEqual([status, body.detail[0].loc], [422, ["body", "flour"]]);
    const [operation] = (await client.log(id)).operations;
    assert.deepEqual(operation?.error, { ...body.error, detail: body.detail });
  });

  it("tell what went wrong in an app by its status", async () => {
    const id = randomUUID();
    assert.deepEqual(refusal(await client.act(id, "fail", { message: "oops" })), [500, "APP_FAILED", "oops"]);
    const died = await client.act(id, "die");
    assert.deepEqual([died.status, died.body.error.code], [502, "WORKER_LOST"]);
    const large = await client.act(id, "large");
    assert.deepEqual([large.status, large.body.error.code], [500, "OUTPUT_TOO_LARGE"]);
    assert.deepEqual(
      (await client.log(id)).operations.map(({ status, error }) => [status, error?.code]),
      [
        ["failed", "APP_FAILED"],
        ["lost", "WORKER_LOST"],
        ["failed", "OUTPUT_TOO_LARGE"],
      ],
    );
  });

  it("tell of calls that go on, and of those that wait, and take no more than may", async () => {
    const id = randomUUID();
    const openTasks = async () => ((await sessionsLike(id)) === 0 ? 0 : (await api.session(id)).work.tasks.length);
    const going = client.act(id, "wait");
    await until("it runs", async () => (await openTasks()) === 1);
    const waiting = Array.from({ length: WAITING_MAX }, () => client.act(id, "dough/knead", { grams: 1 }));
    await until("all others wait", async () => (await openTasks()) === 1 + WAITING_MAX);
    const full = await client.act(id, "dough/knead", { grams: 1 });
    assert.deepEqual([full.status, full.body.error.code], [409, "SESSION_BUSY"]);
    assert.equal(full.headers.get("retry-after"), "1");
    const { operations } = await client.log(id);
    assert.deepEqual(
      operations.slice(0, 2).map(({ endpoint, status, inputs, result_id }) => [endpoint, status, inputs, result_id]),
      [
        ["/mill/v1/wait", "running", {}, null],
        ["/mill/v1/dough/knead", "queued", { grams: 1 }, null],
      ],
    );
    assert.equal(operations.length, 1 + WAITING_MAX);
    assert.equal((await api.call("PATCH", `/sessions/${id}/working-memory`, { body: { go: true } })).status, 200);
    assert.equal((await going).status, 200);
    const made = (await Promise.all(waiting)).map(({ body }) => body.id);
    const log = await client.log(id);
    assert.deepEqual(new Set(log.operations.slice(1).map(({ result_id }) => result_id)), new Set(made));
    // The call of one that waited stands before the page that has its end.
    const { operations: last } = await client.log(id, `?cursor=${(await client.log(id, "?limit=64")).next_cursor}`);
    assert.deepEqual(
      last.map(({ endpoint, inputs }) => [endpoint, inputs]),
      [["/mill/v1/dough/knead", { grams: 1 }]],
    );
  });

  it("tell the log in pages, with the objects of each", async () => {
    const id = randomUUID();
    const ids: string[] = [];
    for (const grams of [1, 2, 3]) ids.push((await client.made(id, "dough/knead", { grams })).id);
    await api.post(`/sessions/${id}/messages`, { role: "user", content: "in between" });
    for (const kind of ["rye", "oat"]) ids.push((await client.made(id, "grain/buy", { kind })).id);
    const told: [string[], string[], unknown[]][] = [];
    for (let cursor: string | undefined = ""; cursor !== undefined; ) {
      const page: Log = await client.log(id, `?limit=2${cursor && `&cursor=${cursor}`}`);
      const { operations, objects } = page;
      told.push([
        operations.map(({ result_id }) => result_id ?? ""),
        objects.map((object) => object.id),
        operations.map(({ inputs }) => Object.values(inputs as object)[0]),
      ]);
      cursor = page.next_cursor;
    }
    assert.deepEqual(told, [
      [ids.slice(0, 2), ids.slice(0, 2), [1, 2]],
      [ids.slice(2, 4), ids.slice(2, 4), [3, "rye"]],
      [ids.slice(4), ids.slice(4), ["oat"]],
    ]);
    for (const query of ["?limit=0", "?limit=10001", "?limit=a", "?cursor=-1", "?limit=1&limit=2"]) {
      const { status, body } = await client.call("GET", `/session/${id}/log${query}`);
      assert.deepEqual([status, body.detail[0].loc], [422, ["query", query.slice(1, query.indexOf("="))]]);
    }
  });

  it("tell of the calls of other apps by their names", async () => {
    const id = randomUUID();
    await client.made(id, "grain/buy", { kind: "rye" });
    await api.post(`/sessions/${id}/run`, { app: "infsh/session-test", action: "get_all" });
    const { operations } = await client.log(id);
    assert.deepEqual(
      operations.map(({ endpoint }) => endpoint),
      ["/mill/v1/grain/buy", "infsh/session-test:get_all"],
    );
  });

  it("follow a session that has ended with a fresh one, and wait for one that is suspended to be resumed", async () => {
    const id = randomUUID();
    const { id: old } = await client.made(id, "dough/knead", { grams: 1 });
    assert.equal((await api.post(`/sessions/${id}/suspend`)).status, 200);
    const suspended = await client.act(id, "dough/knead", { grams: 1 });
    assert.deepEqual([suspended.status, suspended.body.error.code], [409, "INVALID_TRANSITION"]);
    assert.equal((await client.log(id)).operations.length, 1);
    assert.equal((await api.post(`/sessions/${id}/end`)).status, 200);
    const gone = [404, "SESSION_NOT_FOUND", `Session ${id} not found; it may have expired`];
    assert.deepEqual(refusal(await client.call("GET", `/session/${id}/log`)), gone);
    const never = randomUUID();
    assert.deepEqual(refusal(await client.call("GET", `/session/${never}/log`)), [
      ...[404, "SESSION_NOT_FOUND", `Session ${never} not found; it may have expired`],
    ]);
    // It begins even where the object is gone with the session before.
    assert.equal((await client.act(id, "bread/bake", { dough_id: old })).status, 404);
    await client.made(id, "dough/knead", { grams: 1 });
    assert.deepEqual(
      (await client.log(id)).operations.map(({ status }) => status),
      ["failed", "completed"],
    );
    assert.equal(await sessionsLike(id), 2);
  });

  it("answer a call that is repeated with its key as the first, in its session alone", async () => {
    const [one, other] = [randomUUID(), randomUUID()];
    const headers = { "idempotency-key": "a" };
    const first = await client.act(one, "grain/buy", { kind: "rye" }, headers);
    const again = await client.act(one, "grain/buy", { kind: "rye" }, headers);
    assert.deepEqual(again.body, first.body);
    assert.deepEqual(
      [first, again].map((came) => came.headers.get("idempotent-replayed")),
      [null, "true"],
    );
    const changed = await client.act(one, "grain/buy", { kind: "oat" }, headers);
    assert.deepEqual([changed.status, changed.body.error.code], [422, "IDEMPOTENCY_MISMATCH"]);
    const elsewhere = await client.act(other, "grain/buy", { kind: "oat" }, headers);
    assert.deepEqual([elsewhere.status, elsewhere.headers.get("idempotent-replayed")], [200, null]);
    assert.equal((await client.log(one)).operations.length, 1);
    const stale = await client.act(one, "grain/buy", { kind: "oat" }, { "if-match": '"1"' });
    assert.deepEqual([stale.status, stale.body.error.code], [412, "PRECONDITION_FAILED"]);
  });

  it("begin no session where a version of it is asked for", async () => {
    const id = randomUUID();
    for (const match of ["*", '"1"']) {
      const { status, body } = await client.act(id, "grain/buy", { kind: "rye" }, { "if-match": match });
      assert.deepEqual([status, body.error.code], [412, "PRECONDITION_FAILED"], match);
    }
    assert.equal(await sessionsLike(id), 0);
    await client.made(id, "grain/buy", { kind: "rye" });
    assert.equal((await api.post(`/sessions/${id}/end`)).status, 200);
    assert.equal((await client.act(id, "grain/buy", { kind: "rye" }, { "if-match": "*" })).status, 412);
    assert.equal(await sessionsLike(id), 1);
  });

  it("refuse paths, methods and headers in their own shape, and leave those of others alone", async () => {
    for (const path of ["", "/", "/grain", "/grain/buy/", "/session/a", "/session/a/b/log"]) {
      const { status, body } = await client.call("GET", path);
      assert.deepEqual([status, body.error.code], [404, "NOT_FOUND"], path);
    }
    const get = await client.call("GET", "/grain/buy");
    assert.deepEqual([get.status, get.headers.get("allow")], [405, "POST"]);
    const post = await client.call("POST", "/session/a/log");
    assert.deepEqual([post.status, post.headers.get("allow")], [405, "GET, HEAD"]);
    assert.equal((await client.call("GET", "/session/a%20b/log")).status, 404);
    const requestId = await client.call("GET", "/session/a/log", { headers: { "x-request-id": "x".repeat(200) } });
    assert.deepEqual([requestId.status, requestId.body.error.code], [400, "VALIDATION_ERROR"]);
    for (const path of ["/mill", "/mill/v10/grain/buy", "/api/v1/none", "/nowhere"]) {
      const response = await fetch(server.url + path, { method: "POST" });
      const body = (await response.json()) as { success?: boolean };
      assert.deepEqual([response.status, body.success], [404, false], path);
    }
    assert.equal((await client.call("HEAD", "/session/none/log")).status, 404);
  });

  it("are shared by apps with the same base; an action that both have is refused", async () => {
    const { status, body } = await client.act("any", "shared");
    assert.deepEqual([status, body.error.code], [409, "APP_BROKEN"]);
    assert.match(body.detail, /test\/bakery, test\/mill/);
  });

  it("are described by OpenAPI, and listed", async () => {
    const { status, body } = await client.call("GET", "/openapi.json");
    assert.equal(status, 200);
    const { post } = body.paths["/mill/v1/grain/buy"];
    assert.deepEqual(post.requestBody.content["application/json"].schema.properties.kind.type, "string");
    assert.deepEqual(post.responses[200].content["application/json"].schema.required, ["id", "kind"]);
    assert.ok(["404", "409", "422"].every((code) => code in post.responses));
    assert.ok(body.paths["/mill/v1/session/{id}/log"].get);
    const { endpoints } = (await (await fetch(server.url)).json()) as { endpoints: { path: string }[] };
    assert.ok(endpoints.some(({ path }) => path === "/mill/v1/grain/buy"));
  });
});

describe("the routes of apps, with limits", () => {
  it("let a session expire that was not used, after which its name is free", async () => {
    await using server = await startServer({ ...FLAGS, app_session_idle_seconds: "1" });
    const client = new Client(server.url);
    await client.made("short", "grain/buy", { kind: "rye" });
    await until("it has expired", async () => (await client.call("GET", "/session/short/log")).status === 404);
    await client.made("short", "grain/buy", { kind: "oat" });
    const { objects } = await client.log("short");
    assert.deepEqual(
      objects.map(({ kind }) => kind),
      ["oat"],
    );
  });

  it("tell that an app took too long, in either place", async () => {
    await using server = await startServer({ ...FLAGS, task_timeout_seconds: "1" });
    const client = new Client(server.url);
    for (const action of ["wait", "doze"]) {
      const { status, body } = await client.act("slow", action);
      assert.deepEqual([status, body.error.code], [504, "TIMED_OUT"], action);
    }
  });

  it("refuse a body that is too large in their shape", async () => {
    await using server = await startServer({ ...FLAGS, max_body_bytes: "1024" });
    const { status, body } = await new Client(server.url).act("a", "say", { value: "x".repeat(1_100) });
    assert.deepEqual([status, body.error.code], [413, "PAYLOAD_TOO_LARGE"]);
  });

  it("refuse an app that the operator does not trust, and make no session", async () => {
    await using server = await startServer({ apps: ROUTED_APPS });
    const { status, body } = await new Client(server.url).act("a", "grain/buy", { kind: "rye" });
    assert.deepEqual([status, body.error.code], [502, "APP_BROKEN"]);
    assert.equal((await new Api(server.url).get("/sessions/a")).status, 404);
  });
});

describe("the routes of apps, with keys", () => {
  it("let in those who may, and keep the sessions of tenants apart", async () => {
    await using site = await Site.start(FLAGS);
    const url = site.api.url;
    const buy = (headers: Headers) => new Client(url, headers).act("same", "grain/buy", { kind: "rye" });
    const log = (headers: Headers) => new Client(url, headers).call("GET", "/session/same/log");
    for (const [who, headers] of Object.entries(await site.strangers())) {
      for (const came of [await buy(headers), await log(headers)]) {
        assert.deepEqual([came.status, came.body.error.code], [401, "UNAUTHORIZED"], who);
        assert.equal(came.headers.get("www-authenticate"), 'Bearer realm="sojourn"');
      }
    }
    const reader = { "x-api-key": await site.keyOf("owner", ["sessions:read"]) };
    const runner = bearer(await site.keyOf("owner", ["apps:execute"]));
    const refused = await buy(reader);
    assert.equal(refused.status, 403);
    assert.match(refused.body.detail, /does not have the scope apps:execute/);
    assert.equal((await log(reader)).status, 404);
    assert.equal((await buy(runner)).status, 200);
    assert.match((await log(runner)).body.detail, /does not have the scope sessions:read/);
    assert.equal((await log(reader)).body.operations.length, 1);
    const foreign = { "x-api-key": await site.keyOf("foreign", ["apps:execute", "sessions:read"]) };
    assert.equal((await log(foreign)).status, 404);
    assert.equal((await buy(foreign)).status, 200);
    assert.equal((await log(reader)).body.operations.length, 1);
  });

  it("let a session call in itself alone, and begin none", async () => {
    await using site = await Site.start(FLAGS);
    const client = new Client(site.api.url, { ...bearer(site.admin), "x-act-as-session": "theirs" });
    await client.made("theirs", "grain/buy", { kind: "rye" });
    for (const other of ["guest", "fresh"]) {
      const { status, body } = await client.act(other, "grain/buy", { kind: "rye" });
      assert.deepEqual([status, body.error.code], [403, "FORBIDDEN"], other);
    }
    assert.equal((await client.call("GET", "/session/guest/log")).status, 403);
    assert.equal((await client.log("theirs")).operations.length, 1);
    assert.equal((await site.api.get("/sessions/fresh", bearer(site.admin))).status, 404);
  });
});

/** A server with apps that are written while it runs. */
class Growing implements AsyncDisposable {
  readonly #directory: string;
  readonly server: TestServer;

  private constructor(directory: string, server: TestServer) {
    this.#directory = directory;
    this.server = server;
  }

  static async start(): Promise<Growing> {
    const directory = await mkdtemp(join(tmpdir(), "sojourn-routed-"));
    return new Growing(directory, await startServer({ apps: directory }));
  }

  /** Writes an app whose actions answer its base. */
  async write(name: string, { base, actions }: { readonly base: string; readonly actions: readonly string[] }) {
    const format = join(import.meta.dirname, "../src/app-format/index.ts");
    await mkdir(join(this.#directory, name), { recursive: true });
    const members = actions.map((one) => `"${one}": action({ input: z.object({}), run: () => "${base}" })`);
    await writeFile(
      join(this.#directory, name, "app.ts"),
      `import { action, defineApp, z } from ${JSON.stringify(format)};
      export const app = defineApp({ name: "test/${name}", http: { base: "${base}" }, actions: { ${members} } });`,
    );
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#directory, name), { recursive: true });
  }

  /** The status of an answer, and the answer. */
  async ask(method: string, path: string): Promise<readonly [number, unknown]> {
    const response = await fetch(this.server.url + path, { method, headers: { "x-session-id": "a" } });
    const text = await response.text();
    return [response.status, text === "" ? text : JSON.parse(text)];
  }

  async status(method: string, path: string): Promise<number> {
    return (await this.ask(method, path))[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true });
  }
}

describe("the routes of an app that comes and goes", () => {
  it("are there with it", async () => {
    await using growing = await Growing.start();
    const status = (path: string) => growing.status("POST", path);
    assert.equal(await status("/late/hello"), 404);
    await growing.write("late", { base: "/late", actions: ["hello"] });
    await until("it is there", async () => (await status("/late/hello")) === 200);
    await growing.write("late", { base: "/later", actions: ["hello"] });
    await until("it has moved", async () => (await status("/later/hello")) !== 404);
    assert.equal(await status("/late/hello"), 404);
    await growing.remove("late");
    await until("it is gone", async () => (await status("/later/hello")) === 404);
  });

  it("leave those of an app above them alone", async () => {
    await using growing = await Growing.start();
    const ask = (method: string, path: string) => growing.ask(method, path);
    const status = (method: string, path: string) => growing.status(method, path);
    await growing.write("shop", { base: "/shop", actions: ["bread/buy", "bread/sell"] });
    await growing.write("bread", { base: "/shop/bread", actions: ["slice", "sell"] });
    await growing.write("session", { base: "/shop/session", actions: ["end", "a/log"] });
    await until("all are there", async () => {
      const paths = ["/shop/bread/buy", "/shop/bread/slice", "/shop/session/end"];
      return (await Promise.all(paths.map((path) => status("POST", path)))).every((one) => one === 200);
    });
    assert.deepEqual(await ask("POST", "/shop/bread/buy"), [200, "/shop"]);
    assert.deepEqual(await ask("POST", "/shop/bread/slice"), [200, "/shop/bread"]);
    assert.deepEqual(await ask("POST", "/shop/session/a/log"), [200, "/shop/session"]);
    for (const path of ["/shop/session/a/log", "/shop/session/session/a/log", "/shop/bread/session/a/log"]) {
      assert.deepEqual([await status("GET", path), await status("HEAD", path)], [200, 200], path);
    }
    const [shared, body] = await ask("POST", "/shop/bread/sell");
    const { error } = ErrorShape.parse(body);
    assert.deepEqual([shared, error.code], [409, "APP_BROKEN"]);
    assert.match(error.message, /test\/bread, test\/shop/);
    assert.deepEqual([await status("GET", "/shop/bread/buy"), await status("POST", "/shop/bread/none")], [405, 404]);
    await growing.remove("bread");
    await until("nobody shares it", async () => (await status("POST", "/shop/bread/sell")) === 200);
  });
});
