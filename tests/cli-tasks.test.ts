import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { open } from "../src/platform/index.ts";
import { Api, type Session } from "./api.ts";
import { CommandLine } from "./command-line.ts";
import { startServer, type TestServer } from "./server.ts";
import { until } from "./until.ts";
import { APPS, WORKSHOP } from "./workshop.ts";

interface Task {
  readonly task_id: string;
  readonly status: string;
  readonly output?: unknown;
}

describe("the command line, with apps", () => {
  let server: TestServer;
  let api: Api;
  let cli: CommandLine;
  before(async () => {
    server = await startServer({ apps: APPS });
    api = new Api(server.url);
    cli = await CommandLine.begin({ SOJOURN_URL: server.url });
  });
  after(async () => {
    await cli[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const runApp = (...args: string[]) => cli.run(["run-app", WORKSHOP, ...args]);
  const tasksOf = async (id: string): Promise<readonly Task[]> =>
    (await api.get<{ tasks: Task[] }>(`/sessions/${id}/tasks`)).data.tasks;

  it("prints the output alone, and in which session it is", async () => {
    const { code, stdout, stderr } = await runApp();
    assert.deepEqual([code, stdout], [0, '{"count":1}\n'], stderr);
    const [, id = ""] = /^Session (\S+)\n$/.exec(stderr) ?? [];
    const again = await runApp("count", "--session", id);
    assert.deepEqual(again, { code: 0, stdout: '{"count":2}\n', stderr: "" });
    const setUp = await runApp("count", "-s", id, "--setup", '{"step": 5}');
    assert.equal(setUp.stdout, '{"count":5}\n');
    assert.equal((await runApp("-s", id, "--fresh")).stdout, '{"count":5}\n');
  });

  it("takes the input as it is, from a file, or from standard input", async () => {
    const { session_id: id } = await api.create();
    const input = '{"value": {"a": "\u00e9\\u001b"}}';
    await writeFile(join(cli.cwd, "input.json"), input);
    const printed = '{"a":"\u00e9\\u001b"}\n';
    for (const given of [input, "@input.json"]) {
      assert.equal((await runApp("echo", "--input", given, "-s", id)).stdout, printed);
    }
    const piped = await cli.run(["run-app", WORKSHOP, "echo", "-i", "-", "-s", id], { input });
    assert.equal(piped.stdout, printed);
    const bad = await runApp("echo", "-i", "{", "-s", id);
    assert.deepEqual([bad.code, bad.stdout], [2, ""]);
    assert.match(
      bad.stderr,
      /^The input is no JSON \(.+\); give JSON, @ and a file with it, or - for standard input\n$/,
    );
    const missing = await runApp("echo", "-i", "@nothing.json", "-s", id);
    assert.equal(missing.code, 3);
    assert.equal((await tasksOf(id)).length, 3);
  });

  it("tells on standard error what the app tells, or, with --json, every event", async () => {
    const { session_id: id } = await api.create();
    const args = ["tell", "--input", '{"parts": ["a", "b"]}', "--session", id];
    assert.deepEqual(await runApp(...args), {
      code: 0,
      stdout: '{"whole":"ab"}\n',
      stderr: 'part 1, 50 %\n{"part":"a"}\npart 2, 100 %\n{"part":"b"}\nwarn: All told\n',
    });
    const { code, stdout, stderr } = await runApp(...args, "--json");
    assert.deepEqual([code, stderr], [0, ""]);
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; task?: Task });
    assert.deepEqual(
      events.map(({ type, task }) => task?.status ?? type),
      ["running", "progress", "output", "progress", "output", "log", "completed"],
    );
    const [newest] = await tasksOf(id);
    assert.deepEqual(events.at(-1)?.task?.task_id, newest?.task_id);
  });

  it("ends with what went wrong", async () => {
    const { session_id: id } = await api.create();
    const failed = await runApp("fail", "--input", '{"message": "No \\u001b paper"}', "-s", id);
    assert.deepEqual(failed, { code: 1, stdout: "", stderr: "No \ufffd paper\n" });
    const invalid = await runApp("echo", "-s", id);
    assert.deepEqual([invalid.code, invalid.stdout], [2, ""]);
    assert.match(invalid.stderr, /"value"/);
    const lost = await runApp("die", "-s", id);
    assert.deepEqual([lost.code, lost.stdout], [1, ""]);
    assert.equal((await runApp("wait", "-s", id, "--timeout", "0.2")).code, 1);
    assert.equal((await runApp("-s", "nobody")).code, 3);
    assert.equal((await runApp("-s", id, "--app-version", "00000000")).code, 1);
  });

  it("leaves no session behind that was made for nothing", async () => {
    const sessions = async () => (await api.get<{ sessions: Session[] }>("/sessions?limit=1000")).data.sessions.length;
    const before = await sessions();
    assert.equal((await cli.run(["run-app", "nobody"])).code, 3);
    assert.equal((await runApp("dance")).code, 2);
    assert.equal(await sessions(), before);
  });

  it("cancels by Ctrl+C, and waits for that", async () => {
    const { session_id: id } = await api.create();
    const { child, ended } = cli.start(["run-app", WORKSHOP, "wait", "--session", id]);
    child.stdout.resume();
    child.stderr.resume();
    await until("it runs", async () => (await tasksOf(id))[0]?.status === "running");
    // As the terminal and a launcher do.
    child.kill("SIGINT");
    child.kill("SIGINT");
    assert.deepEqual(await ended, [130, null]);
    assert.equal((await tasksOf(id))[0]?.status, "canceled");
  });

  it("leaves a task to itself by another signal", async () => {
    const { session_id: id } = await api.create();
    const { child, ended } = cli.start(["run-app", WORKSHOP, "hang", "--session", id]);
    child.stdout.resume();
    await until("it runs", async () => (await tasksOf(id))[0]?.status === "running");
    child.kill("SIGINT");
    const [told] = await once(child.stderr, "data");
    assert.equal(String(told), "Canceling; Ctrl+C again leaves it to itself\n");
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [130, null]);
    assert.equal((await tasksOf(id))[0]?.status, "running");
  });

  it("shows at a terminal how far it is", async () => {
    const { session_id: id } = await api.create();
    using terminal = cli.terminal(["run-app", WORKSHOP, "wait", "--session", id]);
    await until("it runs", async () => (await tasksOf(id))[0]?.status === "running");
    await api.call("PATCH", `/sessions/${id}/working-memory`, { body: { go: true } });
    await terminal.until(/\{\r\n {2}"went": true\r\n\}/);
    assert.equal(await terminal.ended, 0);
  });

  it("lists, shows and cancels tasks", async () => {
    const { session_id: id } = await api.create();
    assert.equal((await cli.run(["tasks", "list", id])).stdout, "No tasks\n");
    await runApp("echo", "-i", '{"value": 7}', "-s", id);
    const { data } = await api.post<Task>(`/sessions/${id}/run`, { app: WORKSHOP, action: "wait", wait: false });
    assert.match(
      (await cli.run(["tasks", "list", id])).stdout,
      /^TASK +STATUS +APP +ACTION +BEGUN +SECONDS\ntask_\w+ +running +workshop +wait +\S+Z\ntask_\w+ +completed +workshop +echo +\S+Z +\d+\.\d{3}\n$/,
    );
    const [open, done] = await tasksOf(id);
    assert.deepEqual(await cli.json(["tasks", "list", id, "--open"]), [open]);
    assert.deepEqual(await cli.json(["tasks", "list", id, "--limit", "all"]), [open, done]);
    assert.deepEqual(await cli.json(["tasks", "show", id, done?.task_id ?? ""]), done);
    const shown = (await cli.run(["tasks", "show", id, done?.task_id ?? ""])).stdout;
    assert.match(shown, /^input +\{"value":7\}\noutput +7$/m);
    const canceled = await cli.json<Task>(["tasks", "cancel", id, data.task_id]);
    assert.equal(canceled.status, "canceled");
    assert.equal((await cli.run(["tasks", "show", id, "nobody"])).code, 3);
  });

  it("runs apps on the data of a server that is not running", async () => {
    await using place = await CommandLine.begin({ SOJOURN_APPS: APPS });
    const data = ["--data", "data"];
    const none = await place.run(["run-app", WORKSHOP, ...data]);
    assert.deepEqual([none.code, none.stderr], [3, 'There is no store in "data"\n']);
    await open({ data: join(place.cwd, "data") }).then((sojourn) => sojourn.close());
    const { code, stdout, stderr } = await place.run(["run-app", WORKSHOP, "echo", "-i", '{"value": 7}', ...data]);
    assert.deepEqual([code, stdout], [0, "7\n"], stderr);
    const [, id = ""] = /^Session (\S+)\n$/.exec(stderr) ?? [];
    assert.equal((await place.json<Task[]>(["tasks", "list", id, ...data])).length, 1);
  });
});
