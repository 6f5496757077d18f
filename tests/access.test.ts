import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inferenceDialect } from "../src/http/dialects/inference/routes.ts";
import { nativeDialect } from "../src/http/dialects/native/routes.ts";
import type { Route } from "../src/http/route.ts";
import { Api } from "./api.ts";
import { INFERENCE_TRIES, InferenceSite } from "./inference-tries.ts";
import { startServer } from "./server.ts";
import { bearer, type Headers, type NewKey, randomKey, Site, TRIES } from "./site.ts";

describe("every route", () => {
  for (const route of nativeDialect.routes) {
    const tried = TRIES[route.operationId];
    it(`${route.operationId} lets in its owner alone`, async () => {
      assert.ok(tried, "a route without a row");
      await using site = await Site.start({}, Site.heldFor(route));
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

  for (const route of inferenceDialect.routes) {
    it(`${route.operationId} of inference.sh lets in its owner alone`, async () => {
      const tried = INFERENCE_TRIES[route.operationId];
      assert.ok(tried, "a route without a row");
      await using site = await Site.start({}, { hasTask: tried.object === "task" });
      const theirs = await InferenceSite.of(site, { hasFile: tried.object === "file" });
      if (route.scope === "open") {
        // By its address alone.
        const answer = await theirs.try(route, {});
        assert.ok(answer.status < 300, answer.text);
        return;
      }
      const before = (await site.api.get("/sessions", bearer(site.admin))).text.replace(/"timestamp".*/, "");
      for (const [who, headers] of Object.entries(await site.strangers())) {
        const answer = await theirs.try(route, headers);
        assert.deepEqual([answer.status, answer.error.code], [401, "unauthorized"], who);
        assert.equal(answer.headers.get("www-authenticate"), 'Bearer realm="sojourn"');
      }
      const refused = await theirs.try(route, bearer(await site.keyOf("owner", others(route))));
      assert.deepEqual([refused.status, refused.error.code], [403, "forbidden"]);
      const foreign = bearer(await site.keyOf("foreign", ["apps:read", "apps:execute"]));
      const missing = tried.object && (await theirs.try(route, foreign));
      assert.equal(missing?.status ?? 404, 404);
      const none = tried.object === "session" && (await theirs.try(route, foreign, "nobody")).error.message;
      if (none) assert.equal(none, missing?.error.message.replace("theirs", "nobody"));
      const after = (await site.api.get("/sessions", bearer(site.admin))).text.replace(/"timestamp".*/, "");
      assert.equal(after, before);
      const answer = await theirs.try(route, bearer(await site.keyOf("owner", [route.scope])));
      assert.ok(answer.status < 300, answer.text);
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

function others({ scope }: Route): readonly string[] {
  return ["sessions:read", "sessions:write", "apps:read", "apps:execute"].filter((one) => one !== scope);
}
