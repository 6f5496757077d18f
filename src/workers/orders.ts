import type { Json, JsonObject } from "../engine/json.ts";
import type { GivenObject } from "../engine/object.ts";
import type { AppSource } from "./app-source.ts";

/** What the server tells a worker. It is asked for one thing at a time; `cancel`, `answer` and `text` come in between. */
export type Order =
  /** Imports the app's module; answered by `loaded` or `broken`. */
  | ({ readonly type: "load"; readonly describes?: true } & AppSource)
  /** Starts the app; answered by `begun` or `failed`. */
  | {
      readonly type: "begin";
      readonly setup?: JsonObject;
      /** Restores it from there, instead. */
      readonly restored?: { readonly snapshot: Json };
    }
  /** Runs an action; answered by `done` or `failed`. */
  | {
      readonly type: "run";
      readonly taskId: string;
      readonly action: string;
      readonly input: Json;
      readonly objects: readonly GivenObject[];
      readonly session: SessionInfo;
      /** Of the output and what is made, together. */
      readonly outputBytesMax: number;
      /** Does a task of the past again, so that the state is as it was: what it writes to the session is there already. */
      readonly isReplay?: true;
    }
  /** Tells the task in hand that it is not wanted any more. */
  | { readonly type: "cancel" }
  /** What a call of the session came to. */
  | { readonly type: "answer"; readonly call: number; readonly value?: unknown; readonly error?: string }
  /** A piece of what the model says, for a call that is not over. */
  | { readonly type: "text"; readonly call: number; readonly text: string }
  /** Stops the app, and ends. */
  | { readonly type: "stop" };

/** The session, as an app may know it. */
export interface SessionInfo {
  readonly sessionId: string;
  readonly userId: string;
  readonly name?: string;
}

/** An order to run an action. */
export type RunOrder = Extract<Order, { readonly type: "run" }>;

/** How much of it a task may tell. What goes beyond is dropped, and the last report says so. */
export const REPORT_LIMITS = { count: 1_000, bytes: 1_048_576 } as const;

/** How long the text may be of why an object is degraded. */
export const REASON_LENGTH_MAX = 256;

/** How large the output of a task may be, with the objects that it makes, in bytes of JSON. */
export const OUTPUT_BYTES_MAX = 4_194_304;

/** How large a snapshot may be, in bytes of JSON. */
export const SNAPSHOT_BYTES_MAX = 1_048_576;
