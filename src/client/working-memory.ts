import { invalid } from "../engine/errors.ts";
import type { JsonObject } from "../engine/json.ts";
import type { CallOptions, WriteOptions } from "./inputs.ts";
import type { MemoryChange, Sighting, Transport } from "./transport.ts";

/**
 * The facts of the task in hand, which chats are answered from: any JSON object of at most 65,536 bytes. Under `user`
 * stands what the user told of themselves in chats.
 */
export class WorkingMemory {
  readonly #transport: Transport;
  readonly #uid: string;
  readonly #onSeen: (seen: Sighting) => void;

  /** Working memory comes from a session. */
  constructor(transport: Transport, uid: string, onSeen: (seen: Sighting) => void) {
    this.#transport = transport;
    this.#uid = uid;
    this.#onSeen = onSeen;
  }

  async get(options: CallOptions = {}): Promise<JsonObject> {
    return await this.#transport.workingMemory(this.#uid, undefined, options);
  }

  /** Puts these facts into the place of all that were there, and returns them. */
  async set(facts: JsonObject, options: WriteOptions = {}): Promise<JsonObject> {
    assertFacts(facts);
    return await this.#change({ set: facts }, options);
  }

  /**
   * Changes some facts, where `null` removes one, and returns all. It goes by the names at the top: a fact that is an
   * object is replaced as a whole.
   */
  async update(changes: JsonObject, options: WriteOptions = {}): Promise<JsonObject> {
    assertFacts(changes);
    return await this.#change({ merge: changes }, options);
  }

  async #change(change: MemoryChange, options: WriteOptions): Promise<JsonObject> {
    const { value, seen } = await this.#transport.changeWorkingMemory(this.#uid, change, options);
    this.#onSeen(seen);
    return value;
  }
}

// The whole body is the facts, so that a server could name no field.
function assertFacts(facts: unknown): void {
  if (typeof facts === "object" && facts !== null && !Array.isArray(facts)) return;
  throw invalid([{ field: "working_memory", message: "must be an object", type: "invalid_type" }]);
}
