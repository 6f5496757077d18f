import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Api, type Session } from "./api.ts";
import { ChildServer } from "./child-server.ts";

/** Words that stand nowhere by chance, in the ways in which a user leaves them. */
const WORDS = {
  said: "Xylophagous",
  fact: "Quizzaciously",
  told: "Syzygetically",
  memory: "Zenzizenzizenzic",
  preference: "Borborygmuses",
  metadata: "Floccinaucinical",
  note: "Tatterdemalionly",
  file: "Gobbledygooking",
  checkpoint: "Snollygosterish",
  published: "Lollygaggingly",
  user: "bumfuzzle@example.com",
} as const;

/** Which of the words stand in which files below a directory. */
async function found(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hits = await Promise.all(
    files.map(async (file) => {
      const bytes = await readFile(file);
      return Object.values(WORDS)
        .filter((word) => bytes.includes(word))
        .map((word) => `${word} in ${file}`);
    }),
  );
  return hits.flat();
}

describe("DELETE /users/{user_id}", () => {
  it("leaves the user's words in no file, while the server runs, and all else as it was", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sojourn-erasure-"));
    const data = join(directory, "data");
    let keptHead = "";
    {
      await using server = await ChildServer.start(data);
      const api = new Api(server.url);
      const user_id = WORDS.user;
      const key = (name: string): Record<string, string> => ({ "idempotency-key": name });
      const other = await api.create({ session_id: "stays", user_id: "somebody else" });
      await api.post("/chat", { message: "I stay", session_id: "stays" });
      const chat = (body: object, headers = {}) => api.post<Session>("/chat", body, headers);
      const profile = `/users/${encodeURIComponent(user_id)}/profile`;
      // Changes nothing, and is remembered all the same.
      await api.call("PATCH", profile, { body: {}, headers: key("nothing") });
      for (let i = 0; i < 30; i++) {
        const body = { user_id, metadata: { [WORDS.metadata]: i }, name: WORDS.said, tags: [WORDS.note] };
        const { session_id } = (await api.post("/sessions", body, key(`create ${i}`))).data;
        await chat({ message: `My name is ${WORDS.fact}. The ${WORDS.said} sings`, session_id }, key(`chat ${i}`));
        await chat({ message: `My ${WORDS.told} is ${WORDS.told}`.repeat(100), session_id });
        await api.post(`/sessions/${session_id}/messages`, { role: "system", content: WORDS.note }, key(`add ${i}`));
        const path = `/sessions/${session_id}/working-memory`;
        await api.call("PUT", path, { body: { [WORDS.memory]: [WORDS.memory] }, headers: key(`memory ${i}`) });
        const artifact = { name: `${WORDS.file}.txt`, artifact_type: "user_input", tags: [WORDS.file] };
        await api.post(`/sessions/${session_id}/artifacts`, { ...artifact, content: WORDS.file }, key(`file ${i}`));
        const large = `/sessions/${session_id}/artifacts?name=large&artifact_type=user_input`;
        // Too large for the store itself, and nothing to compress.
        const noise = [Buffer.from(WORDS.file), randomBytes(100_000), Buffer.from(WORDS.file)];
        await api.call("POST", large, { body: Buffer.concat(noise) });
        await api.post(`/sessions/${session_id}/checkpoints`, { name: WORDS.checkpoint }, key(`point ${i}`));
        await api.post(`/sessions/${session_id}/fork`, { at: WORDS.checkpoint, name: WORDS.checkpoint });
        await api.post(`/sessions/${session_id}/compact`, { strategy: "summarize", keep_recent: 1 }, key(`c ${i}`));
        const message = { content: WORDS.published, session_id };
        await api.post(`/topics/${WORDS.published}/messages`, message, key(`publish ${i}`));
        const subscriber = `/topics/${WORDS.published}/subscribers/${session_id}`;
        await api.call("PUT", subscriber, { body: { after: 0 } });
        if (i % 3 === 0) await api.post(`/sessions/${session_id}/end`, { reason: WORDS.said });
        if (i % 3 === 1) await api.call("DELETE", `/sessions/${session_id}`);
      }
      await chat({ message: `I live in ${WORDS.said}`, user_id });
      const preferences = { preferences: { [WORDS.preference]: WORDS.preference } };
      await api.call("PATCH", profile, { body: preferences, headers: key("profile") });
      assert.ok((await found(data)).length > 0, "the words are found while they are there");
      // Topics are nobody's, and deleted by themselves.
      await api.call("DELETE", `/topics/${WORDS.published}`, { headers: key("topic") });

      const erased = await api.call<Record<string, number>>("DELETE", `/users/${encodeURIComponent(user_id)}`);
      const { sessions = 0, messages = 0, summaries, facts, profile: had } = erased.data;
      // Of 30 sessions 10 were deleted before; each was forked, and one came with a chat.
      assert.deepEqual([erased.data["user_id"], sessions, summaries, had], [user_id, 51, 20, true]);
      assert.equal(erased.data["artifacts"], 2 * 50);
      assert.equal(erased.data["artifact_bytes"], 50 * (3 * WORDS.file.length + 100_000));
      assert.ok(messages >= 20 * 5 && Number(facts) >= 20, JSON.stringify(erased.data));
      assert.deepEqual(await found(data), []);

      const { data: listed } = await api.get<{ sessions: Session[] }>("/sessions");
      assert.deepEqual(
        listed.sessions.map(({ uid }) => uid),
        [other.uid],
      );
      const verdict = await api.get<{ ok: boolean; head_hash: string }>("/sessions/stays/verify");
      assert.equal(verdict.data.ok, true);
      keptHead = verdict.data.head_hash;
      assert.deepEqual((await api.get<{ version: number }>(profile)).data.version, 0);
      await server.end("SIGTERM");
    }
    assert.deepEqual(await found(directory), []);
    await using again = await ChildServer.start(data);
    const verdict = await new Api(again.url).get<{ ok: boolean }>(`/sessions/stays/verify?head=${keptHead}`);
    assert.equal(verdict.data.ok, true);
    await again.end("SIGTERM");
    await rm(directory, { recursive: true });
  });
});
