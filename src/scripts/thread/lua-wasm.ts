import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { formatted, type Moment } from "./strftime.ts";
import { type Imports, instantiated, type Memory, type Table } from "./web-assembly.ts";

/** The functions of Lua's C interface that we call. Pointers are numbers; 64-bit integers are bigints. */
export interface LuaExports {
  readonly memory: Memory;
  readonly __indirect_function_table: Table;
  __wasm_call_ctors(): void;
  emscripten_stack_init(): void;
  stackSave(): number;
  stackRestore(stack: number): void;
  setThrew(threw: number, value: number): void;
  malloc(size: number): number;
  free(pointer: number): void;
  luaL_newstate(): number;
  luaL_openlibs(state: number): void;
  luaL_loadbufferx(state: number, bytes: number, size: number, name: number, mode: number): number;
  luaL_where(state: number, level: number): void;
  luaL_traceback(state: number, of: number, message: number, level: number): void;
  luaL_tolstring(state: number, index: number, size: number): number;
  lua_pcallk(state: number, args: number, results: number, handler: number, context: number, k: number): number;
  lua_error(state: number): number;
  lua_gettop(state: number): number;
  lua_settop(state: number, index: number): void;
  lua_checkstack(state: number, slots: number): number;
  lua_type(state: number, index: number): number;
  lua_isinteger(state: number, index: number): number;
  lua_toboolean(state: number, index: number): number;
  lua_tonumberx(state: number, index: number, isNumber: number): number;
  lua_tointegerx(state: number, index: number, isInteger: number): bigint;
  lua_tolstring(state: number, index: number, size: number): number;
  lua_touserdata(state: number, index: number): number;
  lua_absindex(state: number, index: number): number;
  lua_rawlen(state: number, index: number): bigint;
  lua_next(state: number, index: number): number;
  lua_pushnil(state: number): void;
  lua_pushboolean(state: number, value: number): void;
  lua_pushnumber(state: number, value: number): void;
  lua_pushinteger(state: number, value: bigint): void;
  lua_pushlstring(state: number, bytes: number, size: number): number;
  lua_pushlightuserdata(state: number, pointer: number): void;
  lua_pushvalue(state: number, index: number): void;
  lua_pushcclosure(state: number, code: number, upvalues: number): void;
  lua_createtable(state: number, items: number, members: number): void;
  lua_rawset(state: number, index: number): void;
  lua_rawseti(state: number, index: number, item: bigint): void;
  lua_rawget(state: number, index: number): number;
  lua_getglobal(state: number, name: number): number;
  lua_setglobal(state: number, name: number): void;
  lua_getmetatable(state: number, index: number): number;
  lua_setmetatable(state: number, index: number): number;
  lua_rawequal(state: number, a: number, b: number): number;
  lua_concat(state: number, count: number): void;
}

/** What of the world Lua's machine reaches: nothing, but to print. */
export interface LuaWorld {
  readonly memoryMaxBytes: number;
  readonly print: (bytes: Uint8Array) => void;
}

const PAGE_BYTES = 65_536;

/** How C jumps out of functions; only the machine's own frames catch it. */
const LONG_JUMP: unique symbol = Symbol("longjmp");

/**
 * Lua 5.4, compiled to WebAssembly, alone with what `imports` gives it. It has no file, no process and no network, whatever
 * runs in it, and were it to write over its own memory.
 */
export function instantiateLua(world: LuaWorld): LuaExports {
  const bytes = readFileSync(fileURLToPath(import.meta.resolve("wasmoon/dist/glue.wasm")));
  const machine: { lua?: LuaExports } = {};
  const lua = (): LuaExports => {
    if (machine.lua === undefined) throw new Error("Lua called out before it began");
    return machine.lua;
  };
  const exports = instantiated(bytes, imports(lua, world));
  // NOTE: the interface has a part of what this very file exports; the version is pinned.
  machine.lua = exports as unknown as LuaExports;
  machine.lua.emscripten_stack_init();
  machine.lua.__wasm_call_ctors();
  return machine.lua;
}

/** The bytes of a pointer, as they are now: they move when memory grows. */
export function heapOf({ memory }: LuaExports): Uint8Array {
  return new Uint8Array(memory.buffer);
}

/** Puts a function of ours among those that Lua can call, and returns where it is. */
export function functionPointer(
  { __indirect_function_table: table }: LuaExports,
  call: (state: number) => number,
): number {
  return table.grow(1, instantiated(TRAMPOLINE, { o: { c: call } })["c"]);
}

// What a table holds must be a function of WebAssembly: a module that imports (i32) -> i32 as `o.c`, and exports it as `c`.
const TRAMPOLINE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 2, 7, 1, 1, 111, 1, 99, 0, 0, 7, 5, 1, 1, 99, 0, 0,
]);

