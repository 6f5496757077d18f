import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";
import { inspect } from "node:util";
import { type ModelServer, type Reply, startModelServer } from "../../../tests/model-server.ts";
import { SojournError } from "../../engine/errors.ts";
import { DEFAULT_STYLE } from "../../engine/user.ts";
import type { Context, Model, Piece } from "../model.ts";
import { type ModelOptions, openModel } from "./open-model.ts";

const KEY = "sk-topsecretkey";

/** A user's only word, which providers may send back. */
const WORD = "confidentialword";

const CONTEXT: Context = {
  systemPrompt: "Be kind",
  profile: { ...DEFAULT_STYLE, preferences: {} },
  workingMemory: {},
  messages: [{ role: "user", content: WORD }],
};

let server: ModelServer;
const unhandled: unknown[] = [];
const note = (reason: unknown): void => {
  unhandled.push(reason);
};

beforeEach(async () => {
  process.on("unhandledRejection", note);
  server = await startModelServer();
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  process.off("unhandledRejection", note);
  assert.deepEqual(unhandled.splice(0), []);
});

describe("answer()", () => {
  it("sends the context with its bounds, and gives the answer as it comes", async () => {
    server.next({ text: ["Hel", "lo"], usage: { prompt_tokens: 12, completion_tokens: 2 } });
    assert.deepEqual(await piecesOf(model()), [
      { piece: "text", text: "Hel" },
      { piece: "text", text: "lo" },
      { piece: "end", reason: "stop", usage: { inputTokens: 12, outputTokens: 2 } },
    ]);
    const [request] = server.requests;
    assert.ok(request);
    const { messages, ...body } = request.body;
    assert.equal(request.path, "/v1/chat/completions");
    assert.equal(request.headers.authorization, `Bearer ${KEY}`);
    assert.deepEqual(body, {
      model: "test",
      max_tokens: 100,
      stream: true,
      stream_options: { include_usage: true },
    });
    assert.deepEqual(
      messages?.map(({ role }) => role),
      ["system", "user"],
    );
    assert.deepEqual(messages?.[1]?.content, WORD);
    assert.equal(await request.abandoned, false);
  });

  it("sends no key where none is given, whatever the environment holds", async () => {
    process.env["OPENAI_API_KEY"] = KEY;
    try {
      await piecesOf(openModel({ model: "openai:test", baseUrl: server.url, timeoutMs: 20_000, maxOutputTokens: 100 }));
    } finally {
      delete process.env["OPENAI_API_KEY"];
    }
    assert.equal(server.requests[0]?.headers.authorization, undefined);
  });

  it("gives a first piece before the last has come", async () => {
    server.next({ silentAfter: ["Once"] });
    const abort = new AbortController();
    const answer = model().answer(CONTEXT, abort.signal)[Symbol.asyncIterator]();
    assert.deepEqual(await answer.next(), { done: false, value: { piece: "text", text: "Once" } });
    await answer.return?.();
    assert.equal(await server.requests[0]?.abandoned, true);
  });

  it("gives a slow answer whole, as long as it keeps within its time", async () => {
    server.next({ text: ["a", "b", "c"], gapMs: 5 });
    assert.equal(textOf(await piecesOf(model())), "abc");
  });

  it("says that an answer was cut off at the bound on output, by the model or by us", async () => {
    server.next({ text: ["Hel"], reason: "length" }, { endless: "word " });
    assert.deepEqual((await piecesOf(model())).at(-1), { piece: "end", reason: "length" });
    const pieces = await piecesOf(model({ maxOutputTokens: 10 }));
    assert.deepEqual(pieces.at(-1), { piece: "end", reason: "length" });
    assert.equal(textOf(pieces), "word ".repeat(32));
    assert.equal(await server.requests[1]?.abandoned, true);
  });

  it("tries again after what passes, as long as nothing has come", async () => {
    const passing: readonly Reply[] = [
      { status: 429, headers: { "retry-after-ms": "1" }, body: "{}" },
      { status: 429, headers: { "retry-after": "0" }, body: "Slow down" },
      { status: 500, body: "<html>" },
      { status: 503, body: "" },
      { cutAfter: [] },
      { body: 'data: {"error":{"message":"Busy","code":503}}\n\n' },
    ];
    for (const reply of passing) {
      server.next(reply, { text: ["ok"] });
      assert.equal(textOf(await piecesOf(model())), "ok", JSON.stringify(reply));
    }
    assert.equal(server.requests.length, passing.length * 2);
  });

  it("waits as long as it is asked to", async () => {
    server.next({ status: 429, headers: { "retry-after-ms": "60" }, body: "{}" }, { text: ["ok"] });
    const start = performance.now();
    await piecesOf(model());
    // A timer may fire a moment early.
    assert.ok(performance.now() - start >= 58);
  });

  it("does not wait for what would be too late", async () => {
    server.next({ status: 429, headers: { "retry-after": "3600" }, body: "{}" });
    const error = await failureOf(model());
    assert.equal(error.retryAfterMs, 3_600_000);
    assert.equal(server.requests.length, 1);
  });

  it("tries a refused connection again, and then says that nobody is there", async () => {
    const error = await failureOf(model({ baseUrl: await deadUrl() }));
    assert.equal(
      error.message,
      'Model "openai:test" could not be reached; check its base URL, and that its server runs',
    );
    assert.equal(String(error.cause), "Trouble: unreachable, ECONNREFUSED");
  });

  it("says what happened and what to do, and tries no more often than it may", async () => {
    const no = { status: 500, body: WORD };
    const failures: readonly (readonly [replies: readonly Reply[], message: RegExp, cause: string])[] = [
      [[no, no, no], /is failing \(status 500\); try again later/, "status, status 500"],
      [
        [rejection(401, "invalid_api_key")],
        /refused the key \(status 401\); check/,
        "status, status 401, invalid_api_key",
      ],
      [[rejection(404, "model_not_found")], /not found \(status 404\); check/, "status, status 404, model_not_found"],
      [[rejection(400, WORD)], /refused the request \(status 400\); check/, "status, status 400"],
      [[rejection(400, KEY)], /refused the request \(status 400\); check/, "status, status 400"],
      [[rejection(400, `${KEY}-x`)], /refused the request \(status 400\); check/, "status, status 400"],
      [[rejection(400, "not a code")], /refused the request \(status 400\); check/, "status, status 400"],
      [
        [{ status: 307, headers: { location: server.url }, body: "" }],
        /at its address \(status 307\)/,
        "status, status 307",
      ],
      [[{ cutAfter: ["Hel"] }], /broke off its answer; try again/, "cut, UND_ERR_SOCKET"],
      [[{ body: `data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n` }], /broke off its answer/, "cut"],
      [[{ body: `<html>${WORD}</html>` }], /not understood; check its base URL/, "garbled"],
      [[{ body: `{"text":"${WORD}"}`, headers: { "content-type": "application/json" } }], /not understood/, "garbled"],
      [[{ body: `data: {"choices":"${WORD}"}\n\n` }], /not understood/, "garbled"],
      [[{ body: `data: {${WORD}\n\n` }], /not understood/, "garbled"],
      [[{ body: "" }], /not understood/, "garbled"],
      [
        [{ body: `data: {"error":{"message":"${WORD}","code":"server_error"}}\n\n` }],
        /failed while it answered; try/,
        "reported, server_error",
      ],
      [[{ text: [] }], /without any text; try again/, "empty"],
      [[{ text: [" ", "\n"] }], /without any text; try again/, "empty"],
      [[{ text: [], reason: "length" }], /no text within 100 tokens of output; allow it more/, "used_up"],
      [[{ endless: " " }], /no text within 100 tokens of output/, "used_up"],
      [[{ text: [], reason: "content_filter" }], /held its answer back/, "withheld"],
      [[{ text: ["Half of it"], reason: "content_filter" }], /held its answer back/, "withheld"],
      [[{ body: `: ${"x".repeat(2_000_000)}` }], /sent more than any answer takes; check/, "too_long"],
      [[{ ...no, body: `${WORD} `.repeat(200_000) }], /sent more than any answer takes; check/, "too_long"],
    ];
    for (const [replies, message, cause] of failures) {
      const before = server.requests.length;
      server.next(...replies);
      const error = await failureOf(model());
      assert.match(error.message, message);
      assert.equal(String(error.cause), `Trouble: ${cause}`);
      assert.equal(server.requests.length - before, replies.length, error.message);
    }
  });

  it("fails when its time is over, and lets go of the request", async () => {
    const silences: readonly Reply[] = [
      { silentAfter: [] },
      { silentAfter: ["Hel"] },
      { text: Array.from({ length: 2_000 }, () => "a"), gapMs: 5 },
    ];
    for (const [i, reply] of silences.entries()) {
      server.next(reply);
      const error = await failureOf(model({ timeoutMs: 300, maxOutputTokens: 10_000 }));
      assert.equal(error.message, 'Model "openai:test" did not answer within 300 ms; try again, or allow it more time');
      assert.equal(await server.requests[i]?.abandoned, true);
    }
  });

  it("counts the retries into its time", async () => {
    const no = { status: 500, body: "" };
    server.next(no, no, no, no, no, no);
    const error = await failureOf(model({ timeoutMs: 300, backoffMs: 60_000 }));
    assert.match(error.message, /within 300 ms/);
    assert.equal(server.requests.length, 1);
  });

  it("stops at once with the signal's reason, wherever it is", async () => {
    const reason = new Error("Enough");
    const places: readonly Reply[] = [
      { silentAfter: [] },
      { silentAfter: ["Hel"] },
      { status: 500, body: "" },
      { endless: "word " },
    ];
    for (const [i, reply] of places.entries()) {
      server.next(reply);
      const abort = new AbortController();
      const answer = piecesOf(model({ backoffMs: 60_000, maxOutputTokens: 1_000_000 }), abort.signal);
      const { abandoned } = await server.request(i + 1);
      if ("status" in reply) await abandoned;
      abort.abort(reason);
      await assert.rejects(answer, (error) => error === reason);
      assert.equal(await abandoned, !("status" in reply));
    }
  });

  it("asks nothing of anybody once the signal has aborted", async () => {
    await assert.rejects(piecesOf(model(), AbortSignal.abort("gone")), (error) => error === "gone");
    assert.equal(server.requests.length, 0);
  });
});

