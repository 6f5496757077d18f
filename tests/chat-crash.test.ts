import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Api } from "./api.ts";
import { ChildServer } from "./child-server.ts";
import { type ModelServer, startModelServer } from "./model-server.ts";

const SECRET = "sk-never-in-a-file";

interface Page {
  readonly messages: readonly { readonly content: string }[];
}

describe("a server that is killed while it chats", () => {
  let directory = "";
  let model: ModelServer;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sojourn-chat-crash-"));
    model = await startModelServer();
  });
  after(async () => {
    await model[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const start = (): Promise<ChildServer> =>
    ChildServer.start(join(directory, "data"), {
      SOJOURN_MODEL: "openai:test",
      SOJOURN_MODEL_BASE_URL: model.url,
      SOJOURN_MODEL_API_KEY: SECRET,
    });

  it("has every turn that was acknowledged, whole, and none that was not, and goes on", async () => {
    for (let round = 0; round < 3; round++) {
      await using server = await start();
      const api = new Api(server.url);
      await api.create({ session_id: `s${round}`, user_id: "ann" });
      const said = (text: string) => api.post("/chat", { message: text, session_id: `s${round}` });
      assert.equal((await said("My name is Ann, and I prefer Python")).status, 200);
      model.next({ silentAfter: ["I was ab"] });
      const lost = said("Never mind, I prefer Rust").catch(() => "lost");
      await model.request(model.requests.length + 1);
      assert.deepEqual(await server.end("SIGKILL"), [null, "SIGKILL"]);
      assert.equal(await lost, "lost");
    }
    await using server = await start();
    const api = new Api(server.url);
    for (let round = 0; round < 3; round++) {
      const path = `/sessions/s${round}`;
      const { data } = await api.get<Page>(`${path}/messages`);
      const first = "My name is Ann, and I prefer Python";
      assert.deepEqual(
        data.messages.map(({ content }) => content),
        [first, `You said: ${first}`],
      );
      assert.equal((await api.get<{ ok: boolean }>(`${path}/verify`)).data.ok, true);
      const { metrics } = await api.session(`s${round}`);
      assert.deepEqual([metrics.request_count, metrics.error_count], [1, 0]);
      assert.equal((await api.post("/chat", { message: "Still there?", session_id: `s${round}` })).status, 200);
    }
    const { data } = await api.get<{ preferences: object }>("/users/ann/profile");
    assert.deepEqual(data.preferences, { preferred_language: "Python" });
    await server.end("SIGTERM");
    const entries = await readdir(join(directory, "data"), { recursive: true, withFileTypes: true });
    for (const file of entries.filter((entry) => entry.isFile())) {
      const bytes = await readFile(join(file.parentPath, file.name));
      assert.ok(!bytes.includes(SECRET), `${file.name} has the key of the model`);
    }
  });

  it("stops in order while a model is silent, and says so to whoever waits", async () => {
    await using server = await start();
    const api = new Api(server.url);
    const { session_id } = await api.create();
    model.next({ silentAfter: [] });
    const waiting = api.post("/chat", { message: "Hi", session_id }).catch(() => undefined);
    const { abandoned } = await model.request(model.requests.length + 1);
    assert.deepEqual(await server.end("SIGTERM"), [0, null]);
    assert.equal(await abandoned, true);
    await waiting;
    await using again = await start();
    const { metrics, memory } = await new Api(again.url).session(session_id);
    assert.deepEqual([metrics.error_count, memory.messages], [1, 0]);
  });
});
