import { decodeLineage, decodeObject, type WireLineage, type WireObject } from "./decode-objects.ts";
import { type HttpCalls, sessionPath, textOf } from "./http-calls.ts";
import type { CallOptions } from "./inputs.ts";
import type { Lineage, ObjectFilter, SessionObject } from "./object.ts";
import type { ObjectTransport, Page } from "./transport.ts";

/** The way to the objects of a server's sessions. */
export class HttpObjects implements ObjectTransport {
  readonly #calls: HttpCalls;

  constructor(calls: HttpCalls) {
    this.#calls = calls;
  }

  async list(
    session: string,
    query: ObjectFilter & { readonly pageSize?: number | undefined },
    cursor: string | undefined,
    options: CallOptions,
  ): Promise<Page<SessionObject>> {
    const answer = await this.#calls.read(objectsPath(session), { ...query, cursor }, options);
    const items = this.#calls.itemsOf(answer["objects"]) as readonly WireObject[];
    return { items: items.map(decodeObject), next: textOf(answer["next_cursor"]) };
  }

  async get(session: string, objectId: string, options: CallOptions): Promise<SessionObject> {
    const wire = await this.#calls.read(`${objectsPath(session)}/${objectId}`, {}, options);
    return decodeObject(wire as unknown as WireObject);
  }

  async lineage(session: string, objectId: string, options: CallOptions): Promise<Lineage> {
    const wire = await this.#calls.read(`${objectsPath(session)}/${objectId}/lineage`, {}, options);
    return decodeLineage(wire as unknown as WireLineage);
  }
}

function objectsPath(session: string): string {
  return `${sessionPath(session)}/objects`;
}
