import { OBJECT_TYPES } from "../app-format/object.ts";
import { invalid } from "../engine/errors.ts";
import { isArray, type Json, type JsonObject } from "../engine/json.ts";
import { LIMITS } from "../engine/limits.ts";
import { type ObjectUse, TASK_OBJECTS_MAX } from "../engine/object.ts";
import { MADE_TO_FIT } from "./described-schema.ts";

/** Finds the objects that an input names, in the order of the input. */
export type FindUses = (input: Json) => readonly ObjectUse[];

/** How many parts of a schema are held against parts of one input: some tenths of a second, for one made to take long. */
const STEPS_MAX = 1_000_000;

/** How deep it is looked which of several alternatives an input is. */
const TELLING_DEPTH = 4;

/**
 * What an app's JSON Schema says of the objects in an input that fits it.
 *
 * Where it may be one of several things, those count that it can be by its types and literals; what stands there as a literal
 * names no object. An input that names more objects than a task may take is not looked through to its end.
 *
 * @throws {SojournError} `invalid` where input and schema take too long to look through, when it is called
 */
export function usesIn(schema: JsonObject): FindUses {
  let leading: ReadonlySet<Json> | undefined;
  return (input) => {
    leading ??= leadingIn(schema);
    return leading.has(schema) ? new UseSearch(schema, leading).run(input) : [];
  };
}

class UseSearch {
  readonly #root: JsonObject;
  readonly #leading: ReadonlySet<Json>;
  readonly #uses: ObjectUse[] = [];
  readonly #ids = new Set<string>();
  #steps = 0;

  constructor(root: JsonObject, leading: ReadonlySet<Json>) {
    this.#root = root;
    this.#leading = leading;
  }

  run(input: Json): readonly ObjectUse[] {
    this.#look(input, [this.#root], { field: "input", depth: 0 });
    return this.#uses;
  }

