import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { CommandLine } from "./command-line.ts";
import { startServer, type TestServer } from "./server.ts";

const COUNTS = `
  local id = Session.getCurrent() or Session.create({ name = "scripted" })
  local ok, active = pcall(Session.list, { status = "active" })
  print(id, ok and #active or "none but its own", ...)`;

describe("sojourn run", () => {
  let line: CommandLine;
  let server: TestServer;
  before(async () => {
    line = await CommandLine.begin();
    server = await startServer();
    await writeFile(join(line.cwd, "counts.lua"), COUNTS);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await line[Symbol.asyncDispose]();
  });
  /** Runs what is written here. */
  const runText = async (source: string, args: readonly string[] = ["--data", "own"]) => {
    await writeFile(join(line.cwd, "written.lua"), source);
    return await line.run(["run", "written.lua", ...args]);
  };

  it("runs a script on a server, with its arguments", async () => {
    const { code, stdout, stderr } = await line.run(["run", "counts.lua", "--url", server.url, "one", "--", "--two"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^session_[0-9a-f]{16}\t1\tone\t--two\n$/);
    const id = stdout.split("\t")[0] ?? "";
    const again = await line.run(["run", "counts.lua", "--session", id], { env: { SOJOURN_URL: server.url } });
    assert.deepEqual(again, { code: 0, stdout: `${id}\tnone but its own\n`, stderr: "" });
  });

  it("runs a script on data of its own, which it may begin, and which stays", async () => {
    assert.match((await line.run(["run", "counts.lua", "--data", "begun"])).stdout, /\t1\n$/);
    assert.match((await line.run(["run", "counts.lua", "--data", "begun"])).stdout, /\t2\n$/);
  });

  it("tells what a script failed by, and how it ended", async () => {
    const failed = await runText("print('before')\nerror('no \\27[31mred')");
    assert.deepEqual([failed.code, failed.stdout], [1, "before\n"]);
    assert.match(failed.stderr, /^written\.lua:2: no \u{fffd}\[31mred\nstack traceback:\n/u);
    assert.equal((await runText("os.exit(7)")).code, 7);
    const late = await runText("while true do end", ["--data", "own", "--timeout", "1s"]);
    assert.deepEqual(
      [late.code, late.stderr],
      [1, "The script was stopped: it ran for too long; --timeout gives it more\n"],
    );
    const large = await runText("return ('x'):rep(64 * 2 ^ 20)", ["--data", "own", "--memory", "32"]);
    assert.deepEqual([large.code, large.stderr], [1, "written.lua: not enough memory\n"]);
  });

  it("prints bytes as they are", async () => {
    await writeFile(join(line.cwd, "bytes.lua"), "local s = '' for i = 0, 255 do s = s .. string.char(i) end print(s)");
    const { stdout } = await line.bytes(["run", "bytes.lua", "--data", "own"]);
    assert.deepEqual(
      new Uint8Array(stdout),
      Uint8Array.from({ length: 257 }, (_, i) => (i === 256 ? 10 : i)),
    );
  });

  it("reads files below the directories that it is given", async () => {
    await mkdir(join(line.cwd, "files"));
    await writeFile(join(line.cwd, "files", "a.txt"), "from a file");
    const source = 'print(Tool.execute("file", { path = "a.txt" }).result)';
    assert.equal((await runText(source, ["--data", "own", "--files", "files"])).stdout, "from a file\n");
    assert.match((await runText(source)).stderr, /The tool "file" is off: .*--files/);
  });

  it("stores files from the directories that are configured", async () => {
    await mkdir(join(line.cwd, "rooted"));
    await writeFile(join(line.cwd, "rooted", "b.txt"), "stored");
    await writeFile(
      join(line.cwd, "stores.lua"),
      'local id = Session.create() print(Artifact.get(id, Artifact.storeFile(id, ..., "user_input")).content)',
    );
    const args = ["run", "stores.lua", join(line.cwd, "rooted", "b.txt"), "--data", "own"];
    const env = { SOJOURN_ARTIFACT_ROOTS: join(line.cwd, "rooted") };
    assert.deepEqual(await line.run(args, { env }), { code: 0, stdout: "stored\n", stderr: "" });
    assert.equal((await line.run(args)).code, 1);
  });

  it("ends at once when it is interrupted", async () => {
    await writeFile(join(line.cwd, "endless.lua"), "print('go') while true do end");
    const { child, ended } = line.start(["run", "endless.lua", "--data", "endless"]);
    await once(child.stdout, "data");
    child.kill("SIGINT");
    assert.deepEqual(await ended, [130, null]);
  });

  it("is refused where it is called wrongly", async () => {
    assert.equal((await line.run(["run", "nothing.lua", "--data", "own"])).code, 3);
    assert.equal((await line.run(["run", "counts.lua", "--data", "own", "--session", "nobody"])).code, 3);
    assert.equal((await line.run(["run", "counts.lua", "--data", "own", "--memory", "1"])).code, 2);
    const long = await line.run(["run", "counts.lua", "--data", "own", "--timeout", "25d"]);
    assert.deepEqual([long.code, long.stdout], [2, ""]);
    assert.match(long.stderr, /24 days/);
    assert.equal((await line.run(["run", "counts.lua", "--data", "own", "--allow-host", "http://a/"])).code, 2);
    for (const files of ["nowhere", "counts.lua"]) {
      const refused = await line.run(["run", "counts.lua", "--data", "own", "--files", files]);
      assert.deepEqual([refused.code, refused.stdout], [2, ""]);
    }
  });

  it("tells that nobody answers, and that a key is missing, apart from what the script does wrong", async () => {
    assert.equal((await line.run(["run", "counts.lua", "--url", "http://127.0.0.1:1"])).code, 5);
    await using closed = await startServer();
    assert.equal((await line.run(["keys", "create"], { env: { SOJOURN_URL: closed.url } })).code, 0);
    assert.equal((await line.run(["run", "counts.lua", "--url", closed.url])).code, 4);
    await writeFile(join(line.cwd, "wrong.lua"), "Session.list() JSON.nothing()");
    assert.equal((await line.run(["run", "wrong.lua", "--url", server.url])).code, 1);
  });
});
