import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Api } from "./api.ts";
import { CommandLine } from "./command-line.ts";
import { Front } from "./front.ts";
import { startServer, type TestServer } from "./server.ts";

const MIB = 1_048_576;

interface Wire {
  readonly artifact_id: string;
  readonly name: string;
  readonly version: number;
  readonly size: number;
}

describe("the command line, with artifacts", () => {
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

  const write = async (name: string, content: string | Uint8Array): Promise<string> => {
    await writeFile(join(cli.cwd, name), content);
    return name;
  };
  const read = async (name: string): Promise<Buffer> => await readFile(join(cli.cwd, name));
  /** Stores a text, and returns what was stored. */
  const put = async (session: string, name: string, input: string | Uint8Array, ...flags: string[]): Promise<Wire> =>
    await cli.json<Wire>(["artifacts", "put", session, "-", "--name", name, ...flags], { input });
  const names = async (session: string, ...flags: string[]): Promise<readonly string[]> => {
    const found = await cli.json<Wire[]>(["artifacts", "list", session, ...flags]);
    return found.map(({ name, version }) => `${name} v${version}`);
  };

  describe("put", () => {
    it("stores files and standard input, and says how each is called", async () => {
      await api.create({ session_id: "put" });
      await mkdir(join(cli.cwd, "sub"));
      await write("sub/a.csv", "a,b\n");
      await write("b.txt", "x".repeat(1_536));
      const { code, stdout, stderr } = await cli.run(["artifacts", "put", "put", "sub/a.csv", "b.txt"]);
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(
        stdout,
        /^artifact_[0-9a-f]{16} {2}a\.csv v1 {2}4 B\nartifact_[0-9a-f]{16} {2}b\.txt v1 {2}1\.5 KiB\n$/,
      );
      const flags = ["--type", "tool_result", "--tag", "x,y", "--tag", "z", "--metadata", '{"a": 1}'];
      const made = await put("put", "a.csv", "from a pipe", ...flags, "--mime-type", "text/x-own");
      const { data } = await api.get<Wire>(`/sessions/put/artifacts/${made.artifact_id}`);
      assert.deepEqual(made, data);
      const { version, artifact_type, mime_type, tags, metadata } = { ...data } as unknown as Record<string, unknown>;
      assert.deepEqual(
        { version, artifact_type, mime_type, tags, metadata },
        {
          version: 2,
          artifact_type: "tool_result",
          mime_type: "text/x-own",
          tags: ["x", "y", "z"],
          metadata: { a: 1 },
        },
      );
      assert.deepEqual(await names("put"), ["a.csv v2", "b.txt v1", "a.csv v1"]);
      assert.equal((await put("put", "empty", "")).size, 0);
    });

    it("goes on after a file that can't be stored, and ends with the first failure", async () => {
      await api.create({ session_id: "some" });
      await write("one", "1");
      await write("two", "2");
      const { code, stdout, stderr } = await cli.run(["artifacts", "put", "some", "one", "none", ".", "two"]);
      assert.equal(code, 3);
      assert.match(stdout, /^\S+ {2}one v1 {2}1 B\n\S+ {2}two v1 {2}1 B\n$/);
      assert.equal(stderr, 'There is no file "none"\n"." is a directory\n');
    });

    it("says of which file it is that it is too large, and stores nothing of it", async () => {
      await using small = await startServer({ max_artifact_bytes: "1000" });
      await new Api(small.url).create({ session_id: "small" });
      await write("large", "x".repeat(1_001));
      const { code, stdout, stderr } = await cli.run(["artifacts", "put", "small", "large", "--url", small.url]);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /^large: .*1000.*\n$/);
      const list = await cli.run(["artifacts", "list", "small", "--url", small.url]);
      assert.equal(list.stdout, "No artifacts\n");
    });

    it("leaves nothing behind where it is interrupted", async () => {
      await api.create({ session_id: "cut" });
      const begun = Promise.withResolvers<void>();
      await using front = await Front.before(server.url, (method) => {
        if (method === "POST") begun.resolve();
        return undefined;
      });
      const args = ["artifacts", "put", "cut", "-", "--name", "half", "--url", front.url];
      const { child, ended } = cli.start(args);
      child.stdout.resume();
      child.stderr.resume();
      // It may be gone before it has taken all.
      child.stdin.on("error", () => undefined);
      // More than goes in one piece, so that the first is on its way.
      child.stdin.write(randomBytes(600_000));
      await Promise.race([begun.promise, ended]);
      child.kill("SIGINT");
      assert.deepEqual(await ended, [130, null]);
      assert.deepEqual(await names("cut"), []);
    });
  });

  describe("get", () => {
    it("gives back 20 MiB as they were, from a file into a file", async () => {
      await api.create({ session_id: "large" });
      const bytes = randomBytes(20 * MIB);
      await write("large.bin", bytes);
      const [line = ""] = (await cli.run(["artifacts", "put", "large", "large.bin"])).stdout.split("\n");
      assert.match(line, /^artifact_\w+ {2}large\.bin v1 {2}20\.0 MiB$/);
      const id = line.split(" ")[0] ?? "";
      const { code, stdout, stderr } = await cli.run(["artifacts", "get", "large", id, "-o", "again.bin"]);
      assert.deepEqual([code, stdout, stderr], [0, "again.bin: large.bin v1  20.0 MiB\n", ""]);
      assert.ok(bytes.equals(await read("again.bin")));
      assert.ok(bytes.equals((await cli.bytes(["artifacts", "get", "large", id])).stdout));
    });

    it("finds the newest of a name, the past by a checkpoint or an operation, and parts", async () => {
      await api.create({ session_id: "past" });
      const first = await put("past", "a.txt", "the first");
      await api.post("/sessions/past/checkpoints", { name: "then" });
      await put("past", "a.txt", "the second");
      const text = async (...args: string[]): Promise<string> => {
        const { code, stdout, stderr } = await cli.run(["artifacts", "get", "past", ...args]);
        assert.equal(code, 0, stderr);
        return stdout;
      };
      assert.equal(await text("a.txt"), "the second");
      assert.equal(await text(first.artifact_id), "the first");
      assert.equal(await text("a.txt", "--at", "then"), "the first");
      assert.equal(await text("a.txt", "--at", "2"), "the first");
      assert.equal(await text("a.txt", "--range", "4-5"), "se");
      assert.equal(await text("a.txt", "--range", "8-"), "nd");
      assert.equal(await text("a.txt", "--range", "-3", "-o", "-"), "ond");
      assert.deepEqual(await names("past", "--at", "then"), ["a.txt v1"]);
      assert.match(await text("a.txt", "-o", "a part", "--range", "0-2"), /^a part: a\.txt v2 {2}3 B\n$/);
      const shown = await cli.run(["artifacts", "show", "past", "a.txt"]);
      assert.match(shown.stdout, /^artifact +artifact_\w+\nsession +past\nname +a\.txt\nversion +2\n/);
      const { data } = await api.get<{ artifacts: Wire[] }>("/sessions/past/artifacts");
      assert.deepEqual(await cli.json(["artifacts", "show", "past", "a.txt"]), data.artifacts[0]);
    });

    it("refuses to write over a directory, or into one that is not there, and leaves nothing there", async () => {
      await api.create({ session_id: "nowhere" });
      await put("nowhere", "a", "text");
      await mkdir(join(cli.cwd, "folder"));
      const cases: readonly (readonly [code: number, output: string, stderr: string])[] = [
        [2, "folder", 'Cannot write "folder": it is a directory; name a file in it\n'],
        [3, "none/a", 'Cannot write "none/a": there is no such directory\n'],
      ];
      for (const [code, output, stderr] of cases) {
        const ended = await cli.run(["artifacts", "get", "nowhere", "a", "-o", output]);
        assert.deepEqual(ended, { code, stdout: "", stderr });
      }
      assert.deepEqual(await readdir(join(cli.cwd, "folder")), []);
    });

    it("keeps the file that was there, and no half of another, where it is interrupted", async () => {
      await api.create({ session_id: "slow" });
      await put("slow", "a", randomBytes(4 * MIB));
      const own = join(cli.cwd, "own");
      await mkdir(own);
      await writeFile(join(own, "a"), "old");
      const sent = Promise.withResolvers<void>();
      await using front = await Front.before(server.url, (_, path) => {
        if (!path.includes("/content")) return undefined;
        sent.resolve();
        return new Promise(() => undefined);
      });
      const { child, ended } = cli.start(["artifacts", "get", "slow", "a", "-o", "own/a", "--url", front.url]);
      child.stdout.resume();
      child.stderr.resume();
      await sent.promise;
      while ((await readdir(own)).length < 2) await new Promise((wake) => setTimeout(wake, 10));
      child.kill("SIGINT");
      assert.deepEqual(await ended, [130, null]);
      assert.deepEqual(await readdir(own), ["a"]);
      assert.equal(await readFile(join(own, "a"), "utf8"), "old");
    });

    it("keeps the file that was there where the server breaks off", async () => {
      await api.create({ session_id: "broken" });
      await put("broken", "a", randomBytes(4 * MIB));
      await write("kept", "old");
      await using front = await Front.before(server.url, (_, path) =>
        path.includes("/content") ? Promise.reject(new Error("broke off")) : undefined,
      );
      const { code, stderr } = await cli.run(["artifacts", "get", "broken", "a", "-o", "kept", "--url", front.url]);
      assert.equal(code, 5, stderr);
      assert.equal((await read("kept")).toString(), "old");
      assert.deepEqual(
        (await readdir(cli.cwd)).filter((name) => name.endsWith(".partial")),
        [],
      );
    });

    it("ends quietly where nobody reads on", async () => {
      await api.create({ session_id: "head" });
      await put("head", "a", randomBytes(20 * MIB));
      const { child, ended } = cli.start(["artifacts", "get", "head", "a"]);
      let stderr = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
      });
      for await (const _ of child.stdout) break;
      assert.deepEqual([await ended, stderr], [[0, null], ""]);
    });
  });

  it("lists by type, tag, name, size and time, as a table and as the REST API does", async () => {
    await api.create({ session_id: "list" });
    assert.equal((await cli.run(["artifacts", "list", "list"])).stdout, "No artifacts\n");
    await put("list", "a.csv", "1234", "--tag", "x,y");
    await put("list", "b.csv", "x".repeat(2_048), "--type", "tool_result", "--tag", "x");
    await put("list", "a.csv", "12345678");
    const { stdout } = await cli.run(["artifacts", "list", "list", "--tag", "x"]);
    assert.match(
      stdout,
      /^ARTIFACT +NAME +VERSION +TYPE +SIZE +STORED +TAGS\n\S+ +b\.csv +1 +tool_result +2\.0 KiB +\S+Z +x\n\S+ +a\.csv +1 +user_input +4 B +\S+Z +x y\n$/,
    );
    const { data } = await api.get<{ artifacts: Wire[] }>("/sessions/list/artifacts");
    assert.deepEqual(await cli.json(["artifacts", "list", "list"]), data.artifacts);
    const cases: readonly (readonly [flags: readonly string[], found: readonly string[]])[] = [
      [["--type", "tool_result"], ["b.csv v1"]],
      [["--tag", "x", "--tag", "y"], ["a.csv v1"]],
      [
        ["--name", "a.csv"],
        ["a.csv v2", "a.csv v1"],
      ],
      [["--pattern", "[b-z]*.csv"], ["b.csv v1"]],
      [
        ["--min-size", "8"],
        ["a.csv v2", "b.csv v1"],
      ],
      [
        ["--max-size", "1KiB"],
        ["a.csv v2", "a.csv v1"],
      ],
      [["--created-before", "2020-01-01"], []],
      [["--created-after", "2020-01-01", "--limit", "1"], ["a.csv v2"]],
      [
        ["--limit", "all"],
        ["a.csv v2", "b.csv v1", "a.csv v1"],
      ],
    ];
    for (const [flags, found] of cases) assert.deepEqual(await names("list", ...flags), found, flags.join(" "));
    assert.match((await cli.run(["artifacts", "list", "list", "--limit", "2"])).stderr, /There are more/);
  });

  it("removes artifacts by their ids, and tells which were not there", async () => {
    await api.create({ session_id: "rm" });
    const { artifact_id: a } = await put("rm", "a", "1");
    const { artifact_id: b } = await put("rm", "b", "2");
    const none = `artifact_${"0".repeat(16)}`;
    const some = await cli.run(["artifacts", "rm", "rm", a, none]);
    assert.deepEqual([some.code, some.stdout], [3, `${a}: deleted\n`]);
    assert.match(some.stderr, /^[^\n]+not found in session "rm"\n$/);
    assert.deepEqual(await cli.json(["artifacts", "rm", "rm", b]), { deleted: [b] });
    assert.deepEqual(await names("rm"), []);
    assert.deepEqual(await names("rm", "--at", "3"), ["b v1", "a v1"]);
  });

  it("shares artifacts, and acts with the rights of a session", async () => {
    const owner = await api.create({ session_id: "owner" });
    const { uid } = await api.create({ session_id: "reader" });
    const { artifact_id: id } = await put("owner", "a.txt", "shared");
    const as = ["--as", "reader"];
    const refused = await cli.run(["artifacts", "get", "owner", id, ...as]);
    assert.deepEqual([refused.code, refused.stdout], [4, ""]);
    assert.equal((await cli.run(["artifacts", "grants", "owner", id])).stdout, "Shared with nobody\n");
    const granted = await cli.run(["artifacts", "grant", "owner", id, "reader"]);
    assert.equal(granted.stdout, `${id}: reader may read it\n`);
    assert.equal((await cli.run(["artifacts", "get", "owner", "a.txt", ...as])).stdout, "shared");
    const writing = ["artifacts", "put", "owner", "-", "--name", "a.txt", ...as];
    assert.equal((await cli.run(writing, { input: "mine" })).code, 4);
    const grant = await cli.json<{ uid: string }>(["artifacts", "grant", "owner", id, uid, "--permission", "write"]);
    assert.equal(grant.uid, uid);
    assert.match((await cli.run(writing, { input: "mine" })).stdout, / a\.txt v2 {2}4 B\n$/);
    const { stdout } = await cli.run(["artifacts", "grants", "owner", id]);
    assert.match(stdout, new RegExp(`^SESSION +UID +MAY +SINCE\\nreader +${uid} +write +\\d+\\n$`));
    const { data } = await api.get<{ grants: object[] }>(`/sessions/owner/artifacts/${id}/grants`);
    assert.deepEqual(await cli.json(["artifacts", "grants", "owner", id]), data.grants);
    const revoke = ["artifacts", "revoke", owner.uid, id, "reader"];
    assert.equal((await cli.run(revoke)).stdout, `${id}: no longer shared with reader\n`);
    assert.equal((await cli.run(revoke)).code, 3);
    assert.equal((await cli.run(["artifacts", "get", "owner", id, ...as])).code, 4);
    const kinds = (await cli.run(["log", "owner", "--json"])).stdout.trimEnd().split("\n");
    const accesses = kinds.map((line) => JSON.parse(line)).filter(({ kind }) => kind === "artifact.accessed");
    assert.ok(accesses.some(({ status }) => status === "failed") && accesses.length >= 4);
  });

  it("works on data without a server", async () => {
    const data = ["--data", join(cli.cwd, "store")];
    const bytes = randomBytes(20 * MIB);
    await write("twenty.bin", bytes);
    await using server = await startServer({ data: join(cli.cwd, "store") });
    await new Api(server.url).create({ session_id: "own" });
    await server.stop();
    assert.match(
      (await cli.run(["artifacts", "put", "own", "twenty.bin", ...data])).stdout,
      /twenty\.bin v1 {2}20\.0 MiB\n$/,
    );
    const env = { SOJOURN_MAX_ARTIFACT_BYTES: "1000" };
    const refused = await cli.run(["artifacts", "put", "own", "twenty.bin", ...data], { env });
    assert.deepEqual([refused.code, refused.stderr.startsWith("twenty.bin: ")], [1, true]);
    assert.equal((await cli.run(["artifacts", "get", "own", "twenty.bin", "-o", "back.bin", ...data])).code, 0);
    assert.ok(bytes.equals(await read("back.bin")));
    const part = await cli.bytes(["artifacts", "get", "own", "twenty.bin", "--range", "1048570-1048589", ...data]);
    assert.ok(bytes.subarray(1_048_570, 1_048_590).equals(part.stdout));
    const [{ artifact_id: id = "" } = {}] = await cli.json<Wire[]>(["artifacts", "list", "own", ...data]);
    assert.equal((await cli.run(["artifacts", "rm", "own", id, ...data])).stdout, `${id}: deleted\n`);
    assert.match((await cli.run(["sessions", "show", "own", ...data])).stdout, /^artifacts +0$/m);
  });

  it("ends with a number that says why", async () => {
    const { session_id: id } = await api.create({ session_id: "ended" });
    const { artifact_id: artifact } = await put(id, "a.bin", Buffer.from([1, 0, 255]));
    await api.post(`/sessions/${id}/end`, {});
    await write("file", "x");
    const cases: readonly (readonly [code: number, args: readonly string[], stderr: RegExp])[] = [
      [2, ["put", id, "-"], /standard input needs a --name/],
      [2, ["put", id, "a", "b", "--name", "c"], /--name is for one file/],
      [2, ["put", id], /missing required argument 'files'/],
      [2, ["put", id, "file", "--metadata", "[]"], /It must be a JSON object/],
      [3, ["put", "nobody", "file"], /^Session nobody not found\n$/],
      [1, ["put", id, "file"], /^Cannot .+ is completed\n$/],
      [2, ["put", id, "file", "--name", "a/b"], /must name a file/],
      [2, ["get", id, "a.bin", "--range", "9-1"], /It must be the first and the last byte/],
      [2, ["get", id, "a.bin", "--range", "3-"], /\n$/],
      [2, ["get", id, "a.bin", "--json"], /unknown option '--json'/],
      [3, ["get", id, "none"], /^There is no artifact of the id or name "none"\n$/],
      [3, ["get", id, artifact, "--at", "none"], /none/],
      [2, ["get", id, artifact, "--at", "99"], /99|version/],
      [3, ["get", id, artifact, "--at", "1"], /not found/],
      [3, ["show", id, `artifact_${"0".repeat(16)}`], /not found/],
      [2, ["list", id, "--min-size", "big"], /64KiB/],
      [2, ["grant", id, artifact, "x", "--permission", "all"], /Allowed choices are read, write, admin/],
      [3, ["grant", id, artifact, "nobody"], /^Session nobody not found\n$/],
      [2, [], /Usage: sojourn artifacts/],
    ];
    for (const [code, args, stderr] of cases) {
      const ended = await cli.run(["artifacts", ...args]);
      assert.deepEqual([ended.code, ended.stdout], [code, ""], `${args.join(" ")}: ${ended.stderr}`);
      assert.match(ended.stderr, stderr, args.join(" "));
    }
  });

  it("completes words for a shell", async () => {
    assert.match((await cli.run(["complete", "--", "artifacts", "g"])).stdout, /^get\t.*\ngrant\t/);
    assert.match((await cli.run(["complete", "--", "artifacts", "grant", "--permission", ""])).stdout, /^write/m);
  });

  describe("at a terminal", { skip: spawnSync("script", ["--version"]).error !== undefined }, () => {
    it("prints text, without what would move the cursor, and with an end of its last line", async () => {
      await api.create({ session_id: "tty" });
      await put("tty", "a.txt", "red \u001b[31m\u0007 ünï\r\nlast");
      using terminal = cli.terminal(["artifacts", "get", "tty", "a.txt"]);
      assert.equal(await terminal.ended, 0);
      assert.equal(terminal.raw, "red \ufffd[31m\ufffd ünï\r\nlast\r\n");
    });

    it("refuses what is no text, unless that is meant", async () => {
      await api.create({ session_id: "binary" });
      await put("binary", "a.png", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0]));
      using refused = cli.terminal(["artifacts", "get", "binary", "a.png"]);
      assert.equal(await refused.ended, 2);
      const advice = "save it with -o FILE, or print it all the same with -o -";
      assert.equal(refused.raw, `"a.png" is not text (image/png, 5 B); ${advice}\r\n`);
      using meant = cli.terminal(["artifacts", "get", "binary", "a.png", "-o", "-"]);
      assert.equal(await meant.ended, 0);
    });

    it("shows how far it is once it has taken longer than a second, and not before", async () => {
      await api.create({ session_id: "bar" });
      await put("bar", "a", randomBytes(4 * MIB));
      using quick = cli.terminal(["artifacts", "get", "bar", "a", "-o", "quick"]);
      assert.equal(await quick.ended, 0);
      assert.equal(quick.raw, "quick: a v1  4.0 MiB\r\n");
      await using front = await Front.before(server.url, (_, path) =>
        path.includes("/content") ? new Promise((wake) => setTimeout(wake, 1_200)) : undefined,
      );
      using slow = cli.terminal(["artifacts", "get", "bar", "a", "-o", "slow", "--url", front.url]);
      assert.equal(await slow.ended, 0);
      assert.match(slow.screen, /\d+ % {2}\d+\.\d [KM]iB of 4\.0 MiB/);
      assert.ok(slow.screen.endsWith("slow: a v1  4.0 MiB\r\n"), slow.screen);
      assert.equal((await stat(join(cli.cwd, "slow"))).size, 4 * MIB);
    });

    it("draws no bar where standard error is no terminal", async () => {
      await write("small", "x");
      const { stderr } = await cli.run(["artifacts", "put", "bar", "small"]);
      assert.equal(stderr, "");
    });
  });
});
