import { z } from "zod";
import type { Artifacts } from "../artifacts/artifacts.ts";
import type { Bundles } from "../bundles/bundles.ts";
import type { Access } from "../engine/access.ts";
import type { ErrorCode, SojournError } from "../engine/errors.ts";
import type { Events } from "../engine/events.ts";
import type { History } from "../engine/history.ts";
import type { Objects } from "../engine/objects.ts";
import type { Retention } from "../engine/retention.ts";
import type { Caller, Sessions, WriteOptions } from "../engine/sessions.ts";
import type { Tasks } from "../engine/tasks.ts";
import type { Templates } from "../engine/templates.ts";
import type { Topics } from "../engine/topics.ts";
import type { Users } from "../engine/users.ts";
import type { Webhooks } from "../engine/webhooks.ts";
import type { Memory } from "../memory/memory.ts";
import type { Left, RouteScope } from "./gate.ts";

/** What the server can say of itself. */
export interface Service {
  readonly version: string;
  /** How apps are kept apart from the machine; see `SandboxLevel`. */
  readonly sandbox: string;
  /** Resolves when the server can do its work; rejects with why not. */
  readonly probe: () => Promise<void>;
  /** Throws why the server will never do its work again, if that is so. */
  readonly assertAlive: () => void;
  /** Refuses, with `forbidden`, to go without keys where other machines can reach the server. */
  readonly assertMayBeOpen: () => void;
  /** Takes a backup of everything that the server holds; the signal ends it. */
  readonly backUp: (signal: AbortSignal) => Promise<Download>;
}

/** Bytes that are made while they are read, once. Whoever does not read them to the end disposes of them. */
export interface Download extends AsyncIterable<Uint8Array>, AsyncDisposable {
  /** How many there are, where that is known before. */
  readonly bytes?: number;
}

/** What routes call. */
export interface Services {
  readonly sessions: Sessions;
  readonly users: Users;
  readonly templates: Templates;
  readonly topics: Topics;
  readonly events: Events;
  readonly webhooks: Webhooks;
  readonly memory: Memory;
  readonly tasks: Tasks;
  readonly objects: Objects;
  readonly access: Access;
  readonly artifacts: Artifacts;
  readonly history: History;
  readonly retention: Retention;
  readonly bundles: Bundles;
  readonly service: Service;
}

/** What a route's handler gets: everything parsed, nothing of HTTP but the headers it may ask for. */
export interface Call<Query = unknown, Body = unknown> extends Services {
  readonly caller: Caller;
  /** The first parameter of the path; `""` for a route without one. */
  readonly id: string;
  /** All parameters of the path, by their names. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  /** NOTE: of a route that takes bytes beside JSON, this is there only where `bytes` is not. */
  readonly body: Body;
  /** The bytes of a body that is no JSON, as they come. They can be read once; what is not read, nobody waits for. */
  readonly bytes?: AsyncIterable<Uint8Array>;
  /** Whether nothing but the head of the answer is wanted. What is a download then is never read. */
  readonly isHead: boolean;
  /** The idempotency key and the precondition; empty for a read. */
  readonly write: WriteOptions;
  /** A header's value, by its lower-case name. */
  readonly header: (name: string) => string | undefined;
  /** Puts a header into the answer, also where that is a refusal. */
  readonly setHeader: (name: string, value: string) => void;
  /** Whether whoever called may still go on, as a live feed wants to know. */
  readonly holds: () => Promise<boolean>;
  /** Aborts when the client has gone, or has closed its side of the connection. */
  readonly gone: () => AbortSignal;
  /** Microseconds since the epoch. */
  readonly now: () => number;
  /** Where the client reaches the server, as far as it says so: such as `http://127.0.0.1:7070`. */
  readonly origin: () => string;
  readonly requestId: string;
  /** Puts into the log what failed after the answer has begun, and returns it as its client may see it. */
  readonly fail: (thrown: unknown) => SojournError;
}

