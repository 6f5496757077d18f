import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { type ModelServer, startModelServer } from "../../tests/model-server.ts";
import { SojournError } from "../engine/errors.ts";
import { DEFAULT_STYLE } from "../engine/user.ts";
import type { Context, Model, Piece } from "../memory/model.ts";
import { openModel } from "../memory/models/open-model.ts";

const KEY = "sk-topsecretkey";

const CONTEXT: Context = {
  systemPrompt: "Be kind",
  profile: { ...DEFAULT_STYLE, preferences: {} },
  workingMemory: {},
  messages: [
    { role: "user", content: "What time is it?" },
    { role: "assistant", content: "", toolCalls: [{ id: "1", name: "time", arguments: '{"zone":"UTC"}' }] },
    { role: "tool", content: "Noon", toolCallId: "1" },
    { role: "assistant", content: "Noon" },
    { role: "user", content: "Thanks" },
  ],
};

/** What the packages would look up, and must not. */
const MISLEADING = {
  OPENAI_API_KEY: "from-the-environment",
  OPENAI_BASE_URL: "http://127.0.0.1:1/v1",
  ANTHROPIC_API_KEY: "from-the-environment",
  ANTHROPIC_AUTH_TOKEN: "from-the-environment",
  ANTHROPIC_BASE_URL: "http://127.0.0.1:1/v1",
  GOOGLE_GENERATIVE_AI_API_KEY: "from-the-environment",
  GOOGLE_GENERATIVE_AI_BASE_URL: "http://127.0.0.1:1/v1",
};

const ANSWERS = {
  openai: [
    { type: "response.created", response: { id: "r", created_at: 1, model: "m" } },
    { type: "response.output_item.added", output_index: 0, item: { type: "message", id: "i" } },
    { type: "response.output_text.delta", item_id: "i", delta: "Hello" },
    { type: "response.output_item.done", output_index: 0, item: { type: "message", id: "i" } },
    { type: "response.completed", response: { usage: { input_tokens: 7, output_tokens: 2 } } },
  ],
  anthropic: [
    {
      type: "message_start",
      message: { id: "a", model: "m", role: "assistant", content: [], usage: { input_tokens: 7, output_tokens: 1 } },
    },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hello" } },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 2 } },
    { type: "message_stop" },
  ],
  google: [
    {
      candidates: [{ content: { role: "model", parts: [{ text: "Hello" }] }, finishReason: "STOP" }],
      usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 2, totalTokenCount: 9 },
    },
  ],
};

const HELLO: readonly Piece[] = [
  { piece: "text", text: "Hello" },
  { piece: "end", reason: "stop", usage: { inputTokens: 7, outputTokens: 2 } },
];

let server: ModelServer;
let environment: NodeJS.ProcessEnv;

beforeEach(async () => {
  environment = { ...process.env };
  Object.assign(process.env, MISLEADING);
  server = await startModelServer();
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  for (const name of Object.keys(MISLEADING)) delete process.env[name];
  Object.assign(process.env, environment);
});

describe("a model of OpenAI's", () => {
  it("is asked at OpenAI's address, and told to keep nothing", async () => {
    const original = globalThis.fetch;
    const home = "https://api.openai.com/v1";
    const redirected = mock.method(globalThis, "fetch", (address: string, init: RequestInit) => {
      assert.ok(address.startsWith(home), address);
      return original(address.replace(home, server.url), init);
    });
    try {
      assert.deepEqual(await answerOf(open("openai:gpt-5"), "openai"), HELLO);
    } finally {
      redirected.mock.restore();
    }
    const [request] = server.requests;
    assert.equal(request?.path, "/v1/responses");
    assert.equal(request.headers.authorization, `Bearer ${KEY}`);
    assert.equal(request.body["store"], false);
    assert.equal(request.body["max_output_tokens"], 100);
  });
});

describe("a model of Anthropic's", () => {
  it("is told of the tools that were called, and to call none", async () => {
    assert.deepEqual(await answerOf(open("anthropic:claude-opus-5"), "anthropic"), HELLO);
    const [request] = server.requests;
    assert.equal(request?.path, "/v1/messages");
    assert.equal(request.headers["x-api-key"], KEY);
    assert.equal(request.headers.authorization, undefined);
    const { tools, tool_choice, max_tokens, messages } = request.body;
    assert.ok(Array.isArray(tools));
    assert.deepEqual(
      { names: tools.map(({ name }) => name), tool_choice, max_tokens },
      { names: ["time"], tool_choice: { type: "none" }, max_tokens: 100 },
    );
    assert.deepEqual(
      messages?.map(({ role }) => role),
      ["user", "assistant", "user", "assistant", "user"],
    );
  });

  it("fails as all do", async () => {
    const error = { type: "error", error: { type: "overloaded_error", message: "Thanks" } };
    const body = JSON.stringify(error);
    server.next({ status: 529, body }, { status: 529, body }, { status: 529, body });
    await assertFailure(open("anthropic:m"), /is failing \(status 529\)/, "status, status 529, overloaded_error");
    server.next(...Array.from({ length: 3 }, () => ({ body: events([error]) })));
    await assertFailure(open("anthropic:m"), /is failing \(status 529\)/, "status, status 529");
  });
});

describe("a model of Google's", () => {
  it("is asked with the key in a header", async () => {
    assert.deepEqual(await answerOf(open("google:gemini-3"), "google"), HELLO);
    const [request] = server.requests;
    assert.equal(request?.path, "/v1/models/gemini-3:streamGenerateContent?alt=sse");
    assert.equal(request.headers["x-goog-api-key"], KEY);
    assert.deepEqual(request.body["generationConfig"], { maxOutputTokens: 100 });
  });

  it("fails as all do", async () => {
    server.next({
      status: 400,
      body: JSON.stringify({ error: { code: 400, message: "Thanks", status: "INVALID_ARGUMENT" } }),
    });
    await assertFailure(
      open("google:gemini-3"),
      /refused the request \(status 400\)/,
      "status, status 400, INVALID_ARGUMENT",
    );
  });
});

function open(model: string): Model {
  const bounds = { timeoutMs: 20_000, maxOutputTokens: 100, backoffMs: 1 };
  const home = model.startsWith("openai:") ? {} : { baseUrl: server.url };
  return openModel({ model, apiKey: KEY, ...bounds, ...home });
}

async function answerOf(model: Model, provider: keyof typeof ANSWERS): Promise<readonly Piece[]> {
  server.next({ body: events(ANSWERS[provider]) });
  return Array.fromAsync(model.answer(CONTEXT, new AbortController().signal));
}

function events(parts: readonly object[]): string {
  return parts.map((part) => `data: ${JSON.stringify(part)}\n\n`).join("");
}

async function assertFailure(model: Model, message: RegExp, cause: string): Promise<void> {
  await assert.rejects(Array.fromAsync(model.answer(CONTEXT, new AbortController().signal)), (error) => {
    assert.ok(error instanceof SojournError && error.code === "model_failed");
    assert.match(error.message, message);
    assert.equal(String(error.cause), `Trouble: ${cause}`);
    assert.ok(!JSON.stringify(error.toWire()).includes("Thanks"));
    return true;
  });
}
