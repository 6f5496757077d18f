import type { Permission } from "../engine/artifact.ts";
import type { Strategy } from "../engine/conversation.ts";
import type { Json, JsonObject } from "../engine/json.ts";
import type { OperationKind } from "../engine/operation.ts";
import type { TaskInputs } from "../engine/task.ts";
import type { SealedMessage, TokenUsage } from "./conversation.ts";
import type { SessionPatch } from "./inputs.ts";
import type { Origin } from "./session-state.ts";

interface WithReason {
  readonly reason?: string;
}

/** What a task took, in milliseconds. */
type Timed<T> = Omit<T, "processingTimeUs"> & { readonly processingTimeMs: number };

/** What each kind of operation carries. */
export interface OperationInputs extends Omit<TaskInputs, "task.finished" | "task.performed"> {
  readonly "agent.started": {
    readonly runId: string;
    readonly agent: string;
    readonly leaseMs: number;
    readonly messages: readonly SealedMessage[];
  };
  readonly "agent.resumed": { readonly runId: string; readonly leaseMs: number };
  readonly "agent.stepped": {
    readonly runId: string;
    readonly messages: readonly SealedMessage[];
    readonly usage?: TokenUsage;
  };
  readonly "agent.finished": {
    readonly runId: string;
    readonly status: "completed" | "failed";
    readonly reason?: string;
    readonly processingTimeMs: number;
    /** What closes the calls of one that failed, and says that nothing came of it. */
    readonly messages?: readonly SealedMessage[];
  };
  readonly "task.finished": Timed<TaskInputs["task.finished"]>;
  readonly "task.performed": Timed<TaskInputs["task.performed"]>;
  readonly "session.created": {
    readonly sessionId: string;
    readonly userId: string;
    readonly name?: string;
    readonly description?: string;
    readonly tags: readonly string[];
    readonly metadata: JsonObject;
    readonly parentSessionId?: string;
    readonly idleTimeoutMs?: number;
    readonly maxLifetimeMs?: number;
    /** The template that it began with; what came of it is filled in. */
    readonly template?: string;
  };
  readonly "session.updated": SessionPatch;
  readonly "session.suspended": WithReason;
  readonly "session.resumed": WithReason;
  readonly "session.kept_alive": WithReason;
  /** It has reached a limit. */
  readonly "session.warned": WithReason & { readonly measure: string; readonly value: number };
  readonly "session.completed": WithReason;
  readonly "session.failed": WithReason;
  /** `endedAt`: when its time was over, which may be before the operation was written. */
  readonly "session.expired": WithReason & { readonly endedAt: Date };
  readonly "metrics.recorded": {
    readonly requests: number;
    readonly errors: number;
    readonly processingTimeMs: number;
    readonly inputTokens?: number;
    readonly outputTokens?: number;
    readonly costUsd?: number;
  };
  readonly "messages.added": { readonly messages: readonly SealedMessage[] };
  /** The last of the messages is the one that was answered; the answer is the operation's output. */
  readonly "turn.completed": {
    readonly messages: readonly SealedMessage[];
    /** What the message told of the user; `null` forgets. */
    readonly facts: JsonObject;
    readonly processingTimeMs: number;
    readonly usage?: TokenUsage;
  };
  readonly "turn.failed": { readonly processingTimeMs: number };
  readonly "conversation.compacted": {
    readonly strategy: Strategy;
    /** The number of the last message below the overlay. */
    readonly through: number;
    readonly summary?: string;
    readonly tokens: number;
    readonly usage?: TokenUsage;
  };
  readonly "working_memory.changed": { readonly set: JsonObject } | { readonly merge: JsonObject };
  readonly "artifact.stored": {
    readonly artifactId: string;
    readonly name: string;
    readonly type: string;
    readonly mimeType: string;
    readonly tags: readonly string[];
    readonly metadata: JsonObject;
    /** BLAKE3 of its bytes. */
    readonly contentHash: string;
    readonly size: number;
  };
  readonly "artifact.deleted": { readonly artifactId: string; readonly name: string; readonly size: number };
  /** `grantee`: the uid of the session that it is shared with. */
  readonly "artifact.granted": {
    readonly artifactId: string;
    readonly grantee: string;
    readonly permission: Permission;
    /** Whether it takes the place of another permission. */
    readonly replaces: boolean;
  };
  readonly "artifact.revoked": { readonly artifactId: string; readonly grantee: string };
  /** `by`: the uid of the session that used it, or was refused, which `error` tells. */
  readonly "artifact.accessed": { readonly artifactId: string; readonly by: string; readonly needed: Permission };
  readonly "checkpoint.created": { readonly name: string; readonly data?: JsonObject };
  /** From here on the log is that of the fork. */
  readonly "session.forked": {
    readonly uid: string;
    readonly sessionId: string;
    readonly name?: string;
    /** `root`: the session whose log begins here, which is the origin, unless that is a fork itself. */
    readonly origin: Origin & { readonly root: string };
  };
}

/** What a turn put out. */
export interface OperationOutput {
  readonly message: SealedMessage;
  readonly model: string;
  readonly reason: "stop" | "length";
}

/** What tasks put out is what their apps did. */
type OutputOf<K extends OperationKind> = K extends "task.finished" | "task.performed" ? Json : OperationOutput;

/** One entry of a session's log, of one kind. */
export interface OperationOf<K extends OperationKind> {
  /** 1, 2, 3 … without gaps. */
  readonly seq: number;
  readonly id: string;
  readonly kind: K;
  /** The call, such as `end` for a `session.failed`. */
  readonly name: string;
  /** Who asked for it. */
  readonly actor: string;
  readonly timestamp: Date;
  readonly durationMs: number | undefined;
  readonly status: "completed" | "failed";
  /** `undefined` once they were erased. */
  readonly inputs: OperationInputs[K] | undefined;
  /** Of a completed turn, or task, alone. */
  readonly output: OutputOf<K> | undefined;
  readonly resultId: string | undefined;
  readonly error: string | undefined;
  readonly hash: string;
}

/** One entry of a session's log; `kind` tells what its `inputs` are. */
export type Operation = { readonly [K in OperationKind]: OperationOf<K> }[OperationKind];
