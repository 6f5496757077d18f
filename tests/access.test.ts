import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { nativeDialect } from "../src/http/dialects/native/routes.ts";
import type { Route } from "../src/http/route.ts";
import { Api, type Artifact } from "./api.ts";
import { startServer, type TestServer } from "./server.ts";

interface NewKey {
  readonly id: string;
  readonly key: string;
  readonly tenant: string;
  readonly scopes: readonly string[];
}

/** Who tries: the headers that it shows. */
type Headers = Readonly<Record<string, string>>;

/** Bodies and queries that each route takes, where it needs any; and which object of the owner's the path names. */
interface Try {
  /** An object as JSON, or a session as a file. */
  readonly body?: object | "bundle";
  readonly query?: string;
  readonly object?: "session" | "key";
}

/** A row for each route, by its `operationId`; one without a row fails the test. */
const TRIES: Readonly<Record<string, Try>> = {
  createSession: { body: {} },
  listSessions: {},
  continueSession: {},
  sessionStats: {},
  cleanUpSessions: { body: { max_idle_seconds: 1_000 } },
  getSession: { object: "session" },
  updateSession: { object: "session", body: { name: "another" } },
  deleteSession: { object: "session" },
  suspendSession: { object: "session" },
  resumeSession: { object: "session" },
  keepaliveSession: { object: "session" },
  endSession: { object: "session" },
  recordMetrics: { object: "session" },
  listOperations: { object: "session" },
  verifySession: { object: "session" },
  storeArtifact: { object: "session", body: { name: "b.txt", artifact_type: "user_input", content: "b" } },
  listArtifacts: { object: "session" },
  getArtifact: { object: "session" },
  getContent: { object: "session" },
  deleteArtifact: { object: "session" },
  listGrants: { object: "session" },
  grantArtifact: { object: "session", body: { session_id: "guest", permission: "write" } },
  revokeArtifact: { object: "session" },
  createCheckpoint: { object: "session", body: { name: "here" } },
  listCheckpoints: { object: "session" },
  forkSession: { object: "session" },
  replaySession: { object: "session", body: { mode: "verify" } },
  diffSessions: { object: "session", query: "?with=theirs" },
  sessionTree: { object: "session" },
  exportSession: { object: "session" },
  importSession: { body: "bundle", query: "?session_id=taken-in" },
  pruneSessions: { body: { older_than_seconds: 1_000 } },
  chat: { body: { message: "Hi" } },
  listMessages: { object: "session" },
  addMessages: { object: "session", body: { role: "user", content: "Hi" } },
  compactConversation: { object: "session", body: { strategy: "truncate" } },
  getWorkingMemory: { object: "session" },
  replaceWorkingMemory: { object: "session", body: { a: 1 } },
  updateWorkingMemory: { object: "session", body: { a: 1 } },
  getProfile: {},
  updateProfile: { body: { tone: "formal" } },
  eraseUser: {},
  createKey: { body: { tenant: "fresh" } },
  listKeys: {},
  revokeKey: { object: "key" },
  disableKeys: {},
  backUp: {},
  health: {},
};

