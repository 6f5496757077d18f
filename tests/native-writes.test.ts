import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { writeOptionsOf } from "../src/http/request.ts";
import type { Answer, Operation } from "./api.ts";
import { serverOfSuite } from "./suite.ts";

interface Write {
  readonly method: string;
  /** After `/sessions`; `{id}` stands for the session. */
  readonly path: string;
  readonly body?: object;
  /** A step that must come first. */
  readonly first?: string;
}

/** Every write on one session. */
const CHANGES: readonly Write[] = [
  { method: "PATCH", path: "/{id}", body: { name: "changed" } },
  { method: "POST", path: "/{id}/suspend" },
  { method: "POST", path: "/{id}/resume", first: "/{id}/suspend" },
  { method: "POST", path: "/{id}/keepalive", body: { reason: "still here" } },
  { method: "POST", path: "/{id}/end", body: { status: "failed", reason: "broke" } },
  { method: "POST", path: "/{id}/metrics" },
  { method: "DELETE", path: "/{id}" },
];

describe("writes", async () => {
  const { api } = await serverOfSuite();

  /** A new session, and the write as it is sent to it. */
  async function prepared({ method, path, body, first }: Write): Promise<{ id: string; send: Send; version: number }> {
    const { session_id: id } = await api.create();
    const at = (path: string): string => `/sessions${path.replace("{id}", id)}`;
    if (first !== undefined) await api.post(at(first));
    const { version } = await api.session(id);
    return { id, version, send: (headers = {}) => api.call(method, at(path), { ...(body && { body }), headers }) };
  }
  type Send = (headers?: Readonly<Record<string, string>>) => Promise<Answer<unknown>>;

  describe("with Idempotency-Key", () => {
    for (const write of CHANGES) {
      it(`happen once: ${write.method} ${write.path}`, async () => {
        const { id, version, send } = await prepared(write);
        const headers = { "idempotency-key": randomUUID() };
        const answers = [
          await send(headers),
          await send(headers),
          ...(await Promise.all([send(headers), send(headers)])),
        ];
        assertReplays(answers);
        const now = await api.get(`/sessions/${id}`);
        if (write.method === "DELETE") assert.equal(now.status, 404);
        else assert.equal(now.data.version, version + 1);
      });
    }

    it("are of the session that the name meant; under the next of that name the key is another request's", async () => {
      const headers = { "idempotency-key": randomUUID() };
      const counted = await api.create({ session_id: "again" });
      await api.call("POST", "/sessions/again/metrics", { headers });
      await api.post("/sessions/again/end");
      await api.create({ session_id: "again" });
      const { status, error } = await api.call("POST", "/sessions/again/metrics", { headers });
      assert.deepEqual([status, error.code], [422, "IDEMPOTENCY_MISMATCH"]);
      assert.equal((await api.session(counted.uid)).metrics.request_count, 1);
    });

    it("happen once when the callers come at the same time: POST /sessions", async () => {
      const headers = { "idempotency-key": "one of many" };
      const body = { user_id: "twins", name: "n", tags: ["t"] };
      const answers = await Promise.all(Array.from({ length: 20 }, () => api.post("/sessions", body, headers)));
      assertReplays(answers);
      const stats = await api.get<{ sessions: number }>("/sessions/stats?user_id=twins");
      assert.equal(stats.data.sessions, 1);
    });

    it("happen once: POST /sessions/cleanup", async () => {
      const headers = { "idempotency-key": randomUUID() };
      const body = { max_idle_seconds: 1_000 };
      assertReplays([
        await api.post("/sessions/cleanup", body, headers),
        await api.post("/sessions/cleanup", body, headers),
      ]);
    });

    it("answer as first even when the session has changed, or an open one was returned", async () => {
      const key = { "idempotency-key": randomUUID() };
      const body = { session_id: "returned", if_exists: "return" };
      await api.create({ session_id: "returned" });
      const first = await api.post("/sessions", body, key);
      assert.equal(first.status, 200);
      await api.post("/sessions/returned/end");
      assertReplays([first, await api.post("/sessions", body, key)]);
    });

    it("belong to their method and path: the same key elsewhere is another write", async () => {
      const headers = { "idempotency-key": randomUUID() };
      const [a, b] = [await api.create(), await api.create()];
      for (const path of [`${a.session_id}/metrics`, `${b.session_id}/metrics`, `${a.session_id}/keepalive`]) {
        const answer = await api.post(`/sessions/${path}`, undefined, headers);
        assert.deepEqual([answer.status, answer.headers.get("idempotent-replayed")], [200, null]);
      }
    });

    it("are told apart by the same words in each release, so that one that was answered before an update is not refused", () => {
      const request = { method: "POST", url: "/api/v1/chat?a=b", headers: { "idempotency-key": "k" } };
      const written = writeOptionsOf(request, { body: '{"message":"Hi"}' }).idempotency?.request;
      // What stores hold the digest of.
      assert.equal(written, 'POST /api/v1/chat?a=b\n{"message":"Hi"}');
      const acting = writeOptionsOf(request, { body: '{"message":"Hi"}', actingAs: "uid" }).idempotency?.request;
      assert.equal(acting, `as uid\n${written}`);
    });

    it("are refused with another body, and nothing happens", async () => {
      const { session_id } = await api.create();
      const headers = { "idempotency-key": randomUUID() };
      await api.post(`/sessions/${session_id}/metrics`, { requests: 1 }, headers);
      const { error, headers: sent } = await api.post(`/sessions/${session_id}/metrics`, { requests: 2 }, headers);
      assert.deepEqual([error.code, error.status], ["IDEMPOTENCY_MISMATCH", 422]);
      assert.equal(sent.get("idempotent-replayed"), null);
      assert.equal((await api.session(session_id)).metrics.request_count, 1);
    });

    it("keep no refusal: the same key may succeed later", async () => {
      const headers = { "idempotency-key": randomUUID() };
      const create = (): Promise<Answer<unknown>> => api.post("/sessions", { session_id: "taken" }, headers);
      await api.create({ session_id: "taken" });
      assert.equal((await create()).status, 409);
      await api.post("/sessions/taken/end");
      const made = await create();
      assert.equal(made.status, 201);
      assertReplays([made, await create()]);
    });

    it("are forgotten with their session, as all that it holds", async () => {
      const headers = { "idempotency-key": randomUUID() };
      const body = { session_id: "forgotten" };
      const first = await api.post("/sessions", body, headers);
      await api.call("DELETE", "/sessions/forgotten");
      const second = await api.post("/sessions", body, headers);
      assert.equal(second.status, 201);
      assert.notEqual(second.data.uid, first.data.uid);
    });

    it("take 1 to 255 printable characters", async () => {
      const { session_id } = await api.create();
      const send = async (key: string): Promise<number> =>
        (await api.post(`/sessions/${session_id}/metrics`, undefined, { "idempotency-key": key })).status;
      assert.equal(await send("~".repeat(255)), 200);
      assert.equal(await send("x".repeat(256)), 400);
      assert.equal(await send(""), 400);
      assert.equal(await send("caf\u00e9"), 400);
      assert.equal(await send("a\tb"), 400);
      assert.equal((await api.session(session_id)).metrics.request_count, 1);
    });
  });

  describe("with If-Match", () => {
    for (const write of CHANGES) {
      it(`happen at the version that it names, and at no other: ${write.method} ${write.path}`, async () => {
        const { id, version, send } = await prepared(write);
        const stale = [`"${version - 1}"`, `"${version + 1}"`, `W/"${version}"`, `"0${version}x"`, '""', '"a", "b"'];
        for (const value of stale) {
          const answer = await send({ "if-match": value });
          assert.equal(answer.status, 412, value);
          assert.equal(answer.error.code, "PRECONDITION_FAILED");
        }
        for (const value of [
          "",
          String(version),
          `"${version}`,
          `'${version}'`,
          `"${version}" "9"`,
          "*, *",
          `w/"${version}"`,
        ]) {
          assert.equal((await send({ "if-match": value })).status, 400, value);
        }
        assert.equal((await api.session(id)).version, version, "refused writes change nothing");
        assert.equal((await send({ "if-match": `"77", W/"8" , "${version}"` })).status, 200);
      });

      it(`happen at any version for a star: ${write.method} ${write.path}`, async () => {
        assert.equal((await (await prepared(write)).send({ "if-match": " * " })).status, 200);
      });
    }

    it("let one of many through that saw the same version", async () => {
      const { session_id, version } = await api.create();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          api.call("PATCH", `/sessions/${session_id}`, {
            body: { name: `${i}` },
            headers: { "if-match": `"${version}"` },
          }),
        ),
      );
      assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, ...Array.from({ length: 19 }, () => 412)]);
      const log = await api.get<{ operations: Operation[] }>(`/sessions/${session_id}/operations`);
      assert.equal(log.data.operations.length, 2);
    });

    it("are answered with the version that the next one takes", async () => {
      const { session_id } = await api.create();
      let etag = (await api.get(`/sessions/${session_id}`)).headers.get("etag") ?? "";
      assert.equal(etag, '"1"');
      for (const { method, path, body } of CHANGES.filter(
        ({ first, method }) => first === undefined && method !== "DELETE",
      )) {
        const headers: Record<string, string> = { "if-match": etag };
        const answer: Answer<unknown> = await api.call(method, `/sessions${path.replace("{id}", session_id)}`, {
          ...(body && { body }),
          headers,
        });
        if (answer.status === 409) continue;
        assert.equal(answer.status, 200, answer.text);
        etag = answer.headers.get("etag") ?? "";
        assert.equal(etag, `"${(await api.session(session_id)).version}"`);
      }
    });
  });
});

/** The first answer and then its repetitions, in whatever order they came. */
function assertReplays(answers: readonly Answer<unknown>[]): void {
  const originals = answers.filter(({ headers }) => !headers.has("idempotent-replayed"));
  const [first] = originals;
  assert.ok(first && originals.length === 1, `one original of ${answers.length}, not ${originals.length}`);
  assert.ok(first.status < 300, first.text);
  for (const { status, text, headers } of answers) {
    assert.deepEqual([status, text], [first.status, first.text]);
    assert.equal(headers.get("etag"), first.headers.get("etag"));
    if (headers.has("idempotent-replayed")) assert.equal(headers.get("idempotent-replayed"), "true");
  }
}
