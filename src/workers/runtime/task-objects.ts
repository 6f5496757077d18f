import { type AppObject, isPrefix, isTypeName, type Objects, type ObjectType } from "../../app-format/object.ts";
import type { Json } from "../../engine/json.ts";
import { computedFaults } from "../../engine/limits.ts";
import { type GivenObject, type MadeObject, type Making, madeObject, TASK_OBJECTS_MAX } from "../../engine/object.ts";
import { faultsOf } from "../issue-faults.ts";
import { REASON_LENGTH_MAX } from "../orders.ts";
import { firstFault } from "../zod-faults.ts";

/** The objects of one task, as its action sees them. */
export class TaskObjects implements Objects {
  readonly #app: string;
  readonly #taskId: string;
  readonly #given: readonly GivenObject[];
  readonly #made: string[] = [];
  #isOver = false;

  constructor(app: string, { taskId, objects }: { readonly taskId: string; readonly objects: readonly GivenObject[] }) {
    this.#app = app;
    this.#taskId = taskId;
    this.#given = objects;
  }

  /** What was made, as JSON text of `Making[]`; `undefined` where nothing was. */
  get made(): string | undefined {
    return this.#made.length === 0 ? undefined : `[${this.#made.join()}]`;
  }

  /** The task is over: nothing is made any more. */
  close(): void {
    this.#isOver = true;
  }

  get<Data>(id: string, ...types: readonly ObjectType<Data>[]): AppObject<Data> {
    const object = this.#given.find(({ objectId }) => objectId === id);
    if (object === undefined) {
      throw new Error(`Object ${id} is none that the input names: let its schema name it by idOf()`);
    }
    // A copy, since an action may leave it changed where it runs in the server.
    const data = structuredClone(object.data);
    // NOTE: without a type, the data is what the app takes it for.
    if (types.length === 0) return shown(object, data as Data);
    const type = types.find((one) => one.type === object.type && (one.app ?? this.#app) === object.app);
    if (type === undefined) {
      const wanted = types.map((one) => one.type).join(" or ");
      throw new Error(`Object ${id} is of type ${object.type}, and not of type ${wanted}`);
    }
    return shown(object, parsed(type, data, `The data of object ${id}`));
  }

  make<Data>(type: ObjectType<Data>, data: NoInfer<Data>, degraded?: { readonly reason: string }): AppObject<Data> {
    if (this.#isOver) throw new Error("The task is over; only while it runs it may make objects");
    if (this.#made.length >= TASK_OBJECTS_MAX) throw new Error(`A task makes at most ${TASK_OBJECTS_MAX} objects`);
    if (!isTypeName(type.type) || !isPrefix(type.prefix)) throw new Error("Objects are made of an objectType()");
    if (type.app !== undefined && type.app !== this.#app) {
      throw new Error(`Objects of type ${type.type} are made by ${type.app} alone`);
    }
    assertReason(degraded);
    const what = `The data of the ${type.type} to be made`;
    // As it will be when it is read again.
    const value = parsed(type, jsonOf(data, what), what);
    const kept = jsonOf(value, what);
    const [fault] = computedFaults(kept, "");
    if (fault !== undefined) throw new Error(`${what} can't be kept: ${firstFault([fault])}`);
    const making: Making = {
      ...{ type: type.type, prefix: type.prefix, data: kept },
      ...(degraded === undefined ? {} : { reason: degraded.reason }),
    };
    const number = this.#made.push(JSON.stringify(making));
    return shown(madeObject(making, { taskId: this.#taskId, number, given: this.#given }), value);
  }
}

function shown<Data>({ objectId: id, type, degradation }: MadeObject, data: Data): AppObject<Data> {
  const quality = degradation === undefined ? "optimal" : "degraded";
  return frozen({ ...{ id, type, data, quality }, ...(degradation && { degradation: { ...degradation } }) });
}

function parsed<Data>({ data: schema }: ObjectType<Data>, json: Json, what: string): Data {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new Error(`${what} is not what its type declares: ${firstFault(result.error.issues.flatMap(faultsOf))}`);
}

function jsonOf(value: unknown, what: string): Json {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new Error(`${what} is no JSON`);
  return JSON.parse(text);
}

function assertReason(degraded: { readonly reason: unknown } | undefined): void {
  if (degraded === undefined) return;
  const { reason } = degraded;
  const isReason = typeof reason === "string" && reason.length > 0 && reason.length <= REASON_LENGTH_MAX;
  if (isReason && computedFaults(reason, "").length === 0) return;
  throw new Error(`Why an object is degraded is told in 1 to ${REASON_LENGTH_MAX} characters`);
}

/** Keeps arrays and plain objects from being changed, at every depth. */
function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) frozen(member);
  return value;
}
