import type { z } from "zod";
import type { Access } from "../engine/access.ts";
import type { ErrorCode, SojournError } from "../engine/errors.ts";
import type { Caller, Sessions, WriteOptions } from "../engine/sessions.ts";
import type { Users } from "../engine/users.ts";
import type { Memory } from "../memory/memory.ts";
import type { RouteScope } from "./gate.ts";

/** What the server can say of itself. */
export interface Service {
  readonly version: string;
  /** Resolves when the server can do its work; rejects with why not. */
  readonly probe: () => Promise<void>;
  /** Throws why the server will never do its work again, if that is so. */
  readonly assertAlive: () => void;
  /** Refuses, with `forbidden`, to go without keys where other machines can reach the server. */
  readonly assertMayBeOpen: () => void;
  /** Takes a backup of everything that the server holds; the signal ends it. */
  readonly backUp: (signal: AbortSignal) => Promise<Download>;
}

/** A file that is made while it is read. */
export interface Download extends AsyncIterable<Uint8Array>, AsyncDisposable {
  /** How large it is. */
  readonly bytes: number;
}

/** What a route's handler gets: everything parsed, nothing of HTTP but the headers it may ask for. */
export interface Call<Query = unknown, Body = unknown> {
  readonly sessions: Sessions;
  readonly users: Users;
  readonly memory: Memory;
  readonly access: Access;
  readonly caller: Caller;
  /** The first parameter of the path; `""` for a route without one. */
  readonly id: string;
  readonly query: Query;
  readonly body: Body;
  /** The idempotency key and the precondition; empty for a read. */
  readonly write: WriteOptions;
  /** A header's value, by its lower-case name. */
  readonly header: (name: string) => string | undefined;
  /** Aborts when the client has gone, or has closed its side of the connection. */
  readonly gone: () => AbortSignal;
  /** Microseconds since the epoch. */
  readonly now: () => number;
  readonly requestId: string;
  /** Puts into the log what failed after the answer has begun, and returns it as its client may see it. */
  readonly fail: (thrown: unknown) => SojournError;
  readonly service: Service;
}

/** An answer in JSON. */
export interface JsonReply {
  /** Default 200. */
  readonly status?: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer as it is sent. */
export interface TextReply extends Omit<JsonReply, "body"> {
  readonly text: string;
  readonly type: string;
}

/** Events as they come. */
export interface EventReply {
  readonly events: AsyncIterable<string>;
  /** Whether they end by themselves, so that the request is in hand until then. */
  readonly isAnswer?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a handler answers. */
export type Reply = JsonReply | TextReply | EventReply | { readonly download: Download; readonly fileName: string };

type QueryShape = z.ZodObject;
type BodyShape = z.ZodObject;

/** One route: how it is called, what it answers, and what it does. OpenAPI and the list of endpoints are made of it. */
export interface Route<Q extends QueryShape = QueryShape, B extends BodyShape = BodyShape> {
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** In the manner of OpenAPI: `/sessions/{id}`. */
  readonly path: string;
  /** A name for code generators, such as `createSession`. */
  readonly operationId: string;
  readonly summary: string;
  readonly scope: RouteScope;
  readonly query?: Q;
  readonly body?: B;
  /** Whether a request without a body means `{}`. */
  readonly isBodyOptional?: boolean;
  /** How large a body it takes, where that differs from what the server takes. */
  readonly maxBodyBytes?: number;
  /** How long its body may take, where that differs from what the server allows. */
  readonly bodyTimeoutMs?: number;
  /** Whether it is answered however many requests are in hand. */
  readonly isVital?: boolean;
  /** A write takes `Idempotency-Key` and `If-Match`. */
  readonly isWrite: boolean;
  /** The shape of each status that it answers on success. */
  readonly answers: Readonly<Record<number, z.ZodType>>;
  /** What `Accept: text/event-stream` gets: a feed, which goes on and can be resumed, or the answer while it is made. */
  readonly stream?: "feed" | "answer";
  /** The type of its answers on success, where that is not JSON. */
  readonly type?: string;
  /** What it may refuse with, beyond what every route may. */
  readonly refusals: readonly ErrorCode[];
  readonly handle: (call: Call<z.output<Q>, z.output<B>>) => Promise<Reply>;
}

/** An HTTP contract: routes below a base path, and how its errors look. */
export interface Dialect {
  readonly base: string;
  readonly routes: readonly Route[];
  readonly encodeError: (error: SojournError, requestId: string, now: number) => JsonReply;
  /** The shape of what `encodeError` makes, and the status and public code of each error. */
  readonly errorShape: z.ZodType;
  readonly errors: Readonly<Record<ErrorCode, { readonly status: number; readonly code: string }>>;
}

/** Declares a route; its handler sees the types of its own shapes. */
export function route<Q extends QueryShape, B extends BodyShape>(declared: Route<Q, B>): Route {
  // NOTE: whoever calls `handle` has parsed query and body with these same shapes.
  return declared as unknown as Route;
}