describe("summarize()", () => {
  it("gives the summary, and holds a model to its length", async () => {
    server.next(
      { text: [" They ", "talked. "], usage: { prompt_tokens: 12, completion_tokens: 2 } },
      { text: ["word ".repeat(900)] },
    );
    const { signal } = new AbortController();
    const asked = model({ maxOutputTokens: 1_000 });
    assert.deepEqual(await asked.summarize("Before", CONTEXT.messages, signal), {
      text: "They talked.",
      usage: { inputTokens: 12, outputTokens: 2 },
    });
    const { text: long } = await asked.summarize(undefined, CONTEXT.messages, signal);
    assert.ok(long.length <= 4_000 && long.endsWith("word…"), long.slice(-20));
    const content = String(server.requests[0]?.body.messages?.[1]?.content);
    assert.ok(content.includes("Before") && content.includes(WORD));
  });

  it("fails as an answer does", async () => {
    server.next({ status: 400, body: WORD });
    await assert.rejects(model().summarize(undefined, CONTEXT.messages, new AbortController().signal), {
      code: "model_failed",
    });
  });
});

function model(options: Partial<ModelOptions> = {}): Model {
  return openModel({
    model: "openai:test",
    baseUrl: server.url,
    apiKey: KEY,
    timeoutMs: 20_000,
    maxOutputTokens: 100,
    backoffMs: 1,
    ...options,
  });
}

