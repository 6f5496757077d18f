import { stripTypeScriptTypes } from "node:module";
import { posix } from "node:path";
import variant from "@jitl/quickjs-ng-wasmfile-release-sync";
import {
  newQuickJSWASMModuleFromVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
  type QuickJSSyncVariant,
} from "quickjs-emscripten-core";
import { GLOBALS, READ_MODULE, snakeCase } from "../globals.ts";
import { VALUES_AT_ONCE_MAX } from "../sizes.ts";
import type { Value } from "../value.ts";
import type { Ended, ThreadOrder } from "../wire.ts";
import type { HostLink } from "./host-link.ts";
import { packed, unpacked } from "./packed-values.ts";
import { ScriptError } from "./script-error.ts";

/** Of the engine's own: what a script may recurse, well below what the thread has. */
const STACK_BYTES = 256 * 1_024;

/** How the stack of an error names our own part. */
const OURS = "sojourn";

/** Runs a script in TypeScript to its end: its types are taken away, and what is left is run as a module. */
export async function runTypeScript(order: ThreadOrder, link: HostLink): Promise<Omit<Ended, "type">> {
  const { name, source, args, memoryMaxBytes } = order;
  // NOTE: its declarations are those of the CommonJS module, whose default is a member.
  const engine = await newQuickJSWASMModuleFromVariant(variant as unknown as QuickJSSyncVariant);
  const runtime = engine.newRuntime({ memoryLimitBytes: memoryMaxBytes, maxStackSizeBytes: STACK_BYTES });
  runtime.setModuleLoader(
    (path) => moduleOf(path, link),
    (from, path) => (/^\.\.?\//.test(path) ? posix.join(posix.dirname(from), path) : path),
  );
  const context = runtime.newContext();
  const exit = addGlobals(context, { runtime, link, args });
  try {
    const failure = outcomeOf(context, runtime, { name, source });
    if (exit.code !== undefined) return { exitCode: exit.code };
    return { exitCode: failure === undefined ? 0 : 1, failure };
  } catch (error) {
    if (error instanceof ScriptError) return { exitCode: 1, failure: error.message };
    return { exitCode: 1, failure: `${name}: ${error instanceof Error ? error.message : error}` };
  }
}

interface Running {
  readonly runtime: QuickJSRuntime;
  readonly link: HostLink;
  readonly args: readonly string[];
}

/** What the script can call. Returns whether it asked to end. */
function addGlobals(context: QuickJSContext, { runtime, link, args }: Running): { readonly code: number | undefined } {
  const exit: { code: number | undefined } = { code: undefined };
  const host = context.newObject();
  const add = (name: string, call: (...handles: QuickJSHandle[]) => QuickJSHandle): void =>
    context.setProp(host, name, context.newFunction(name, call));
  add("call", (name, json, ...buffers) => {
    const given = unpacked(
      context.getString(json),
      buffers.map((buffer) => bytesOf(context, buffer)),
    );
    const { text, bytes } = packed(link.call(context.getString(name), given as readonly Value[]));
    const answer = context.newArray();
    context.setProp(answer, 0, context.newString(text));
    for (const [i, each] of bytes.entries())
      context.setProp(answer, i + 1, context.newArrayBuffer(each.slice().buffer));
    return answer;
  });
  add("print", (text) => {
    link.print(Buffer.from(`${context.getString(text)}\n`));
    return context.undefined;
  });
  add("sleep", (seconds) => {
    link.sleep(context.getNumber(seconds));
    return context.undefined;
  });
  add("exit", (code) => {
    const given = context.getNumber(code);
    if (!Number.isInteger(given)) throw new ScriptError("exit takes a whole number");
    exit.code = given & 0xff;
    // An error alone could be caught, and the script would go on.
    runtime.setInterruptHandler(() => true);
    throw new Error("The script ended itself");
  });
  const prelude = context.unwrapResult(context.evalCode(PRELUDE, OURS));
  const names = JSON.stringify({ globals: GLOBALS, aliases: aliases(), args, valuesMax: VALUES_AT_ONCE_MAX });
  context.unwrapResult(context.callFunction(prelude, context.undefined, host, context.newString(names)));
  return exit;
}

/** What a script failed by, if it did. */
function outcomeOf(
  context: QuickJSContext,
  runtime: QuickJSRuntime,
  { name, source }: { readonly name: string; readonly source: string },
): string | undefined {
  const begun = context.evalCode(stripped(name, source), name, { type: "module" });
  if (begun.error) return shown(context, begun.error);
  while (runtime.hasPendingJob()) {
    const jobs = runtime.executePendingJobs();
    if (jobs.error) return shown(context, jobs.error);
  }
  const state = context.getPromiseState(begun.value);
  if (state.type === "rejected") return shown(context, state.error);
  if (state.type === "pending") return `${name}: it waits for what never comes`;
  return undefined;
}

function moduleOf(path: string, link: HostLink): string | { readonly error: Error } {
  const found = link.call(READ_MODULE, [path]);
  if (typeof found === "string") return { error: new Error(found) };
  // NOTE: the host answers with a name and its source.
  const { source } = found as unknown as { readonly source: string };
  try {
    return stripped(path, source);
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }
}

/**
 * The script without its types; lines and columns stay.
 *
 * @throws {ScriptError} with its file and line, for what can't be read, and for what is more than types, such as an enum
 */
function stripped(name: string, source: string): string {
  try {
    return stripTypeScriptTypes(source.replace(/^\uFEFF?(#![^\n]*)?/, ""));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // Node tells the line at the head of the stack alone, as those of its own syntax errors.
    const line = /^.*:(\d+)\n/.exec(error.stack ?? "")?.[1];
    throw new ScriptError(`${name}${line === undefined ? "" : `:${line}`}: ${error.message}`);
  }
}

function shown(context: QuickJSContext, error: QuickJSHandle): string {
  const text = (handle: QuickJSHandle): string => context.getString(handle);
  if (context.typeof(error) !== "object") return `Uncaught ${text(error)}`;
  // The engine throws null where there is no room for an error.
  if (text(error) === "null") return "Uncaught null: not enough memory, unless it was thrown";
  const stack = context.getProp(error, "stack");
  const lines = context.typeof(stack) === "string" ? text(stack).split("\n") : [];
  if (lines.length === 0) return `Uncaught ${JSON.stringify(context.dump(error)) ?? text(error)}`;
  const own = lines.filter((line) => line.trim() !== "" && !line.includes(`(${OURS}`) && !line.includes("(native)"));
  return [text(error), ...own].join("\n");
}

function bytesOf(context: QuickJSContext, buffer: QuickJSHandle): Uint8Array {
  return context.getArrayBuffer(buffer).value.slice();
}

function aliases(): Readonly<Record<string, string>> {
  const names = Object.values(GLOBALS).flat();
  return Object.fromEntries(names.map((name) => [name, snakeCase(name)]));
}

/** Makes the globals, in the script's own engine. Bytes go beside the JSON, and stand in it as texts that begin with NUL. */
const PRELUDE = `(host, names) => {
  "use strict";
  const { globals, aliases, args, valuesMax } = JSON.parse(names);
  const { call, print, sleep, exit } = host;
  const { stringify, parse } = JSON;
  const pack = (buffers, count = 0) => function (key, value) {
    const own = this[key];
    if (++count > valuesMax) throw new RangeError("More than " + valuesMax + " values can't be given at once");
    if (own instanceof ArrayBuffer || ArrayBuffer.isView(own)) {
      const bytes = own instanceof ArrayBuffer ? new Uint8Array(own) : new Uint8Array(own.buffer, own.byteOffset, own.byteLength);
      return "\\0b" + (buffers.push(bytes.slice().buffer) - 1);
    }
    if (typeof value === "function" || typeof value === "symbol") throw new TypeError("A " + typeof value + " can't be given to this function");
    if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError("No number can be " + value + " here");
    return typeof value === "string" && value.startsWith("\\0") ? "\\0" + value : value;
  };
  const unpack = (buffers) => (key, value) => {
    if (typeof value !== "string" || !value.startsWith("\\0")) return value;
    return value[1] === "b" ? new Uint8Array(buffers[Number(value.slice(2)) + 1]) : value.slice(1);
  };
  for (const [global, functions] of Object.entries(globals)) {
    const members = {};
    for (const name of functions) {
      const ask = (...given) => {
        const buffers = [];
        const json = stringify(given, pack(buffers));
        const answer = call(global + "." + name, json, ...buffers);
        return (answer[0].includes("\\\\u0000") ? parse(answer[0], unpack(answer)) : parse(answer[0])).value;
      };
      members[name] = members[aliases[name]] = ask;
    }
    globalThis[global] = members;
  }
  Session.builder = () => {
    const options = {};
    const builder = { build: () => Session.create(options), tag: (tag) => builder.tags([...(options.tags ?? []), tag]) };
    for (const field of ["name", "description", "tags", "metadata"]) {
      builder[field] = (value) => { options[field] = value; return builder; };
    }
    builder.parent = (id) => { options.parentSessionId = id; return builder; };
    return builder;
  };
  Replay.modes = { exact: "exact", modified: "modified", simulate: "simulate", debug: "debug" };
  const show = (value) => {
    if (typeof value === "string") return value;
    if (value instanceof Error) return String(value);
    if (typeof value !== "object" || value === null) return String(value);
    try { return stringify(value); } catch { return String(value); }
  };
  const log = (...values) => print(values.map(show).join(" "));
  Object.assign(globalThis, {
    args: Object.freeze(args),
    print: log,
    console: { log, info: log, debug: log, warn: log, error: log },
    sleep: (seconds) => sleep(Number(seconds)),
    exit: (code = 0) => exit(Number(code)),
  });
}`;
