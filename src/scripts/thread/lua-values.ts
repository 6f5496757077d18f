import { asText, type Value, type ValueObject } from "../value.ts";
import { Budget } from "./budget.ts";
import { heapOf, type LuaExports } from "./lua-wasm.ts";
import { ScriptError } from "./script-error.ts";

const NIL = 0;
const BOOLEAN = 1;
const LIGHT_USERDATA = 2;
const NUMBER = 3;
const STRING = 4;
const TABLE = 5;

const KINDS: Readonly<Record<number, string>> = { 6: "a function", 7: "a userdata", 8: "a coroutine" };

/** How deep tables may lie in tables; one that has itself in it is too deep as well. */
export const DEPTH_MAX = 200;

const SCRATCH_BYTES = 4_096;

const ENCODER = new TextEncoder();

/**
 * Takes values out of a state of Lua, and puts them in.
 *
 * Lists keep a mark, so that one that is empty is still a list when it comes back. What is null in JSON is nil in Lua; `null`,
 * a light userdata of nothing, is what a script may give for it.
 */
export class LuaValues {
  readonly #lua: LuaExports;
  /** Where C functions put sizes. */
  readonly #size: number;
  /** The metatable that marks lists, in the global state's keeping; by the key of this object's address. */
  readonly #listMark: number;

  /** Where short texts are put for C to read. */
  #scratch: Uint8Array;

  constructor(lua: LuaExports, state: number) {
    this.#lua = lua;
    const scratch = this.#allocated(SCRATCH_BYTES);
    this.#scratch = new Uint8Array(lua.memory.buffer, scratch, SCRATCH_BYTES);
    this.#size = this.#allocated(8);
    this.#listMark = this.#size + 4;
    lua.lua_pushlightuserdata(state, this.#listMark);
    lua.lua_createtable(state, 0, 0);
    lua.lua_rawset(state, REGISTRY);
  }

  /**
   * @param budget  of all that is read for one call
   * @throws {ScriptError} for what can't leave Lua, such as a function, and for what is too much
   */
  read(state: number, index: number, budget: Budget = new Budget(), depth = 0): Value {
    const lua = this.#lua;
    budget.takeValue();
    const kind = lua.lua_type(state, index);
    if (kind <= NIL) return undefined;
    if (kind === BOOLEAN) return lua.lua_toboolean(state, index) !== 0;
    if (kind === NUMBER) {
      if (lua.lua_isinteger(state, index) === 0) return lua.lua_tonumberx(state, index, 0);
      const integer = lua.lua_tointegerx(state, index, 0);
      if (Number.isSafeInteger(Number(integer))) return Number(integer);
      throw new ScriptError(
        `${integer} can't be given to this function: integers beyond ±(2^53 − 1) are given as texts`,
      );
    }
    if (kind === STRING) {
      budget.takeBytes(Number(lua.lua_rawlen(state, index)));
      return asText(this.bytes(state, index));
    }
    if (kind === TABLE) return this.#table(state, lua.lua_absindex(state, index), budget, depth);
    if (kind === LIGHT_USERDATA && lua.lua_touserdata(state, index) === 0) return null;
    throw new ScriptError(`${KINDS[kind] ?? "a userdata"} can't be given to this function, nor can what has one in it`);
  }

  /** The bytes of a string. */
  bytes(state: number, index: number): Uint8Array {
    const start = this.#lua.lua_tolstring(state, index, this.#size);
    return this.#copy(start);
  }

  /** What `tostring` makes of a value. */
  shown(state: number, index: number): string {
    const bytes = this.#copy(this.#lua.luaL_tolstring(state, index, this.#size));
    this.#lua.lua_settop(state, -2);
    return Buffer.from(bytes).toString("utf8");
  }

  /**
   * Pushes a value.
   *
   * @throws {ScriptError} for one that is too deep
   */
  write(state: number, value: Value, depth = 0): void {
    const lua = this.#lua;
    if (value === undefined || value === null) lua.lua_pushnil(state);
    else if (typeof value === "boolean") lua.lua_pushboolean(state, value ? 1 : 0);
    else if (typeof value === "number") {
      if (Number.isSafeInteger(value)) lua.lua_pushinteger(state, BigInt(value));
      else lua.lua_pushnumber(state, value);
    } else if (typeof value === "string") this.#pushText(state, value);
    else if (value instanceof Uint8Array) this.#pushBytes(state, value);
    else this.#pushTable(state, value, depth);
  }

  /** Puts text where C reads it, for as long as `use` takes. */
  withText<T>(text: string, use: (pointer: number, size: number) => T): T {
    return this.withBytes(ENCODER.encode(`${text}\0`), (pointer, size) => use(pointer, size - 1));
  }

  withBytes<T>(bytes: Uint8Array, use: (pointer: number, size: number) => T): T {
    const pointer = this.#allocated(bytes.length);
    try {
      heapOf(this.#lua).set(bytes, pointer);
      return use(pointer, bytes.length);
    } finally {
      this.#lua.free(pointer);
    }
  }

  #copy(start: number): Uint8Array {
    const heap = heapOf(this.#lua);
    const size = new DataView(heap.buffer).getUint32(this.#size, true);
    return heap.slice(start, start + size);
  }

  #table(state: number, index: number, budget: Budget, depth: number): Value {
    const lua = this.#lua;
    if (depth === DEPTH_MAX) throw new ScriptError("a table is too deep, or has itself in it");
    if (lua.lua_checkstack(state, 4) === 0) throw new ScriptError("not enough memory");
    const members: [key: string | number, value: Value][] = [];
    let isList = true;
    let last = 0;
    lua.lua_pushnil(state);
    while (lua.lua_next(state, index) !== 0) {
      const key = this.#key(state, budget);
      const value = this.read(state, -1, budget, depth + 1);
      lua.lua_settop(state, -2);
      if (typeof key === "number" && Number.isSafeInteger(key) && key > 0) last = Math.max(last, key);
      else isList = false;
      members.push([key, value]);
    }
    if (members.length === 0) return this.#isMarked(state, index) ? [] : {};
    // Holes are null, as long as they are fewer than what there is: 1 and 1000000 are no list.
    if (isList && last <= members.length * 2) {
      const items = Array<Value>(last).fill(null);
      for (const [key, value] of members) items[Number(key) - 1] = value;
      return items;
    }
    return Object.fromEntries(members);
  }

  /** The key under the value on top. A number is read as such: `lua_tolstring` would change the table. */
  #key(state: number, budget: Budget): string | number {
    const kind = this.#lua.lua_type(state, -2);
    const key = kind === STRING || kind === NUMBER ? this.read(state, -2, budget) : undefined;
    if (typeof key === "string" || typeof key === "number") return key;
    throw new ScriptError("the names in a table must be text or numbers");
  }

  #isMarked(state: number, index: number): boolean {
    const lua = this.#lua;
    if (lua.lua_getmetatable(state, index) === 0) return false;
    this.#pushMark(state);
    const isMarked = lua.lua_rawequal(state, -1, -2) !== 0;
    lua.lua_settop(state, -3);
    return isMarked;
  }

