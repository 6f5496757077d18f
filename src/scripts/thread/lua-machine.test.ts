import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Value } from "../value.ts";
import { LuaMachine } from "./lua-machine.ts";
import { ScriptError } from "./script-error.ts";

const MEMORY_BYTES = 48 * 1_048_576;

/** A machine with `echo`, which returns what it is given, and `refuse`, which throws; and what it printed and was given. */
class Bench {
  readonly given: Value[] = [];
  printed = "";
  readonly #lua: LuaMachine;

  constructor() {
    const print = (bytes: Uint8Array): void => {
      this.printed += Buffer.from(bytes).toString("latin1");
    };
    this.#lua = new LuaMachine({ memoryMaxBytes: MEMORY_BYTES, print });
    this.#lua.setGlobal("host", {
      echo: ([value]) => {
        this.given.push(value);
        return value;
      },
      refuse: () => {
        throw new ScriptError("it was refused");
      },
    });
  }

  run(source: string, ...args: readonly Value[]): string | undefined {
    return this.#lua.run({ name: "test.lua", source }, args);
  }
}

describe("LuaMachine", () => {
  it("runs Lua 5.4 with its arguments, and prints", () => {
    const bench = new Bench();
    assert.equal(bench.run("print(_VERSION, ...)", "one", 2, true), undefined);
    assert.equal(bench.printed, "Lua 5.4\tone\t2\ttrue\n");
  });

  it("takes every byte in and out as it is", () => {
    const bench = new Bench();
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    const source = `
      local bytes = {}
      for i = 0, 255 do
        bytes[#bytes + 1] = string.char(i)
        assert(host.echo(string.char(i)) == string.char(i))
      end
      local all = table.concat(bytes)
      assert(all == ...)
      assert(host.echo(all) == all)
      local much = all:rep(4000)
      assert(host.echo(much) == much)
      assert(host.echo("\\xEF\\xBB\\xBFgr\\u{FC}n\\0") == "\\xEF\\xBB\\xBFgr\\u{FC}n\\0")`;
    assert.equal(bench.run(source, all), undefined);
    assert.deepEqual(bench.given.at(-3), all);
    assert.equal(bench.given.at(-1), "\u{FEFF}grün\0");
  });

  it("takes tables out as lists and objects, and keeps an empty list a list", () => {
    const bench = new Bench();
    const source = `
      host.echo { 1, 2.5, "three", { four = true } }
      host.echo {}
      host.echo { [1] = "a", [3] = "c" }
      host.echo { [1] = "a", [1000] = "z" }
      local list, empty = ...
      host.echo(list) host.echo(empty)
      assert(math.type(list[1]) == "integer" and list[2] == nil and #list == 3)`;
    assert.equal(bench.run(source, [1, null, 3], { list: [] }), undefined);
    assert.deepEqual(bench.given, [
      [1, 2.5, "three", { four: true }],
      {},
      ["a", null, "c"],
      { 1: "a", 1000: "z" },
      [1, null, 3],
      { list: [] },
    ]);
  });

  it("refuses what can't leave Lua, at the script's own line", () => {
    const bench = new Bench();
    assert.match(bench.run("\nhost.echo(print)") ?? "", /^test\.lua:2: a function can't be given/);
    assert.match(bench.run("local t = {} t.t = t\n\nhost.echo(t)") ?? "", /^test\.lua:3: a table is too deep/);
    assert.match(bench.run("host.echo { [{}] = 1 }") ?? "", /^test\.lua:1: the names in a table/);
    assert.match(bench.run("\nhost.echo { 2^53 | 0 }") ?? "", /^test\.lua:2: 9007199254740992 can't be given/);
    assert.deepEqual(bench.given, []);
    assert.equal(bench.run("host.echo((2^53 | 0) - 1) host.echo(2^60)"), undefined);
    assert.deepEqual(bench.given, [Number.MAX_SAFE_INTEGER, 2 ** 60]);
  });

  it("lets pcall catch what the host throws, with the line of the script, also in coroutines, and often", () => {
    const bench = new Bench();
    const source = `
      local function ask()
        host.refuse()
      end
      print(pcall(ask))
      print(pcall(host.refuse))
      local co = coroutine.wrap(function()
        print(pcall(ask))
        coroutine.yield()
        host.refuse()
      end)
      co()
      print(pcall(co))
      for _ = 1, 20000 do pcall(host.refuse) end`;
    assert.equal(bench.run(source), undefined);
    assert.deepEqual(bench.printed.split("\n").slice(0, 3), [
      "false\ttest.lua:3: it was refused",
      "false\tit was refused",
      "false\ttest.lua:3: it was refused",
    ]);
    assert.match(bench.printed, /test\.lua:10: it was refused\n$/);
  });

  it("tells where a script failed, and which calls led there", () => {
    const bench = new Bench();
    assert.equal(bench.run("x = = 1"), "test.lua:1: unexpected symbol near '='");
    assert.match(
      bench.run("local function f()\n  error('no')\nend\nf()") ?? "",
      /^test\.lua:2: no\nstack traceback:\n/,
    );
    assert.match(bench.run("error(setmetatable({}, { __tostring = function() return 'own' end }))") ?? "", /^own\n/);
    assert.match(bench.run("error({ code = 1 })") ?? "", /^{"code":1}\nstack traceback:\n/);
    assert.match(bench.run("error({ print })") ?? "", /^table: 0x/);
  });

  it("has no more memory than it is given, and works on when some is free", () => {
    const bench = new Bench();
    const source = `
      local all = {}
      local ok, fault = pcall(function() for i = 1, 1e9 do all[i] = ("x"):rep(100000) .. i end end)
      all = nil
      collectgarbage()
      print(ok, fault, collectgarbage("count") < 1000)
      print(pcall(string.rep, "x", 1e9))`;
    assert.equal(bench.run(source), undefined);
    assert.equal(bench.printed, "false\tnot enough memory\ttrue\nfalse\tnot enough memory\n");
    assert.equal(bench.run("return"), undefined);
  });

  it("survives recursion of any kind", () => {
    const bench = new Bench();
    const source = `
      local function plain() return 1 + plain() end
      local function nested(n) return (string.gsub("a", "a", function() return nested(n + 1) end)) end
      local function sorted() table.sort({ 3, 2, 1 }, function() sorted() return true end) end
      local function wrapped() return coroutine.wrap(function() return wrapped() end)() end
      local looped = setmetatable({}, { __index = function(t, k) return t[k .. "x"] end })
      for _, recurse in ipairs { plain, nested, sorted, wrapped, function() return looped.a end } do
        assert(not pcall(recurse))
      end
      assert(not load(("("):rep(10000) .. "1" .. (")"):rep(10000)))
      print(host.echo("well"))`;
    assert.equal(bench.run(source), undefined);
    assert.equal(bench.printed, "well\n");
  });

  it("reaches nothing of the machine, even with Lua's own libraries", () => {
    const bench = new Bench();
    const source = `
      assert(not io.open("/etc/passwd"))
      assert(not io.open("/tmp/sojourn-escaped", "w"))
      assert(not os.execute("true"))
      assert(os.getenv("PATH") == nil)
      assert(not os.remove("/tmp") and not os.rename("/tmp", "/tmp2"))
      assert(not pcall(io.lines, "/etc/hostname"))
      assert(not loadfile("/etc/passwd"))
      assert(io.read() == nil)
      print("alone")`;
    assert.equal(bench.run(source), undefined);
    assert.equal(bench.printed, "alone\n");
  });
});
