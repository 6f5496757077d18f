import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connect, type Session, type Sojourn } from "../src/client/index.ts";
import { open } from "../src/platform/index.ts";
import { Api } from "./api.ts";
import { CommandLine } from "./command-line.ts";
import { chain, cook, pick } from "./pantry.ts";
import { startServer, type TestServer } from "./server.ts";
import { APPS } from "./workshop.ts";

const NOBODY = "itm_0123456789abcdef";

describe("the command line, with objects", () => {
  let server: TestServer;
  let api: Api;
  let cli: CommandLine;
  let sojourn: Sojourn;
  let session: Session;
  /** A good item, a bad one, and what was made of them. */
  let [good, bad, soup, cake] = ["", "", "", ""];

  before(async () => {
    server = await startServer({ apps: APPS });
    api = new Api(server.url);
    cli = await CommandLine.begin({ SOJOURN_URL: server.url });
    sojourn = connect({ url: server.url });
    session = await sojourn.sessions.create({ sessionId: "kitchen" });
    [good = ""] = await pick(session, ["salt"]);
    [bad = ""] = await pick(session, ["egg"], "rotten");
    soup = await cook(session, [good]);
    cake = await cook(session, [soup, bad, good]);
  });
  after(async () => {
    await sojourn.close();
    await cli[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  /** The first column of the rows that a list has. */
  const listed = async (...flags: readonly string[]): Promise<readonly string[]> => {
    const { code, stdout, stderr } = await cli.run(["objects", "kitchen", ...flags]);
    assert.equal(code, 0, stderr);
    return stdout
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((line) => line.split(" ")[0] ?? "");
  };

  describe("objects ID", () => {
    it("is a table, in the order in which they were made", async () => {
      const { code, stdout } = await cli.run(["objects", "kitchen"]);
      const [head = "", ...lines] = stdout.trimEnd().split("\n");
      const rows = lines.map((line) => line.split(/ {2,}/));
      const moments = await Promise.all([good, bad, soup, cake].map((id) => session.objects.get(id)));
      const [a, b, c, d] = moments.map(({ createdAt }) => createdAt.toISOString().replace(/\.\d+Z$/, "Z"));
      assert.equal(code, 0);
      assert.deepEqual(head.split(/ {2,}/), ["OBJECT", "TYPE", "QUALITY", "MADE BY", "CREATED"]);
      assert.deepEqual(rows, [
        [good, "item", "optimal", "pantry pick", a],
        [bad, "item", "degraded here: rotten", "pantry pick", b],
        [soup, "dish", "optimal", "pantry cook/dish", c],
        [cake, "dish", `degraded: rotten, by ${bad}`, "pantry cook/dish", d],
      ]);
    });

    it("is as the REST API has it, for programs", async () => {
      const { data } = await api.get<{ objects: object[] }>("/sessions/kitchen/objects");
      assert.equal(data.objects.length, 4);
      assert.deepEqual(await cli.json(["objects", "kitchen"]), data.objects);
    });

    it("has those of a type, of a quality and of a moment, and no more than are wanted", async () => {
      const { operationSeq } = await session.objects.get(soup);
      assert.deepEqual(await listed("--type", "dish"), [soup, cake]);
      assert.deepEqual(await listed("--quality", "degraded"), [bad, cake]);
      assert.deepEqual(await listed("--quality", "optimal", "--type", "item"), [good]);
      assert.deepEqual(await listed("--at", `${operationSeq}`), [good, bad, soup]);
      assert.deepEqual(await listed("--limit", "all"), [good, bad, soup, cake]);
      const { stdout, stderr } = await cli.run(["objects", "kitchen", "--limit", "2"]);
      assert.equal(stdout.trimEnd().split("\n").length, 3);
      assert.equal(stderr, "There are more; see them with --limit, or --limit all\n");
      await api.create({ session_id: "empty" });
      assert.equal((await cli.run(["objects", "empty"])).stdout, "No objects\n");
      assert.deepEqual(await cli.json(["objects", "empty"]), []);
    });
  });

  describe("objects ID OBJECT", () => {
    it("shows one, with its data and what made it", async () => {
      const { taskId, operationSeq, operationId, createdAt } = await session.objects.get(cake);
      const { stdout } = await cli.run(["objects", "kitchen", cake]);
      assert.deepEqual(
        stdout
          .trimEnd()
          .split("\n")
          .map((line) => line.split(/ {2,}/)),
        [
          ["object", cake],
          ["type", "dish"],
          ["quality", `degraded: rotten, by ${bad}`],
          ["made by", `pantry cook/dish, operation ${operationSeq}, ${operationId}`],
          ["task", taskId],
          ["created", createdAt.toISOString().replace(/\.\d+Z$/, "Z")],
          ["data", JSON.stringify({ name: "of 3", from: [soup, bad, good] })],
        ],
      );
      const { data } = await api.get<object>(`/sessions/kitchen/objects/${cake}`);
      assert.deepEqual(await cli.json(["objects", "kitchen", cake]), data);
    });

    it("takes nothing that is for the list", async () => {
      for (const flags of [
        ["--type", "item"],
        ["--limit", "50"],
        ["--at", "2"],
        ["--quality", "optimal"],
      ]) {
        const { code, stdout, stderr } = await cli.run(["objects", "kitchen", good, ...flags]);
        assert.deepEqual([code, stdout], [2, ""]);
        assert.match(stderr, new RegExp(`^error: ${flags[0]} is for the list; one object is shown as it is\n`));
      }
    });
  });

  describe("lineage ID OBJECT", () => {
    it("is a tree down to what it was made from, which tells where it degraded", async () => {
      const { stdout, stderr, code } = await cli.run(["lineage", "kitchen", cake]);
      const { operationSeq } = await session.objects.get(bad);
      assert.deepEqual([code, stderr], [0, ""]);
      const [root, ...lines] = stdout.trimEnd().split("\n");
      assert.equal(root, `${cake} dish  degraded: rotten`);
      const words = lines.map((line) => line.replace(/^[│├└─ ]+/, ""));
      assert.deepEqual(
        words.toSorted(),
        [
          `${bad} item  degraded here: rotten, by pantry pick (operation ${operationSeq})`,
          `${good} (above)`,
          `${good} item`,
          `${soup} dish`,
        ].toSorted(),
      );
      assert.equal((await cli.run(["lineage", "kitchen", good])).stdout, `${good} item\n`);
    });

    it("is as the REST API has it, for programs", async () => {
      const { data } = await api.get<object>(`/sessions/kitchen/objects/${cake}/lineage`);
      assert.deepEqual(await cli.json(["lineage", "kitchen", cake]), data);
    });

    it("ends where it is too deep, and tells all the same with what it began", async () => {
      const deep = await sojourn.sessions.create({ sessionId: "deep" });
      const ids = await chain(deep, 40, "rotten");
      const { stdout, stderr } = await cli.run(["lineage", "deep", ids.at(-1) ?? ""]);
      const lines = stdout.trimEnd().split("\n");
      const { operationSeq } = await deep.objects.get(ids[0] ?? "");
      assert.equal(lines.length, 34);
      assert.equal(lines[31]?.trim(), "└─ …");
      assert.deepEqual(lines.slice(32), [
        "",
        `It began with ${ids[0]} item  degraded here: rotten, by pantry pick (operation ${operationSeq})`,
      ]);
      assert.equal(stderr, "9 objects more are not shown; --json has them all\n");
    });

    it("shows nothing that a terminal would obey", async () => {
      const foreign = await sojourn.sessions.create({ sessionId: "foreign" });
      const [id = ""] = await pick(foreign, ["\u001b[2Jü\n"], "\u001b]0;x\u0007\u202e");
      const listing = await cli.run(["objects", "foreign"]);
      const shown = await cli.run(["objects", "foreign", id]);
      const tree = await cli.run(["lineage", "foreign", id]);
      assert.match(listing.stdout, /degraded here: \ufffd\]0;x\ufffd\ufffd/);
      assert.match(shown.stdout, /data +\{"name":"\\u001b\[2Jü\\n"\}\n$/);
      assert.match(tree.stdout, /degraded here: \ufffd\]0;x\ufffd\ufffd, by/);
      for (const { stdout } of [listing, shown, tree]) {
        assert.ok(!/(?!\n)[\p{Cc}\p{Cf}]/u.test(stdout), JSON.stringify(stdout));
      }
    });
  });

  it("are in the log as the REST API has them there", async () => {
    const { data } = await api.get<{ operations: readonly { inputs: { objects?: object[] } }[] }>(
      "/sessions/kitchen/operations",
    );
    const lines = (await cli.run(["log", "kitchen", "--json"])).stdout.trimEnd().split("\n");
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      data.operations,
    );
    const made = data.operations.flatMap(({ inputs }) => inputs.objects ?? []);
    assert.deepEqual(made[3], {
      object_id: cake,
      type: "dish",
      data: { name: "of 3", from: [soup, bad, good] },
      degradation: { reason: "rotten", object_id: bad },
    });
  });

  it("ends with a number that says why", async () => {
    const cases: readonly (readonly [code: number, args: readonly string[], stderr: RegExp])[] = [
      [3, ["objects", "nobody"], /^Session nobody not found\n$/],
      [3, ["objects", "kitchen", NOBODY], /^Object itm_0123456789abcdef not found\n$/],
      [3, ["objects", "kitchen", "../x"], /^Object \.\.\/x not found\n$/],
      [3, ["objects", "empty", good], /not found/],
      [3, ["objects", "kitchen", "--at", "none"], /none/],
      [2, ["objects", "kitchen", "--quality", "good"], /Allowed choices are optimal, degraded/],
      [2, ["objects", "kitchen", "--limit", "0"], /whole number of at least 1/],
      [2, ["objects"], /missing required argument 'id'/],
      [3, ["lineage", "kitchen", NOBODY], /^Object itm_0123456789abcdef not found\n$/],
      [3, ["lineage", "nobody", good], /^Session nobody not found\n$/],
      [2, ["lineage", "kitchen"], /missing required argument 'object'/],
    ];
    for (const [code, args, stderr] of cases) {
      const ended = await cli.run(args);
      assert.deepEqual([ended.code, ended.stdout], [code, ""], `${args.join(" ")}: ${ended.stderr}`);
      assert.match(ended.stderr, stderr, args.join(" "));
    }
  });

  it("works on data without a server", async () => {
    const data = join(cli.cwd, "store");
    const local = await open({ data, durability: "none", apps: [APPS] });
    const own = await local.sessions.create({ sessionId: "own" });
    const [id = ""] = await pick(own, ["salt"], "wet");
    await local.close();
    assert.match((await cli.run(["objects", "own", "--data", data])).stdout, new RegExp(`\n${id} +item `));
    const { stdout } = await cli.run(["lineage", "own", id, "--data", data]);
    assert.match(stdout, new RegExp(`^${id} item {2}degraded here: wet, by pantry pick \\(operation \\d+\\)\n$`));
  });

  it("completes words for a shell, and helps", async () => {
    assert.match((await cli.run(["complete", "--", "obj"])).stdout, /^objects\t/m);
    assert.match((await cli.run(["complete", "--", "lin"])).stdout, /^lineage\t/m);
    assert.match((await cli.run(["objects", "--help"])).stdout, /sojourn objects demo --quality degraded/);
  });

  it("has colours at a terminal", { skip: spawnSync("script", ["--version"]).error !== undefined }, async () => {
    using terminal = cli.terminal(["lineage", "kitchen", cake], { env: { TERM: "xterm-256color" } });
    assert.equal(await terminal.ended, 0);
    assert.ok(terminal.raw.includes("\u001b[31mdegraded here: rotten, by pantry pick"), terminal.raw);
    assert.ok(terminal.raw.includes("\u001b[33mdegraded: rotten\u001b[39m"), terminal.raw);
  });
});
