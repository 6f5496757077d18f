import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Api, type Session } from "./api.ts";
import { CommandLine } from "./command-line.ts";
import { Front } from "./front.ts";
import { startServer, type TestServer } from "./server.ts";

const NOBODY = "http://127.0.0.1:9";

describe("the command line, with the past of sessions", () => {
  let server: TestServer;
  let api: Api;
  let cli: CommandLine;
  before(async () => {
    server = await startServer();
    api = new Api(server.url);
    cli = await CommandLine.begin({ SOJOURN_URL: server.url });
  });
  after(async () => {
    await cli[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  /** A session with two messages, a checkpoint between them, and an artifact. */
  const eventful = async (id: string): Promise<Session> => {
    await api.create({ session_id: id, user_id: "ada", metadata: { plan: "a" } });
    await api.post(`/sessions/${id}/messages`, { role: "user", content: "One" });
    await api.post(`/sessions/${id}/checkpoints`, { name: "between" });
    await api.post(`/sessions/${id}/messages`, { role: "user", content: "Two" });
    await cli.run(["artifacts", "put", id, "-", "--name", "a.txt"], { input: "kept" });
    await api.call("PATCH", `/sessions/${id}`, { body: { metadata: { plan: "b" } } });
    return await api.session(id);
  };
  const out = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cli.run(args);
    assert.deepEqual([code, stderr], [0, ""], args.join(" "));
    return stdout;
  };

  it("makes and lists checkpoints", async () => {
    await api.create({ session_id: "named" });
    assert.equal(await out("checkpoints", "named"), "No checkpoints\n");
    assert.equal(await out("checkpoint", "named", "first"), 'named: "first" is operation 2\n');
    const made = await cli.json(["checkpoint", "named", "second one", "--with", '{"a": 1}']);
    const { data } = await api.get<{ checkpoints: object[] }>("/sessions/named/checkpoints");
    assert.deepEqual(made, data.checkpoints[1]);
    assert.deepEqual(await cli.json(["checkpoints", "named"]), data.checkpoints);
    assert.match(
      await out("checkpoints", "named"),
      /^CHECKPOINT +OPERATION +MADE +DATA\nfirst +2 +\S+Z\nsecond one +3 +\S+Z +\{"a":1\}\n$/,
    );
  });

  it("shows sessions and messages as they were", async () => {
    await eventful("was");
    const { data } = await api.get("/sessions/was?at=between");
    assert.deepEqual(await cli.json(["sessions", "show", "was", "--at", "between"]), data);
    const then = await out("sessions", "show", "was", "--at", "3");
    assert.match(then, /^metadata +\{"plan":"a"\}$/m);
    assert.match(then, /^artifacts +0\nversion +3$/m);
    assert.match(await out("sessions", "show", "was"), /^artifacts +1, 4 B$/m);
    assert.match(await out("messages", "was", "--at", "between"), /^ +1 {2}\S+Z {2}user +One\n$/);
    assert.match(await out("messages", "was", "--limit", "1", "--at", "4"), /^ +2 {2}\S+Z {2}user +Two\n$/);
    assert.equal(await out("messages", "was", "--at", "1"), "");
  });

  it("forks at a moment, and tells where the two part", async () => {
    const origin = await eventful("origin");
    const fork = await cli.json<Session>(["fork", "origin", "--at", "between", "--id", "branch", "--name", "Try"]);
    assert.deepEqual(fork, await api.session("branch"));
    assert.match(await out("sessions", "show", "branch"), new RegExp(`^fork of +${origin.uid}, at operation 3$`, "m"));
    assert.match(await out("fork", "origin"), /^session_\w+: fork of origin at operation 6\n$/);
    await api.call("PATCH", "/sessions/branch", { body: { metadata: { plan: "c" } } });
    const diff = await out("diff", "origin", "branch");
    assert.match(
      diff,
      /^In common: 3 operations, through [0-9a-f]{64}\n\n- origin: 3 operations since, at 6 now\n {5}4 {2}/,
    );
    assert.match(diff, /\n\+ branch: 2 operations since, at 5 now\n {5}4 {2}\S+Z {2}session\.forked +local\n/);
    assert.match(diff, /\n {2}metadata\.plan\n {4}- "b"\n {4}\+ "c"\n/);
    assert.ok(!diff.includes("\u001b"));
    const { data } = await api.get<object>("/sessions/origin/diff?with=branch");
    assert.deepEqual(await cli.json(["diff", "origin", "branch"]), data);
    assert.match(await out("diff", "origin", "origin"), /No difference in what they are now\n$/);
  });

  it("draws a family with the status and the name of each", async () => {
    await api.create({ session_id: "root" });
    for (const [id, parent] of [
      ["left", "root"],
      ["inner", "left"],
      ["deep", "inner"],
      ["right", "root"],
    ]) {
      await api.create({ session_id: id, parent_session_id: parent, name: `red \u001b ${id}` });
    }
    await api.post("/sessions/left/end", { status: "failed" });
    const drawn = [
      "root  active",
      "├─ left  failed  red \ufffd left",
      "│  └─ inner  active  red \ufffd inner",
      "│     └─ deep  active  red \ufffd deep",
      "└─ right  active  red \ufffd right",
    ];
    assert.equal(await out("tree", "root"), `${drawn.join("\n")}\n`);
    const { data } = await api.get<object>("/sessions/root/tree");
    assert.deepEqual(await cli.json(["tree", "root"]), data);
  });

  it("replays, and ends with 1 where it did not come out the same", async () => {
    await eventful("again");
    for (const mode of ["verify", "recorded"]) {
      const report = await out("replay", "again", "--mode", mode);
      const counts = "6 operations replayed, 6 equal, 0 different, 0 failed";
      assert.equal(report, `again, ${mode}, operations 1 to 6: ${counts}\n`);
    }
    const { mode, from, to, equal } = await cli.json<Record<string, unknown>>([
      "replay",
      "again",
      "--mode",
      "verify",
      "--from",
      "2",
      "--to",
      "4",
    ]);
    assert.deepEqual({ mode, from, to, equal }, { mode: "verify", from: 2, to: 4, equal: 3 });
    const named = await out("replay", "again", "--mode", "verify", "--url", server.url);
    assert.match(named, / 6 equal, 0 different, 0 failed\n$/);
    const executed = await out("replay", "again", "--mode", "execute");
    assert.match(executed, /\nIt was executed in session_\w+, a fork\n$/);
  });

  describe("export, verify and import", () => {
    it("carry a session elsewhere in a file that is held against a head without any server", async () => {
      const { head_hash: head, uid } = await eventful("carried");
      const told = await out("export", "carried", "-o", "carried.sojourn");
      assert.equal(told, `carried.sojourn: carried, 6 operations, 1 artifact of 4 B, head ${head}\n`);
      assert.equal((await stat(join(cli.cwd, "carried.sojourn"))).mode & 0o777, 0o600);
      const env = { SOJOURN_URL: NOBODY };
      const whole = `carried.sojourn: whole, carried, 6 operations, 1 artifact of 4 B, head ${head}\n`;
      const verified = await cli.run(["verify", "carried.sojourn", "--head", head], { env });
      assert.deepEqual(verified, { code: 0, stdout: whole, stderr: "" });
      const wrong = await cli.run(["verify", "./carried.sojourn", "--head", "0".repeat(64)], { env });
      assert.deepEqual([wrong.code, wrong.stderr], [1, ""]);
      assert.match(
        wrong.stdout,
        /^\.\/carried\.sojourn: DAMAGED: The bundle has no operation with the hash 0+ in its log\n$/,
      );
      const verdict = await cli.json(["verify", join(cli.cwd, "carried.sojourn")], { env });
      const file = join(cli.cwd, "carried.sojourn");
      assert.deepEqual(verdict, { file, session_id: "carried", ok: true, operations: 6, head_hash: head });

      const data = ["--data", join(cli.cwd, "elsewhere")];
      const none = await cli.run(["import", "none.sojourn", ...data]);
      assert.deepEqual(none, { code: 3, stdout: "", stderr: 'There is no file "none.sojourn"\n' });
      assert.ok(!(await readdir(cli.cwd)).includes("elsewhere"), "begins no store for nothing");
      const imported = await cli.run(["import", "carried.sojourn", "--head", head, ...data]);
      assert.deepEqual(imported, { code: 0, stdout: `carried: 6 operations, head ${head}\n`, stderr: "" });
      assert.equal((await cli.json<Session>(["sessions", "show", "carried", ...data])).uid, uid);
      assert.equal(await out("artifacts", "get", "carried", "a.txt", ...data), "kept");
      assert.match(await out("verify", "carried", ...data), /^carried: whole/);
      assert.match(await out("replay", "carried", "--mode", "recorded", ...data), / 6 equal, 0 different, 0 failed\n$/);
      const twice = await cli.run(["import", "carried.sojourn", ...data]);
      assert.deepEqual([twice.code, twice.stdout], [1, ""]);
      const other = await cli.run(["import", "carried.sojourn", "--id", "other", ...data]);
      assert.match(other.stdout, /^other: 7 operations, head [0-9a-f]{64}\n$/);
    });

    it("go through pipes", async () => {
      const { uid } = await eventful("piped");
      const { stdout } = await cli.bytes(["export", "piped"]);
      await api.call("DELETE", "/sessions/piped");
      const { code, stderr } = await cli.run(["import", "-"], { input: stdout });
      assert.equal(code, 0, stderr);
      assert.equal((await api.session("piped")).uid, uid);
    });

    it("find what was changed, say where, and bring none of it in", async () => {
      await eventful("changed");
      await out("export", "changed", "-o", "changed.sojourn");
      const bytes = await readFile(join(cli.cwd, "changed.sojourn"));
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] ?? 0) ^ 1;
      await writeFile(join(cli.cwd, "changed.sojourn"), bytes);
      await api.call("DELETE", "/sessions/changed");
      const verified = await cli.run(["verify", "changed.sojourn"]);
      assert.equal(verified.code, 1);
      assert.match(verified.stdout, /^changed\.sojourn: DAMAGED: The bundle /);
      const { ok, fault } = JSON.parse((await cli.run(["verify", "changed.sojourn", "--json"])).stdout);
      assert.deepEqual([ok, typeof fault], [false, "string"]);
      const imported = await cli.run(["import", "changed.sojourn"]);
      assert.deepEqual([imported.code, imported.stdout], [1, ""]);
      assert.match(imported.stderr, /^[^\n]*[Tt]he bundle [^\n]+\n$/);
      assert.equal((await api.get("/sessions/changed")).status, 404);
      await writeFile(join(cli.cwd, "notes.sojourn"), "Dear diary");
      assert.match((await cli.run(["import", "notes.sojourn"])).stderr, /is none of Sojourn's/);
    });

    it("tell files from sessions, and ask where a word may be either", async () => {
      const { uid } = await api.create({ session_id: "either" });
      assert.match(await out("verify", "either"), /^either: whole, 1 operation,/);
      await out("export", "either", "-o", "either");
      const asked = await cli.run(["verify", "either"]);
      const choose = "write ./either for the file, or the uid of the session";
      const stderr = `"either" is a file here, and may be a session: ${choose}\n`;
      assert.deepEqual(asked, { code: 2, stdout: "", stderr });
      assert.match(await out("verify", "./either", uid), /^\.\/either: whole, either,.*\neither: whole, 1 operation,/);
      const missing = await cli.run(["verify", "./neither"]);
      assert.deepEqual(missing, { code: 3, stdout: "", stderr: 'There is no file "./neither"\n' });
      const unsaved = await cli.run(["verify", "neither.sojourn"], { env: { SOJOURN_URL: NOBODY } });
      assert.deepEqual(unsaved, { code: 3, stdout: "", stderr: 'There is no file "neither.sojourn"\n' });
    });

    it("leave no half of a file where they break off", async () => {
      await api.create({ session_id: "half" });
      await cli.run(["artifacts", "put", "half", "-", "--name", "a"], { input: randomBytes(4_194_304) });
      await using front = await Front.before(server.url, (_, path) =>
        path.includes("/export") ? Promise.reject(new Error("broke off")) : undefined,
      );
      const { code, stdout } = await cli.run(["export", "half", "-o", "half.sojourn", "--url", front.url]);
      assert.notEqual(code, 0);
      assert.equal(stdout, "");
      assert.deepEqual(
        (await readdir(cli.cwd)).filter((name) => name.includes("half")),
        [],
      );
    });
  });

  describe("cleanup", () => {
    it("removes ended sessions as it is told, and tells which", async () => {
      await using own = await startServer();
      const sessions = new Api(own.url);
      const there = async (): Promise<readonly string[]> => {
        const { data } = await sessions.get<{ sessions: Session[] }>("/sessions?sort=name");
        return data.sessions.map(({ session_id }) => session_id).sort();
      };
      const clean = async (...args: string[]): Promise<string> => await out("cleanup", "--url", own.url, ...args);
      for (const [id, status] of [
        ["a", "completed"],
        ["b", "failed"],
        ["c", "completed"],
        ["open", ""],
      ]) {
        await sessions.create({ session_id: id });
        await cli.run(["artifacts", "put", `${id}`, "-", "--name", "x", "--url", own.url], { input: "1234" });
        if (status !== "") await sessions.post(`/sessions/${id}/end`, { status });
      }
      assert.equal(await clean("--older-than", "1d"), "0 sessions removed\n");
      const dry = await clean("--older-than", "0", "--status", "completed", "--dry-run");
      assert.equal(dry, "a\nc\n2 sessions would be removed, with 8 B of artifacts\n");
      assert.deepEqual(await there(), ["a", "b", "c", "open"]);
      const kept = ["cleanup", "--older-than", "0", "--keep-latest", "2", "--url", own.url];
      const removed = { deleted: 1, session_ids: ["a"], artifact_bytes: 4, dry_run: false };
      assert.deepEqual(await cli.json(kept), removed);
      assert.equal(await clean("--max-sessions", "1"), "b\n1 session removed, with 4 B of artifacts\n");
      assert.equal(await clean("--max-artifact-bytes", "0"), "c\n1 session removed, with 4 B of artifacts\n");
      assert.deepEqual(await there(), ["open"]);
    });

    it("goes by the configured policy where it is told nothing, and does nothing where there is none", async () => {
      await using own = await startServer();
      const sessions = new Api(own.url);
      for (const id of ["a", "b", "c"]) {
        await sessions.create({ session_id: id });
        await sessions.post(`/sessions/${id}/end`, { status: id === "b" ? "failed" : "completed" });
      }
      const env = { SOJOURN_URL: own.url };
      const none = await cli.run(["cleanup"], { env });
      assert.deepEqual([none.code, none.stdout], [2, ""]);
      assert.match(none.stderr, /^There is nothing to go by: give --older-than, .+ SOJOURN_RETENTION_DAYS\n$/);
      const most = { ...env, SOJOURN_RETENTION_MAX_SESSIONS: "1", SOJOURN_RETENTION_STATUSES: "completed" };
      const dry = await cli.run(["cleanup", "--dry-run"], { env: most });
      assert.deepEqual([dry.code, dry.stdout], [0, "a\n1 session would be removed\n"]);
      await writeFile(join(cli.cwd, "other.toml"), "retention_max_sessions = 0\nretention_keep_latest = 1\n");
      const { stdout } = await cli.run(["cleanup", "--config", "other.toml"], { env });
      assert.equal(stdout, "a\nb\n2 sessions removed\n");
      const wrong = await cli.run(["cleanup"], { env: { ...env, SOJOURN_RETENTION_DAYS: "soon" } });
      assert.deepEqual([wrong.code, wrong.stderr.startsWith("SOJOURN_RETENTION_DAYS: ")], [2, true]);
    });
  });

  it("ends with a number that says why", async () => {
    const { session_id: id } = await api.create({ session_id: "why" });
    await api.post(`/sessions/${id}/checkpoints`, { name: "here" });
    const cases: readonly (readonly [code: number, args: readonly string[], stderr: RegExp])[] = [
      [3, ["checkpoint", "nobody", "x"], /^Session nobody not found\n$/],
      [1, ["checkpoint", id, "here"], /has a checkpoint "here" at 2/],
      [2, ["checkpoint", id, "12"], /must not be a number/],
      [2, ["checkpoint", id, "x", "--with", "1"], /It must be a JSON object/],
      [3, ["sessions", "show", id, "--at", "there"], /^Session "?why"? has no checkpoint "there"\n$/],
      [2, ["sessions", "show", id, "--at", "3"], /1 to 2/],
      [2, ["sessions", "show", id, "--at", "0"], /at least 1/],
      [3, ["messages", id, "--at", "there"], /has no checkpoint "there"/],
      [3, ["fork", id, "--at", "there"], /has no checkpoint "there"/],
      [1, ["fork", id, "--id", id], /why/],
      [2, ["fork", id, "--id", "a b"], /session_id/],
      [2, ["replay", id], /required option '--mode <mode>' not specified/],
      [2, ["replay", id, "--mode", "again"], /Allowed choices are verify, recorded, execute/],
      [2, ["replay", id, "--mode", "verify", "--from", "9"], /from/],
      [2, ["replay", id, "--mode", "verify", "--timeout", "soon"], /30m/],
      [3, ["diff", id, "nobody"], /^Session nobody not found\n$/],
      [3, ["tree", "nobody"], /^Session nobody not found\n$/],
      [3, ["export", "nobody", "-o", "x"], /^Session nobody not found\n$/],
      [3, ["import", "none.sojourn"], /^There is no file "none\.sojourn"\n$/],
      [2, ["import", "."], /^"\." is a directory\n$/],
      [2, ["verify", "a", "./b", "--head", "x"], /--head is for one session or export/],
      [2, ["verify", "./a", "--all"], /name sessions or exports, or give --all and nothing else/],
      [2, ["cleanup", "--status", "active"], /Allowed choices are completed, failed, expired/],
      [2, ["cleanup", "--status", "failed"], /say what is to go/],
      [2, ["cleanup", "--older-than", "1d", "--config", "x"], /--config is for the configured policy alone/],
      [5, ["export", id, "-o", "x", "--url", NOBODY], /^Cannot reach/],
    ];
    for (const [code, args, stderr] of cases) {
      const ended = await cli.run(args);
      assert.deepEqual([ended.code, ended.stdout], [code, ""], `${args.join(" ")}: ${ended.stderr}`);
      assert.match(ended.stderr, stderr, args.join(" "));
    }
    assert.deepEqual(
      (await readdir(cli.cwd)).filter((name) => name.startsWith("x")),
      [],
    );
  });

  describe("at a terminal", { skip: spawnSync("script", ["--version"]).error !== undefined }, () => {
    it("tells two sides apart by colours", async () => {
      await api.create({ session_id: "one-side", tags: ["l"] });
      await api.create({ session_id: "other-side", tags: ["r"] });
      using terminal = cli.terminal(["diff", "one-side", "other-side"], { env: { TERM: "xterm-256color" } });
      assert.equal(await terminal.ended, 0);
      assert.ok(terminal.raw.includes("\u001b[31m- one-side:"), terminal.raw);
      assert.ok(terminal.raw.includes("\u001b[32m+ other-side:"), terminal.raw);
      assert.match(terminal.screen, /^Nothing in common\r\n/);
    });

    it("keeps an export from a terminal", async () => {
      await api.create({ session_id: "screen" });
      using terminal = cli.terminal(["export", "screen"]);
      assert.equal(await terminal.ended, 2);
      assert.equal(terminal.screen, "A terminal has no use for an export; save it with -o FILE, or redirect it\r\n");
    });
  });
});
