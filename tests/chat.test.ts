import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Answer, Api, type Session } from "./api.ts";
import { eventsOf, type ServerEvent } from "./events.ts";
import { type ModelServer, startModelServer } from "./model-server.ts";
import { startServer, type TestServer } from "./server.ts";
import { until } from "./until.ts";

const KEY = "sk-not-for-anybody";

interface Chat {
  readonly response: string;
  readonly session_id: string;
  readonly execution_time: number;
  readonly request_id: string;
  readonly model: string;
  readonly is_language_model: boolean;
  readonly finish_reason: string;
  readonly usage?: object;
  readonly temporary?: true;
  readonly session?: Session;
}

interface Message {
  readonly number: number;
  readonly role: string;
  readonly content: string;
  readonly metadata?: object;
}

const JSON_TYPE = { "content-type": "application/json" };
const EVENTS = { ...JSON_TYPE, accept: "text/event-stream" };

describe("a chat with a language model", () => {
  let model: ModelServer;
  let server: TestServer;
  let api: Api;
  before(async () => {
    model = await startModelServer();
    server = await startServer({ model: "openai:test", model_base_url: model.url, model_api_key: KEY });
    api = new Api(server.url);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await model[Symbol.asyncDispose]();
  });

  const chat = (body: object, headers = {}): Promise<Answer<Chat>> =>
    api.post<Chat>("/chat", { message: "Hi", ...body }, headers);
  const messagesOf = async (id: string): Promise<readonly string[]> =>
    (await api.get<{ messages: Message[] }>(`/sessions/${id}/messages`)).data.messages.map(
      ({ role, content }) => `${role}: ${content}`,
    );
  async function stream(body: object, headers = {}, signal?: AbortSignal): Promise<Response> {
    const init = {
      method: "POST",
      headers: { ...EVENTS, ...headers },
      body: JSON.stringify({ message: "Hi", ...body }),
    };
    return await fetch(`${server.url}/api/v1/chat`, { ...init, ...(signal && { signal }) });
  }

  it("is answered by the model, says which, and counts what it took", async () => {
    const { session_id } = await api.create();
    model.next({ text: ["Hel", "lo!"], usage: { prompt_tokens: 21, completion_tokens: 3 } });
    const { data, headers } = await chat({ session_id }, { "x-request-id": "req-1" });
    const { execution_time, ...rest } = data;
    assert.ok(execution_time >= 0 && execution_time < 30);
    assert.deepEqual(rest, {
      response: "Hello!",
      session_id,
      request_id: "req-1",
      model: "openai:test",
      is_language_model: true,
      finish_reason: "stop",
      usage: { input_tokens: 21, output_tokens: 3 },
    });
    assert.equal(headers.get("etag"), '"2"');
    const { metrics, memory } = await api.session(session_id);
    assert.deepEqual([metrics.request_count, metrics.input_tokens, metrics.output_tokens], [1, 21, 3]);
    assert.deepEqual([memory.conversation_turns, memory.messages], [1, 2]);
    const { data: health } = await api.get("/health").then((answer) => ({ data: answer.body as Chat }));
    assert.deepEqual([health.model, health.is_language_model], ["openai:test", true]);
    const { data: stats } = await api.get<Session["metrics"]>("/sessions/stats");
    assert.ok(stats.input_tokens >= 21);
    const counted = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(counted, /^sojourn_model_tokens_total\{direction="input"\} 21$/m);
    assert.match(counted, /^sojourn_model_duration_seconds_count\{call="answer",outcome="completed"\} 1$/m);
  });

  it("comes as events while it is made, and is done once it is durable", async () => {
    const { session_id } = await api.create();
    model.next({ text: ["Once ", "upon"] });
    const response = await stream({ session_id });
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    const events = eventsOf(await response.text());
    assert.deepEqual(
      events.map(({ event }) => event),
      ["start", "token", "token", "done"],
    );
    assert.equal(events[0]?.data["session_id"], session_id);
    assert.deepEqual(
      events.slice(1, 3).map(({ data }) => data),
      [{ text: "Once " }, { text: "upon" }],
    );
    const done = events[3]?.data as unknown as { success: true; data: Chat };
    assert.deepEqual([done.success, done.data.response], [true, "Once upon"]);
    assert.deepEqual(await messagesOf(session_id), ["user: Hi", "assistant: Once upon"]);
    model.next({ text: ["By the body"] });
    const asked = await api
      .call("POST", "/chat", { body: { message: "Hi", session_id, stream: true } })
      .catch(() => {});
    assert.equal(asked, undefined, "events are no JSON");
    assert.equal((await messagesOf(session_id)).at(-1), "assistant: By the body");
  });

  it("is refused as without a stream where it fails before the first piece, and by an event after it", async () => {
    const { session_id } = await api.create();
    model.next({ status: 400, body: "{}" }, { cutAfter: ["I was ab"] });
    const early = await stream({ session_id });
    assert.deepEqual([early.status, ((await early.json()) as Refusal).error.code], [502, "MODEL_FAILED"]);
    assert.equal((await stream({ session_id: "nobody" })).status, 404);
    assert.equal((await stream({ session_id, message: " " })).status, 400);
    const late = eventsOf(await (await stream({ session_id })).text());
    assert.deepEqual(
      late.map(({ event }) => event),
      ["start", "token", "error"],
    );
    const { success, error, request_id } = (late[2] as ServerEvent).data as unknown as Refusal;
    assert.deepEqual([success, error.code, error.status], [false, "MODEL_FAILED", 502]);
    assert.match(request_id, /^req_/);
    const { metrics, memory, version } = await api.session(session_id);
    assert.deepEqual([metrics.request_count, metrics.error_count, memory.messages, version], [2, 2, 0, 3]);
  });

  it("keeps nothing where its client goes away, and lets go of the model at once", async () => {
    const { session_id } = await api.create();
    const before = model.requests.length;
    for (const [i, begin] of [["I"], []].entries()) {
      model.next({ silentAfter: begin });
      const gone = new AbortController();
      const asked = stream({ session_id }, i === 0 ? {} : { accept: "application/json" }, gone.signal);
      const request = await model.request(before + i + 1);
      gone.abort();
      await asked.then((response) => response.text()).catch(() => {});
      assert.equal(await request.abandoned, true);
      await until("it is counted", async () => (await api.session(session_id)).metrics.error_count === i + 1);
    }
    assert.deepEqual(await messagesOf(session_id), []);
    assert.equal((await api.get<{ ok: boolean }>(`/sessions/${session_id}/verify`)).data.ok, true);
  });

  it("answers a repeated one as the first, whole and at once, also as events", async () => {
    const { session_id } = await api.create();
    model.next({ text: ["On", "ce"] });
    const headers = { "idempotency-key": "once" };
    const body = JSON.stringify({ message: "Hi", session_id });
    const post = (accept: string) =>
      fetch(`${server.url}/api/v1/chat`, { method: "POST", headers: { ...JSON_TYPE, ...headers, accept }, body });
    assert.equal(((await (await post("*/*")).json()) as { data: Chat }).data.response, "Once");
    const again = await post("text/event-stream");
    assert.equal(again.headers.get("idempotent-replayed"), "true");
    const events = eventsOf(await again.text());
    assert.deepEqual(
      events.map(({ event, data }) => (event === "token" ? data["text"] : event)),
      ["start", "Once", "done"],
    );
    assert.equal((await api.session(session_id)).memory.conversation_turns, 1);
  });

  it("never shows the words of one session to another's model call, whoever's they are", async () => {
    const from = model.requests.length;
    const words = new Map<string, string>();
    await Promise.all(
      Array.from({ length: 24 }, async (_, i) => {
        const word = `Zq${i}x${i}`;
        // Two sessions of each user, and some without one.
        const { session_id } = await api.create(i % 3 === 0 ? {} : { user_id: `user-${i >> 1}` });
        words.set(session_id, word);
        await api.call("PUT", `/sessions/${session_id}/working-memory`, { body: { task: `about ${word}` } });
        await api.post(`/sessions/${session_id}/messages`, { role: "system", content: `Note ${word}` });
        for (const message of [`My name is ${word}. I prefer Python and love ${word}`, `What is ${word}? Be brief`]) {
          const answer = await chat({ session_id, message: `${message} [${word}]`, metadata: { word } });
          assert.equal(answer.status, 200, answer.text);
        }
        await api.post(`/sessions/${session_id}/compact`, { strategy: "summarize", keep_recent: 1 });
        await chat({ session_id, message: `And now? [${word}]` });
      }),
    );
    const requests = model.requests.slice(from);
    assert.ok(requests.length >= 24 * 4);
    for (const { body } of requests) {
      const text = JSON.stringify(body.messages);
      const found = [...words.values()].filter((word) => new RegExp(`${word}\\b`).test(text));
      assert.equal(found.length, 1, text);
    }
  });

  it("takes a history from elsewhere that is in pieces, and is usable after it", async () => {
    const { session_id } = await api.create();
    const call = (id: string) => ({
      role: "assistant",
      content: "",
      tool_calls: [{ id, name: "look", arguments: "{}" }],
    });
    const history = [
      { role: "tool", tool_call_id: "lost", content: "of what?" },
      { role: "user", content: "Look" },
      call("1"),
      { role: "user", content: "Well?" },
      call("2"),
      call("3"),
    ];
    const path = `/sessions/${session_id}/messages`;
    const { data } = await api.post<{ messages: Message[] }>(path, { messages: history });
    const made = data.messages.filter(({ metadata }) => metadata !== undefined);
    assert.deepEqual(
      made.map(({ number, role }) => [number, role]),
      [
        [1, "assistant"],
        [5, "tool"],
        [8, "tool"],
      ],
    );
    assert.equal((await chat({ session_id })).status, 200);
    const { messages = [] } = model.requests.at(-1)?.body ?? {};
    assert.equal(messages.filter(({ role }) => role === "tool").length, 4, JSON.stringify(messages));
  });

  it("takes a hundred chats at once on one session, one after the other", async () => {
    const { session_id } = await api.create();
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => chat({ session_id, message: `m${i}` })));
    const statuses = Map.groupBy(answers, ({ status }) => status);
    const [done = [], refused = []] = [statuses.get(200), statuses.get(409)];
    // As many wait as may, and one runs; while they arrive, some are done.
    assert.ok(done.length >= 65 && done.length + refused.length === 100, `${done.length} of 100`);
    for (const { headers } of refused) assert.ok(Number(headers.get("retry-after")) > 0);
    const all = await api.get<{ messages: Message[] }>(`/sessions/${session_id}/messages?limit=1000`);
    const said = all.data.messages.map(({ content }) => content);
    assert.equal(said.length, 2 * done.length);
    for (let i = 0; i < said.length; i += 2) assert.equal(said[i + 1], `You said: ${said[i]}`);
  });
});

