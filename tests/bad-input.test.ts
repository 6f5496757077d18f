import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ErrorShape } from "../src/http/dialects/native/encode.ts";
import { Api, type Session } from "./api.ts";
import { exchange, type RawAnswer } from "./raw.ts";
import { startServer, type TestServer } from "./server.ts";

/** What the server must never say of itself. */
const INTERNAL =
  /\.[cm]?[jt]s\b|node:|\bat \S+ \(|file:\/\/\/|sqlite|ERR_|HPE_|TypeError|RangeError|undefined|\[object/i;

const BODY_MAX = 8_192;
const METADATA_MAX = 1_024;

/** Bytes to send, the status and code to get, and, for faults of fields, which field. */
type Case = readonly [title: string, bytes: string | Buffer, expected: string, field?: string];

const HOST = "Host: localhost";
const JSON_TYPE = "Content-Type: application/json";

function request(line: string, headers: readonly string[] = [HOST], body: string | Buffer = ""): Buffer {
  return Buffer.concat([Buffer.from(`${[line, ...headers].join("\r\n")}\r\n\r\n`, "latin1"), Buffer.from(body)]);
}

/** A body for `POST /sessions`. */
function post(body: string | Buffer, type: string | undefined = JSON_TYPE): Buffer {
  const headers = [HOST, `Content-Length: ${Buffer.byteLength(body)}`, ...(type === "" ? [] : [type])];
  return request("POST /api/v1/sessions HTTP/1.1", headers, body);
}

function chunked(path: string, chunks: readonly string[]): Buffer {
  const body = [...chunks, ""].map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("");
  return request(`POST ${path} HTTP/1.1`, [HOST, JSON_TYPE, "Transfer-Encoding: chunked"], body);
}

function get(path: string, ...headers: readonly string[]): Buffer {
  return request(`GET ${path} HTTP/1.1`, [HOST, ...headers]);
}

function write(...headers: readonly string[]): Buffer {
  return request("POST /api/v1/sessions/victim/keepalive HTTP/1.1", [HOST, "Content-Length: 0", ...headers]);
}

/** A value `levels` deep, within a body that adds two: the body and its metadata. */
function nested(levels: number): string {
  return `{"metadata":{"m":${"[".repeat(levels - 2)}${"]".repeat(levels - 2)}}}`;
}

function padded(length: number): string {
  return `{"name":"x"${" ".repeat(length - 12)}}`;
}

const TYPES: readonly Case[] = [
  ["no content type", post("{}", ""), "400 INVALID_CONTENT_TYPE"],
  ...[
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp",
    "application/json; charset=utf-16", "json", "", "application/json, text/plain", "text/json",
  ].map((type): Case => [`the type "${type}"`, post("{}", `Content-Type: ${type}`), "400 INVALID_CONTENT_TYPE"]),
]; // biome-ignore format: a list

const JSONS: readonly Case[] = [
  ["a body said to be compressed", post("{}", `${JSON_TYPE}\r\nContent-Encoding: gzip`), "400 INVALID_CONTENT_TYPE"],
  ...["", "{", '{"a":}', "{'a':1}", "{}{}", "nul", "NaN", '{"name":01}', '{"name":"\u0001"}', "// {}", "null"].map(
    (body): Case => [`the body ${JSON.stringify(body)}`, post(body), "400 INVALID_JSON"],
  ),
  ["bytes that are no UTF-8", post(Buffer.from('{"name":"\xff"}', "latin1")), "400 INVALID_JSON"],
  ["a lone surrogate in bytes", post(Buffer.from('{"name":"\xed\xa0\x80"}', "latin1")), "400 INVALID_JSON"],
  ["an overlong slash", post(Buffer.from('{"name":"\xc0\xaf"}', "latin1")), "400 INVALID_JSON"],
  ["UTF-16", post(Buffer.from("{}", "utf16le")), "400 INVALID_JSON"],
  ["an unclosed depth of 100,000", chunked("/api/v1/sessions", ["[".repeat(4_000)]), "400 INVALID_JSON"],
  ...["[]", '"{}"', "1", "true"].map((body): Case => [`the body ${body}`, post(body), "400 VALIDATION_ERROR", ""]),
];

const VALUES: readonly Case[] = (
  [
    ["unknown", '{"unknown":1}'],
    ["status", '{"status":"active"}'],
    ["sessionId", '{"sessionId":"a"}'],
    ["user_id", '{"user_id":null}'],
    ["user_id", '{"user_id":7}'],
    ["user_id", '{"user_id":""}'],
    ["user_id", `{"user_id":"${"x".repeat(256)}"}`],
    ["user_id", '{"user_id":"a\\u0000b"}'],
    ["name", '{"name":["a"]}'],
    ["name", `{"name":"${"x".repeat(256)}"}`],
    ["name", '{"name":"\\ud800"}'],
    ["name", '{"name":"\\udc00\\ud800"}'],
    ["name", '{"name":"\\u0000"}'],
    ["description", `{"description":"${"x".repeat(4_097)}"}`],
    ["tags", '{"tags":"a"}'],
    ["tags", '{"tags":{"0":"a"}}'],
    ["tags.1", '{"tags":["a",1]}'],
    ["tags.0", '{"tags":[""]}'],
    ["tags.0", `{"tags":["${"x".repeat(65)}"]}`],
    ["tags.0", '{"tags":["\\udfff"]}'],
    ["tags", JSON.stringify({ tags: Array.from({ length: 65 }, (_, i) => `${i}`) })],
    ["metadata", '{"metadata":[]}'],
    ["metadata", '{"metadata":"{}"}'],
    ["metadata", '{"metadata":null}'],
    ["metadata", JSON.stringify({ metadata: { m: "x".repeat(METADATA_MAX - 7) } })],
    ["metadata", JSON.stringify({ metadata: { m: "ü".repeat(METADATA_MAX / 2 - 3) } })],
    ["metadata.a\0", '{"metadata":{"a\\u0000":1}}'],
    ["metadata.n", '{"metadata":{"n":9007199254740993}}'],
    ["metadata.n", '{"metadata":{"n":-9007199254740992}}'],
    ["metadata.n", '{"metadata":{"n":1e400}}'],
    ["metadata.a.1.n", '{"metadata":{"a":[0,{"n":1e300}]}}'],
    ["__proto__", '{"__proto__":{"user_id":"x"}}'],
    ["metadata.__proto__", '{"metadata":{"__proto__":{"x":1}}}'],
    ["metadata.a.0.b.__proto__", '{"metadata":{"a":[{"b":{"__proto__":null}}]}}'],
    ["metadata.\\u005f", '{"metadata":{"\\u005f_proto__":1}}'],
    ["idle_timeout_seconds", '{"idle_timeout_seconds":0}'],
    ["idle_timeout_seconds", '{"idle_timeout_seconds":0.9}'],
    ["idle_timeout_seconds", '{"idle_timeout_seconds":-1}'],
    ["idle_timeout_seconds", '{"idle_timeout_seconds":"60"}'],
    ["idle_timeout_seconds", '{"idle_timeout_seconds":315360001}'],
    ["max_lifetime_seconds", '{"max_lifetime_seconds":null}'],
    ["if_exists", '{"if_exists":"replace"}'],
    ["parent_session_id", '{"parent_session_id":"a b"}'],
    ...["", ".", "..", "continue", "stats", "cleanup", "import", "new", "a/b", "a b", "ä", "a%20", "x".repeat(129)].map(
      (id) => ["session_id", JSON.stringify({ session_id: id })] as const,
    ),
  ] as const
).map(([field, body]) => [
  body.length > 80 ? `${body.slice(0, 80)}…` : body,
  post(body),
  "400 VALIDATION_ERROR",
  field.replace("\\u005f", "__proto__"),
]);

const SIZES: readonly Case[] = [
  ["33 levels", post(nested(33)), "400 VALIDATION_ERROR"],
  ["a body of one byte too many", post(padded(BODY_MAX + 1)), "413 PAYLOAD_TOO_LARGE"],
  ["a chunked body of one byte too many", chunked("/api/v1/sessions", ["{", padded(BODY_MAX)]), "413 PAYLOAD_TOO_LARGE"],
  ["a body said to be huge", request("POST /api/v1/sessions HTTP/1.1", [HOST, JSON_TYPE, "Content-Length: 99999999999"], "{"),
    "413 PAYLOAD_TOO_LARGE"],
  ["a body said to be endless",
    request("POST /api/v1/sessions HTTP/1.1", [HOST, JSON_TYPE, `Content-Length: ${"9".repeat(40)}`]), "400 VALIDATION_ERROR"],
  ["a long header", get("/api/v1/sessions", `X-Long: ${"a".repeat(20_000)}`), "413 PAYLOAD_TOO_LARGE"],
  ["many headers", get("/", ...Array.from({ length: 2_500 }, (_, i) => `X-${i}: a`)), "413 PAYLOAD_TOO_LARGE"],
  ["a long target", get(`/api/v1/sessions/${"a".repeat(20_000)}`), "413 PAYLOAD_TOO_LARGE"],
  ["an id of 10,000 characters", get(`/api/v1/sessions/${"a".repeat(10_000)}`), "404 SESSION_NOT_FOUND"],
]; // biome-ignore format: a list

const twice = (name: string, value: string): Case => [
  `${name} given twice`,
  request("POST /api/v1/sessions/victim/keepalive HTTP/1.1", [
    ...(name === "Host" ? [] : [HOST]), "Content-Length: 0", `${name}: ${value}`, `${name.toLowerCase()}: ${value}`,
  ]),
  "400 VALIDATION_ERROR",
  name.toLowerCase(),
]; // biome-ignore format: a list

const PROTOCOL: readonly Case[] = [
  twice("Host", "localhost"),
  twice("Content-Type", "application/json"),
  twice("Idempotency-Key", "k"),
  twice("X-Request-ID", "r"),
  twice("Origin", "http://localhost"),
  twice("Last-Event-ID", "1"),
  twice("Authorization", "Bearer a"),
  ["Content-Length twice", request("POST /api/v1/sessions HTTP/1.1", [HOST, JSON_TYPE, "Content-Length: 2", "Content-Length: 2"], "{}"),
    "400 VALIDATION_ERROR"],
  ["Content-Length and Transfer-Encoding", request("POST /api/v1/sessions HTTP/1.1",
    [HOST, JSON_TYPE, "Content-Length: 5", "Transfer-Encoding: chunked"], "2\r\n{}\r\n0\r\n\r\n"), "400 VALIDATION_ERROR"],
  ["an unknown Transfer-Encoding", request("POST /api/v1/sessions HTTP/1.1", [HOST, JSON_TYPE, "Transfer-Encoding: gzip"], "{}"),
    "400 VALIDATION_ERROR"],
  ["a chunk that is none", request("POST /api/v1/sessions HTTP/1.1", [HOST, JSON_TYPE, "Transfer-Encoding: chunked"], "zz\r\n{}\r\n"),
    "400 VALIDATION_ERROR"],
  ["a negative Content-Length", request("POST /api/v1/sessions HTTP/1.1", [HOST, JSON_TYPE, "Content-Length: -2"], "{}"),
    "400 VALIDATION_ERROR"],
  ["no Host", request("GET /api/v1/sessions HTTP/1.1", []), "400 VALIDATION_ERROR", "host"],
  ["HTTP/1.0 without Host", request("GET /api/v1/sessions HTTP/1.0", []), "400 VALIDATION_ERROR", "host"],
  ["HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 VALIDATION_ERROR"],
  ["TLS", Buffer.from([22, 3, 1, 0, 165, 1, 0, 13, 10, 13, 10]), "400 VALIDATION_ERROR"],
  ["no version", "GET /api/v1/sessions\r\n\r\n", "400 VALIDATION_ERROR"],
  ["an unknown version", request("GET / HTTP/1.2"), "400 VALIDATION_ERROR"],
  ["an unknown method", request("STEAL / HTTP/1.1"), "400 VALIDATION_ERROR"],
  ["a method in lower case", request("get / HTTP/1.1"), "400 VALIDATION_ERROR"],
  ["no target", request("GET  HTTP/1.1"), "400 VALIDATION_ERROR"],
  ["a target without slash", request("GET healthz HTTP/1.1"), "400 VALIDATION_ERROR"],
  ["a raw ü in the target", request("GET /api/v1/sessions/ü HTTP/1.1"), "400 VALIDATION_ERROR"],
  ["NUL in the target", request("GET /api/v1/sessions/a\0b HTTP/1.1"), "400 VALIDATION_ERROR"],
  ["NUL in a header", get("/", "X-A: a\0b"), "400 VALIDATION_ERROR"],
  ["a folded header", get("/", "X-A: a\r\n b"), "400 VALIDATION_ERROR"],
  ["a header with a space", get("/", "X A: a"), "400 VALIDATION_ERROR"],
  ["bare line feeds", "GET / HTTP/1.1\nHost: localhost\n\n", "400 VALIDATION_ERROR"],
  ["OPTIONS *", request("OPTIONS * HTTP/1.1"), "400 VALIDATION_ERROR", "url"],
  ["CONNECT", request("CONNECT example.com:443 HTTP/1.1"), "405 METHOD_NOT_ALLOWED"],
  ["TRACE", request("TRACE /api/v1/sessions HTTP/1.1"), "405 METHOD_NOT_ALLOWED"],
  ["an upgrade to h2c", request("POST /api/v1/sessions HTTP/1.1",
    [HOST, "Connection: Upgrade", "Upgrade: h2c", JSON_TYPE, "Content-Length: 1"], "{"), "400 INVALID_JSON"],
  ["an upgrade to a web socket", request("POST /api/v1/sessions HTTP/1.1",
    [HOST, "Connection: Upgrade", "Upgrade: websocket", "Content-Length: 0"]), "400 INVALID_CONTENT_TYPE"],
  ["Expect: 100-continue before a bad body",
    request("POST /api/v1/sessions HTTP/1.1", [HOST, JSON_TYPE, "Expect: 100-continue", "Content-Length: 1"], "{"), "400 INVALID_JSON"],
  ["another Expect before a bad body",
    request("POST /api/v1/sessions HTTP/1.1", [HOST, JSON_TYPE, "Expect: 200-ok", "Content-Length: 1"], "{"), "400 INVALID_JSON"],
  ["a target of another host", request("GET http://example.com/api/v1/sessions HTTP/1.1"), "403 FORBIDDEN"],
  ["a target that is no URL", request("GET http://[::1 HTTP/1.1"), "400 VALIDATION_ERROR", "url"],
  ["a percent that encodes nothing", get("/api/v1/sessions/%zz"), "400 VALIDATION_ERROR", "url"],
  ["bytes in percent that are no UTF-8", get("/api/v1/sessions?search=%ff"), "400 VALIDATION_ERROR", "url"],
  ["NUL in the query", get("/api/v1/sessions?search=%00"), "400 VALIDATION_ERROR", "search"],
  ["__proto__ in the query", get("/api/v1/sessions?__proto__=1"), "400 VALIDATION_ERROR", "__proto__"],
  ["NUL in an id", get("/api/v1/sessions/a%00b"), "404 SESSION_NOT_FOUND"],
  ["a slash in an id", get("/api/v1/sessions/a%2Fb"), "404 SESSION_NOT_FOUND"],
  ["dots that lead out", get("/api/v1/sessions/%2e%2e/%2e%2e/%2e%2e/etc/passwd"), "404 NOT_FOUND"],
]; // biome-ignore format: a list

/** What a browser adds where a link on another site is followed. */
const VISIT = ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"];

const STRANGERS: readonly Case[] = [
  ...["example.com", "localhost.example.com", "127.0.0.1.example.com", "192.168.0.1", "[::2]:80", "0.0.0.0"].map(
    (host): Case => [`Host: ${host}`, request("GET / HTTP/1.1", [`Host: ${host}`]), "403 FORBIDDEN"],
  ),
  // Source: RFC 9112, section 3.2
  ...["a@127.0.0.1", ""].map(
    (host): Case => [`Host: ${host}`, request("GET / HTTP/1.1", [`Host: ${host}`]), "400 VALIDATION_ERROR", "host"],
  ),
  ...[
    "https://example.com",
    "null",
    "file://",
    "http://localhost.example.com",
    "http://localhost@example.com",
    "data://localhost",
    "localhost",
    "",
  ].map((origin): Case => [`Origin: ${origin}`, write(`Origin: ${origin}`), "403 FORBIDDEN"]),
  ...["X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4", "Via: 1.1 a"].map(
    (header): Case => [header, get("/api/v1/sessions", header), "403 FORBIDDEN"],
  ),
  ["a cross-site fetch", get("/", "Sec-Fetch-Site: cross-site"), "403 FORBIDDEN"],
  ...[
    get("/", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"),
    get("/docs", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"),
    get("/docs", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"),
    get("/docs", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: document"),
    ...["/docs/llms.txt HTTP/1.1", "/ HTTP/1.1"].map((rest) =>
      request(`POST ${rest}`, [HOST, "Content-Length: 0", ...VISIT]),
    ),
    ...["/api/v1/sessions", "/api/v1/docs", "/healthz", "/metrics", "/openapi.json", "/nowhere"].map((path) =>
      get(path, ...VISIT),
    ),
    request("GET /docs HTTP/1.1", ["Host: example.com", ...VISIT]),
    get("/docs", "Origin: https://example.com", ...VISIT),
  ].map((bytes): Case => [`a link elsewhere: ${bytes.toString().replaceAll("\r\n", " ")}`, bytes, "403 FORBIDDEN"]),
  ["a cross-site fetch from here", write("Origin: http://localhost", "Sec-Fetch-Site: cross-site"), "403 FORBIDDEN"],
];

const HEADERS: readonly Case[] = [
  ...["", "a b", "caf\u00e9", "x".repeat(129)].map(
    (id): Case => [`X-Request-ID: ${id.slice(0, 9)}`, write(`X-Request-ID: ${id}`), "400 VALIDATION_ERROR", "x-request-id"],
  ),
  ...["", "k\u00fc", "x".repeat(256)].map(
    (key): Case => [`Idempotency-Key: ${key.slice(0, 9)}`, write(`Idempotency-Key: ${key}`), "400 VALIDATION_ERROR", "idempotency-key"],
  ),
  ...["", "1", '"1', "'1'", '"1" "2"', '"1",', "**"].map(
    (match): Case => [`If-Match: ${match}`, write(`If-Match: ${match}`), "400 VALIDATION_ERROR", "if-match"],
  ),
  ["a Last-Event-ID past the end of the log",
    get("/api/v1/sessions/victim/operations", "Accept: text/event-stream", "Last-Event-ID: 1000"), "400 VALIDATION_ERROR", "last-event-id"],
  ["an If-Match of 1,000 versions", write(`If-Match: ${Array.from({ length: 1_000 }, (_, i) => `"${i + 7}"`).join(", ")}`),
    "412 PRECONDITION_FAILED"],
  ["an If-Match that tempts to backtrack", write(`If-Match: ${'"a", '.repeat(2_000)}x`), "400 VALIDATION_ERROR", "if-match"],
  ...["x", "-1", "1.5", "9".repeat(16), "1,2", " "].map((id): Case => [
    `Last-Event-ID: ${id}`,
    get("/api/v1/sessions/victim/operations", "Accept: text/event-stream", `Last-Event-ID: ${id}`),
    "400 VALIDATION_ERROR",
    "last-event-id",
  ]),
]; // biome-ignore format: a list

describe("bad input", () => {
  let server: TestServer;
  let api: Api;
  before(async () => {
    const limits = { max_body_bytes: `${BODY_MAX}`, max_metadata_bytes: `${METADATA_MAX}` };
    server = await startServer({ ...limits, sweep_interval_ms: "3600000" });
    api = new Api(server.url);
    await api.create({ session_id: "victim", metadata: { of: "attacks" } });
  });
  after(() => server[Symbol.asyncDispose]());

  /** Every session as it is: one operation more anywhere, and it differs. */
  async function everything(): Promise<readonly Session[]> {
    return (await api.get<{ sessions: Session[] }>("/sessions?limit=1000")).data.sessions;
  }

  const groups = { TYPES, JSONS, VALUES, SIZES, PROTOCOL, STRANGERS, HEADERS };
  for (const [group, cases] of Object.entries(groups)) {
    describe(group.toLowerCase(), () => {
      for (const [title, bytes, expected, field] of cases) {
        it(`is refused with ${expected}: ${title}`, async () => {
          const before = await everything();
          const error = assertRefusal(await exchange(server.url, bytes));
          assert.equal(`${error.status} ${error.code}`, expected);
          if (field !== undefined) assert.equal(error.details?.[0]?.field, field);
          assert.deepEqual(await everything(), before, "nothing changed");
        });
      }
    });
  }

  it("is refused on every write, not only when a session is made", async () => {
    const before = await everything();
    const bodies = ["[]", "null", "{", '{"unknown":1}', '{"__proto__":{}}', '{"reason":"\\ud800"}', '{"reason":1e400}'];
    for (const path of ["suspend", "resume", "keepalive", "end", "metrics"]) {
      for (const body of bodies) {
        const { status } = await api.post(`/sessions/victim/${path}`, body);
        assert.equal(status, 400, `${path} ${body}`);
      }
      const reason = { reason: "x".repeat(1_025) };
      if (path !== "metrics") assert.equal((await api.post(`/sessions/victim/${path}`, reason)).status, 400);
    }
    for (const body of [
      { requests: -1 },
      { requests: 1.5 },
      { errors: "1" },
      { requests: 1_000_000_001 },
      { processing_time_seconds: -1e-9 },
    ]) {
      assert.equal((await api.post("/sessions/victim/metrics", body)).error.code, "VALIDATION_ERROR");
    }
    for (const body of [
      { tags: null },
      { metadata: { a: "x".repeat(METADATA_MAX) } },
      { session_id: "other" },
      { name: 1 },
    ]) {
      assert.equal((await api.call("PATCH", "/sessions/victim", { body })).error.code, "VALIDATION_ERROR");
    }
    assert.deepEqual(await everything(), before);
  });

  it("is told apart from what is just within the limits", async () => {
    const created = async (bytes: Buffer): Promise<Session> => {
      const { status, body } = await exchange(server.url, bytes);
      assert.equal(status, 201, body);
      return (JSON.parse(body) as { data: Session }).data;
    };
    await created(post(nested(32)));
    await created(post(padded(BODY_MAX)));
    await created(chunked("/api/v1/sessions", [padded(BODY_MAX).slice(0, 1), padded(BODY_MAX).slice(1)]));
    await created(post('\ufeff{"name":"after a byte order mark"}'));
    await created(post("{}", 'content-type: Application/JSON ; charset="UTF-8"'));
    await created(post("{}", "Content-Type: application/vnd.api+json"));
    for (const body of [
      { name: "x".repeat(255) },
      { user_id: "\u{1f355}".repeat(127) },
      { description: "" },
      { tags: Array.from({ length: 64 }, (_, i) => `${i}`.padEnd(64, "~")).slice(0, 50) },
      { metadata: { m: "x".repeat(METADATA_MAX - 8) } },
      { metadata: { n: [Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 5e-324, -0.1] } },
      { metadata: { constructor: { prototype: 1 }, hasOwnProperty: 1, toString: "x", "": "empty" } },
      { session_id: `${"x".repeat(124)}.:@-` },
      { session_id: "constructor" },
      { idle_timeout_seconds: 315_360_000 },
    ]) {
      const session = await created(post(JSON.stringify(body)));
      const kept = await api.session(session.uid);
      for (const [field, value] of Object.entries(body)) {
        assert.deepEqual(JSON.parse(JSON.stringify(kept))[field], value);
      }
    }
  });

  it("gets an answer no larger than it needs to be, however many its faults", async () => {
    const many = `{${Array.from({ length: 400 }, (_, i) => `"k${i}":1`).join(",")}}`;
    const { details } = assertRefusal(await exchange(server.url, post(many)));
    assert.equal(details?.length, 100);
    const { body } = await exchange(server.url, post(`{"${"k".repeat(4_000)}":1}`));
    assert.ok(body.length < 3_000, `${body.length}`);
  });

  it("gets an answer when its body is cut off, or nothing but a closed connection", async () => {
    const before = await everything();
    const path = "POST /api/v1/sessions HTTP/1.1";
    for (const cut of [
      request(path, [HOST, JSON_TYPE, "Content-Length: 100"], '{"name":'),
      request(path, [HOST, JSON_TYPE, "Transfer-Encoding: chunked"], '8\r\n{"nam'),
      "POST /api/v1/sessions HTTP/1.1\r\nHo",
    ]) {
      assert.equal(assertRefusal(await exchange(server.url, cut, { hangUp: true })).status, 400);
    }
    assert.deepEqual(await everything(), before);
  });
});

function assertRefusal({ status, headers, body }: RawAnswer): ReturnType<typeof ErrorShape.parse>["error"] {
  assert.match(headers.get("content-type") ?? "", /^application\/json/);
  const { error, request_id } = ErrorShape.strict().parse(JSON.parse(body));
  assert.equal(error.status, status);
  assert.ok(status >= 400 && status < 500, `${status}`);
  assert.equal(headers.get("x-request-id"), request_id);
  assert.doesNotMatch(body, INTERNAL);
  return error;
}
