import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { Api } from "./api.ts";
import { CommandLine } from "./command-line.ts";
import { startServer, type TestServer } from "./server.ts";

interface Message {
  readonly seq: number;
  readonly content: unknown;
}

describe("the command line, with topics", () => {
  let server: TestServer;
  let api: Api;
  let cli: CommandLine;
  before(async () => {
    server = await startServer();
    api = new Api(server.url);
    cli = await CommandLine.begin({ SOJOURN_URL: server.url });
    await api.create({ session_id: "researcher" });
  });
  after(async () => {
    await cli[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const ok = async (args: readonly string[], input = ""): Promise<string> => {
    const { code, stdout, stderr } = await cli.run(["topics", ...args], { input });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const publish = async (topic: string, count: number): Promise<void> => {
    for (let i = 1; i <= count; i++) await api.post(`/topics/${topic}/messages`, { content: i });
  };
  const linesOf = (text: string): readonly string[] => text.trimEnd().split("\n");
  const seqsOf = (text: string): readonly number[] => linesOf(text).map((line) => (JSON.parse(line) as Message).seq);

  it("publishes JSON, text, and what comes from standard input", async () => {
    assert.equal(await ok(["publish", "facts", '{"a": [1, null]}']), "facts: message 1\n");
    await ok(["publish", "facts", "Bees see ultraviolet", "--session", "researcher"]);
    await ok(["publish", "facts", "42", "--text"]);
    await ok(["publish", "facts", "-"], '{"from": "input"}\n');
    const { data } = await api.get<{ messages: readonly (Message & { session_id?: string })[] }>(
      "/topics/facts/messages",
    );
    assert.deepEqual(
      data.messages.map(({ content, session_id }) => [content, session_id]),
      [
        [{ a: [1, null] }, undefined],
        ["Bees see ultraviolet", "researcher"],
        ["42", undefined],
        [{ from: "input" }, undefined],
      ],
    );
    const told = await cli.json<Message>(["topics", "publish", "facts", "5"]);
    assert.deepEqual(told, (await api.get<{ messages: object[] }>("/topics/facts/messages?after=4")).data.messages[0]);
    assert.equal((await cli.run(["topics", "publish", "facts", "1", "--session", "nobody"])).code, 3);
    assert.equal((await cli.run(["topics", "publish", "a/b", "1"])).code, 2);
  });

  it("reads what a subscriber has not acknowledged, and acknowledges it", async () => {
    await publish("work", 5);
    const read = (...flags: readonly string[]) => ok(["read", "work", "--json", ...flags]);
    assert.deepEqual(seqsOf(await read()), [1, 2, 3, 4, 5]);
    assert.deepEqual(seqsOf(await read("--subscriber", "ann", "--limit", "2")), [1, 2]);
    assert.deepEqual(seqsOf(await read("--subscriber", "ann", "--limit", "2", "--ack")), [1, 2]);
    assert.deepEqual(seqsOf(await read("--subscriber", "ann", "--limit", "all", "--ack")), [3, 4, 5]);
    assert.equal(await ok(["read", "work", "--subscriber", "ann"]), "No messages\n");
    assert.equal(await read("--subscriber", "ann"), "");
    assert.deepEqual(seqsOf(await read("--after", "4")), [5]);
    const more = await cli.run(["topics", "read", "work", "--limit", "1"]);
    assert.match(more.stdout, /^ {5}1 {2}\d{4}-[\d:.T-]+Z {2}- {2}1\n$/);
    assert.equal(more.stderr, "There are more; see them with --limit, or --limit all\n");
    assert.equal((await cli.run(["topics", "read", "work", "--ack"])).code, 2);
    assert.equal((await cli.run(["topics", "read", "work", "--after", "6"])).code, 2);
  });

  it("follows a topic, and acknowledges what it has printed", async () => {
    await publish("live", 2);
    const first = cli.start(["topics", "follow", "live", "--json", "--subscriber", "ann", "--ack"]);
    const printed = lines(first.child.stdout);
    assert.equal((JSON.parse(await printed()) as Message).seq, 1);
    assert.equal((JSON.parse(await printed()) as Message).seq, 2);
    await publish("live", 1);
    assert.equal((JSON.parse(await printed()) as Message).seq, 3);
    const subscriber = () => api.get<{ acknowledged: number }>("/topics/live/subscribers/ann");
    while ((await subscriber()).data.acknowledged < 3);
    first.child.kill("SIGINT");
    assert.deepEqual(await first.ended, [130, null]);
    const second = cli.start(["topics", "follow", "live", "--subscriber", "bob", "--begin", "next", "--limit", "2"]);
    const shown = lines(second.child.stdout);
    while ((await api.get("/topics/live/subscribers/bob")).data["updated_at"] === undefined);
    await publish("live", 1);
    assert.match(await shown(), /^ {5}4 {2}\S+ {2}- {2}1$/);
    await api.call("DELETE", "/topics/live");
    await publish("live", 1);
    assert.match(await shown(), /^ {5}1 {2}\S+ {2}- {2}1$/);
    assert.deepEqual(await second.ended, [0, null]);
    assert.deepEqual(linesOf(await ok(["follow", "live", "--limit", "1"])).length, 1);
    assert.equal((await cli.run(["topics", "follow", "live", "--begin", "next"])).code, 2);
  });

  it("lists topics and subscribers, moves and forgets them", async () => {
    await publish("people", 3);
    const topics = await cli.json<object[]>(["topics", "list", "--limit", "all"]);
    assert.deepEqual(topics, (await api.get<{ topics: object[] }>("/topics")).data.topics);
    assert.match(
      await ok(["list", "--limit", "1"]),
      /^TOPIC +MESSAGES +REMOVED +LEFT +FIRST +LAST\n\S+ +(\d+) +0 +\1 +\S+Z +\S+Z\n$/,
    );
    assert.equal(await ok(["subscribers", "people"]), "No subscribers\n");
    assert.equal(await ok(["ack", "people", "ann", "2"]), "ann: acknowledged through 2, 1 pending\n");
    assert.equal(await ok(["move", "people", "ann", "--after", "0"]), "ann: acknowledged through 0, 3 pending\n");
    assert.equal(await ok(["move", "people", "bob"]), "bob: acknowledged through 3, 0 pending\n");
    const rows = linesOf(await ok(["subscribers", "people"])).map((line) => line.split(/ {2,}/));
    assert.deepEqual(
      rows.map((row) => row.slice(0, 4)),
      [
        ["SUBSCRIBER", "ACKNOWLEDGED", "PENDING", "MISSED"],
        ["ann", "0", "3", "0"],
        ["bob", "3", "0", "0"],
      ],
    );
    const known = await cli.json<object[]>(["topics", "subscribers", "people"]);
    const { data } = await api.get<{ subscribers: object[] }>("/topics/people/subscribers");
    assert.deepEqual(known, data.subscribers);
    assert.equal((await cli.run(["topics", "ack", "people", "ann", "4"])).code, 2);
    assert.equal((await cli.run(["topics", "ack", "people", "ann", "x"])).code, 2);
    assert.equal(await ok(["unsubscribe", "people", "ann", "bob"]), "ann: forgotten\nbob: forgotten\n");
    assert.deepEqual(await cli.json(["topics", "subscribers", "people"]), []);
    assert.equal(
      await ok(["delete", "people", "none"]),
      ["people: deleted, with 3 messages\n", "none: deleted, with 0 messages\n"].join(""),
    );
  });

  it("shows nothing that would move the cursor", async () => {
    await api.post("/topics/strange/messages", { content: "\u001b[31mred\u202e" });
    const out = await ok(["read", "strange"]);
    assert.match(out, /"\\u001b\[31mred\\u202e"\n$/);
  });
});

/** Reads the lines that come, one at a time. */
function lines(stream: NodeJS.ReadableStream): () => Promise<string> {
  let text = "";
  stream.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  return async () => {
    while (!text.includes("\n")) await once(stream, "data");
    const line = text.slice(0, text.indexOf("\n"));
    text = text.slice(line.length + 1);
    return line;
  };
}