interface Refusal {
  readonly success: false;
  readonly error: { readonly code: string; readonly status: number };
  readonly request_id: string;
}

describe("a chat in the words of ATLUS", () => {
  let server: TestServer;
  let api: Api;
  before(async () => {
    server = await startServer({ temporary_idle_seconds: "60" });
    api = new Api(server.url);
  });
  after(() => server[Symbol.asyncDispose]());

  it("makes a temporary session where none is named, flagged, listed on request, and usable", async () => {
    const { data } = await api.post<Chat>("/chat", { message: "My name is Ann", user_id: "ann" });
    assert.match(data.session_id, /^session_[0-9a-f]{16}$/);
    assert.equal(data.temporary, true);
    const again = await api.post<Chat>("/chat", { message: "Who am I?", session_id: data.session_id });
    assert.equal(again.data.response, "Your name is Ann");
    assert.deepEqual((await api.get<{ sessions: object[] }>("/sessions?user_id=ann")).data.sessions, []);
    const listed = await api.get<{ sessions: Session[] }>("/sessions?user_id=ann&temporary=true");
    assert.equal(listed.data.sessions[0]?.idle_timeout_seconds, 60);
    assert.equal((await api.get("/sessions/continue?user_id=ann")).status, 404);
    assert.equal((await api.get<{ sessions: number }>("/sessions/stats?temporary=true")).data.sessions, 1);
  });

  it("refuses a session that is none, is not active, or is another user's, and what is no message", async () => {
    const { session_id } = await api.create({ user_id: "ann" });
    const ended = await api.create();
    await api.post(`/sessions/${ended.session_id}/end`);
    for (const id of ["session_xxx", ended.session_id]) {
      const { error } = await api.post("/chat", { message: "Hi", session_id: id });
      assert.deepEqual([error.code, error.message], ["INVALID_SESSION", `Invalid or inactive session: ${id}`]);
    }
    for (const [body, field] of [
      [{ message: "Hi", session_id, user_id: "bob" }, "user_id"],
      [{ message: "Hi", session_id: "a b" }, "session_id"],
      [{ message: "Hi", user_id: null }, "user_id"],
      [{ message: "Hi", user_id: "" }, "user_id"],
      [{ message: "Hi", user_id: "." }, "user_id"],
      [{ message: "Hi", user_id: ".." }, "user_id"],
      [{ message: "", session_id }, "message"],
      [{ message: " \t\n", session_id }, "message"],
      [{ message: "x".repeat(5_001), session_id }, "message"],
      [{ message: 5, session_id }, "message"],
      [{ session_id }, "message"],
      [{ message: "Hi", text: "Hi" }, "text"],
      [{ message: "Hi", metadata: [] }, "metadata"],
    ] as const) {
      const { error } = await api.post("/chat", body);
      assert.deepEqual([error.code, error.details?.[0]?.field], ["VALIDATION_ERROR", field], JSON.stringify(body));
    }
    assert.equal((await api.post<Chat>("/chat", { message: "x".repeat(5_000), session_id })).status, 200);
    assert.equal((await api.session(session_id)).version, 2);
  });

  it("learns how the user likes to be answered, shows it, lets it be changed, and takes it to the next session", async () => {
    const { session_id } = await api.create({ user_id: "ann b/c" });
    await api.post("/chat", { message: "I prefer Python. Explain it in detail", session_id });
    const path = "/users/ann%20b%2Fc/profile";
    const { data } = await api.get<Record<string, unknown>>(path);
    assert.equal(data["user_id"], "ann b/c");
    assert.deepEqual([data["verbosity"], data["depth"]], ["high", "deep"]);
    assert.deepEqual(
      (data["origins"] as object | undefined) && (data["origins"] as Record<string, string>)["depth"],
      "learned",
    );
    await api.call("DELETE", `/sessions/${session_id}`);
    const patch = { depth: null, tone: "formal", preferences: { preferred_language: null, style: { a: [1] } } };
    const { data: changed } = await api.call<Record<string, unknown>>("PATCH", path, { body: patch });
    assert.deepEqual([changed["depth"], changed["tone"], changed["verbosity"]], ["normal", "formal", "high"]);
    const { style, preferred_language } = changed["preferences"] as Record<string, unknown>;
    assert.deepEqual([style, preferred_language], [{ a: [1] }, undefined]);
    for (const body of [{ tone: "loud" }, { depth: 1 }, { preferences: [] }, { name: "x" }]) {
      assert.equal((await api.call("PATCH", path, { body })).status, 400, JSON.stringify(body));
    }
    assert.deepEqual((await api.get(path)).data, changed);
  });

  it("pages through a conversation from the newest back, and from any message on", async () => {
    const { session_id } = await api.create();
    const path = `/sessions/${session_id}/messages`;
    const messages = Array.from({ length: 25 }, (_, i) => ({
      role: i % 2 ? "assistant" : "user",
      content: `m${i + 1}`,
    }));
    await api.post(path, { messages });
    const read = async (query: string): Promise<readonly (readonly string[])[]> => {
      const pages: string[][] = [];
      for (let cursor = ""; ; ) {
        const { data } = await api.get<{ messages: Message[]; next_cursor?: string }>(`${path}?${query}${cursor}`);
        pages.push(data.messages.map(({ content }) => content));
        if (data.next_cursor === undefined) return pages;
        cursor = `&cursor=${data.next_cursor}`;
      }
    };
    const all = messages.map(({ content }) => content);
    assert.deepEqual(await read("limit=10"), [all.slice(15), all.slice(5, 15), all.slice(0, 5)]);
    assert.deepEqual(await read("limit=10&after=3"), [all.slice(3, 13), all.slice(13, 23), all.slice(23)]);
    assert.deepEqual(await read(""), [all]);
    assert.equal((await api.get(`${path}?cursor=x1`)).status, 400);
    assert.equal((await api.session(session_id)).memory.conversation_turns, 12);
  });

  it("refuses messages that make no sense, and adds none of them", async () => {
    const { session_id } = await api.create();
    const path = `/sessions/${session_id}/messages`;
    const call = { id: "1", name: "look", arguments: "{}" };
    const calls = (count: number) => Array.from({ length: count }, (_, i) => ({ ...call, id: String(i) }));
    for (const [body, field] of [
      [{}, ""],
      [{ role: "user" }, ""],
      [{ role: "user", content: "a", messages: [] }, "messages"],
      [{ role: "user", content: "" }, "content"],
      [{ role: "robot", content: "a" }, "role"],
      [{ role: "user", content: "x".repeat(100_001) }, "content"],
      [{ role: "user", content: "a", tool_calls: [call] }, "tool_calls"],
      [{ role: "assistant", content: "a", tool_calls: [call, call] }, "tool_calls"],
      [{ role: "tool", content: "a" }, "tool_call_id"],
      [{ role: "user", content: "a", tool_call_id: "1" }, "tool_call_id"],
      [
        {
          messages: [
            { role: "user", content: "a" },
            { role: "user", content: "" },
          ],
        },
        "messages.1.content",
      ],
      [{ messages: [] }, "messages"],
      [{ messages: Array(1_001).fill({ role: "user", content: "a" }) }, "messages"],
      // Each call but those of the last would get its result: 32 + 31 × 64 = 2,016 messages.
      [{ messages: Array(32).fill({ role: "assistant", content: "", tool_calls: calls(64) }) }, "messages"],
      [{ role: "user", content: "a", metadata: { a: "x".repeat(16_377) } }, "metadata"],
    ] as const) {
      const { error } = await api.post(path, body);
      assert.deepEqual(
        [error.code, error.details?.[0]?.field],
        ["VALIDATION_ERROR", field],
        JSON.stringify(body).slice(0, 200),
      );
    }
    assert.equal((await api.session(session_id)).version, 1);
    for (const body of [
      { role: "user", content: "x".repeat(100_000) },
      { messages: Array(1_000).fill({ role: "user", content: "a" }) },
      { messages: Array(31).fill({ role: "assistant", content: "", tool_calls: calls(64) }) },
      { role: "user", content: "a", metadata: { a: "x".repeat(16_376) } },
    ]) {
      assert.equal((await api.post(path, body)).status, 201);
    }
  });

  it("erases a user whatever version the profile has, and takes no header that says otherwise", async () => {
    for (const headers of [{ "if-match": '"7"' }, { "idempotency-key": "k" }]) {
      const { error } = await api.call("DELETE", "/users/zed", { headers });
      assert.equal(error.details?.[0]?.field, Object.keys(headers)[0]);
    }
    assert.equal((await api.call("DELETE", "/users/zed")).status, 200);
  });

  it("answers with events only whom they are wanted by", async () => {
    const { session_id } = await api.create();
    const headers = { accept: "text/event-stream;q=0, application/json" };
    assert.equal((await api.post("/chat", { message: "Hi", session_id }, headers)).status, 200);
  });

  it("keeps working memory as it is given, within its limit", async () => {
    const { session_id } = await api.create();
    const path = `/sessions/${session_id}/working-memory`;
    const send = (method: string, body: unknown) => api.call<object>(method, path, { body });
    const facts = { step: 3, plan: ["a", { b: null }], "é 🏕️": true };
    assert.deepEqual((await send("PUT", facts)).data, facts);
    assert.deepEqual((await send("PATCH", { step: null, more: 0 })).data, {
      plan: ["a", { b: null }],
      "é 🏕️": true,
      more: 0,
    });
    for (const body of [[], "a", null, { a: "\ud800" }, '{"__proto__": 1}', { a: 1e300 }, { a: "x".repeat(65_529) }]) {
      assert.equal((await send("PUT", body)).status, 400, JSON.stringify(body)?.slice(0, 60));
    }
    assert.equal((await send("PUT", { a: "x".repeat(65_528) })).status, 200);
    assert.equal((await send("PATCH", { b: 1 })).status, 400);
  });
});