function rejection(status: number, code: string): Reply {
  return { status, body: JSON.stringify({ error: { message: `${KEY} ${WORD}`, type: "a b", code } }) };
}

async function piecesOf(asked: Model, signal = new AbortController().signal): Promise<Piece[]> {
  return Array.fromAsync(asked.answer(CONTEXT, signal));
}

function textOf(pieces: readonly Piece[]): string {
  return pieces.map((piece) => (piece.piece === "text" ? piece.text : "")).join("");
}

/** The failure of an answer, which shows neither key nor words, however it is printed. */
async function failureOf(asked: Model): Promise<SojournError> {
  const error = await piecesOf(asked).then(
    () => assert.fail("answered"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SojournError, inspect(error));
  assert.equal(error.code, "model_failed");
  const { message, stack } = error.cause as Error;
  const shown = [inspect(error, { depth: 10, showHidden: true }), JSON.stringify([error, error.cause, error.toWire()])];
  for (const text of [...shown, error.message, message, stack ?? "", error.stack ?? ""])
    for (const secret of [KEY, WORD, "Be kind", "Bearer", new URL(server.url).host])
      assert.ok(!text.includes(secret), text);
  return error;
}

/** Where nobody listens any more. */
async function deadUrl(): Promise<string> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, "close");
  return `http://127.0.0.1:${port}/v1`;
}
