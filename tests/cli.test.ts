import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Api } from "./api.ts";
import { startServer, type TestServer } from "./server.ts";

const MAIN = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe("the command line", () => {
  let cwd = "";
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), "sojourn-cli-"));
  });
  after(() => rm(cwd, { recursive: true }));

  const start = (args: readonly string[], env: Readonly<Record<string, string>>) => {
    const { SOJOURN_URL: _, SOJOURN_API_KEY: __, ...rest } = process.env;
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd,
      env: { ...rest, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { child, ended: once(child, "close") };
  };
  const run = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> => {
    const { child, ended } = start(args, env);
    const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
    const [code] = await ended;
    return { code, stdout, stderr };
  };
  /** Runs a command that must go well, and returns what it printed as JSON. */
  const json = async <T>(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<T> => {
    const { code, stdout, stderr } = await run([...args, "--json"], env);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  };

  describe("on a server", () => {
    let server: TestServer;
    let api: Api;
    let env: Readonly<Record<string, string>>;
    before(async () => {
      server = await startServer();
      api = new Api(server.url);
      env = { SOJOURN_URL: server.url };
    });
    after(() => server[Symbol.asyncDispose]());

    it("lists sessions as a table, and as the REST API shows them", async () => {
      const session = await api.create({ session_id: "listed", user_id: "lister", name: "Mine", tags: ["a", "b"] });
      await api.create({ user_id: "lister" });
      const { code, stdout } = await run(["sessions", "list", "--user", "lister", "--tag", "a,b"], env);
      assert.equal(code, 0);
      assert.match(
        stdout,
        /^SESSION +STATUS +USER +REQUESTS +ERRORS +LAST ACTIVITY +NAME\nlisted +active +lister +0 +0 +\S+Z +Mine\n$/,
      );
      assert.deepEqual(await json(["sessions", "list", "--user", "lister", "--tag", "a"], env), [session]);
      assert.deepEqual(await json(["sessions", "list", "--user", "lister", "--status", "failed"], env), []);
      const one = await run(["sessions", "list", "--user", "lister", "--limit", "1"], env);
      assert.match(one.stderr, /There are more/);
      assert.deepEqual(
        (await json<unknown[]>(["sessions", "list", "--user", "lister", "--limit", "all"], env)).length,
        2,
      );
      const old = ["sessions", "list", "--user", "lister", "--created-before", "2020-01-01"];
      assert.equal((await run(old, env)).stdout, "No sessions\n");
    });

    it("shows a session, by name and by uid, and lets nothing in it move the terminal's cursor", async () => {
      const session = await api.create({ session_id: "shown", name: "red \u001b[31m", metadata: { a: 1 } });
      assert.deepEqual(await json(["sessions", "show", session.uid], env), session);
      const { stdout } = await run(["sessions", "show", "shown"], env);
      assert.match(stdout, /^session +shown\n/);
      assert.match(stdout, /^metadata +\{"a":1\}$/m);
      assert.ok(!stdout.includes("\u001b"));
    });

    it("ends, deletes and cleans up", async () => {
      for (const id of ["a1", "a2"]) await api.create({ session_id: id });
      const end = ["sessions", "end", "a1", "a2", "--status", "failed", "--reason", "why"];
      assert.equal((await run(end, env)).stdout, "a1: failed\na2: failed\n");
      assert.equal((await api.session("a1")).reason, "why");
      assert.equal((await run(["sessions", "end", "a1"], env)).stdout, "a1: failed\n");
      const some = await run(["sessions", "delete", "a1", "nobody", "a2", "--json"], env);
      assert.deepEqual([some.code, JSON.parse(some.stdout)], [3, { deleted: ["a1", "a2"] }]);
      assert.equal(some.stderr, "Session nobody not found\n");
      assert.equal((await api.get("/sessions/a1")).status, 404);
      const never = { cleaned: 0, session_ids: [], dry_run: true };
      assert.deepEqual(await json(["sessions", "cleanup", "--max-idle", "7d", "--dry-run"], env), never);
      await api.create({ session_id: "idle" });
      await new Promise((wake) => setTimeout(wake, 5));
      assert.match((await run(["sessions", "cleanup", "--max-idle", "0"], env)).stdout, /^idle$/m);
      assert.equal((await api.session("idle")).status, "expired");
    });

    it("suspends, resumes and keeps alive, one after another, and says which could not be", async () => {
      for (const id of ["m1", "m2"]) await api.create({ session_id: id });
      const suspend = ["sessions", "suspend", "m1", "m2", "--reason", "lunch"];
      assert.equal((await run(suspend, env)).stdout, "m1: suspended\nm2: suspended\n");
      assert.equal((await api.session("m1")).reason, "lunch");
      const resumed = await json<{ status: string }[]>(["sessions", "resume", "m1"], env);
      assert.deepEqual(resumed, [await api.session("m1")]);
      const { stdout } = await run(["sessions", "keepalive", "m1"], env);
      assert.equal(stdout, `m1: active, expires ${(await api.session("m1")).expires_at?.replace(/\.\d+/, "")}\n`);
      const some = await run(["sessions", "resume", "nobody", "m1", "m2"], env);
      assert.deepEqual([some.code, some.stdout.split("\n").at(-2)], [3, "m2: active"]);
      assert.equal((await run(["sessions", "keepalive", "m1", "--reason", "x"], env)).code, 2);
    });

    it("prints a log, and follows it until it is interrupted", async () => {
      await api.create({ session_id: "logged" });
      await api.post("/sessions/logged/metrics", {});
      const { stdout } = await run(["log", "logged"], env);
      assert.match(
        stdout,
        /^ +1 {2}\S+Z {2}session\.created +local {2}\{.*\}\n +2 {2}\S+Z {2}metrics\.recorded +local .+\n$/,
      );
      const [, second = ""] = (await run(["log", "logged", "--json"], env)).stdout.split("\n");
      assert.deepEqual(JSON.parse(second).inputs, { requests: 1, errors: 0, processing_time_seconds: 0 });
      const { child, ended } = start(["log", "logged", "--follow", "--after", "1", "--json"], env);
      const seen: string[] = [];
      for await (const line of linesOf(child.stdout)) {
        seen.push(JSON.parse(line).kind);
        if (seen.length === 1) await api.post("/sessions/logged/suspend");
        if (seen.length === 2) child.kill("SIGINT");
      }
      assert.deepEqual(seen, ["metrics.recorded", "session.suspended"]);
      assert.deepEqual(await ended, [130, null]);
    });

    it("ends a log that is followed when its session is deleted", async () => {
      await api.create({ session_id: "gone" });
      const { child, ended } = start(["log", "gone", "--follow"], env);
      for await (const _ of linesOf(child.stdout)) await api.call("DELETE", "/sessions/gone");
      assert.deepEqual(await ended, [0, null]);
    });

    it("verifies, against a head that was kept as well", async () => {
      const { head_hash: head } = await api.create({ session_id: "kept" });
      await api.post("/sessions/kept/metrics", {});
      assert.match(
        (await run(["verify", "kept", "--head", head], env)).stdout,
        /^kept: whole, 2 operations, head [0-9a-f]{64}\n$/,
      );
      const other = await run(["verify", "kept", "--head", "0".repeat(64)], env);
      assert.deepEqual([other.code, other.stdout.slice(0, 13)], [1, "kept: DAMAGED"]);
      assert.match((await run(["verify", "--all"], env)).stdout, /^\d+ sessions verified, 0 damaged\n$/);
    });

    it("ends with a number that says why", async () => {
      const cases: readonly (readonly [code: number, args: readonly string[], stderr: RegExp])[] = [
        [3, ["sessions", "show", "nobody"], /^Session nobody not found\n$/],
        [3, ["log", "nobody"], /not found/],
        [3, ["keys", "revoke", "nobody"], /API key nobody not found/],
        [2, ["sessions", "list", "--status", "well"], /Allowed choices are active/],
        [2, ["sessions", "list", "--limit", "0"], /at least 1/],
        [2, ["sessions", "list", "--created-after", "2026-02-31"], /ISO 8601/],
        [2, ["sessions", "list", "--created-after", "2026-01-01 noon"], /ISO 8601/],
        [2, ["sessions", "cleanup", "--max-idle", "soon"], /30m/],
        [2, ["sessions", "cleanup"], /--max-idle/],
        [2, ["verify"], /name sessions or exports, or give --all/],
        [2, ["verify", "a", "--all"], /name sessions or exports, or give --all/],
        [2, ["verify", "a", "b", "--head", "x"], /--head is for one session/],
        [2, ["keys", "create", "--scopes", "everything"], /scopes/],
        [2, ["sessions", "list", "--url", server.url, "--data", "x"], /--url and --data name two places/],
        [2, ["sessions", "list", "--tenant", "x"], /--tenant goes with --data/],
        [2, ["sessions", "list", "--url", "ftp://x"], /url/],
        [3, ["sessions", "list", "--data", "missing"], /There is no store in "missing"/],
        [2, ["frobnicate"], /unknown command/],
      ];
      for (const [code, args, stderr] of cases) {
        const ended = await run(args, env);
        assert.deepEqual([ended.code, ended.stdout], [code, ""], `${args.join(" ")}: ${ended.stderr}`);
        assert.match(ended.stderr, stderr);
      }
      const nobody = await run(["sessions", "list", "--url", "http://127.0.0.1:9"]);
      assert.equal(nobody.code, 5);
      assert.match(nobody.stderr, /^Cannot reach http:\/\/127\.0\.0\.1:9.+--url.+--data\n$/);
    });

    it("completes words for a shell", async () => {
      assert.match((await run(["complete", "--", "sessions", "li"])).stdout, /^list\t/);
      assert.match((await run(["complete", "--", "sessions", "list", "--status", ""])).stdout, /^suspended/m);
      for (const shell of ["bash", "zsh", "fish", "powershell"]) {
        assert.match((await run(["complete", shell])).stdout, /sojourn/);
      }
    });
  });

  describe("with keys", () => {
    it("makes, shows, uses, revokes and disables them", async () => {
      await using server = await startServer();
      const env = { SOJOURN_URL: server.url };
      interface Made {
        readonly id: string;
        readonly key: string;
        readonly tenant: string;
        readonly scopes: readonly string[];
      }
      const first = await json<Made>(["keys", "create", "--tenant", "acme"], env);
      assert.deepEqual(Object.keys(first), ["id", "key", "tenant", "scopes"]);
      assert.deepEqual([first.tenant, first.scopes.includes("admin")], ["acme", true]);
      const refused = await run(["sessions", "list"], env);
      assert.deepEqual([refused.code, refused.stderr.includes("SOJOURN_API_KEY")], [4, true]);
      const admin = { ...env, SOJOURN_API_KEY: first.key };
      const made = await run(
        ["keys", "create", "--scopes", "sessions:read", "--name", "reader", "--expires-in", "1d"],
        admin,
      );
      const [key = ""] = /sjn_\w+/.exec(made.stdout) ?? [];
      const reader = { ...env, SOJOURN_API_KEY: key };
      assert.equal((await run(["sessions", "list"], reader)).stdout, "No sessions\n");
      assert.equal((await run(["sessions", "cleanup", "--max-idle", "1"], reader)).code, 4);
      assert.ok(!(await run(["sessions", "cleanup", "--max-idle", "1"], reader)).stderr.includes(key));
      const list = await run(["keys", "list"], admin);
      assert.match(list.stdout, /^KEY +TENANT +STATUS +SCOPES +LAST USED +EXPIRES +NAME\n/);
      assert.match(list.stdout, /^key_\w+ +acme +active +sessions:read .+ reader$/m);
      assert.ok(!list.stdout.includes("sjn_"));
      const id = `key_${key.split("_")[1]}`;
      assert.equal((await run(["keys", "revoke", id], admin)).stdout, `${id}: revoked\n`);
      assert.equal((await run(["sessions", "list"], reader)).code, 4);
      assert.deepEqual(await json(["keys", "disable"], admin), { mode: "local" });
      assert.equal((await run(["sessions", "list"], env)).code, 0);
    });
  });

  describe("on data without a server", () => {
    it("gets back in where the admin's key is lost, and sees each tenant's sessions", async () => {
      const data = join(cwd, "lost");
      const first = await json<{ key: string }>(["keys", "create", "--tenant", "acme", "--data", data]);
      const again = await json<{ key: string }>(["keys", "create", "--scopes", "admin", "--data", data]);
      const other = await json<{ key: string }>(["keys", "create", "--tenant", "other", "--data", data]);
      {
        await using server = await startServer({ data });
        const api = new Api(server.url);
        for (const [key, id] of [
          [first.key, "ours"],
          [other.key, "theirs"],
        ]) {
          await api.post("/sessions", { session_id: id }, { "x-api-key": key ?? "" });
        }
        assert.equal((await api.get("/keys", { "x-api-key": again.key })).status, 200);
        const inUse = await run(["sessions", "list", "--data", data]);
        assert.deepEqual([inUse.code, inUse.stderr.includes("--url")], [1, true]);
      }
      const names = async (...flags: string[]): Promise<readonly string[]> => {
        const sessions = await json<{ session_id: string }[]>(["sessions", "list", "--data", data, ...flags]);
        return sessions.map(({ session_id }) => session_id);
      };
      assert.deepEqual(await names(), ["ours"]);
      assert.deepEqual(await names("--tenant", "acme"), ["ours"]);
      assert.deepEqual(await names("--tenant", "other"), ["theirs"]);
      await writeFile(join(cwd, "sojourn.toml"), "");
      assert.match((await run(["doctor", "--data", data, "--port", "0"])).stdout, /^0 problems, \d warnings?$/m);
    });

    it("names what is damaged", async () => {
      const data = join(cwd, "damaged");
      await using server = await startServer({ data });
      const api = new Api(server.url);
      const { uid } = await api.create({ session_id: "bad" });
      await api.create({ session_id: "good" });
      await server.stop();
      const db = new DatabaseSync(join(data, "sojourn.db"));
      db.exec("UPDATE sessions SET request_count = 7 WHERE session_id = 'bad'");
      db.close();
      const all = await run(["verify", "--all", "--data", data, "--json"]);
      assert.deepEqual([all.code, JSON.parse(all.stdout)], [1, { ok: false, sessions: 2, damaged: [uid] }]);
      const one = await run(["verify", "bad", "--data", data]);
      assert.deepEqual([one.code, one.stdout], [1, "bad: DAMAGED: what is shown is not what the log says\n"]);
    });
  });

  it("makes no store of ours where none is", async () => {
    const other = join(cwd, "other");
    await mkdir(other);
    assert.equal((await run(["sessions", "list", "--data", other])).code, 3);
    assert.deepEqual(await readdir(other), []);
  });

  describe("backup and restore", () => {
    it("carry everything to another directory, while the server runs", async () => {
      const file = join(cwd, "all.backup");
      await using server = await startServer();
      const api = new Api(server.url);
      const { uid } = await api.create({ session_id: "carried", metadata: { a: 1 } });
      const { key } = await json<{ key: string }>(["keys", "create"], { SOJOURN_URL: server.url });
      const env = { SOJOURN_URL: server.url, SOJOURN_API_KEY: key };
      assert.match((await run(["backup", file], env)).stdout, /: 1 session of 1 tenant, 1 operation, as of/);
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      const twice = await run(["backup", file], env);
      assert.deepEqual([twice.code, twice.stderr.includes("there is such a file")], [1, true]);
      assert.match((await run(["restore", file, "--check"])).stdout, /is whole: 1 session of/);
      const data = join(cwd, "restored");
      assert.match((await run(["restore", file, "--data", data])).stdout, /sojourn serve --data/);
      assert.equal((await run(["restore", file, "--data", data])).code, 1);
      assert.equal((await json<{ uid: string }>(["sessions", "show", "carried", "--data", data])).uid, uid);
      assert.equal((await run(["verify", "--all", "--data", data])).code, 0);
      const bytes = await readFile(file);
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] ?? 0) ^ 1;
      await writeFile(file, bytes);
      const refused = await run(["restore", file, "--data", join(cwd, "never")]);
      assert.equal(refused.code, 1, refused.stderr);
      await assert.rejects(stat(join(cwd, "never")), { code: "ENOENT" });
    });

    it("leave no file behind where nobody may take one", async () => {
      const file = join(cwd, "refused.backup");
      await using server = await startServer({ first_key: `sjn_${"1".repeat(16)}_${"2".repeat(64)}` });
      assert.equal((await run(["backup", file], { SOJOURN_URL: server.url })).code, 4);
      for (const name of [file, `${file}.partial`]) await assert.rejects(stat(name), { code: "ENOENT" });
    });
  });
});

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) text += chunk;
  return text;
}

async function* linesOf(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream.setEncoding("utf8")) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
