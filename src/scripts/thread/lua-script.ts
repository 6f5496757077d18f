import { GLOBALS, READ_MODULE, snakeCase } from "../globals.ts";
import { parsedJson, stringifiedJson } from "../json-text.ts";
import type { Ended, ThreadOrder } from "../wire.ts";
import type { HostLink } from "./host-link.ts";
import { type Chunk, type LuaFunction, LuaMachine } from "./lua-machine.ts";
import { ScriptError } from "./script-error.ts";

/** Runs a script in Lua to its end. */
export function runLua({ name, source, args, memoryMaxBytes }: ThreadOrder, link: HostLink): Omit<Ended, "type"> {
  const lua = new LuaMachine({ memoryMaxBytes, print: (bytes) => link.print(bytes) });
  for (const [global, functions] of Object.entries(GLOBALS)) lua.setGlobal(global, callsOf(global, functions, link));
  lua.setGlobal("JSON", { parse: ([text]) => jsonFault(() => parsedJson(text)), stringify: stringified });
  lua.setGlobal("sojourn_os", { sleep: ([seconds]) => void link.sleep(Number(seconds)), clock, exit });
  lua.setSearcher("sojourn_search", (module) => moduleOf(module, link));
  lua.prepare(PRELUDE, name, args);
  try {
    const failure = lua.run({ name, source: withoutShebang(source) }, args);
    // The one error of Lua's that has no place.
    const shown = failure === "not enough memory" ? `${name}: ${failure}` : failure;
    return { exitCode: failure === undefined ? 0 : 1, failure: shown };
  } catch (error) {
    if (error instanceof Exit) return { exitCode: error.exitCode };
    // The machine itself gave up, as where its stack is too small.
    return { exitCode: 1, failure: `${name}: ${error instanceof Error ? error.message : error}` };
  }
}

/** That a script called `os.exit`. It passes through all that runs: nobody catches it but us. */
class Exit extends Error {
  override readonly name = "Exit";
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`The script ended with ${exitCode}`);
    this.exitCode = exitCode;
  }
}

function callsOf(global: string, functions: readonly string[], link: HostLink): Readonly<Record<string, LuaFunction>> {
  const calls = functions.map(
    (name) => [name, (args) => link.call(`${global}.${name}`, args)] as const satisfies readonly [string, LuaFunction],
  );
  return Object.fromEntries(
    calls.flatMap(([name, call]) => [
      [name, call],
      [snakeCase(name), call],
    ]),
  );
}

const clock: LuaFunction = () => performance.now() / 1_000;

const exit: LuaFunction = ([code]) => {
  if (typeof code === "number" && Number.isInteger(code)) throw new Exit(code & 0xff);
  if (code === undefined || typeof code === "boolean") throw new Exit(Number(code === false));
  throw new ScriptError("os.exit takes a whole number, true or false");
};

const stringified: LuaFunction = ([value, pretty]) => jsonFault(() => stringifiedJson(value, pretty === true));

function jsonFault<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new ScriptError(error instanceof Error ? error.message : String(error));
  }
}

function moduleOf(module: string, link: HostLink): Chunk | string {
  const found = link.call(READ_MODULE, [module]);
  // NOTE: the host answers so.
  return typeof found === "string" ? found : (found as unknown as Chunk);
}

/** A script may begin as one that a shell runs. Its lines keep their numbers. */
function withoutShebang(source: string): string {
  return source.replace(/^\uFEFF?(#[^\n]*)?/, "");
}

/** What Lua is left with: nothing of it reaches past its machine anyway; this says so where a script asks. */
const PRELUDE = `
  local name, args = ...
  local host, searchers = sojourn_os, { package.searchers[1], sojourn_search }
  -- What we call ourselves, whatever a script makes of it.
  local compile, error, getmetatable, match, setmetatable, tonumber, type, unpack =
    load, error, getmetatable, string.match, setmetatable, tonumber, type, table.unpack
  sojourn_os, sojourn_search = nil, nil
  arg = args
  arg[0] = name

  dofile, loadfile, io, string.dump = nil, nil, nil, nil
  -- Text alone: what is compiled already can do to the machine as it likes.
  function load(chunk, called, mode, ...)
    if mode == "b" then return nil, "a script can't load what is compiled already" end
    return compile(chunk, called, "t", ...)
  end
  debug = { getinfo = debug.getinfo, traceback = debug.traceback }
  os = {
    time = os.time, date = os.date, difftime = os.difftime, clock = host.clock,
    getenv = function() end,
    exit = host.exit,
    execute = function(command)
      if command == nil then return false end
      local seconds = type(command) == "string" and match(command, "^%s*sleep%s+(%d*%.?%d+)%s*$")
      if not seconds then error("os.execute only waits, as in os.execute(\\"sleep 1\\")", 2) end
      host.sleep(tonumber(seconds))
      return true, "exit", 0
    end,
  }
  package.loaded.io, package.loaded.os, package.loaded.debug = nil, os, debug
  package.loadlib, package.searchpath, package.cpath, package.path = nil, nil, "", "?.lua;?/init.lua"
  package.searchers = searchers

  local create, methods = Session.create, {}
  local builders = { __index = methods }
  -- What is wrong with a builder is so in the line of the script that calls it.
  local function options(self)
    if getmetatable(self) == builders then return self.options end
    error('a builder is called with a colon, as in Session.builder():name("x")', 3)
  end
  for field, option in pairs {
    name = "name", description = "description", tags = "tags", metadata = "metadata", parent = "parent_session_id",
  } do
    methods[field] = function(self, value) options(self)[option] = value return self end
  end
  function methods:tag(tag)
    local before = options(self).tags or {}
    if type(before) ~= "table" then error("tags must be a list of texts", 2) end
    local tags = { unpack(before) }
    tags[#tags + 1] = tag
    self.options.tags = tags
    return self
  end
  function methods:build() return (create(options(self))) end
  function Session.builder() return setmetatable({ options = {} }, builders) end

  Replay.modes = { exact = "exact", modified = "modified", simulate = "simulate", debug = "debug" }
`;