describe("every route", () => {
  for (const route of nativeDialect.routes) {
    const tried = TRIES[route.operationId];
    it(`${route.operationId} lets in its owner alone`, async () => {
      assert.ok(tried, "a route without a row");
      await using site = await Site.start();
      if (route.scope === "open") {
        assert.equal((await site.try(route, tried, {})).status, 200);
        return;
      }
      for (const [who, headers] of Object.entries(await site.strangers())) {
        const answer = await site.try(route, tried, headers);
        assert.equal(answer.status, 401, `${who}: ${answer.text}`);
        assert.equal(answer.error.code, "UNAUTHORIZED");
        assert.equal(answer.headers.get("www-authenticate"), 'Bearer realm="sojourn"');
      }
      const wrong = await site.keyOf("owner", others(route));
      const refused = await site.try(route, tried, bearer(wrong));
      assert.equal(refused.status, 403, refused.text);
      assert.equal(refused.error.code, "FORBIDDEN");
      await site.assertUntouched();
      if (tried.object === "session") await site.assertForeignIsMissing(route, tried);
      const right = await site.keyOf("owner", [route.scope]);
      const answer = await site.try(route, tried, bearer(right));
      assert.ok(answer.status < 300 || answer.error.code === "INVALID_TRANSITION", answer.text);
    });
  }

  it("of the server itself is open, but for its metrics", async () => {
    await using site = await Site.start();
    for (const path of ["/", "/healthz", "/readyz", "/openapi.json", "/api/v1/docs"]) {
      assert.equal((await fetch(site.api.url + path)).status, 200, path);
    }
    const metrics = async (headers: Headers): Promise<number> => {
      const answer = await fetch(`${site.api.url}/metrics`, { headers });
      await answer.text();
      return answer.status;
    };
    assert.equal(await metrics({}), 401);
    assert.equal(await metrics(bearer(await site.keyOf("owner", ["sessions:read"]))), 403);
    assert.equal(await metrics(bearer(site.admin)), 200);
  });

  it("counts against the limits where it wants a key", async () => {
    await using site = await Site.start({ rate_limit_reads: "1" });
    const statuses: number[] = [];
    for (const _ of [1, 2]) {
      const answer = await fetch(`${site.api.url}/metrics`, { headers: bearer(site.admin) });
      await answer.text();
      statuses.push(answer.status);
    }
    assert.deepEqual(statuses, [200, 429]);
  });
});

describe("a server with keys", () => {
  it("begins in local mode, and the first key ends that at once, for good and with all that was made", async () => {
    await using server = await startServer();
    const api = new Api(server.url);
    const { uid } = await api.create({ session_id: "mine" });
    const first = (await api.post<NewKey>("/keys", { tenant: "acme" })).data;
    assert.match(first.key, /^sjn_[0-9a-f]{16}_[0-9a-f]{64}$/);
    assert.equal(first.tenant, "acme");
    assert.equal((await api.get("/sessions/mine")).status, 401);
    for (const headers of [bearer(first.key), { "x-api-key": first.key }, { authorization: `bearer  ${first.key}` }]) {
      assert.equal((await api.get("/sessions/mine", headers)).data.uid, uid);
    }
  });

  it("takes requests from anywhere, which local mode does not", async () => {
    await using server = await startServer();
    const api = new Api(server.url);
    const foreign = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    assert.equal((await api.get("/sessions", foreign)).status, 403);
    const { key } = (await api.post<NewKey>("/keys")).data;
    assert.equal((await api.get("/sessions", { ...foreign, ...bearer(key) })).status, 200);
  });

  it("refuses two different keys in one request", async () => {
    await using site = await Site.start();
    const headers = { ...bearer(site.admin), "x-api-key": `${site.admin}0` };
    assert.equal((await site.api.get("/sessions", headers)).status, 401);
    assert.equal((await site.api.get("/sessions", { ...bearer(site.admin), "x-api-key": site.admin })).status, 200);
  });

  it("revokes at once, and names the key in the log as the actor", async () => {
    await using site = await Site.start();
    const { id, key } = await site.newKey({ tenant: "owner" });
    const { data } = await site.api.post("/sessions", {}, bearer(key));
    const log = await site.api.get<{ operations: { actor: string }[] }>(
      `/sessions/${data.session_id}/operations`,
      bearer(key),
    );
    assert.deepEqual(
      log.data.operations.map(({ actor }) => actor),
      [id],
    );
    assert.equal((await site.api.post(`/keys/${id}/revoke`, undefined, bearer(site.admin))).status, 200);
    assert.equal((await site.api.get("/sessions", bearer(key))).status, 401);
    const again = await site.api.post<{ status: string }>(`/keys/${id}/revoke`, undefined, bearer(site.admin));
    assert.equal(again.data.status, "revoked");
  });

  it("ends the feeds of a key that is revoked, and those that were opened without one", async () => {
    await using server = await startServer();
    const api = new Api(server.url);
    await api.create({ session_id: "watched" });
    const follow = async (
      headers: Headers,
    ): Promise<{ readonly first: Promise<unknown>; readonly rest: Promise<string> }> => {
      const url = `${server.url}/api/v1/sessions/watched/operations`;
      const { body } = await fetch(url, { headers: { ...headers, accept: "text/event-stream" } });
      const first = Promise.withResolvers<void>();
      const read = async (): Promise<string> => {
        let text = "";
        for await (const chunk of body ?? []) {
          text += Buffer.from(chunk).toString();
          if (text.includes("session.created")) first.resolve();
        }
        return text;
      };
      return { first: first.promise, rest: read() };
    };
    const keyless = await follow({});
    await keyless.first;
    const admin = (await api.post<NewKey>("/keys")).data;
    const guest = (await api.post<NewKey>("/keys", {}, bearer(admin.key))).data;
    const feed = await follow(bearer(guest.key));
    await feed.first;
    await api.post(`/keys/${guest.id}/revoke`, undefined, bearer(admin.key));
    await api.post("/sessions/watched/suspend", { reason: "secret" }, bearer(admin.key));
    for (const { rest } of [keyless, feed]) assert.ok(!(await rest).includes("secret"));
  });

  it("lists keys page by page without what would open anything", async () => {
    await using site = await Site.start();
    const made = [site.adminId];
    for (let i = 0; i < 4; i++) made.push((await site.newKey({ tenant: `t${i}` })).id);
    const found: string[] = [];
    for (let cursor = ""; ; ) {
      const answer = await site.api.get<{ keys: { id: string }[]; next_cursor?: string }>(
        `/keys?limit=2${cursor}`,
        bearer(site.admin),
      );
      assert.ok(!/[0-9a-f]{64}/.test(answer.text), answer.text);
      found.push(...answer.data.keys.map(({ id }) => id));
      if (answer.data.next_cursor === undefined) break;
      cursor = `&cursor=${answer.data.next_cursor}`;
    }
    assert.deepEqual(found, made);
  });

  it("does not make a key under an idempotency key, which would keep it", async () => {
    await using site = await Site.start();
    const headers = { ...bearer(site.admin), "idempotency-key": "k" };
    const refused = await site.api.post("/keys", {}, headers);
    assert.deepEqual([refused.status, refused.error.details?.[0]?.field], [400, "idempotency-key"]);
  });

  it("goes back to local mode when an admin says so", async () => {
    await using site = await Site.start();
    assert.equal((await site.api.post("/keys/disable", undefined, bearer(site.admin))).status, 200);
    assert.equal((await site.api.get("/sessions/theirs")).status, 200);
  });
});

