import { type Fault, invalid, SojournError } from "./errors.ts";
import { given } from "./given.ts";
import {
  type GivenObject,
  isOfType,
  type Lineage,
  type ObjectUse,
  type SessionObject,
  TASK_OBJECTS_CHARACTERS_MAX,
  TASK_OBJECTS_MAX,
  wrongType,
} from "./object.ts";
import type { Caller, Sessions } from "./sessions.ts";
import type { ObjectQuery, Page, Store, StreamRef } from "./store.ts";

/** What objects stand on. */
export interface ObjectPorts {
  readonly sessions: Sessions;
  readonly store: Store;
}

/** The typed values that tasks made in sessions, and where they come from. */
export class Objects {
  readonly #ports: ObjectPorts;

  constructor(ports: ObjectPorts) {
    this.#ports = ports;
  }

  /** The session's objects, in the order in which they were made. */
  async list(caller: Caller, id: string, query: ObjectQuery): Promise<Page<SessionObject>> {
    const { sessions, store } = this.#ports;
    return await sessions.readWhole(caller, id, ({ ref }) => store.objects(ref, query));
  }

  /** @throws {SojournError} `session_not_found`, `object_not_found` */
  async get(caller: Caller, id: string, objectId: string): Promise<SessionObject> {
    const { sessions, store } = this.#ports;
    const { ref } = await sessions.get(caller, id);
    const [object] = await store.objectsOf(ref, [objectId]);
    if (object === undefined) throw noObject(objectId);
    return object;
  }

  /**
   * All that an object was made from.
   *
   * @throws {SojournError} `session_not_found`, `object_not_found`
   */
  async lineage(caller: Caller, id: string, objectId: string): Promise<Lineage> {
    const { sessions, store } = this.#ports;
    const { ref } = await sessions.get(caller, id);
    const lineage = await store.lineage(ref, objectId);
    if (lineage === undefined) throw noObject(objectId);
    return lineage;
  }
}

/**
 * The objects that an input of an app names, each once, in the order of the input.
 *
 * @throws {SojournError} `object_not_found`; `invalid` for one of another type than it may have, and for too many
 */
export async function givenObjects(
  { store, ref, app }: { readonly store: Store; readonly ref: StreamRef<"session">; readonly app: string },
  uses: readonly ObjectUse[],
): Promise<readonly GivenObject[]> {
  if (uses.length === 0) return [];
  const ids = [...new Set(uses.map(({ objectId }) => objectId))];
  if (ids.length > TASK_OBJECTS_MAX) {
    const message = `must name at most ${TASK_OBJECTS_MAX} objects`;
    throw invalid([{ field: "input", message, type: "too_many_objects" }]);
  }
  const found = await foundObjects(store, ref, ids);
  const faults: Fault[] = [];
  for (const use of uses) {
    const object = found.get(use.objectId);
    if (object === undefined) throw noObject(use.objectId);
    const fits = use.types.some((type) => isOfType(object, type, app));
    if (!fits && faults.push(wrongType(use, object, app)) === FAULTS_MAX) break;
  }
  if (faults.length > 0) throw invalid(faults);
  return ids.flatMap((id) => {
    const object = found.get(id);
    return object === undefined ? [] : [asGiven(object)];
  });
}

/** How many faults of one input are told. */
const FAULTS_MAX = 100;

/** How many objects are read at a time: each may be as large as what a task makes. */
const AT_A_TIME = 16;

async function foundObjects(
  store: Store,
  ref: StreamRef<"session">,
  ids: readonly string[],
): Promise<ReadonlyMap<string, SessionObject>> {
  const found = new Map<string, SessionObject>();
  let characters = 0;
  for (let i = 0; i < ids.length; i += AT_A_TIME) {
    for (const object of await store.objectsOf(ref, ids.slice(i, i + AT_A_TIME))) {
      characters += JSON.stringify(object.data ?? null).length;
      if (characters > TASK_OBJECTS_CHARACTERS_MAX) {
        const message = `must name objects of at most ${TASK_OBJECTS_CHARACTERS_MAX} characters of JSON, all together`;
        throw invalid([{ field: "input", message, type: "objects_too_large" }]);
      }
      found.set(object.objectId, object);
    }
  }
  return found;
}

function asGiven({ objectId, app, type, data, degradation }: SessionObject): GivenObject {
  // Of an object whose payload was erased, nothing is left to be worked with.
  if (data === undefined) throw noObject(objectId);
  return { objectId, app, type, data, ...given("degradation", degradation) };
}

/** The error for an object that a session does not have: one of another session is told as one that nobody has. */
export function noObject(objectId: string): SojournError {
  return new SojournError("object_not_found", { message: `Object ${objectId} not found` });
}
