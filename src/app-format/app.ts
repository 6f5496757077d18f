import type { z } from "zod";
import type { Objects } from "./object.ts";
import type { Session } from "./session.ts";

/** What an app needs beyond computing. All is off unless asked for; the operator sees what an app asks for. */
export interface Permissions {
  /** Native addons. */
  readonly addons?: boolean;
  /** To start processes of its own. */
  readonly childProcesses?: boolean;
  /** To use threads. */
  readonly threads?: boolean;
  /** The network, in both directions. */
  readonly network?: boolean;
  /** Node's interface of WASI; WebAssembly itself needs no permission. */
  readonly wasi?: boolean;
  /** Directories that it may read: absolute, or names of configured data folders, such as `data:`. */
  readonly read?: readonly string[];
  /** How much memory it may hold, in MiB; at most what the operator allows, which is the default. */
  readonly memoryMiB?: number;
  /** Environment variables that it is given, where the server has them. */
  readonly environment?: readonly string[];
}

/** What an action is given. */
export interface Context<State, Input, Setup = unknown> {
  /** What `start` returned, as the actions before left it. */
  readonly state: State;
  /** As the action's `input` parsed it. */
  readonly input: Input;
  readonly setup: Setup;
  readonly session: Session;
  /** Those that the input names, and those that the action makes. */
  readonly objects: Objects;
  /** Aborts when the task is canceled or its time is over; what does not heed it is killed a moment later. */
  readonly signal: AbortSignal;
  /** The task in hand. */
  readonly taskId: string;
}

/**
 * What an action's `run` returns: its output, or, as an async generator, parts of it and then its output. It is held against
 * the action's `output` when it runs, and not by the compiler: a schema takes much that its type does not say.
 */
export type Returned = unknown | Promise<unknown> | AsyncGenerator<unknown, unknown, void>;

/** A named action of an app. */
export interface Action<
  State = unknown,
  Setup = unknown,
  I extends z.ZodType = z.ZodType,
  O extends z.ZodType = z.ZodType,
> {
  /** What it does, for those who look for an action to call. */
  readonly description?: string;
  /** What it takes. Members that it does not name are left out, unless it is strict. */
  readonly input: I;
  /** What it returns: for its documentation, and what it returns is held against it. Default: any JSON. */
  readonly output?: O;
  /**
   * Doing it twice is as doing it once. Such a task is run again by itself where the server stopped in the middle of it.
   * Default: false.
   */
  readonly isIdempotent?: boolean;
  /** A function, or an async generator: what it yields are partial outputs, what it returns is the output. */
  readonly run: (context: Context<State, z.output<I>, Setup>) => Returned;
}

/** What a worker is set up with. */
export interface Beginning<Setup> {
  /** As the app's `setup` parsed it. */
  readonly setup: Setup;
  /** Aborts when the worker is not wanted any more. */
  readonly signal: AbortSignal;
}

/** What comes of a value that goes through JSON. */
export type AsJson<T> = T extends { toJSON(): infer J }
  ? J
  : T extends object
    ? { readonly [K in keyof T]: AsJson<T[K]> }
    : T;

/** What an app is, but for its actions. */
export interface AppFrame<State, S extends z.ZodType, Snapshot = unknown> {
  /** `name` or `namespace/name`: lower-case letters, digits and `-`, at most 64 of each. */
  readonly name: string;
  /** What it is for, for those who look for an app. */
  readonly description?: string;
  /** Where it runs. `server`: pure and quick actions, without state; only where the operator trusts it. Default: `process`. */
  readonly in?: "process" | "server";
  /**
   * Its actions are routes: `POST <base>/<action>` with an `X-Session-ID`, and `GET <base>/session/{id}/log`. `base`: one or
   * more segments of lower-case letters, digits and `-`, such as `/v1`, and none that the server has for itself.
   */
  readonly http?: { readonly base: string };
  readonly permissions?: Permissions;
  /** Parameters; a change of them means a fresh worker. Default: none. */
  readonly setup?: S;
  /** Once for each worker: the slow part. What it returns is the state. */
  readonly start?: (given: Beginning<z.output<S>>) => State | Promise<State>;
  /** The action that a call without one means. Default: `run`, where there is one, or the only one. */
  readonly default?: string;
  /** Makes JSON of the state, of at most 1 MiB, after each task; with `restore`, that survives the loss of a worker. */
  readonly snapshot?: (state: State) => Snapshot | Promise<Snapshot>;
  /** Makes the state of what `snapshot` made, in place of `start`. */
  readonly restore?: (
    snapshot: AsJson<NoInfer<Snapshot>>,
    given: Beginning<z.output<S>>,
  ) => NoInfer<State> | Promise<NoInfer<State>>;
  /**
   * What becomes of the state when a worker is lost: `snapshot`, which is the default with `snapshot` and `restore`;
   * `replay`: the recorded inputs are done again; `refuse`: the next call is told that the state is lost, the default with
   * `start`; `fresh`: there is nothing to lose, the default without.
   */
  readonly recovery?: "snapshot" | "replay" | "refuse" | "fresh";
  /** Once, before the worker goes; not where it crashed. */
  readonly stop?: (state: State) => void | Promise<void>;
}

/** What an app is. */
export interface AppDefinition<State = unknown, S extends z.ZodType = z.ZodType> extends AppFrame<State, S> {
  /** By name: letters, digits, `_` and `-`; with `/` between, where they are routes. */
  readonly actions: Readonly<Record<string, Action<State, z.output<S>>>>;
}
