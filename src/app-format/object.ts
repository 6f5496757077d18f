import { z } from "zod";
import { type Fault, SojournError } from "../engine/errors.ts";
import { isAppName, isSchema } from "./definition-faults.ts";

/** A type of objects, by which an app makes them and knows them again. */
export interface ObjectType<Data = unknown> {
  readonly type: string;
  /** Ids of its objects begin with it: 1 to 16 lower-case letters. */
  readonly prefix: string;
  readonly data: z.ZodType<Data>;
  /** The app whose type it is; absent: the app's own. What is another's can be taken, and not made. */
  readonly app?: string;
}

/** An object of the session. It never changes. */
export interface AppObject<Data = unknown> {
  readonly id: string;
  readonly type: string;
  readonly data: Data;
  /** What is made of a degraded object is degraded. */
  readonly quality: "optimal" | "degraded";
  /** Of a degraded one: why, and the object in which that began. */
  readonly degradation?: { readonly reason: string; readonly objectId: string };
}

/** The objects of a task: those that its input names, and those that it makes. */
export interface Objects {
  /** An object that the input names by `idOf`. @throws for any other, and where its data is not of the type */
  get<Data>(id: string, ...types: readonly ObjectType<Data>[]): AppObject<Data>;
  /**
   * Makes an object from all those that the input names. It is there once the task has completed.
   *
   * @param degraded  why it is not as it should be
   */
  make<Data>(type: ObjectType<Data>, data: NoInfer<Data>, degraded?: { readonly reason: string }): AppObject<Data>;
}

/** Names, in a JSON Schema, the types of the object whose id stands there. */
export const OBJECT_TYPES = "x-object-types";

const TYPE = /^[a-z0-9_-]{1,64}$/;

const PREFIX = /^[a-z]{1,16}$/;

/** Whether a type of objects may be called so. */
export function isTypeName(name: string): boolean {
  return TYPE.test(name);
}

/** Whether the ids of a type of objects may begin so. */
export function isPrefix(prefix: string): boolean {
  return PREFIX.test(prefix);
}

/**
 * Declares a type of objects. What `data` makes of data is kept as JSON, and goes through `data` again where an action gets
 * the object: so it takes what it returns.
 *
 * Types are their app's: objects of another app's type are taken where that is said, by `app`.
 *
 * @param type  1 to 64 lower-case letters, digits, `_` and `-`
 * @throws {SojournError} `invalid`, with all that is wrong with it
 */
export function objectType<D extends z.ZodType>(
  type: string,
  { prefix, data, app }: { readonly prefix: string; readonly data: D; readonly app?: string },
): ObjectType<z.output<D>> {
  const faults = typeFaults({ type, prefix, data, app });
  if (faults.length > 0) {
    const told = faults.map(({ field, message }) => `"${field}" ${message}`).join("; ");
    throw new SojournError("invalid", { message: `This is no type of objects: ${told}`, faults });
  }
  // NOTE: a schema of any output is one of its own.
  return Object.freeze({
    ...{ type, prefix, data: data as unknown as z.ZodType<z.output<D>> },
    ...(app === undefined ? {} : { app }),
  });
}

/**
 * The id of an object of one of these types, in an action's input. The server sees to it that the session has it, before the
 * action runs: 404 where it has not, 400 where it is of another type. A text that stands beside it as a literal, such as in
 * `z.union([idOf(Raw), z.literal("generic")])`, names no object.
 *
 * @throws {SojournError} `invalid` without a type
 */
export function idOf(...types: readonly ObjectType[]): z.ZodString {
  if (types.length === 0) throw new SojournError("invalid", { message: "idOf() takes one type of objects, or more" });
  return z
    .string()
    .min(1)
    .max(128)
    .meta({ [OBJECT_TYPES]: types.map(({ app, type }) => (app === undefined ? type : `${app}:${type}`)) });
}

/** What is wrong with a type of objects, as far as its types do not say it, or nobody checked them. */
function typeFaults({ type, prefix, data, app }: Readonly<Record<keyof ObjectType, unknown>>): readonly Fault[] {
  const faults: Fault[] = [];
  if (typeof type !== "string" || !isTypeName(type)) {
    const message = "must be 1 to 64 lower-case letters, digits, _ and -";
    faults.push({ field: "type", message, type: "invalid_value" });
  }
  if (typeof prefix !== "string" || !isPrefix(prefix)) {
    faults.push({ field: "prefix", message: "must be 1 to 16 lower-case letters", type: "invalid_value" });
  }
  if (app !== undefined && (typeof app !== "string" || !isAppName(app))) {
    faults.push({ field: "app", message: "must be the name of an app", type: "invalid_value" });
  }
  if (!isSchema(data)) faults.push({ field: "data", message: "must be a Zod schema", type: "invalid_type" });
  return faults;
}
