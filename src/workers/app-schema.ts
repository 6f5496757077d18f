import { z } from "zod";
import type { Fault } from "../engine/errors.ts";
import type { Json, JsonObject } from "../engine/json.ts";
import { MADE_TO_FIT } from "./described-schema.ts";
import { faultsOf } from "./issue-faults.ts";

/** Tells what is wrong with a value. */
export type Check = (value: Json) => readonly Fault[];

/**
 * What can be said of a value by an app's JSON Schema, before a worker is asked.
 *
 * What it refuses, the app refuses as well; what it lets through, the worker looks at again. So what JSON Schema can't say
 * exactly of a Zod schema is left out: rules on texts, which the app may trim first and whose patterns lose their flags (and
 * which are the app's own code, that the server does not run), and what is wrong in each of many alternatives.
 */
export function checkOf(schema: JsonObject | undefined): Check {
  if (schema === undefined) return () => [];
  let shape: z.ZodType | undefined;
  return (value) => {
    shape ??= shapeOf(schema);
    try {
      const { success, error } = shape.safeParse(value);
      return success ? [] : error.issues.filter(({ code }) => code !== "invalid_union").flatMap(faultsOf);
    } catch {
      // References that lead in circles: the worker knows.
      return [];
    }
  };
}

function shapeOf(schema: JsonObject): z.ZodType {
  try {
    // NOTE: what is no JSON Schema is refused by it, and then let through.
    return z.fromJSONSchema(plain(schema) as z.core.JSONSchema.JSONSchema);
  } catch {
    return z.unknown();
  }
}

/** Keywords whose rules are left to the worker. `default` fills in what is missing, which is no fault either way. */
const LEFT_OUT = new Set([
  "pattern",
  "format",
  "minLength",
  "maxLength",
  "contentEncoding",
  "contentMediaType",
  "contentSchema",
  "patternProperties",
  "propertyNames",
  "default",
]);

/** Keywords whose value is data, or has members that are named by the app. */
const DATA = new Set(["enum", "const", "examples"]);

const NAMED = new Set(["properties", "$defs", "definitions"]);

function plain(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(plain);
  if (!isObject(schema)) return schema;
  if (schema[MADE_TO_FIT] === true) return {};
  const names = "patternProperties" in schema ? { additionalProperties: true } : {};
  const members = Object.entries(schema)
    .filter(([name]) => !LEFT_OUT.has(name))
    .map(([name, value = null]): [string, Json] => {
      if (name === "required") return [name, required(value, schema.properties)];
      if (DATA.has(name)) return [name, value];
      if (NAMED.has(name)) return [name, named(value)];
      // Of alternatives that are told apart by a rule that is left out, more than one may fit.
      return [name === "oneOf" ? "anyOf" : name, plain(value)];
    });
  return { ...Object.fromEntries(members), ...names };
}

function named(schemas: Json): Json {
  if (!isObject(schemas)) return schemas;
  return Object.fromEntries(Object.entries(schemas).map(([name, value = null]) => [name, plain(value)]));
}

/** What is made to fit may be made of nothing. */
function required(names: Json, properties: Json = {}): Json {
  if (!Array.isArray(names) || !isObject(properties)) return names;
  return names.filter((name) => {
    const property = properties[String(name)];
    return !(property !== undefined && isObject(property) && property[MADE_TO_FIT] === true);
  });
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