/** An answer in JSON. */
export interface JsonReply {
  /** Default 200. */
  readonly status?: number;
  readonly body: object;
  /** Default: that of JSON. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer as it is sent. */
export interface TextReply extends Omit<JsonReply, "body"> {
  /** As bytes where it is encoded, as a header says then. */
  readonly text: string | Uint8Array<ArrayBuffer>;
  readonly type: string;
}

/** The answer that has no body, and no type of one. */
export const NO_CONTENT: TextReply = { status: 204, text: "", type: "" };

/** Events as they come. */
export interface EventReply {
  readonly events: AsyncIterable<string>;
  /** How they are written: server-sent events, which is the default, or a line of JSON for each. */
  readonly as?: "event-stream" | "ndjson";
  /** Whether they end by themselves, so that the request is in hand until then. */
  readonly isAnswer?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A file, or a part of one. Where it breaks off, so does the connection. */
export interface DownloadReply {
  readonly download: Download;
  /** What it is to be saved as. */
  readonly fileName: string;
  /** Default 200. */
  readonly status?: number;
  /** Default `application/octet-stream`. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a handler answers. */
export type Reply = JsonReply | TextReply | EventReply | DownloadReply;

/** The shape of an answer without a body. */
export const NOTHING: z.ZodType = z.undefined();

/** The shape of bytes. */
export const BYTES: z.ZodType = z.string().meta({ format: "binary" });

/** Whether a shape is `NOTHING`, described or not. */
export function isNothing(shape: z.ZodType): boolean {
  return shape.type === NOTHING.type;
}

/** Whether a shape is `BYTES`, described or not. */
export function isBytes(shape: z.ZodType): boolean {
  return shape.meta()?.["format"] === "binary";
}

/** How bytes come to a route: alone, or where the `Content-Type` is none of JSON's; and how many they may be. */
export interface BytesRule {
  readonly take: "always" | "unless_json";
  readonly limit: "artifact" | "bundle";
}

type QueryShape = z.ZodObject;
type BodyShape = z.ZodType;

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
  /** Bytes that it takes, in place of JSON or beside it. */
  readonly bytes?: BytesRule;
  /** Headers that it takes beside those of every route, for its documentation. */
  readonly headers?: z.ZodObject;
  /** Headers of its answers beside those of every route, for its documentation. */
  readonly answerHeaders?: z.ZodObject;
  /** Whether a request without a body means `{}`. */
  readonly isBodyOptional?: boolean;
  /** Whether a body of `null` is held against the shape, as any other is; by default it is refused as one that is no JSON. */
  readonly isBodyNullable?: boolean;
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
  /** The type of its answers on success, where that is not JSON; one of many as a range, such as any. */
  readonly type?: string;
  /** What it may refuse with, beyond what every route may. */
  readonly refusals: readonly ErrorCode[];
  readonly handle: (call: Call<z.output<Q>, z.output<B>>) => Promise<Reply>;
}

/** An HTTP contract: routes below a base path, and how its errors look. */
export interface Dialect {
  readonly base: string;
  /** What its documentation is called; default: as the server. */
  readonly title?: string;
  readonly routes: readonly Route[];
  /** What a path below the base means, where clients of this contract write it in several ways. */
  readonly canonical?: (path: string) => string;
  readonly encodeError: (error: SojournError, requestId: string, now: number) => JsonReply;
  /** The type of what `encodeError` makes, where that is not JSON's. */
  readonly errorType?: string;
  /** Headers that tell what is left of a rate limit, beside those of every dialect. */
  readonly limitHeaders?: (left: Left, now: number) => Readonly<Record<string, string>>;
  /** The shape of what `encodeError` makes, and the status and public code of each error. */
  readonly errorShape: z.ZodType;
  readonly errors: Readonly<Record<ErrorCode, { readonly status: number; readonly code: string }>>;
}

/** The dialects of a server; what belongs to none of them is answered as the first does. */
export type Dialects = readonly [Dialect, ...Dialect[]];

/** Dialects that come and go while the server runs. They have what none of the others has. */
export interface LateDialects {
  /**
   * Those that there are. Where one's base lies below another's, it comes first; what it has no route for is the other's.
   *
   * @param settled  also those that are about to be there, for which it waits
   */
  readonly now: (options?: { readonly settled?: boolean }) => Promise<readonly Dialect[]>;
  /** Those that there were when somebody asked last. */
  readonly known: () => readonly Dialect[];
}

/** The dialect that a path belongs to, if it does to one. */
export function ownerOf(dialects: readonly Dialect[], path: string): Dialect | undefined {
  return dialects.find((dialect) => isBelow(dialect, path));
}

/** Whether a path is below the base of a dialect. */
export function isBelow({ base }: Dialect, path: string): boolean {
  return path === base || path.startsWith(`${base}/`);
}

/** The dialect in which a path is answered. */
export function dialectOf(dialects: Dialects, path: string): Dialect {
  return ownerOf(dialects, path) ?? dialects[0];
}

/** Declares a route; its handler sees the types of its own shapes. */
export function route<Q extends QueryShape, B extends BodyShape>(declared: Route<Q, B>): Route {
  // NOTE: whoever calls `handle` has parsed query and body with these same shapes.
  return declared as unknown as Route;
}
