import type { Json, JsonObject } from "../client/index.ts";
import type { Value, ValueObject } from "./value.ts";

/** What is wrong with what a script gave. */
export class ArgumentError extends Error {
  override readonly name = "ArgumentError";
}

/** What a script gave by name, read by what it must be. Each says what is wrong by the name. */
export class Fields {
  readonly #fields: ValueObject;
  readonly #what: string;
  readonly #known: (readonly string[])[] = [];

  constructor(given: Value, what: string) {
    this.#fields = object(given, what) ?? {};
    this.#what = what;
  }

  text(...names: readonly string[]): string | undefined {
    return this.#first(names, text);
  }

  number(...names: readonly string[]): number | undefined {
    return this.#first(names, number);
  }

  /** A whole number from 0 on. */
  count(...names: readonly string[]): number | undefined {
    return this.#first(names, (value, name) => {
      const given = number(value, name);
      if (given === undefined || (Number.isSafeInteger(given) && given >= 0)) return given;
      throw new ArgumentError(`${name} must be a whole number, 0 or more`);
    });
  }

  boolean(...names: readonly string[]): boolean | undefined {
    return this.#first(names, (value, name) => {
      if (value === undefined || typeof value === "boolean") return value;
      throw new ArgumentError(`${name} must be true or false`);
    });
  }

  texts(...names: readonly string[]): readonly string[] | undefined {
    return this.#first(names, texts);
  }

  json(...names: readonly string[]): JsonObject | undefined {
    return this.#first(names, jsonObject);
  }

  value(...names: readonly string[]): Value {
    return this.#first(names, (value) => value);
  }

  /**
   * Comes after all is read.
   *
   * @throws {ArgumentError} for what has a name that nobody asked for: a slip would seem to do something
   */
  refuseOthers(): void {
    const other = Object.keys(this.#fields).find((name) => !this.#known.flat().includes(name));
    if (other === undefined) return;
    const known = this.#known.map(([name]) => name).join(", ");
    throw new ArgumentError(`Unknown "${other}" in ${this.#what}: known are ${known}`);
  }

  #first<T>(names: readonly string[], read: (value: Value, name: string) => T): T {
    this.#known.push(names);
    const name =
      names.find((each) => this.#fields[each] !== undefined && this.#fields[each] !== null) ?? names[0] ?? "";
    return read(this.#fields[name] ?? undefined, name);
  }
}

export function text(value: Value, name: string): string | undefined {
  if (value === undefined || value === null || typeof value === "string") return value ?? undefined;
  if (typeof value === "number") return String(value);
  throw new ArgumentError(`${name} must be a text${value instanceof Uint8Array ? ", in UTF-8" : ""}`);
}

/** @throws {ArgumentError} also where it is missing, or empty */
export function someText(value: Value, name: string): string {
  const given = text(value, name);
  if (given === undefined || given === "") throw new ArgumentError(`${name} must be a text that is not empty`);
  return given;
}

export function number(value: Value, name: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  const given = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof given === "number" && Number.isFinite(given)) return given;
  throw new ArgumentError(`${name} must be a number`);
}

export function texts(value: Value, name: string): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  // An empty table of Lua is a list as well.
  if (isObject(value) && Object.keys(value).length === 0) return [];
  if (!isList(value)) throw new ArgumentError(`${name} must be a list of texts`);
  return value.map((item) => someText(item, `each of ${name}`));
}

export function object(value: Value, name: string): ValueObject | undefined {
  if (value === undefined || value === null) return undefined;
  if (isList(value) && value.length === 0) return {};
  if (isObject(value)) return value;
  throw new ArgumentError(`${name} must be a table with names, or an object`);
}

export function jsonObject(value: Value, name: string): JsonObject | undefined {
  const given = object(value, name);
  // NOTE: `json` finds what no JSON has; an object stays one.
  return given === undefined ? undefined : (json(given, name) as JsonObject);
}

/** @throws {ArgumentError} for bytes, which JSON does not have */
export function json(value: Value, name: string): Json {
  if (value === undefined) return null;
  if (value instanceof Uint8Array) throw new ArgumentError(`${name} has a string in it that is not UTF-8`);
  if (isList(value)) return value.map((item) => json(item, name));
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, json(member, name)]));
  }
  if (typeof value === "number" && !Number.isFinite(value))
    throw new ArgumentError(`${name} has no number in it: ${value}`);
  return value;
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function isObject(value: Value): value is ValueObject {
  return typeof value === "object" && value !== null && !isList(value) && !(value instanceof Uint8Array);
}