  #look(value: Json, schemas: readonly Json[], at: { readonly field: string; readonly depth: number }): void {
    if (at.depth > LIMITS.jsonDepth || this.#ids.size > TASK_OBJECTS_MAX) return;
    if (!schemas.some((schema) => this.#leading.has(schema))) return;
    const applying = this.#applying(schemas, value);
    if (typeof value === "string") {
      this.#name(value, applying, at.field);
      return;
    }
    if (typeof value !== "object" || value === null) return;
    const depth = at.depth + 1;
    if (isArray(value)) {
      for (const [i, item] of value.entries()) {
        if (!mayName(item)) continue;
        const below = applying.flatMap((schema) => given(itemSchema(schema, i)));
        this.#look(item, below, { field: `${at.field}.${i}`, depth });
      }
      return;
    }
    for (const [name, member = null] of Object.entries(value)) {
      if (!mayName(member)) continue;
      const below = applying.flatMap((schema) => given(memberSchema(schema, name)));
      this.#look(member, below, { field: `${at.field}.${name}`, depth });
    }
  }

  #name(objectId: string, applying: readonly JsonObject[], field: string): void {
    const types = new Set(applying.flatMap(typesOf));
    if (types.size === 0 || applying.some((schema) => isLiteral(schema, objectId))) return;
    this.#ids.add(objectId);
    this.#uses.push({ objectId, types: [...types], field });
  }

  /** All that a value is held against in one place. */
  #applying(schemas: readonly Json[], value: Json): readonly JsonObject[] {
    const applying = new Set<JsonObject>();
    const waiting = [...schemas];
    // What is found on the way is appended.
    for (const schema of waiting) {
      if (!isObject(schema) || applying.has(schema)) continue;
      this.#step();
      applying.add(schema);
      waiting.push(...given(referred(schema, this.#root)), ...list(schema.allOf));
      for (const alternatives of [list(schema.anyOf), list(schema.oneOf)]) {
        const fitting = alternatives.filter((one) => this.#fits(one, value, 0));
        waiting.push(...(fitting.length > 0 ? fitting : alternatives));
      }
    }
    return [...applying];
  }

  /** Whether a value can be what a schema describes, by types, literals and the names of members. */
  #fits(schema: Json | undefined, value: Json, depth: number): boolean {
    if (typeof schema === "boolean") return schema;
    if (!isObject(schema) || schema[MADE_TO_FIT] === true || depth > TELLING_DEPTH) return true;
    this.#step();
    const { type, anyOf, oneOf, allOf, prefixItems } = schema;
    if ((typeof type === "string" && !isOf(type, value)) || !canBeLiteral(schema, value)) return false;
    const fits = (part: Json, below: Json = value): boolean => this.#fits(part, below, depth + 1);
    for (const alternatives of [list(anyOf), list(oneOf)]) {
      if (alternatives.length > 0 && !alternatives.some((one) => fits(one))) return false;
    }
    const all = [...list(allOf), ...given(referred(schema, this.#root))];
    if (!all.every((one) => fits(one))) return false;
    if (isArray(value)) {
      return list(prefixItems).every((one, i) => value[i] === undefined || fits(one, value[i]));
    }
    if (!isObject(value)) return true;
    if (!list(schema.required).every((name) => hasMember(value, schema, name))) return false;
    return Object.entries(value).every(([name, member = null]) => {
      const below = memberSchema(schema, name);
      return below === undefined || fits(below, member);
    });
  }

  #step(): void {
    if (this.#steps++ < STEPS_MAX) return;
    throw invalid([{ field: "input", message: "holds too much to be looked through for objects", type: "too_big" }]);
  }
}

/** The parts of a schema that name objects, and those above them. */
function leadingIn(root: JsonObject): ReadonlySet<Json> {
  const above = new Map<JsonObject, JsonObject[]>([[root, []]]);
  // What is found on the way is appended, to the map and to the set.
  for (const schema of above.keys()) {
    for (const part of partsOf(schema, root)) {
      if (!isObject(part)) continue;
      const known = above.get(part);
      if (known === undefined) above.set(part, [schema]);
      else known.push(schema);
    }
  }
  const leading = new Set([...above.keys()].filter((schema) => typesOf(schema).length > 0));
  for (const schema of leading) for (const one of above.get(schema) ?? []) leading.add(one);
  return leading;
}

/** Whether a value may be an id, or have one in it. */
function mayName(value: Json): boolean {
  return typeof value === "string" || (typeof value === "object" && value !== null);
}

function partsOf(schema: JsonObject, root: JsonObject): readonly (Json | undefined)[] {
  const { properties, items, additionalProperties, prefixItems, anyOf, oneOf, allOf } = schema;
  return [
    ...(isObject(properties) ? Object.values(properties) : []),
    ...[items, additionalProperties, referred(schema, root)],
    ...[prefixItems, anyOf, oneOf, allOf].flatMap((parts) => list(parts)),
  ];
}

function typesOf({ [OBJECT_TYPES]: types }: JsonObject): readonly string[] {
  return list(types).filter((type) => typeof type === "string");
}

function itemSchema({ prefixItems, items }: JsonObject, i: number): Json | undefined {
  return list(prefixItems)[i] ?? items;
}

function memberSchema({ properties, additionalProperties }: JsonObject, name: string): Json | undefined {
  return (isObject(properties) ? own(properties, name) : undefined) ?? additionalProperties;
}

/** What is made to fit may be made of nothing. */
function hasMember(value: JsonObject, { properties }: JsonObject, name: Json): boolean {
  if (typeof name !== "string" || Object.hasOwn(value, name)) return true;
  const schema = isObject(properties) ? own(properties, name) : undefined;
  return isObject(schema) && schema[MADE_TO_FIT] === true;
}

/** What its `$ref` means; those that leave the schema mean nothing. */
function referred({ $ref }: JsonObject, root: JsonObject): Json | undefined {
  if (typeof $ref !== "string" || !$ref.startsWith("#")) return undefined;
  const names = $ref.split("/").slice(1);
  return names.reduce<Json | undefined>((at, name) => {
    const member = name.replaceAll("~1", "/").replaceAll("~0", "~");
    return typeof at === "object" && at !== null ? own(at as JsonObject, member) : undefined;
  }, root);
}

/** Whether a text is one of those that a schema lists. */
function isLiteral(schema: JsonObject, text: string): boolean {
  return schema.const === text || list(schema.enum).includes(text);
}

/** Whether a schema lists no values, or this one; larger ones than texts and numbers are not compared. */
function canBeLiteral(schema: JsonObject, value: Json): boolean {
  const listed = schema.const === undefined ? list(schema.enum) : [schema.const];
  return listed.length === 0 || listed.some((one) => one === value || (typeof one === "object" && one !== null));
}

function isOf(type: string, value: Json): boolean {
  if (type === "null") return value === null;
  if (type === "array") return isArray(value);
  if (type === "object") return isObject(value);
  if (type === "integer") return typeof value === "number";
  return typeof value === type;
}

function list(value: Json | undefined): readonly Json[] {
  return value !== undefined && isArray(value) ? value : [];
}

function given(schema: Json | undefined): readonly Json[] {
  return schema === undefined ? [] : [schema];
}

function own(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
