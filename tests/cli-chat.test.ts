import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Api } from "./api.ts";
import { Terminal } from "./command-line.ts";
import { startModelServer } from "./model-server.ts";
import { startServer } from "./server.ts";

const MAIN = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe("the command line, in conversation", async () => {
  const model = await startModelServer();
  const server = await startServer({ model: "openai:test", model_base_url: model.url });
  const api = new Api(server.url);
  let cwd = "";
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), "sojourn-cli-"));
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await model[Symbol.asyncDispose]();
    await rm(cwd, { recursive: true });
  });

  const environment = (env: Readonly<Record<string, string>>): NodeJS.ProcessEnv => {
    const { SOJOURN_URL: _, SOJOURN_API_KEY: __, SOJOURN_MODEL: ___, ...rest } = process.env;
    return { ...rest, SOJOURN_URL: server.url, ...env };
  };
  const run = async (
    args: readonly string[],
    { input = "", env = {} }: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
  ): Promise<Ended> => {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd, env: environment(env) });
    const ended = once(child, "close");
    child.stdin.on("error", () => undefined).end(input);
    const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
    const [code] = await ended;
    return { code, stdout, stderr };
  };

  describe("chat", () => {
    it("answers one message, in a session that is named for later", async () => {
      model.next({ text: ["Hel", "lo\nyou"] });
      const { code, stdout, stderr } = await run(["chat", "Hi", "there", "--user", "ada"]);
      assert.deepEqual([code, stdout], [0, "Hello\nyou\n"]);
      const [, id = ""] = /^To go on: sojourn chat --session (\S+)\n$/.exec(stderr) ?? [];
      const session = await api.session(id);
      assert.deepEqual([session.user_id, session.memory.messages, session.temporary], ["ada", 2, undefined]);
      assert.equal((await run(["chat", "--session", id, "Again"])).stdout, "You said: Again\n");
      assert.equal((await api.session(id)).memory.messages, 4);
    });

    it("prints for programs what the REST API answers", async () => {
      model.next({ text: ["Hi"], usage: { prompt_tokens: 7, completion_tokens: 1 } });
      const { stdout, stderr } = await run(["chat", "Hi", "--json"]);
      const { session_id, request_id, execution_time, ...answer } = JSON.parse(stdout);
      assert.deepEqual(answer, {
        response: "Hi",
        model: "openai:test",
        is_language_model: true,
        finish_reason: "stop",
        usage: { input_tokens: 7, output_tokens: 1 },
      });
      assert.ok(session_id && request_id && execution_time >= 0);
      assert.equal(stderr, "");
    });

    it("answers a message a line with an answer a line, and stops at what fails", async () => {
      model.next({ text: ["a\n\n", "b"] });
      const lines = await run(["chat"], { input: "One\n\n  \nTwo" });
      assert.deepEqual([lines.code, lines.stdout], [0, "a b\nYou said: Two\n"]);
      model.next({ text: ["fine"] }, { body: "no", status: 400 });
      const failed = await run(["chat"], { input: "One\nTwo\nThree\n" });
      assert.deepEqual([failed.code, failed.stdout], [1, "fine\n"]);
      assert.match(failed.stderr, /^Model "openai:test" refused the request .+$/m);
      const json = await run(["chat", "--json"], { input: "One\nTwo\n" });
      const answers = json.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      assert.deepEqual(
        answers.map(({ response }) => response),
        ["You said: One", "You said: Two"],
      );
      assert.equal(answers[0].session_id, answers[1].session_id);
    });

    it("makes no session where nothing is said, and lets nothing that is said move the cursor", async () => {
      const { code, stdout, stderr } = await run(["chat", "--user", "silent"], { input: "" });
      assert.deepEqual([code, stdout, stderr], [0, "", ""]);
      assert.equal((await run(["sessions", "list", "--user", "silent"])).stdout, "No sessions\n");
      model.next({ text: ["\u001b[2J", "red 👩‍🚀"] });
      assert.equal((await run(["chat", "Hi"])).stdout, "\u{fffd}[2Jred 👩‍🚀\n");
    });

    it("is interrupted, and ends the turn with it", async () => {
      const asked = model.requests.length;
      model.next({ silentAfter: ["Hel"] });
      const child = spawn(process.execPath, [MAIN, "chat", "Hi"], { cwd, env: environment({}) });
      const ended = once(child, "close");
      child.stdout.once("data", () => child.kill("SIGINT"));
      assert.deepEqual(await ended, [130, null]);
      assert.equal(await (await model.request(asked + 1)).abandoned, true);
    });

    it("ends with a number that says why", async () => {
      await api.create({ session_id: "of-ada", user_id: "ada" });
      await api.create({ session_id: "over" });
      await api.post("/sessions/over/end", {});
      const cases: readonly (readonly [code: number, args: readonly string[], stderr: RegExp])[] = [
        [3, ["chat", "--session", "nobody", "Hi"], /^Session nobody not found\n$/],
        [
          1,
          ["chat", "--session", "over", "Hi"],
          /^Session over has ended \(completed\): it takes no more messages; leave --session out .+\n$/,
        ],
        [2, ["chat", "--session", "of-ada", "--user", "bob", "Hi"], /Session of-ada is not of user "bob"/],
        [2, ["chat", "x".repeat(5_001)], /^A message must have at most 5000 characters, and this one has 5001\n$/],
        [2, ["chat", "  "], /^There is nothing to say: the message is empty\n$/],
        [3, ["messages", "nobody"], /not found/],
        [3, ["compact", "nobody"], /not found/],
        [2, ["compact", "of-ada", "--strategy", "forget"], /Allowed choices are truncate/],
        [2, ["compact", "of-ada", "--keep-recent", "-1"], /at least 0/],
        [2, ["users", "erase", "ada"], /give --yes/],
        [5, ["chat", "Hi", "--url", "http://127.0.0.1:9"], /^Cannot reach/],
      ];
      for (const [code, args, stderr] of cases) {
        const ended = await run(args);
        assert.deepEqual([ended.code, ended.stdout], [code, ""], `${args.join(" ")}: ${ended.stderr}`);
        assert.match(ended.stderr, stderr);
      }
    });

    it("leaves no session behind for a message that came to nothing", async () => {
      const refused: readonly (readonly [code: number, text: string])[] = [
        [2, "  "],
        [2, "x".repeat(5_001)],
        [1, "Fail"],
      ];
      model.next({ body: "no", status: 400 });
      for (const [code, text] of refused) {
        const { code: ended, stderr } = await run(["chat", text, "--user", "unlucky"]);
        assert.deepEqual([ended, stderr.includes("To go on")], [code, false], stderr);
      }
      assert.equal((await run(["sessions", "list", "--user", "unlucky"])).stdout, "No sessions\n");
      await api.create({ session_id: "kept-empty" });
      model.next({ body: "no", status: 400 });
      assert.equal((await run(["chat", "--session", "kept-empty", "Fail"])).code, 1);
      assert.equal((await api.session("kept-empty")).memory.messages, 0);
    });

    it("says of a session that takes no messages why that is, by the name that was given", async () => {
      const { uid } = await api.create({ session_id: "resting" });
      await run(["chat", "--session", "resting", "Hi"]);
      await api.post("/sessions/resting/suspend", {});
      for (const name of ["resting", uid]) {
        for (const args of [["Hi"], []]) {
          const { code, stdout, stderr } = await run(["chat", "--session", name, ...args], { input: "Hi\n" });
          assert.deepEqual([code, stdout], [1, ""]);
          assert.equal(
            stderr,
            `Session ${name} is suspended: resume it first, with sojourn sessions resume ${name}; ` +
              "leave --session out to begin another conversation\n",
          );
        }
      }
    });

    it("takes each line from a pipe for a message, and its help says so", async () => {
      const { stdout } = await run(["chat"], { input: "/exit\n/memory now\n" });
      assert.equal(stdout, "You said: /exit\nYou said: /memory now\n");
      assert.match((await run(["chat", "--help"])).stdout, /From a pipe or a file, each line is a message/);
    });

    it("works on data without a server, with the model that a server would have there", async () => {
      const data = join(cwd, "own data");
      const built = await run(["chat", "My name is Ada", "--data", data]);
      assert.deepEqual([built.code, built.stdout.includes("Ada")], [0, true]);
      const [, id = "", where] = /^To go on: sojourn chat --session (\S+) --data (.+)\n$/.exec(built.stderr) ?? [];
      assert.equal(where, JSON.stringify(data));
      const env = { SOJOURN_MODEL: "openai:other", SOJOURN_MODEL_BASE_URL: model.url };
      const asked = await run(["chat", "--session", id, "--data", data, "Hi"], { env });
      assert.deepEqual([asked.code, asked.stdout], [0, "You said: Hi\n"]);
      const { model: name } = JSON.parse((await run(["chat", "Hi", "--data", data, "--json"], { env })).stdout);
      assert.equal(name, "openai:other");
      const missing = await run(["chat", "--session", id, "--data", join(cwd, "nowhere"), "Hi"]);
      assert.equal(missing.code, 3);
      const wrong = await run(["chat", "Hi", "--data", data], { env: { SOJOURN_WINDOW_TOKENS: "few" } });
      assert.deepEqual([wrong.code, wrong.stderr.startsWith("SOJOURN_WINDOW_TOKENS: ")], [2, true]);
    });
  });

  describe("chat at a terminal", { skip: spawnSync("script", ["--version"]).error !== undefined }, () => {
    it("streams, remembers, recalls, begins anew, and leaves", async () => {
      using terminal = new Terminal(["chat", "--user", "tess"], cwd, environment({}));
      await terminal.until(/no language model|openai:test\..*> $/s);
      terminal.type("\r");
      terminal.type("Hi\r");
      await terminal.until(/You said: Hi\r\n.*> $/);
      terminal.type("/frob\r");
      await terminal.until(/There is no \/frob/);
      terminal.type("/help\r");
      await terminal.until(/\/new +begin another/);
      terminal.type("/memory\r");
      await terminal.until(/turns +1\r\nmessages +2\r\n.*verbosity +medium \(default\)/s);
      model.next({ body: "no", status: 400 });
      terminal.type("Fail\r");
      await terminal.until(/refused the request .+\r\n.*> $/);
      terminal.type("/new\r");
      await terminal.until(/To go on: sojourn chat --session \S+\r\n.*> $/);
      const [, id = ""] = /--session (\S+)/.exec(terminal.screen) ?? [];
      terminal.type("/memory\r");
      await terminal.until(/Nothing was said yet/);
      terminal.type("\u0004");
      assert.equal(await terminal.ended, 0);

      using again = new Terminal(["chat", "--session", id], cwd, environment({}));
      await again.until(/> Hi.*You said: Hi.*\/help tells.*> $/s);
      again.type("/exit\r");
      await again.until(new RegExp(`To go on: sojourn chat --session ${id}`));
      assert.equal(await again.ended, 0);
    });

    it("cancels an answer that is on its way by Ctrl+C, and leaves by the next", async () => {
      using terminal = new Terminal(["chat"], cwd, environment({}));
      await terminal.until(/> $/);
      const asked = model.requests.length;
      model.next({ silentAfter: ["Hel"] });
      terminal.type("Hi\r");
      await terminal.until(/Hel$/);
      terminal.type("\u0003");
      await terminal.until(/^\r\n.*canceled.*> $/s);
      assert.equal(await (await model.request(asked + 1)).abandoned, true);
      terminal.type("Still there?\r");
      await terminal.until(/You said: Still there\?\r\n.*> $/);
      terminal.type("\u0003");
      await terminal.until(/To go on: /);
      assert.equal(await terminal.ended, 0);
    });

    it("leaves by Ctrl+D after the answer that is on its way", async () => {
      using terminal = new Terminal(["chat"], cwd, environment({}));
      await terminal.until(/openai:test\..*> $/s);
      model.next({ text: ["Hel", "lo"], gapMs: 500 });
      terminal.type("Hi\r");
      await terminal.until(/Hel$/);
      terminal.type("\u0004");
      await terminal.until(/^lo\r\n\r\nTo go on: sojourn chat --session \S+\r\n$/);
      assert.equal(await terminal.ended, 0);
    });

    it("sends no command that is mistyped to the model, but paths and what follows a blank", async () => {
      using terminal = new Terminal(["chat"], cwd, environment({}));
      await terminal.until(/> $/);
      terminal.type("/exit now\r");
      await terminal.until(/\/exit stands alone on its line; nothing was said\r\n> $/);
      terminal.type("/frob it\r");
      await terminal.until(/There is no \/frob; \/help tells what there is\r\n> $/);
      terminal.type("/etc/hosts is what?\r");
      await terminal.until(/You said: \/etc\/hosts is what\?\r\n> $/);
      terminal.type(" /exit\r");
      await terminal.until(/You said: \/exit\r\n> $/);
      terminal.type("/exit\r");
      assert.equal(await terminal.ended, 0);
    });

    it("takes several lines that are pasted at once for one message", async () => {
      using terminal = new Terminal(["chat"], cwd, environment({}));
      await terminal.until(/> $/);
      const asked = model.requests.length;
      terminal.type("See: \u001b[200~one\r/exit\rthree\u001b[201~ four\r");
      await terminal.until(/You said: .*> $/s);
      const { body } = await model.request(asked + 1);
      assert.equal(body.messages?.at(-1)?.content, "See: one\n/exit\nthree four");
      terminal.type("\u0004");
      assert.equal(await terminal.ended, 0);
    });

    it("says at once that a session takes no messages, and begins another where that is wanted", async () => {
      await api.create({ session_id: "done" });
      await run(["chat", "--session", "done", "Hi"]);
      using terminal = new Terminal(["chat", "--session", "done"], cwd, environment({}));
      await terminal.until(/You said: Hi.*> $/s);
      await api.post("/sessions/done/end", {});
      const told =
        /Session done has ended \(completed\): it takes no more messages; \/new begins another conversation\r\n> $/;
      terminal.type("Still?\r");
      await terminal.until(told);
      terminal.type("\u0004");
      assert.equal(await terminal.ended, 0);
      assert.ok(!terminal.screen.includes("To go on"), terminal.screen);

      using again = new Terminal(["chat", "--session", "done"], cwd, environment({}));
      await again.until(/it takes no more messages; \/new begins another conversation\r\n> $/);
      again.type("/new\r");
      await again.until(/> $/);
      again.type("Anew\r");
      await again.until(/You said: Anew\r\n> $/);
      again.type("\u0004");
      assert.equal(await again.ended, 0);
    });

    it("says that a key is missing before it says anything else", async () => {
      await using guarded = await startServer({ first_key: `sjn_${"1".repeat(16)}_${"2".repeat(64)}` });
      using terminal = new Terminal(["chat"], cwd, environment({ SOJOURN_URL: guarded.url }));
      assert.equal(await terminal.ended, 4);
      assert.match(terminal.screen, /^[^\n]+SOJOURN_API_KEY[^\n]+\n$/);
    });

    it("asks before a user is erased", async () => {
      await api.create({ session_id: "of-una", user_id: "una" });
      using other = new Terminal(["users", "erase", "una"], cwd, environment({}));
      await other.until(/Type the id again: $/);
      other.type("ada\r");
      await other.until(/Nothing was erased/);
      assert.equal(await other.ended, 1);
      using meant = new Terminal(["users", "erase", "una"], cwd, environment({}));
      await meant.until(/Type the id again: $/);
      meant.type("una\r");
      await meant.until(/una: 1 session, .+ erased/);
      assert.equal(await meant.ended, 0);
    });
  });

  it("prints messages, and compacts them", async () => {
    await api.create({ session_id: "long" });
    const tool = { role: "assistant", content: "", tool_calls: [{ id: "c", name: "list", arguments: "{}" }] };
    const messages = [{ role: "user", content: "One\ntwo" }, tool, { role: "tool", content: "ok", tool_call_id: "c" }];
    await api.post("/sessions/long/messages", { messages });
    const { stdout } = await run(["messages", "long"]);
    assert.match(
      stdout,
      /^ {5}1 {2}\S+Z {2}user {7}One\n {41}two\n {5}2 {2}\S+Z {2}assistant {2}list\(\{\}\)\n {5}3 {2}\S+Z {2}tool {7}ok\n$/,
    );
    const last = await run(["messages", "long", "--limit", "1", "--json"]);
    const listed = await api.get<{ messages: object[] }>("/sessions/long/messages");
    assert.deepEqual(JSON.parse(last.stdout), listed.data.messages.at(-1));
    const short = await run(["compact", "long", "--strategy", "truncate", "--keep-recent", "0"]);
    assert.match(short.stdout, /^long: 3 messages in the window became 0, \d+ tokens became 0\n$/);
    assert.equal(JSON.parse((await run(["compact", "long", "--json"])).stdout).original_count, 0);
    const log = (await run(["log", "long", "--json"])).stdout.trimEnd().split("\n");
    assert.deepEqual(
      log.map((line) => JSON.parse(line)),
      (await api.get<{ operations: object[] }>("/sessions/long/operations")).data.operations,
    );
  });

  it("shows and erases users", async () => {
    await api.post("/chat", { message: "Please keep your answers short", user_id: "ben" });
    const shown = await run(["users", "show", "ben"]);
    assert.match(shown.stdout, /^user +ben\nverbosity +low +learned\ntone +neutral +default\n/);
    const profile = await api.get<object>("/users/ben/profile");
    assert.deepEqual(JSON.parse((await run(["users", "show", "ben", "--json"])).stdout), profile.data);
    const erased = await run(["users", "erase", "ben", "--yes"]);
    assert.match(
      erased.stdout,
      /^ben: 1 session, \d+ operations, 2 messages, 0 summaries, 0 facts, 0 artifacts and the profile erased\n$/,
    );
    const counts = { sessions: 0, operations: 0, messages: 0, summaries: 0, facts: 0, artifacts: 0 };
    const nothing = { ...counts, artifact_bytes: 0, profile: false };
    const again = await run(["users", "erase", "ben", "--yes", "--json"]);
    assert.deepEqual(JSON.parse(again.stdout), { user_id: "ben", ...nothing });
  });
});

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) text += chunk;
  return text;
}
