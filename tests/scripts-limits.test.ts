import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Sojourn } from "../src/client/index.ts";
import { open } from "../src/platform/index.ts";
import { runScript, type ScriptOptions, type ScriptOutcome } from "../src/scripts/run-script.ts";

describe("the bounds of scripts", () => {
  let folder = "";
  let sojourn: Sojourn;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "sojourn-bounds-"));
    sojourn = await open({ storage: "temporary" });
  });
  after(async () => {
    await sojourn.close();
    await rm(folder, { recursive: true });
  });

  const run = async (
    name: "a.lua" | "a.ts",
    source: string,
    options: Partial<ScriptOptions> = {},
  ): Promise<{ readonly outcome: ScriptOutcome; readonly printed: string }> => {
    const file = join(folder, name);
    await writeFile(file, source);
    const pieces: Uint8Array[] = [];
    const print = (bytes: Uint8Array): void => void pieces.push(bytes);
    const outcome = await runScript(sojourn, { file, memoryMiB: 64, timeoutMs: 60_000, print, ...options });
    return { outcome, printed: Buffer.concat(pieces).toString() };
  };
  /** The lines that a script prints, which must go well. */
  const lines = async (...given: Parameters<typeof run>): Promise<readonly string[]> => {
    const { outcome, printed } = await run(...given);
    assert.deepEqual(outcome, { status: "completed", exitCode: 0 });
    return printed.trimEnd().split("\n");
  };

  it("take as many values at once as they say, and no more, from Lua", async () => {
    const source = `
      local function list(n) local t = {} for i = 1, n do t[i] = 0 end return t end
      -- The list itself, and each key and each value of it.
      print(#JSON.stringify(list(124999)))
      print(pcall(JSON.stringify, list(125000)))
      local doubled = {}
      for i = 1, 40 do doubled = { doubled, doubled } end
      print(pcall(Session.create, { metadata = doubled }))`;
    const told = await lines("a.lua", source);
    assert.equal(told[0], String(2 * 124_999 + 1));
    assert.equal(told[1], "false\tmore than 250000 values can't be given at once");
    assert.equal(told[2], "false\tmore than 250000 values can't be given at once");
    const { outcome } = await run("a.lua", "local t = {}\nfor i = 1, 40 do t = { t, t } end\nSession.create(t)");
    assert.match(outcome.status === "failed" ? outcome.message : "", /^a\.lua:3: more than 250000 values/);
  });

  it("take as many values at once as they say, and no more, from TypeScript", async () => {
    const source = `
      const told = (count: number): string => {
        const list = new Array(count).fill(0);
        try {
          return String(Tool.execute("json-processor", { operation: "stringify", input: list }).success);
        } catch (error) {
          return String(error);
        }
      };
      // The arguments, the name, the input, its operation, and the list itself.
      print(told(250_000 - 6), told(250_000 - 4));
      let doubled: unknown = [];
      for (let i = 0; i < 40; i++) doubled = [doubled, doubled];
      try { Session.create({ metadata: { doubled } } as never); } catch (error) { print(error); }`;
    const [first, second] = await lines("a.ts", source);
    const refused = "RangeError: More than 250000 values can't be given at once";
    assert.deepEqual([first, second], [`true ${refused}`, refused]);
  });

  it("take strings of 256 MiB at once, however often the same stands in them", async () => {
    const source = `
      local piece, t = ("\\xff"):rep(2 ^ 20), {}
      for i = 1, 256 do t[i] = piece end
      print(pcall(Session.create, t))
      t[257] = "x"
      print(pcall(Session.create, t))`;
    const told = await lines("a.lua", source);
    assert.match(told[0] ?? "", /^false\tthe options of Session\.create must be a table with names/);
    assert.equal(told[1], "false\tstrings of more than 268435456 bytes can't be given at once");
  });

  it("read JSON of 16 MiB, and no more, wherever it is read", async () => {
    const source = `
      local text = '"' .. ("x"):rep(2 ^ 24 - 2) .. '"'
      local parse = { operation = "parse", input = text }
      print(#JSON.parse(text), #Tool.execute("json-processor", parse).result)
      parse.input = text .. " "
      print(pcall(JSON.parse, parse.input))
      print(Tool.execute("json-processor", parse).error)`;
    assert.deepEqual(await lines("a.lua", source, { memoryMiB: 256 }), [
      "16777214\t16777214",
      "false\tJSON may have at most 16777216 characters",
      "JSON may have at most 16777216 characters",
    ]);
  });

  it("return no more than the script has room for", async () => {
    const nested = `
      local text = "[" .. ("[],"):rep(1500000) .. "[]]"
      print(pcall(Tool.execute, "json-processor", { operation = "parse", input = text }))`;
    assert.deepEqual(await lines("a.lua", nested, { memoryMiB: 32 }), [
      "false\tWhat was to be returned takes more than the script's memory: ask for less",
    ]);
  });

  it("print any amount, in order, by pieces that a slow reader takes", async () => {
    const source = 'print(("x"):rep(10 * 2 ^ 20) .. "y") print("z")';
    let size = 0;
    let last = "";
    const print = async (bytes: Uint8Array): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(bytes.length <= 65_536);
      size += bytes.length;
      last = (last + Buffer.from(bytes).toString()).slice(-4);
    };
    const { outcome } = await run("a.lua", source, { print });
    assert.deepEqual([outcome.status, size, last], ["completed", 10 * 2 ** 20 + 4, "y\nz\n"]);
  });

  it("wait for a time alone", async () => {
    const told = await lines(
      "a.ts",
      "for (const time of [Number.NaN, -1, 'x']) try { sleep(time as number); } catch (error) { print(error); }",
    );
    const refused = "ScriptError: what is waited for must be a number of seconds, 0 or more";
    assert.deepEqual(told, [refused, refused, refused]);
  });

  it("stop what never ends by itself, in TypeScript", async () => {
    for (const source of [
      "for (;;) await null;",
      "queueMicrotask(function again() { queueMicrotask(again); });",
      '"x".repeat(40).match(/(x+x+)+y/);',
      "for (;;) { try { Session.list(); } catch {} finally { continue; } }",
    ]) {
      const { outcome } = await run("a.ts", source, { timeoutMs: 700 });
      assert.deepEqual(outcome, { status: "stopped", why: "timeout" }, source);
    }
  });

  it("hold templates to what is quickly read", async () => {
    const source = `
      local function try(template)
        local told = Tool.execute("template", { template = template, context = { a = 1 } })
        print(told.success, told.error or #told.result)
      end
      try(("x"):rep(2 ^ 20))
      try(("x"):rep(2 ^ 20 + 1))
      try((" "):rep(200))
      try((" "):rep(201))`;
    assert.deepEqual(await lines("a.lua", source), [
      "true\t1048576",
      "false\tthe template has more than 1048576 characters",
      "true\t200",
      "false\tthe template has more than 200 characters of white space on end",
    ]);
  });

  it("load text alone in Lua, and leave what the sandbox is made of out of reach", async () => {
    const source = `
      print(string.dump, load("return 1", "x", "b"))
      print(load("return 1", "x", "bt")(), load("return y", "q", "t", { y = 3 })())
      print(load("\\27Lua"))
      string.match, table.unpack, setmetatable, tonumber, type, error = nil
      print(os.execute("sleep 0"), Session.get(Session.builder():name("a"):tag("b"):build()).tags[1])`;
    const told = await lines("a.lua", source);
    assert.deepEqual(told.slice(0, 2), ["nil\tnil\ta script can't load what is compiled already", "1\t3"]);
    assert.match(told[2] ?? "", /^nil\tattempt to load a binary chunk/);
    assert.equal(told[3], "true\tb");
  });

  it("keep what a script does to its own objects away from everybody else's", async () => {
    const source = `
      const told = (call: () => unknown): void => { try { print(call()); } catch (error) { print(error); } };
      told(() => (print as Function).constructor("return typeof process + typeof require")());
      told(() => Session.create(JSON.parse('{"__proto__": {"name": "polluted"}}')) !== "");
      told(() => Session.create(JSON.parse('{"metadata": {"__proto__": {"x": 1}}}')));
      Object.assign(Object.prototype, { status: "failed", type: "x" });
      JSON.stringify = () => "[1,2";
      JSON.parse = () => 5;
      told(() => Session.create({}) !== "" && Session.list({ status: "active" }).length > 0);
      for (const path of ["../../etc/hosts.ts", "/etc/hosts.ts", "node:fs", "std", "file:///etc/hosts"]) {
        print(await import(path).then(() => "found", () => "none"));
      }`;
    assert.deepEqual(await lines("a.ts", source), [
      "undefinedundefined",
      'ScriptError: Unknown "__proto__" in the options of Session.create: known are idle_timeout, id, user_id, name, ' +
        "description, tags, metadata, parent_session_id, template, limits, apps",
      'ScriptError: Validation failed: "metadata.__proto__" is not a name that a member may have',
      "true",
      ...Array<string>(5).fill("none"),
    ]);
    const named = await Array.fromAsync(sojourn.sessions.list({ search: "polluted" }));
    assert.deepEqual(named, []);
    assert.equal(({} as { status?: string }).status, undefined);
  });
});
