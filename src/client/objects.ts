import { SojournError } from "../engine/errors.ts";
import type { Json } from "../engine/json.ts";
import type { CallOptions } from "./inputs.ts";
import type { Lineage, ObjectFilter, SessionObject } from "./object.ts";
import type { ObjectTransport } from "./transport.ts";

/** The typed values that apps made in a session, and where they come from. */
export class Objects {
  readonly #transport: ObjectTransport;
  readonly #session: string;

  /** Objects come from a session. */
  constructor(transport: ObjectTransport, session: string) {
    this.#transport = transport;
    this.#session = session;
  }

  /** The objects that match, in the order in which they were made, fetched page by page as they are read. */
  async *list<Data = Json>({
    signal,
    ...query
  }: ObjectFilter & { readonly pageSize?: number | undefined } & CallOptions = {}): AsyncGenerator<
    SessionObject<Data>,
    void,
    undefined
  > {
    for (let cursor: string | undefined; ; ) {
      const page = await this.#transport.list(this.#session, query, cursor, { signal });
      // NOTE: whoever names a type of data knows what the app makes; so it is with `get`.
      yield* page.items as readonly SessionObject<Data>[];
      if (page.next === undefined) return;
      cursor = page.next;
    }
  }

  /** @throws {SojournError} `object_not_found` */
  async get<Data = Json>(objectId: string, options: CallOptions = {}): Promise<SessionObject<Data>> {
    assertId(objectId);
    return (await this.#transport.get(this.#session, objectId, options)) as SessionObject<Data>;
  }

  /**
   * All that an object was made from.
   *
   * @throws {SojournError} `object_not_found`
   */
  async lineage(objectId: string, options: CallOptions = {}): Promise<Lineage> {
    assertId(objectId);
    return await this.#transport.lineage(this.#session, objectId, options);
  }
}

// What can't be the id of an object could be another path.
function assertId(objectId: string): void {
  if (/^[a-z]+_[\w.-]+$/.test(objectId)) return;
  throw new SojournError("object_not_found", { message: `Object ${objectId} not found` });
}
