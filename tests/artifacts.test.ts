import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { LIMITS } from "../src/engine/limits.ts";
import { Api, type Artifact, type Operation } from "./api.ts";
import { Wire } from "./raw.ts";
import { startServer } from "./server.ts";
import { fieldsOf, Shelf, suite } from "./shelf.ts";

type Headers = Readonly<Record<string, string>>;

describe("storing an artifact", () => {
  const { shelf } = suite();

  it("answers with all that is known of it, versions by their name", async () => {
    const it = await shelf();
    const tags = ["b", "a", "b"];
    const first = await it.json({ content: "grün", mime_type: "text/x", tags, metadata: { a: [1] } });
    assert.equal(first.status, 201, first.text);
    const { artifact_id, content_hash, created_at, ...rest } = first.data;
    assert.match(artifact_id, /^artifact_[0-9a-f]{16}$/);
    assert.match(content_hash, /^[0-9a-f]{64}$/);
    assert.ok(Math.abs(Date.parse(created_at) - Date.now()) < 60_000);
    assert.deepEqual(rest, {
      session_id: it.sessionId,
      name: "a.txt",
      artifact_type: "user_input",
      version: 1,
      size: 5,
      stored_size: 5,
      is_compressed: false,
      mime_type: "text/x",
      tags: ["b", "a"],
      metadata: { a: [1] },
      created_by: "local",
      seq: 2,
    });
    assert.equal(first.headers.get("etag"), '"2"');
    const second = (await it.json({ content: "blau" })).data;
    assert.deepEqual([second.version, second.previous_hash, second.mime_type], [2, content_hash, "text/plain"]);
    assert.deepEqual((await it.api.get(`${it.path}/${second.artifact_id}`)).data, second);
  });

  it("is the same for text, Base64 and bytes, and compressed where that helps", async () => {
    const it = await shelf();
    const text = "all the same ".repeat(10_000);
    const stored = [
      await it.json({ content: text }),
      await it.json({ content_base64: Buffer.from(text).toString("base64") }),
      await it.raw(text),
    ];
    const [one, ...others] = stored.map(({ data }) => data);
    for (const other of others) assert.equal(other.content_hash, one?.content_hash);
    assert.ok(one?.is_compressed && (one.stored_size ?? 0) < one.size / 10);
    assert.equal((await it.content(one.artifact_id)).text, text);
  });

  it("takes of bytes the rest from the query, and the type from where it stands", async () => {
    const it = await shelf();
    const query = { name: "ü.csv", artifact_type: "my_own", tags: "a,b", metadata: '{"x":1}' };
    const { data } = await it.raw("a;b", query, { "content-type": "application/octet-stream" });
    const { name, artifact_type, mime_type, tags, metadata } = data;
    assert.deepEqual(
      { name, artifact_type, mime_type, tags, metadata },
      { ...query, mime_type: "text/csv", tags: ["a", "b"], metadata: { x: 1 } },
    );
    const told = await it.raw("{}", { mime_type: "application/json" }, { "content-type": "text/plain" });
    assert.equal(told.data.mime_type, "application/json");
    assert.equal((await it.raw("a", {}, { "content-type": "text/x;a=b" })).data.mime_type, "text/x;a=b");
    assert.equal((await it.raw("a", { name: "a" })).data.mime_type, "application/octet-stream");
    assert.equal((await it.raw("")).data.size, 0);
  });

  it("counts in its session's usage", async () => {
    const it = await shelf();
    const { artifact_id } = (await it.json({ content: "abc" })).data;
    await it.json({ content: "de" });
    const usage = async () => (await it.api.session(it.sessionId)).usage;
    assert.deepEqual(await usage(), { operation_count: 3, artifact_count: 2, artifact_bytes: 5, object_count: 0 });
    assert.equal((await it.api.call("DELETE", `${it.path}/${artifact_id}`)).status, 200);
    assert.deepEqual(await usage(), { operation_count: 4, artifact_count: 1, artifact_bytes: 2, object_count: 0 });
  });

  it("stands in the log, in the words of the wire", async () => {
    const it = await shelf();
    const { artifact_id, content_hash } = (await it.json({ content: "abc" })).data;
    const guest = await it.api.create();
    const grants = `${it.path}/${artifact_id}/grants`;
    await it.api.post(grants, { session_id: guest.session_id, permission: "read" });
    await it.api.call("DELETE", `${grants}/${guest.session_id}`);
    await it.api.call("DELETE", `${it.path}/${artifact_id}`);
    const { data } = await it.api.get<{ operations: Operation[] }>(`/sessions/${it.sessionId}/operations?after=1`);
    assert.deepEqual(
      data.operations.map(({ kind, name, inputs, result_id }) => ({ kind, name, inputs, result_id })),
      [
        {
          kind: "artifact.stored",
          name: "store",
          inputs: {
            artifact_id,
            name: "a.txt",
            artifact_type: "user_input",
            mime_type: "text/plain",
            tags: [],
            metadata: {},
            content_hash,
            size: 3,
          },
          result_id: artifact_id,
        },
        {
          kind: "artifact.granted",
          name: "grant",
          inputs: { artifact_id, grantee: guest.uid, permission: "read", replaces: false },
          result_id: undefined,
        },
        {
          kind: "artifact.revoked",
          name: "revoke",
          inputs: { artifact_id, grantee: guest.uid },
          result_id: undefined,
        },
        {
          kind: "artifact.deleted",
          name: "delete_artifact",
          inputs: { artifact_id, name: "a.txt", size: 3 },
          result_id: undefined,
        },
      ],
    );
  });

  for (const name of ["..", ".", "a/b", "/a", "a\\b", "a\nb", "a\x7f", "a\0b", "\ud800"]) {
    it(`refuses the name ${JSON.stringify(name)}`, async () => {
      const it = await shelf();
      assert.deepEqual(fieldsOf(await it.json({ name, content: "a" })).slice(0, 2), [400, "name"]);
      // A lone surrogate can't come in a URL.
      if (name.isWellFormed()) assert.deepEqual(fieldsOf(await it.raw("a", { name })).slice(0, 2), [400, "name"]);
      assert.deepEqual(await it.list(), []);
    });
  }

  const most = (length: number): string => "a".repeat(length);
  for (const [field, fits, exceeds] of [
    ["name", "é".repeat(127) + most(LIMITS.artifactNameBytes - 254), "é".repeat(128)],
    ["artifact_type", most(LIMITS.artifactTypeLength), most(LIMITS.artifactTypeLength + 1)],
    ["mime_type", `a/${most(LIMITS.mimeTypeLength - 2)}`, `a/${most(LIMITS.mimeTypeLength - 1)}`],
    ["tags", numbered(LIMITS.tags), numbered(LIMITS.tags + 1)],
    ["tags.0", [most(LIMITS.tagLength)], [most(LIMITS.tagLength + 1)]],
    ["metadata", { a: most(LIMITS.artifactMetadataBytes - 8) }, { a: most(LIMITS.artifactMetadataBytes - 7) }],
  ] as const) {
    it(`takes a ${field} at its limit, and none past it`, async () => {
      const it = await shelf();
      const [place = ""] = field.split(".");
      const of = (value: unknown) => it.json({ [place]: value, content: "a" });
      assert.equal((await of(fits)).status, 201);
      assert.deepEqual(fieldsOf(await of(exceeds)), [400, field]);
      const query = (value: unknown): Headers => ({ [place]: String(value) });
      // A URL has a limit of its own.
      if (field === "metadata") return;
      assert.equal((await it.raw("a", query(fits))).status, 201);
      assert.deepEqual(fieldsOf(await it.raw("a", query(exceeds))), [400, field]);
    });
  }

  it("refuses, by name, what it can't make an artifact of", async () => {
    const it = await shelf();
    assert.deepEqual(fieldsOf(await it.json({})), [400, "content"]);
    assert.deepEqual(fieldsOf(await it.json({ content: "a", content_base64: "YQ==" })), [400, "content"]);
    assert.deepEqual(fieldsOf(await it.json({ content_base64: "YQ" })), [400, "content_base64"]);
    assert.deepEqual(fieldsOf(await it.json({ content: "a", mime_type: "text" })), [400, "mime_type"]);
    assert.deepEqual(fieldsOf(await it.json({ content: "a", artifact_type: "a\u001b[31m" })), [400, "artifact_type"]);
    assert.deepEqual(fieldsOf(await it.json({ content: "a", version: 2 })), [400, "version"]);
    assert.deepEqual(fieldsOf(await it.raw("a", {}, { "content-type": "text" })), [400, "mime_type"]);
    const named = await it.api.post(`${it.path}?name=a`, { name: "a", artifact_type: "t", content: "a" });
    assert.deepEqual(fieldsOf(named), [400, "name"]);
    const bare = await it.api.call("POST", it.path, { body: Buffer.from("a") });
    assert.deepEqual(fieldsOf(bare), [400, "name", "artifact_type"]);
    for (const headers of [{ "content-type": "multipart/form-data; boundary=a" }, { "content-encoding": "gzip" }]) {
      const answer = await it.raw("a", {}, headers as Headers);
      assert.deepEqual([answer.status, answer.error.code], [400, "INVALID_CONTENT_TYPE"]);
    }
    const latin = await it.json({ content: "a" }, { "content-type": "application/json; charset=latin1" });
    assert.equal(latin.error.code, "INVALID_CONTENT_TYPE");
    assert.deepEqual(await it.list(), []);
  });

  it("reads no file of the server's where none is named for that", async () => {
    const it = await shelf();
    const answer = await it.api.post(it.path, { artifact_type: "t", path: "/etc/hostname" });
    assert.deepEqual([answer.status, answer.error.code], [403, "FORBIDDEN"]);
  });

  it("is counted where its user is erased", async () => {
    const it = await shelf();
    const { session_id } = await it.api.create({ user_id: "ann" });
    for (const content of ["abc", "abc"]) {
      await it.api.post(`/sessions/${session_id}/artifacts`, { name: "a", artifact_type: "t", content });
    }
    const { data } = await it.api.call<object>("DELETE", "/users/ann");
    assert.deepEqual(data, {
      user_id: "ann",
      sessions: 1,
      operations: 3,
      messages: 0,
      summaries: 0,
      facts: 0,
      artifacts: 2,
      artifact_bytes: 6,
      profile: false,
    });
  });

  it("happens once for a key, with the same bytes, and is refused with others", async () => {
    const it = await shelf();
    for (const store of [
      it.raw.bind(it),
      (content: string, _: Headers, headers: Headers) => it.json({ content }, headers),
    ]) {
      const headers = { "idempotency-key": randomUUID() };
      const first = await store("abc", {}, headers);
      const again = await store("abc", {}, headers);
      assert.deepEqual([first.status, again.status, again.text], [201, 201, first.text]);
      assert.equal(again.headers.get("idempotent-replayed"), "true");
      const other = await store("abd", {}, headers);
      assert.deepEqual([other.status, other.error.code], [422, "IDEMPOTENCY_MISMATCH"]);
    }
    assert.equal((await it.list()).length, 2);
  });

  it("is refused for another version than is asked for, and changes nothing", async () => {
    const it = await shelf();
    assert.equal((await it.raw("a", {}, { "if-match": '"2"' })).error.code, "PRECONDITION_FAILED");
    assert.equal((await it.raw("a", {}, { "if-match": '"1"' })).status, 201);
    assert.deepEqual(await it.list(), ["a.bin"]);
  });

  it("needs an active session, and removing does not", async () => {
    const it = await shelf();
    const { artifact_id } = (await it.json({ content: "a" })).data;
    await it.api.post(`/sessions/${it.sessionId}/end`);
    assert.equal((await it.raw("a")).error.code, "INVALID_TRANSITION");
    assert.equal((await it.content(artifact_id)).text, "a");
    const removed = await it.api.call("DELETE", `${it.path}/${artifact_id}`);
    assert.deepEqual(removed.data, { artifact_id, session_id: it.sessionId });
  });
});