  #pushMark(state: number): void {
    this.#lua.lua_pushlightuserdata(state, this.#listMark);
    this.#lua.lua_rawget(state, REGISTRY);
  }

  // Most texts are short, and come by the dozen: a session has fifty.
  #pushText(state: number, text: string): void {
    if (text.length * 3 > SCRATCH_BYTES) {
      this.#pushBytes(state, ENCODER.encode(text));
      return;
    }
    const { buffer } = this.#lua.memory;
    // A view is of the memory as it is now.
    if (this.#scratch.buffer !== buffer)
      this.#scratch = new Uint8Array(buffer, this.#scratch.byteOffset, SCRATCH_BYTES);
    const { written } = ENCODER.encodeInto(text, this.#scratch);
    this.#lua.lua_pushlstring(state, this.#scratch.byteOffset, written);
  }

  #pushBytes(state: number, bytes: Uint8Array): void {
    this.withBytes(bytes, (pointer, size) => this.#lua.lua_pushlstring(state, pointer, size));
  }

  #pushTable(state: number, value: readonly Value[] | ValueObject, depth: number): void {
    const lua = this.#lua;
    if (depth === DEPTH_MAX) throw new ScriptError("what was to be returned is too deep");
    if (lua.lua_checkstack(state, 4) === 0) throw new ScriptError("not enough memory");
    if (isList(value)) {
      lua.lua_createtable(state, value.length, 0);
      for (const [i, item] of value.entries()) {
        this.write(state, item, depth + 1);
        lua.lua_rawseti(state, -2, BigInt(i + 1));
      }
      this.#pushMark(state);
      lua.lua_setmetatable(state, -2);
      return;
    }
    const members = Object.entries(value).filter(([, member]) => member !== undefined && member !== null);
    lua.lua_createtable(state, 0, members.length);
    for (const [key, member] of members) {
      this.write(state, key);
      this.write(state, member, depth + 1);
      lua.lua_rawset(state, -3);
    }
  }

  #allocated(size: number): number {
    const pointer = this.#lua.malloc(Math.max(size, 1));
    if (pointer === 0) throw new ScriptError("not enough memory");
    return pointer;
  }
}

/** Where a state keeps what no script sees. */
export const REGISTRY: number = -1_001_000;

function isList(value: readonly Value[] | ValueObject): value is readonly Value[] {
  return Array.isArray(value);
}
