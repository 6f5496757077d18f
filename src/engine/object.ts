import type { Fault } from "./errors.ts";
import type { Json } from "./json.ts";

/** How good an object is: as it should be, or not, by itself or by what it was made from. */
export const QUALITIES = ["optimal", "degraded"] as const;

export type Quality = (typeof QUALITIES)[number];

/** Why an object is degraded: by itself, or by the first degraded one of those that it was made from. */
export interface Degradation {
  /** In the app's words, such as `raw_ingredient`. */
  readonly reason: string;
  /** Where it began: the object itself, or one of its ancestors. */
  readonly objectId: string;
}

/** A typed value that a task made from others. It never changes, and stays as long as its session. */
export interface MadeObject {
  /** The prefix of its type, and the digits of the task that made it: `sce_4968aa23b682962d`, `sce_4968aa23b682962d_2`. */
  readonly objectId: string;
  readonly type: string;
  readonly data: Json;
  /** Absent: it is as it should be. */
  readonly degradation?: Degradation;
}

/** Where an object stands in its session. */
export interface ObjectPlace extends Omit<MadeObject, "data"> {
  /** What made it. */
  readonly app: string;
  readonly action: string;
  readonly taskId: string;
  /** The operation with which it came, and its id. */
  readonly seq: number;
  readonly operationId: string;
  readonly createdAtUs: number;
}

/** An object of a session. */
export interface SessionObject extends ObjectPlace {
  /** Absent once the operation's payload was erased. */
  readonly data?: Json;
}

/** Where an object comes from. */
export interface Lineage {
  readonly objectId: string;
  /** The object, and all that it was made from, in the order in which they were made. */
  readonly nodes: readonly ObjectPlace[];
  /** By their ids: `to` was made from `from`. In the order of `to`, and then in that in which it was given. */
  readonly edges: readonly { readonly from: string; readonly to: string }[];
  /** There are more than `LINEAGE_MAX`, or than `LINEAGE_EDGES_MAX` edges: those farthest from it are left out. */
  readonly isCut?: true;
}

/** How many objects a lineage tells. */
export const LINEAGE_MAX = 10_000;

/** How many edges it tells. */
export const LINEAGE_EDGES_MAX = 20_000;

/** How many objects a task may take, and make. */
export const TASK_OBJECTS_MAX = 1_000;

/** How much the objects that it takes may hold, as JSON, in characters. */
export const TASK_OBJECTS_CHARACTERS_MAX = 4_194_304;

/** An object that an input names. */
export interface ObjectUse {
  readonly objectId: string;
  /** The types that it may have: of the app itself, or of another one, as `app:type`. */
  readonly types: readonly string[];
  /** Where it is named, such as `input.tomato_ids.0`. */
  readonly field: string;
}

/** An object as a task is given it. */
export interface GivenObject extends MadeObject {
  /** The app whose type it has. */
  readonly app: string;
}

/** What an action made, before it has its id. */
export interface Making {
  readonly type: string;
  readonly prefix: string;
  readonly data: Json;
  /** Why it is degraded by itself. */
  readonly reason?: string;
}

/** What is wrong with an object that an input names: it has another type than those that it may have. */
export const WRONG_OBJECT_TYPE = "wrong_object_type";

/**
 * The id of what a task makes as its `number`th, from 1 on. It follows from the task, so that whoever makes it and whoever
 * records it need not agree on it.
 */
export function objectIdOf(prefix: string, taskId: string, number: number): string {
  const own = taskId.replace(/^task_/, "");
  return number === 1 ? `${prefix}_${own}` : `${prefix}_${own}_${number}`;
}

/** What a task made of what it was given: one object that is degraded degrades all that is made of it. */
export function madeObject(
  { type, prefix, data, reason }: Making,
  {
    taskId,
    number,
    given,
  }: { readonly taskId: string; readonly number: number; readonly given: readonly GivenObject[] },
): MadeObject {
  const objectId = objectIdOf(prefix, taskId, number);
  const own = reason === undefined ? undefined : { reason, objectId };
  const degradation = own ?? given.find((object) => object.degradation !== undefined)?.degradation;
  return { objectId, type, data, ...(degradation && { degradation }) };
}

/** How good an object is. */
export function qualityOf({ degradation }: Pick<MadeObject, "degradation">): Quality {
  return degradation === undefined ? "optimal" : "degraded";
}

/** Whether an object has a type, as an app names it. */
export function isOfType(object: Pick<GivenObject, "app" | "type">, type: string, app: string): boolean {
  return type === `${object.app}:${object.type}` || type === typeFor(object, app);
}

/** How an app calls the type of an object. */
function typeFor({ app: owner, type }: Pick<GivenObject, "app" | "type">, app: string): string {
  return owner === app ? type : `${owner}:${type}`;
}

/** That an input of an app names an object of another type than it may. */
export function wrongType(
  { objectId, types, field }: ObjectUse,
  object: Pick<GivenObject, "app" | "type">,
  app: string,
): Fault {
  const [wanted, type] = [types.join(" or "), typeFor(object, app)];
  return {
    field,
    message: `must name an object of type ${wanted}; ${objectId} is of type ${type}`,
    type: WRONG_OBJECT_TYPE,
  };
}
