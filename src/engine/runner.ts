import type { ArtifactDescription } from "./artifact.ts";
import type { Fault } from "./errors.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Role } from "./message.ts";
import type { GivenObject, MadeObject, ObjectUse } from "./object.ts";
import type { Signal } from "./signal.ts";
import type { StreamRef } from "./store.ts";
import type { ReleaseReason, Report, TaskError, WorkerOrigin } from "./task.ts";

/** Where an app runs: in a process of its own for each session, or, where the operator trusts it, in the server. */
export type AppPlace = "process" | "server";

/** How an app comes back to where it was, in a new worker; `refuse`: not at all, `fresh`: it has nothing to come back to. */
export type Recovery = "snapshot" | "replay" | "refuse" | "fresh";

/** An action of an app, as its callers need to know it. Schemas are JSON Schema. */
export interface ActionInfo {
  readonly name: string;
  readonly description?: string;
  readonly inputSchema: JsonObject;
  readonly outputSchema?: JsonObject;
  /** Doing it twice is as doing it once, so that it may be run again where nobody knows whether it ran. */
  readonly isIdempotent: boolean;
}

/** One version of an app. */
export interface App {
  readonly name: string;
  /** The digest of its files: 64 hex digits. */
  readonly version: string;
  readonly description?: string;
  readonly place: AppPlace;
  readonly recovery: Recovery;
  readonly setupSchema?: JsonObject;
  /** The action that a call without one means. */
  readonly defaultAction?: string;
  readonly actions: readonly ActionInfo[];
  /** What it asks for beyond computing; see `Permissions` of the app format. */
  readonly permissions: JsonObject;
  /** What is wrong with an input of an action, as far as its schema can say; none where it fits. */
  readonly inputFaults: (action: string, input: Json) => readonly Fault[];
  /** The objects that an input of an action names, in the order of the input; one that fits has no other. */
  readonly inputObjects: (action: string, input: Json) => readonly ObjectUse[];
  /** Where its actions are routes of their own, such as `/v1`. */
  readonly httpBase?: string;
  /** What is wrong with setup parameters. */
  readonly setupFaults: (setup: JsonObject) => readonly Fault[];
}

/** What an app says of an artifact; its type is `agent_output` where it does not say. */
export type AppArtifactDescription = Pick<ArtifactDescription, "name"> & Partial<Omit<ArtifactDescription, "name">>;

/** An artifact as an app sees it. */
export interface AppArtifact {
  readonly artifactId: string;
  readonly name: string;
  readonly version: number;
  readonly type: string;
  readonly mimeType: string;
  readonly size: number;
  readonly digest: string;
}

/** What an app may do in its session while a task of it runs. Each call acts as the session, and is in its log. */
export interface Host {
  /** Of the session, as the app may know it. */
  readonly session: { readonly sessionId: string; readonly userId: string; readonly name?: string };
  readonly report: (report: Report) => void;
  readonly workingMemory: () => Promise<JsonObject>;
  readonly changeWorkingMemory: (
    change: { readonly set: JsonObject } | { readonly merge: JsonObject },
  ) => Promise<JsonObject>;
  /** The newest messages, oldest first. */
  readonly messages: (limit: number) => Promise<readonly { readonly role: Role; readonly content: string }[]>;
  readonly addMessages: (messages: readonly { readonly role: Role; readonly content: string }[]) => Promise<void>;
  /** A turn of the conversation, in the run slot that the task holds. */
  readonly chat: (
    said: { readonly message: string; readonly system?: string },
    onText?: (text: string) => void,
  ) => Promise<{ readonly response: string; readonly model: string }>;
  readonly storeArtifact: (description: AppArtifactDescription, bytes: Uint8Array) => Promise<AppArtifact>;
  /** The newest of that name, or the one of that id. */
  readonly readArtifact: (
    which: string,
  ) => Promise<{ readonly artifact: AppArtifact; readonly bytes: Uint8Array } | undefined>;
  readonly artifacts: (namePattern?: string) => Promise<readonly AppArtifact[]>;
}

/** A task that was recorded and may be done again, in the order in which they ran. */
export interface RecordedTask {
  readonly taskId: string;
  readonly action: string;
  readonly input: Json;
  readonly objects: readonly GivenObject[];
}

/** What an app comes back from. */
export interface Past {
  /** The newest snapshot; `undefined` where none was taken yet. */
  readonly snapshot: () => Promise<Json | undefined>;
  /** The tasks that completed or failed since the app began. */
  readonly tasks: () => AsyncIterable<RecordedTask>;
}

/** A task to run. */
export interface Job {
  readonly ref: StreamRef<"session">;
  readonly taskId: string;
  readonly app: App;
  readonly action: string;
  readonly input: Json;
  /** Those that the input names, each once. */
  readonly objects: readonly GivenObject[];
  readonly setup?: JsonObject;
  /** A worker with a past is not wanted. */
  readonly fresh: boolean;
  readonly timeoutMs: number;
  /** Where the session used the app before. A worker that is not there any more is to be brought back from it. */
  readonly past?: Past;
  readonly host: Host;
  /** Cancels it: the app is told, then its worker is killed after a time. */
  readonly signal: Signal;
}

/** What became of a job. */
export interface Ran {
  readonly status: "completed" | "failed" | "canceled" | "lost";
  readonly output?: Json;
  /** What it made, of what completed. */
  readonly made?: readonly MadeObject[];
  readonly error?: TaskError;
  /** The app wants its session to end now. */
  readonly ends?: { readonly reason?: string };
  readonly snapshot?: Json;
  /** Absent where it came to no worker. */
  readonly worker?: WorkerOrigin;
  /** Whether the worker stays for the next task. */
  readonly staysWarm: boolean;
  /** Of the worker, so far. */
  readonly memoryPeakBytes?: number;
}

/** An app, or a place where apps are looked for, that is no good as it is. */
export interface BrokenApp {
  /** Its folder or file, or the source as it was named. */
  readonly source: string;
  /** What is wrong, and where. */
  readonly message: string;
  /** The version that is used in its place: the last one that was good. */
  readonly version?: string;
}

/** Runs tasks in workers, one for each session and app. */
export interface Runner {
  /**
   * The newest version of every app there is, by name.
   *
   * @param settled  also of those that were found or changed just now, once they are looked at
   */
  apps(options?: { readonly settled?: boolean }): Promise<readonly App[]>;
  /** What should be an app and is none. */
  broken(): Promise<readonly BrokenApp[]>;
  /**
   * An app: the newest version, or the one that a session began with, as long as its files are kept.
   *
   * @throws {SojournError} `app_not_found`, which says what there is; `app_broken`, which says what is wrong with it
   */
  app(name: string, version?: string): Promise<App>;
  /**
   * Keeps the files of an app's version, durably, so that `app` finds it however its folder changes; as long as `inUse`
   * says so of it.
   */
  keep(app: App): Promise<void>;
  /** Runs one job. Never rejects for what the app does; only one job of a session runs at a time. */
  run(job: Job): Promise<Ran>;
  /** Lets the workers of a session go, which has ended or is gone; waits for none. */
  release(ref: StreamRef<"session">): void;
  /** Tells of workers that went between two tasks while their session stays. */
  onReleased(listener: (ref: StreamRef<"session">, app: string, reason: ReleaseReason) => void): void;
  /** Ends all workers; jobs in hand are `lost`. */
  close(): Promise<void>;
}
