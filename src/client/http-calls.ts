import { invalid } from "../engine/errors.ts";
import type { Connection, Envelope } from "./connection.ts";
import { decodeSession, type WireSession } from "./decode.ts";
import { encodeQuery } from "./encode.ts";
import { isObject } from "./failure.ts";
import type { CallOptions, WriteOptions } from "./inputs.ts";
import type { Request } from "./request.ts";
import type { SessionState } from "./session-state.ts";
import type { Seen, Sighting, Told } from "./transport.ts";

/** What all calls on a server have in common: what their answers look like. */
export class HttpCalls {
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  async read(path: string, query: object, options: CallOptions): Promise<Envelope> {
    return this.dataOf(await this.connection.read({ method: "GET", path, query: encodeQuery(query) }, options));
  }

  async write(request: Request, options: WriteOptions): Promise<Envelope> {
    return this.dataOf(await this.connection.write(request, options));
  }

  /** A write that is answered by a session. */
  async change(request: Request, options: WriteOptions): Promise<Sighting> {
    return this.seen(await this.write(request, options));
  }

  dataOf({ data }: Envelope): Envelope {
    if (isObject(data)) return data;
    throw this.connection.stranger();
  }

  itemsOf(value: unknown): readonly unknown[] {
    if (Array.isArray(value)) return value;
    throw this.connection.stranger();
  }

  seen(value: unknown): Sighting {
    if (!isSession(value)) throw this.connection.stranger();
    return new WireSighting(value);
  }

  withSession<T>({ session }: Envelope, value: T): Seen<T> {
    return { value, seen: this.seen(session) };
  }

  /** Like `withSession`, where the answer need not have one. */
  told<T>({ session }: Envelope, value: T): Told<T> {
    return { value, seen: session === undefined ? undefined : this.seen(session) };
  }
}

/** What has the session come with an answer that is none. */
export const WITH_SESSION = "return=session";

export function sessionPath(id: string): string {
  return `/sessions/${encodeURIComponent(id)}`;
}

/**
 * The path of what a tenant names.
 *
 * @throws {SojournError} `invalid` for what a path would take for something else
 */
export function namedPath(folder: string, field: string, name: string): string {
  if (name !== "" && name !== "." && name !== ".." && name.isWellFormed())
    return `${folder}/${encodeURIComponent(name)}`;
  throw invalid([{ field, message: "can't be in a path", type: "invalid_name" }]);
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** What an answer's JSON tells of a session. */
class WireSighting implements Sighting {
  readonly #wire: WireSession;

  constructor(wire: WireSession) {
    this.#wire = wire;
  }

  get uid(): string {
    return this.#wire.uid;
  }

  get version(): number {
    return this.#wire.version;
  }

  get status(): WireSession["status"] {
    return this.#wire.status;
  }

  state(): SessionState {
    return decodeSession(this.#wire);
  }
}

// Enough to tell a session from what something else may answer; the server has its answers' shapes tested.
function isSession(value: unknown): value is WireSession {
  if (!isObject(value)) return false;
  const { uid, version, status, metrics } = value;
  return typeof uid === "string" && typeof version === "number" && typeof status === "string" && isObject(metrics);
}