/** As C libraries have it for what a system does not do. */
const NOT_SUPPORTED = -52;

const STANDARD_OUTPUT = 1;

function imports(lua: () => LuaExports, { memoryMaxBytes, print }: LuaWorld): Imports {
  const view = (): DataView => new DataView(lua().memory.buffer);
  const refused = (): number => NOT_SUPPORTED;
  const failed = (): number => 1;
  const stop = (): never => {
    throw new Error("Lua stopped itself");
  };
  const putMoment = (at: number, moment: Moment): void => {
    for (const [i, part] of moment.entries()) view().setInt32(at + i * 4, part, true);
  };
  return {
    env: {
      abort: stop,
      exit: stop,
      system: refused,
      invoke_vii: (code: number, a: number, b: number): void => {
        const { stackSave, stackRestore, setThrew, __indirect_function_table: table } = lua();
        const stack = stackSave();
        try {
          table.get(code)(a, b);
        } catch (error) {
          stackRestore(stack);
          if (error !== LONG_JUMP) throw error;
          setThrew(1, 0);
        }
      },
      _emscripten_throw_longjmp: (): never => {
        throw LONG_JUMP;
      },
      emscripten_resize_heap: (wanted: number): number => {
        const { memory } = lua();
        const bytes = wanted >>> 0;
        if (bytes > memoryMaxBytes) return 0;
        // By more than what is wanted, as far as there is room: what grows goes on to grow.
        const ample = Math.min(memoryMaxBytes, Math.max(bytes, memory.buffer.byteLength * 1.25));
        memory.grow(Math.ceil((ample - memory.buffer.byteLength) / PAGE_BYTES));
        return 1;
      },
      emscripten_date_now: (): number => Date.now(),
      _emscripten_get_now_is_monotonic: (): number => 0,
      _tzset_js: (zone: number, daylight: number): void => {
        view().setInt32(zone, 0, true);
        view().setInt32(daylight, 0, true);
      },
      _gmtime_js: (seconds: bigint, to: number): void => putMoment(to, momentOf(Number(seconds))),
      _localtime_js: (seconds: bigint, to: number): void => putMoment(to, momentOf(Number(seconds))),
      _mktime_js: (at: number): bigint => {
        const part = (i: number): number => view().getInt32(at + i * 4, true);
        const ms = Date.UTC(part(5) + 1900, part(4), part(3), part(2), part(1), part(0));
        if (Number.isNaN(ms)) return -1n;
        putMoment(at, momentOf(ms / 1_000));
        return BigInt(ms / 1_000);
      },
      strftime: (to: number, size: number, format: number, at: number): number => {
        const heap = heapOf(lua());
        const wanted = Buffer.from(heap.subarray(format, heap.indexOf(0, format))).toString("latin1");
        const moment = Array.from({ length: 8 }, (_, i) => view().getInt32(at + i * 4, true));
        const bytes = Buffer.from(`${formatted(wanted, moment)}\0`, "latin1");
        if (bytes.length > size) return 0;
        heap.set(bytes, to);
        return bytes.length - 1;
      },
      __syscall_openat: refused,
      __syscall_fcntl64: refused,
      __syscall_ioctl: refused,
      __syscall_dup3: refused,
      __syscall_unlinkat: refused,
      __syscall_rmdir: refused,
      __syscall_renameat: refused,
      __syscall_readlinkat: refused,
    },
    wasi_snapshot_preview1: {
      fd_write: (file: number, pieces: number, count: number, written: number): number => {
        let total = 0;
        for (let i = 0; i < count; i++) {
          const start = view().getUint32(pieces + i * 8, true);
          const size = view().getUint32(pieces + i * 8 + 4, true);
          if (file === STANDARD_OUTPUT && size > 0) print(heapOf(lua()).slice(start, start + size));
          total += size;
        }
        view().setUint32(written, total, true);
        return 0;
      },
      fd_read: failed,
      fd_close: failed,
      fd_seek: failed,
      environ_sizes_get: (count: number, size: number): number => {
        view().setUint32(count, 0, true);
        view().setUint32(size, 0, true);
        return 0;
      },
      environ_get: (): number => 0,
    },
  };
}

/** In UTC, whatever the machine's zone is: that is none of a script's business. */
function momentOf(seconds: number): Moment {
  const date = new Date(seconds * 1_000);
  const newYear = Date.UTC(date.getUTCFullYear(), 0, 1);
  const day = Math.floor((date.getTime() - newYear) / 86_400_000);
  return [
    date.getUTCSeconds(),
    date.getUTCMinutes(),
    date.getUTCHours(),
    date.getUTCDate(),
    date.getUTCMonth(),
    date.getUTCFullYear() - 1900,
    date.getUTCDay(),
    day,
    0,
  ];
}