describe("wrong keys", () => {
  it("are told to wait once too many came from one address, while a good one still gets in", async () => {
    await using site = await Site.start({ max_failed_attempts: "3" });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await site.api.get("/sessions", bearer(randomKey()))).status);
    assert.deepEqual(statuses, [401, 401, 401, 429]);
    const limited = await site.api.get("/sessions", bearer(randomKey()));
    assert.equal(limited.error.code, "RATE_LIMIT_EXCEEDED");
    assert.match(limited.headers.get("retry-after") ?? "", /^[1-9]\d?$/);
    assert.equal((await site.api.get("/sessions", bearer(site.admin))).status, 200);
    assert.equal((await site.api.get("/sessions")).status, 401);
  });
});

describe("rate limits", () => {
  it("count each key and each route by itself, and tell what is left", async () => {
    await using site = await Site.start({ rate_limit_reads: "2", rate_limit_writes: "2" });
    const [a, b] = [bearer(await site.keyOf("owner", ["admin"])), bearer(await site.keyOf("other", ["admin"]))];
    const left: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      const answer = await site.api.get("/sessions", a);
      left.push([answer.status, answer.headers.get("ratelimit-remaining"), answer.headers.get("ratelimit-limit")]);
      assert.equal(answer.headers.get("ratelimit-policy"), "2;w=60");
      assert.match(answer.headers.get("ratelimit-reset") ?? "", /^\d+$/);
      assert.equal(answer.headers.get("retry-after") === null, i < 2);
    }
    assert.deepEqual(left, [
      [200, "1", "2"],
      [200, "0", "2"],
      [429, "0", "2"],
    ]);
    assert.equal((await site.api.get("/sessions", b)).status, 200);
    assert.equal((await site.api.get("/sessions/stats", a)).status, 200);
    const written: number[] = [];
    for (let i = 0; i < 3; i++) written.push((await site.api.post("/sessions", {}, b)).status);
    assert.deepEqual(written, [201, 201, 429]);
  });

  it("are off in local mode", async () => {
    await using server = await startServer({ rate_limit_reads: "1" });
    const api = new Api(server.url);
    for (let i = 0; i < 3; i++) {
      const answer = await api.get("/sessions");
      assert.deepEqual([answer.status, answer.headers.get("ratelimit-limit")], [200, null]);
    }
  });
});

