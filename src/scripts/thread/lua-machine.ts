import { stringifiedJson } from "../json-text.ts";
import type { Value } from "../value.ts";
import { Budget } from "./budget.ts";
import { LuaValues, REGISTRY } from "./lua-values.ts";
import { functionPointer, instantiateLua, type LuaExports, type LuaWorld } from "./lua-wasm.ts";
import { ScriptError } from "./script-error.ts";

/** A function that Lua can call: it takes values and returns one. What it throws as `ScriptError`, a script can catch. */
export type LuaFunction = (args: readonly Value[]) => Value;

/** Lua source, and what errors call it. */
export interface Chunk {
  readonly name: string;
  readonly source: string;
}

/** Of the chunks that are ours: errors call the line of the script that called them. */
const OURS = "sojourn";

const ALL_RESULTS = -1;

/** Of a function's first upvalue. */
const UPVALUE = REGISTRY - 1;

/** A state of Lua with its standard libraries, in WebAssembly. */
export class LuaMachine {
  readonly #lua: LuaExports;
  readonly #state: number;
  readonly #values: LuaValues;
  readonly #functions: ((state: number) => number)[] = [];
  readonly #dispatch: number;

  constructor(world: LuaWorld) {
    this.#lua = instantiateLua(world);
    this.#state = this.#lua.luaL_newstate();
    this.#lua.luaL_openlibs(this.#state);
    this.#values = new LuaValues(this.#lua, this.#state);
    this.#dispatch = functionPointer(this.#lua, (state) => this.#call(state));
  }

  /** Makes a global table of functions. */
  setGlobal(name: string, functions: Readonly<Record<string, LuaFunction>>): void {
    const { lua_createtable, lua_rawset, lua_setglobal } = this.#lua;
    lua_createtable(this.#state, 0, Object.keys(functions).length);
    for (const [member, call] of Object.entries(functions)) {
      this.#values.write(this.#state, member);
      this.#pushFunction(this.#state, (state) => {
        this.#values.write(state, call(this.#args(state)));
        return 1;
      });
      lua_rawset(this.#state, -3);
    }
    this.#values.withText(name, (pointer) => lua_setglobal(this.#state, pointer));
  }

  /**
   * Makes a global function that compiles what it is given `find` for: it returns that as a function, and where it is from,
   * or else why there is none; as the searchers of `require` do.
   */
  setSearcher(name: string, find: (module: string) => Chunk | string): void {
    this.#pushFunction(this.#state, (state) => {
      const [module] = this.#args(state);
      const found = find(String(module));
      if (typeof found === "string") {
        this.#values.write(state, found);
        return 1;
      }
      if (!this.#load(state, found)) throw new ScriptError(this.#values.shown(state, -1));
      this.#values.write(state, found.name);
      return 2;
    });
    this.#values.withText(name, (pointer) => this.#lua.lua_setglobal(this.#state, pointer));
  }

  /** Runs source of our own, which has no faults. */
  prepare(source: string, ...args: readonly Value[]): void {
    const failure = this.run({ name: OURS, source }, args);
    if (failure !== undefined) throw new Error(failure);
  }

  /** Runs a script. What it failed by comes with the calls that led there. */
  run(chunk: Chunk, args: readonly Value[]): string | undefined {
    const { lua_gettop, lua_settop, lua_checkstack, lua_pcallk } = this.#lua;
    const top = lua_gettop(this.#state);
    this.#pushFunction(this.#state, (state) => this.#traced(state));
    let failed = !this.#load(this.#state, chunk);
    if (!failed) {
      lua_checkstack(this.#state, args.length + 1);
      for (const arg of args) this.#values.write(this.#state, arg);
      failed = lua_pcallk(this.#state, args.length, ALL_RESULTS, top + 1, 0, 0) !== 0;
    }
    const failure = failed ? this.#values.shown(this.#state, -1) : undefined;
    lua_settop(this.#state, top);
    return failure;
  }

  #args(state: number): Value[] {
    const budget = new Budget();
    return Array.from({ length: this.#lua.lua_gettop(state) }, (_, i) => this.#values.read(state, i + 1, budget));
  }

  #pushFunction(state: number, call: (state: number) => number): void {
    const { lua_pushinteger, lua_pushcclosure } = this.#lua;
    lua_pushinteger(state, BigInt(this.#functions.push(call) - 1));
    lua_pushcclosure(state, this.#dispatch, 1);
  }

  #call(state: number): number {
    const call = this.#functions[Number(this.#lua.lua_tointegerx(state, UPVALUE, 0))];
    try {
      if (call === undefined) throw new ScriptError("no such function");
      return call(state);
    } catch (error) {
      // What else comes through here is Lua's own way out of functions, or ends the script.
      if (!(error instanceof ScriptError)) throw error;
      this.#values.write(state, `${this.#where(state)}${error.message}`);
      return this.#lua.lua_error(state);
    }
  }

  /** The line of the script that called us, as Lua's own errors begin. */
  #where(state: number): string {
    for (let level = 1; ; level++) {
      this.#lua.luaL_where(state, level);
      const where = this.#values.shown(state, -1);
      this.#lua.lua_settop(state, -2);
      if (!where.startsWith(`${OURS}:`)) return where;
    }
  }

  #load(state: number, { name, source }: Chunk): boolean {
    const { luaL_loadbufferx } = this.#lua;
    const status = this.#values.withText(name === OURS ? `=${name}` : `@${name}`, (called) =>
      this.#values.withText("t", (mode) =>
        this.#values.withText(source, (bytes, size) => luaL_loadbufferx(state, bytes, size, called, mode)),
      ),
    );
    return status === 0;
  }

  /** What was thrown; a table that says nothing of itself as JSON. */
  #thrown(state: number): string {
    const shown = this.#values.shown(state, 1);
    if (!/^table: 0x/.test(shown)) return shown;
    try {
      return stringifiedJson(this.#values.read(state, 1));
    } catch {
      return shown;
    }
  }

  #traced(state: number): number {
    const message = this.#thrown(state);
    this.#values.withText(message, (pointer) => this.#lua.luaL_traceback(state, state, pointer, 1));
    return 1;
  }
}
