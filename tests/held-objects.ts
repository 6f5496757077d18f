import type { Action } from "../src/app-format/index.ts";
import type { Json } from "../src/engine/json.ts";
import { type GivenObject, type MadeObject, type Making, madeObject } from "../src/engine/object.ts";
import { describedSchema } from "../src/workers/described-schema.ts";
import { usesIn } from "../src/workers/input-objects.ts";
import { TaskObjects } from "../src/workers/runtime/task-objects.ts";

/** Whose types they all have. */
const APP = "held";

/** The objects of a session that no engine keeps: an app's actions find them as they would in one. */
export class HeldObjects {
  readonly #byId = new Map<string, GivenObject>();

  /** In the order in which they were made. */
  get all(): readonly MadeObject[] {
    return [...this.#byId.values()];
  }

  /**
   * Runs an action with the objects that its input names; keeps what it makes, once it has completed.
   *
   * @throws where the input names one that is not there, or of another type
   */
  async perform<T>(
    { taskId, action, input }: { readonly taskId: string; readonly action: Action; readonly input: unknown },
    run: (objects: TaskObjects) => Promise<T>,
  ): Promise<T> {
    const uses = usesIn(describedSchema(action.input, "input"))(input as Json);
    for (const { objectId, types, field } of uses) {
      const { type } = this.#byId.get(objectId) ?? {};
      if (type === undefined) throw new Error(`Object ${objectId} not found`);
      if (!types.includes(type)) throw new Error(`${field} names ${objectId}, which is of type ${type}`);
    }
    const ids = new Set(uses.map(({ objectId }) => objectId));
    const given = [...ids].flatMap((id) => this.#byId.get(id) ?? []);
    const objects = new TaskObjects(APP, { taskId, objects: given });
    try {
      const output = await run(objects);
      const made: readonly Making[] = JSON.parse(objects.made ?? "[]");
      for (const [i, making] of made.entries()) {
        const object = madeObject(making, { taskId, number: i + 1, given });
        this.#byId.set(object.objectId, { ...object, app: APP });
      }
      return output;
    } finally {
      objects.close();
    }
  }
}