describe("pages of other origins", () => {
  const page = { origin: "https://app.example" };
  const preflight = {
    ...page,
    "access-control-request-method": "DELETE",
    "access-control-request-headers": "x-api-key",
  };
  const ask = async (url: string, headers: Headers, method = "OPTIONS"): Promise<Response> => {
    const answer = await fetch(`${url}/api/v1/sessions/theirs`, { method, headers });
    await answer.arrayBuffer();
    return answer;
  };

  it("may call where they are named, delete and read every header of ours included", async () => {
    await using site = await Site.start({ cors_origins: "https://app.example, https://b.example" });
    const { url } = site.api;
    const allowed = await ask(url, preflight);
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers.get("access-control-allow-origin"), page.origin);
    assert.equal(allowed.headers.get("access-control-allow-credentials"), null);
    assert.match(allowed.headers.get("access-control-allow-methods") ?? "", /\bDELETE\b/);
    assert.match(allowed.headers.get("access-control-allow-headers") ?? "", /\bX-API-Key\b/);
    for (const [status, headers] of [
      [200, bearer(site.admin)],
      [401, {}],
      [400, { "x-request-id": "é" }],
    ] as const) {
      const answer = await ask(url, { ...page, ...headers }, "GET");
      assert.equal(answer.status, status);
      assert.equal(answer.headers.get("access-control-allow-origin"), page.origin);
      assert.match(answer.headers.get("access-control-expose-headers") ?? "", /\bRetry-After\b/);
      assert.match(answer.headers.get("vary") ?? "", /origin/i);
    }
    const foreign = await ask(url, { ...preflight, origin: "https://evil.example" });
    assert.equal(foreign.headers.get("access-control-allow-origin"), null);
  });

  it("may not where none is named, or in local mode", async () => {
    await using site = await Site.start();
    const refused = await ask(site.api.url, preflight);
    assert.deepEqual([refused.status, refused.headers.get("access-control-allow-origin")], [405, null]);
    await using local = await startServer({ cors_origins: "*" });
    const kept = await ask(local.url, preflight);
    assert.deepEqual([kept.status, kept.headers.get("access-control-allow-origin")], [403, null]);
    assert.equal((await ask(local.url, page, "GET")).status, 403);
  });

  it("may all where that is said", async () => {
    await using site = await Site.start({ cors_origins: "*" });
    assert.equal((await ask(site.api.url, preflight)).headers.get("access-control-allow-origin"), "*");
  });
});

describe("where to listen", () => {
  it("is this machine alone until there is a key", async () => {
    await assert.rejects(startServer({ host: "0.0.0.0" }), { code: "forbidden" });
    const key = randomKey();
    await using server = await startServer({ host: "0.0.0.0", first_key: key });
    const api = new Api(server.url.replace("0.0.0.0", "127.0.0.1"));
    assert.equal((await api.get("/sessions")).status, 401);
    assert.equal((await api.get("/sessions", { ...bearer(key), host: "sessions.example" })).status, 200);
    const refused = await api.post("/keys/disable", undefined, bearer(key));
    assert.equal(refused.status, 403);
    assert.equal((await api.get("/sessions")).status, 401);
  });

  it("is refused with a first key that is none", async () => {
    await assert.rejects(startServer({ first_key: "password" }), { code: "invalid" });
  });
});

interface Prepared {
  readonly api: Api;
  readonly admin: NewKey;
  readonly before: string;
  readonly artifactId: string;
  readonly bundle: Uint8Array;
}

/** A server with two tenants and an operator. */
class Site implements AsyncDisposable {
  readonly api: Api;
  readonly admin: string;
  readonly adminId: string;
  readonly #server: TestServer;
  readonly #before: string;
  /** One of the session "theirs", shared with "guest". */
  readonly #artifactId: string;
  readonly #bundle: Uint8Array;

  private constructor(server: TestServer, { api, admin, before, artifactId, bundle }: Prepared) {
    this.#server = server;
    this.api = api;
    this.admin = admin.key;
    this.adminId = admin.id;
    this.#before = before;
    this.#artifactId = artifactId;
    this.#bundle = bundle;
  }

