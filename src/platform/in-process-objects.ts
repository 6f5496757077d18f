import { decodeLineage, decodeObject } from "../client/decode-objects.ts";
import type { CallOptions } from "../client/inputs.ts";
import type { Lineage, ObjectFilter, SessionObject } from "../client/object.ts";
import type { ObjectTransport, Page } from "../client/transport.ts";
import { given } from "../engine/given.ts";
import type * as engine from "../engine/object.ts";
import type { Objects } from "../engine/objects.ts";
import type { Caller } from "../engine/sessions.ts";
import * as shapes from "../http/dialects/native/objects.ts";
import type { InProcessCalls } from "./in-process-calls.ts";
import { momentOf, queryOf } from "./input.ts";

/** The way to the objects of this process's sessions. */
export class InProcessObjects implements ObjectTransport {
  readonly #calls: InProcessCalls;

  constructor(calls: InProcessCalls) {
    this.#calls = calls;
  }

  get #objects(): Objects {
    return this.#calls.engine.objects;
  }

  async list(
    session: string,
    { at, ...filter }: ObjectFilter & { readonly pageSize?: number | undefined },
    cursor: string | undefined,
    options: CallOptions,
  ): Promise<Page<SessionObject>> {
    const moment = momentOf(at);
    const query = shapes.decodeObjects(queryOf(shapes.ObjectsQueryShape, { ...filter, cursor }));
    const list = async (caller: Caller) => {
      const { history } = this.#calls.engine;
      const seq = moment === undefined ? undefined : await history.seqOf(caller, session, moment);
      return await this.#objects.list(caller, session, { ...query, ...given("at", seq) });
    };
    return await this.#calls.call(options, list, ({ items, next }) => ({ items: items.map(objectOf), next }));
  }

  async get(session: string, objectId: string, options: CallOptions): Promise<SessionObject> {
    return await this.#calls.call(options, (caller) => this.#objects.get(caller, session, objectId), objectOf);
  }

  async lineage(session: string, objectId: string, options: CallOptions): Promise<Lineage> {
    const trace = (caller: Caller) => this.#objects.lineage(caller, session, objectId);
    return await this.#calls.call(options, trace, (lineage) => decodeLineage(shapes.encodeLineage(lineage)));
  }
}

// A copy: the engine goes on with its own.
function objectOf(object: engine.SessionObject): SessionObject {
  return decodeObject(structuredClone(shapes.encodeObject(object)) as Parameters<typeof decodeObject>[0]);
}
