import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Api } from "./api.ts";
import { PYTHON_SKIP, runPython } from "./python.ts";
import { startServer, type TestServer } from "./server.ts";

// The chat of ATLUS's "Session API Guide": what it shows must be there exactly so.

interface Guide {
  readonly response: string;
  readonly session_id: string;
  readonly execution_time: number;
  readonly request_id: string;
}

describe("the chat of ATLUS", () => {
  let server: TestServer;
  let api: Api;
  before(async () => {
    server = await startServer();
    api = new Api(server.url);
  });
  after(() => server[Symbol.asyncDispose]());

  it("runs with its Python client", { skip: PYTHON_SKIP }, async () => {
    const script = fileURLToPath(new URL("./atlus_client.py", import.meta.url));
    const stdout = await runPython(script, `${server.url}/api/v1`);
    const [session = "", first = "", ...rest] = stdout.trim().split("\n");
    assert.match(session, /^session_[0-9a-f]{16}$/);
    assert.ok(first.includes("John"), first);
    assert.deepEqual(rest, ["Your name is John", "2", "Session deleted successfully"]);
  });

  it("remembers from one message to the next, and shows how much", async () => {
    const created = await api.create({ user_id: "user_123", metadata: { source: "web" } });
    const { session_id } = created;
    const { data, body } = await api.post<Guide>("/chat", {
      message: "Hi, my name is John",
      session_id,
      user_id: "user_123",
      metadata: {},
    });
    assert.deepEqual(
      [typeof data.response, data.session_id, typeof data.execution_time, typeof data.request_id],
      ["string", session_id, "number", "string"],
    );
    assert.equal((body as { success: boolean }).success, true);
    for (const message of ["What's my name?", "And what did I just say?", "Thank you", "Goodbye"]) {
      const answer = await api.post<Guide>("/chat", { message, session_id });
      if (message.includes("name?")) assert.equal(answer.data.response, "Your name is John");
      if (message.includes("just say")) assert.match(answer.data.response, /What's my name\?/);
    }
    const { memory } = await api.session(session_id);
    assert.deepEqual(
      [memory.session_id, memory.has_session_memory, memory.has_working_memory, memory.has_behavior_profile],
      [session_id, true, true, true],
    );
    assert.equal(memory.conversation_turns, 5);
  });

  it("begins with all of its memory, and no turns", async () => {
    const { memory } = await api.create();
    const { has_session_memory, has_working_memory, has_behavior_profile, conversation_turns } = memory;
    assert.deepEqual([has_session_memory, has_working_memory, has_behavior_profile], [true, true, true]);
    assert.equal(conversation_turns, 0);
  });

  it("refuses a session that is none as the guide shows", async () => {
    const { body, status } = await api.post("/chat", { message: "Hi", session_id: "session_xxx" });
    const { success, error } = body as { success: boolean; error: { code: string; message: string } };
    assert.deepEqual(
      [status, success, error.code, error.message],
      [404, false, "INVALID_SESSION", "Invalid or inactive session: session_xxx"],
    );
  });

  it("forgets the session with it, and keeps what it learned of the user", async () => {
    const { session_id } = await api.create({ session_id: "again", user_id: "u" });
    await api.post("/chat", { message: "I prefer Python", session_id });
    assert.equal((await api.call("DELETE", "/sessions/again")).status, 200);
    await api.create({ session_id: "again", user_id: "u" });
    const { data } = await api.get<{ messages: object[] }>("/sessions/again/messages");
    assert.deepEqual(data.messages, []);
    const profile = await api.get<{ preferences: object }>("/users/u/profile");
    assert.deepEqual(profile.data.preferences, { preferred_language: "Python" });
  });
});