  static async start(flags: Headers = {}): Promise<Site> {
    const server = await startServer(flags);
    const api = new Api(server.url);
    await api.create({ session_id: "guest" });
    await api.create({ session_id: "theirs", user_id: "default_user" });
    const artifact = { name: "a.txt", artifact_type: "user_input", content: "a" };
    const { artifact_id: artifactId } = (await api.post<Artifact>("/sessions/theirs/artifacts", artifact)).data;
    const grant = { session_id: "guest", permission: "read" };
    await api.post(`/sessions/theirs/artifacts/${artifactId}/grants`, grant);
    const bundle = (await api.get("/sessions/theirs/export")).bytes;
    const admin = (await api.post<NewKey>("/keys", { tenant: "owner" })).data;
    return new Site(server, { api, admin, artifactId, bundle, before: await sessionsOf(api, admin.key) });
  }

  async newKey(wanted: object): Promise<NewKey> {
    const answer = await this.api.post<NewKey>("/keys", wanted, bearer(this.admin));
    assert.equal(answer.status, 201, answer.text);
    return answer.data;
  }

  async keyOf(tenant: string, scopes: readonly string[]): Promise<string> {
    return (await this.newKey({ tenant, scopes })).key;
  }

  async strangers(): Promise<Record<string, Headers>> {
    const revoked = await this.newKey({ tenant: "owner" });
    await this.api.post(`/keys/${revoked.id}/revoke`, undefined, bearer(this.admin));
    const soon = new Date(Date.now() + 200).toISOString();
    const expired = await this.newKey({ tenant: "owner", expires_at: soon });
    while (Date.now() <= Date.parse(soon)) await new Promise((wake) => setTimeout(wake, 10));
    return {
      nobody: {},
      revoked: bearer(revoked.key),
      expired: bearer(expired.key),
      unknown: bearer(randomKey()),
      "another secret": bearer(this.admin.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"))),
      malformed: bearer("password"),
      "another scheme": { authorization: `Basic ${Buffer.from(`a:${this.admin}`).toString("base64")}` },
      empty: { "x-api-key": "" },
    };
  }

  async try({ method, path }: Route, { body, query = "", object }: Try, headers: Headers, id?: string) {
    const named = path
      .replace("{id}", id ?? (object === "key" ? this.adminId : "theirs"))
      .replace("{user_id}", "someone")
      .replace("{artifact_id}", this.#artifactId)
      .replace("{session_id}", "guest");
    const sent = body === "bundle" ? this.#bundle : body;
    return await this.api.call(method, named + query, { ...(sent && { body: sent }), headers });
  }

  /** A foreign session gets the same answer as none, but for the id that the caller sent. */
  async assertForeignIsMissing(route: Route, tried: Try): Promise<void> {
    const { session_id, uid } = (await this.api.get("/sessions/theirs", bearer(this.admin))).data;
    const foreign = bearer(await this.keyOf("foreign", ["sessions:read", "sessions:write"]));
    const answers = await Promise.all(
      [session_id, uid, "nobody"].map(async (id) => {
        const answer = await this.try(route, tried, foreign, id);
        return [answer.status, answer.error.code, answer.error.message.replace(id, "…"), answer.error.details];
      }),
    );
    assert.deepEqual(answers[0], [404, "SESSION_NOT_FOUND", "Session … not found", undefined]);
    assert.deepEqual(answers[1], answers[0]);
    assert.deepEqual(answers[2], answers[0]);
    await this.assertUntouched();
  }

  async assertUntouched(): Promise<void> {
    assert.equal(await sessionsOf(this.api, this.admin), this.#before);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

async function sessionsOf(api: Api, key: string): Promise<string> {
  const { data } = await api.get<{ sessions: object[] }>("/sessions", bearer(key));
  return JSON.stringify(data.sessions);
}

function bearer(key: string): Headers {
  return { authorization: `Bearer ${key}` };
}

function randomKey(): string {
  return `sjn_${randomBytes(8).toString("hex")}_${randomBytes(32).toString("hex")}`;
}

function others({ scope }: Route): readonly string[] {
  return ["sessions:read", "sessions:write", "apps:read", "apps:execute"].filter((one) => one !== scope);
}