function numbered(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `t${i}`);
}

describe("the limits of artifacts", () => {
  const { at, shelf } = suite({
    max_artifact_bytes: "1000",
    max_artifacts_per_session: "3",
    max_artifact_bytes_per_session: "2500",
  });

  it("hold for each of them, in whichever way it comes", async () => {
    const it = await shelf();
    const [fits, exceeds] = [Buffer.alloc(1_000), Buffer.alloc(1_001)];
    assert.equal((await it.raw(fits)).status, 201);
    assert.equal((await it.json({ content_base64: fits.toString("base64") })).status, 201);
    for (const refused of [
      await it.raw(exceeds),
      await it.json({ content_base64: exceeds.toString("base64") }),
      await it.json({ content: `${"é".repeat(500)}a` }),
    ]) {
      assert.deepEqual([refused.status, refused.error.code], [413, "PAYLOAD_TOO_LARGE"]);
    }
    assert.equal((await it.list()).length, 2);
  });

  it("refuse by its length what is too large, before any of it comes", async () => {
    const it = await shelf();
    using wire = await Wire.open(at().url);
    const path = `/api/v1${it.path}?name=a&artifact_type=t`;
    wire.send(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n`);
    assert.equal((await wire.answer()).status, 413);
    using other = await Wire.open(at().url);
    const begin = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n`;
    other.send(`${begin}3e9\r\n${"a".repeat(1_001)}\r\n0\r\n\r\n`);
    assert.equal((await other.answer()).status, 413);
    other.send(`${begin}3e8\r\n${"a".repeat(1_000)}\r\n0\r\n\r\n`);
    assert.equal((await other.answer()).status, 201, "on the same connection");
  });

  it("hold for a session's number and bytes, and say which is reached", async () => {
    const many = await shelf();
    for (let i = 0; i < 3; i++) assert.equal((await many.raw("a")).status, 201);
    assert.deepEqual(fieldsOf(await many.raw("a")), [429, "max_artifacts_per_session"]);
    const full = await shelf();
    assert.equal((await full.raw(Buffer.alloc(1_000))).status, 201);
    assert.equal((await full.raw(Buffer.alloc(1_000))).status, 201);
    const refused = await full.raw(Buffer.alloc(501));
    assert.deepEqual(fieldsOf(refused), [429, "max_artifact_bytes_per_session"]);
    assert.match(refused.error.message, /more than 2500 bytes .* raise the limit max_artifact_bytes_per_session$/);
    assert.equal((await full.raw(Buffer.alloc(500))).status, 201);
  });
});

describe("an artifact in JSON", () => {
  const { shelf } = suite();

  it("may take four mebibytes, and not one byte more", async () => {
    const it = await shelf();
    const most = 4 * 1_048_576;
    const around = JSON.stringify({ name: "a", artifact_type: "t", content: "" }).length;
    const of = (bytes: number) => it.json({ name: "a", artifact_type: "t", content: "a".repeat(bytes - around) });
    assert.equal((await of(most)).status, 201);
    assert.equal((await of(most + 1)).error.code, "PAYLOAD_TOO_LARGE");
  });
});

describe("an artifact of a file of the server's", () => {
  it("is one below the directories that are named, by its own name", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sojourn-roots-"));
    try {
      await mkdir(join(directory, "in"));
      await writeFile(join(directory, "in", "data.csv"), "a;b");
      await writeFile(join(directory, "out.csv"), "secret");
      await symlink(join(directory, "out.csv"), join(directory, "in", "link.csv"));
      await using server = await startServer({ artifact_roots: join(directory, "in"), max_artifact_bytes: "5" });
      const it = await Shelf.of(new Api(server.url));
      const file = (path: string, more = {}) => it.api.post<Artifact>(it.path, { artifact_type: "t", path, ...more });
      const { data } = await file(join(directory, "in", "data.csv"));
      assert.deepEqual([data.name, data.mime_type, data.size], ["data.csv", "text/csv", 3]);
      assert.equal((await file(join(directory, "in", "data.csv"), { name: "b" })).data.name, "b");
      for (const path of ["out.csv", "in/../out.csv", "in/link.csv"]) {
        assert.equal((await file(join(directory, path))).status, 403, path);
      }
      await writeFile(join(directory, "in", "large"), "123456");
      assert.equal((await file(join(directory, "in", "large"))).error.code, "PAYLOAD_TOO_LARGE");
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe("a list of artifacts", () => {
  const { shelf } = suite();

  it("is of those that match, the newest first, page by page", async () => {
    const it = await shelf();
    await it.json({ name: "a.txt", content: "a", tags: ["x", "y"] });
    await it.json({ name: "b.csv", content: "bb", tags: ["x"], artifact_type: "tool_result" });
    await it.json({ name: "c.txt", content: "ccc" });
    for (const [query, names] of [
      ["", ["c.txt", "b.csv", "a.txt"]],
      ["?type=tool_result", ["b.csv"]],
      ["?tag=x", ["b.csv", "a.txt"]],
      ["?tag=x&tag=y", ["a.txt"]],
      ["?name=c.txt", ["c.txt"]],
      ["?name_pattern=*.txt", ["c.txt", "a.txt"]],
      ["?min_size=2", ["c.txt", "b.csv"]],
      ["?min_size=2&max_size=2", ["b.csv"]],
      ["?at=2", ["a.txt"]],
      ["?at=2&tag=none", []],
    ] as const) {
      assert.deepEqual(await it.list(query), names, query);
    }
    const seen: string[] = [];
    for (let cursor = ""; ; ) {
      const page = (await it.api.get<Page>(`${it.path}?limit=1${cursor}`)).data;
      seen.push(...page.artifacts.map(({ name }) => name));
      if (page.next_cursor === undefined) break;
      cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
    }
    assert.deepEqual(seen, ["c.txt", "b.csv", "a.txt"]);
  });

  it("takes moments as RFC 3339 and as seconds, whole seconds with all that is in them", async () => {
    const it = await shelf();
    const { created_at } = (await it.json({ content: "a" })).data;
    const second = Math.floor(Date.parse(created_at) / 1_000);
    const of = (s: number): readonly string[] => [new Date(s * 1_000).toISOString().replace(".000", ""), `${s}`];
    for (const now of of(second)) {
      assert.deepEqual(await it.list(`?created_after=${now}&created_before=${now}`), ["a.txt"], now);
    }
    for (const next of of(second + 1)) assert.deepEqual(await it.list(`?created_after=${next}`), []);
    for (const past of of(second - 1)) assert.deepEqual(await it.list(`?created_before=${past}`), []);
    const exact = encodeURIComponent(created_at);
    assert.deepEqual(await it.list(`?created_after=${exact}&created_before=${exact}`), ["a.txt"]);
  });

  it("refuses what is no query", async () => {
    const it = await shelf();
    for (const [query, field] of [
      ["created_after=yesterday", "created_after"],
      ["min_size=-1", "min_size"],
      ["limit=1001", "limit"],
      ["at=0", "at"],
      ["at=99", "at"],
      ["cursor=nonsense", "cursor"],
      [`tag=${"a".repeat(LIMITS.tagLength + 1)}`, "tag"],
      [`name_pattern=${"a".repeat(LIMITS.globLength + 1)}`, "name_pattern"],
      ["size=1", "size"],
    ] as const) {
      assert.deepEqual(fieldsOf(await it.api.get(`${it.path}?${query}`)), [400, field], query);
    }
    const { error } = await it.api.get(`${it.path}?created_after=yesterday`);
    assert.equal(error.details?.[0]?.message, "must be a date-time of RFC 3339, or seconds since 1970");
  });
});

interface Page {
  readonly artifacts: readonly Artifact[];
  readonly next_cursor?: string;
}

describe("sharing an artifact", () => {
  const { shelf } = suite();

  it("is told, changed and ended by the session that it is shared with", async () => {
    const it = await shelf();
    const { artifact_id } = (await it.raw("a")).data;
    const guest = await it.api.create();
    const grants = `${it.path}/${artifact_id}/grants`;
    const share = (permission: string) => it.api.post<object>(grants, { session_id: guest.session_id, permission });
    const grant = { artifact_id, session_id: guest.session_id, uid: guest.uid };
    const first = await share("read");
    assert.deepEqual([first.status, first.data], [201, { ...grant, permission: "read", seq: 3 }]);
    assert.deepEqual((await share("admin")).data, { ...grant, permission: "admin", seq: 4 });
    assert.deepEqual((await it.api.get(grants)).data, { grants: [{ ...grant, permission: "admin", seq: 4 }] });
    const ended = await it.api.call("DELETE", `${grants}/${guest.uid}`);
    assert.deepEqual([ended.status, ended.data], [200, grant]);
    assert.deepEqual((await it.api.get(grants)).data, { grants: [] });
  });

  it("names a session that is gone by its uid", async () => {
    const it = await shelf();
    const { artifact_id } = (await it.raw("a")).data;
    const guest = await it.api.create();
    const grants = `${it.path}/${artifact_id}/grants`;
    await it.api.post(grants, { session_id: guest.session_id, permission: "read" });
    await it.api.call("DELETE", `/sessions/${guest.session_id}`);
    const { data } = await it.api.get<{ grants: { session_id: string }[] }>(grants);
    assert.deepEqual(
      data.grants.map(({ session_id }) => session_id),
      [guest.uid],
    );
    assert.equal((await it.api.call("DELETE", `${grants}/${guest.uid}`)).status, 200);
  });

  it("refuses what is no permission, and the artifact's own session", async () => {
    const it = await shelf();
    const { artifact_id } = (await it.raw("a")).data;
    const grants = `${it.path}/${artifact_id}/grants`;
    const guest = await it.api.create();
    assert.deepEqual(fieldsOf(await it.api.post(grants, { session_id: guest.uid, permission: "own" })), [
      400,
      "permission",
    ]);
    assert.deepEqual(fieldsOf(await it.api.post(grants, { session_id: it.sessionId, permission: "read" })), [
      400,
      "session_id",
    ]);
    assert.equal((await it.api.post(grants, { session_id: "nobody", permission: "read" })).status, 404);
  });
});
