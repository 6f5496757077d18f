import { type ArtifactLimits, checkpoint, deleteArtifact, storeArtifact } from "./artifact-commands.ts";
import type { Command } from "./commands.ts";
import type { TurnOutput } from "./conversation.ts";
import { changeWorkingMemory } from "./conversation-commands.ts";
import { AGENT_RUN_COMMANDS, type CommandAgain } from "./decide-again.ts";
import { SojournError } from "./errors.ts";
import type { Json, JsonObject } from "./json.ts";
import { BY_LIMIT } from "./limit-rules.ts";
import type { Operation, OperationKind, PayloadBody } from "./operation.ts";
import type { SessionInputs } from "./session.ts";
import type { Caller, Session, Sessions } from "./sessions.ts";
import type { Store } from "./store.ts";

/** A call that is to be made again, in a fork. */
export interface Execution<K extends OperationKind = OperationKind> {
  readonly caller: Caller;
  /** The fork, as the call before has left it. */
  readonly fork: Session;
  /** The name of the command that was called. */
  readonly name: string;
  readonly input: SessionInputs[K];
  readonly output?: TurnOutput | Json | undefined;
  /** How long it may take; after that it throws `request_timeout`. */
  readonly timeoutMs: number;
}

/**
 * Makes a call of one kind again, through the same service as the first time; throws what refuses it. `skipped`: there is
 * nothing to do.
 */
export type Executor<K extends OperationKind> = (execution: Execution<K>) => Promise<unknown> | "skipped";

/** What is done by those who stand on the engine. */
export type OutsideKind =
  | "messages.added"
  | "turn.completed"
  | "conversation.compacted"
  | "task.queued"
  | "task.started"
  | "task.finished"
  | "task.performed";

/** How that is done again. */
export type OutsideExecutors = { readonly [K in OutsideKind]: Executor<K> };

/** What executing stands on. */
export interface ExecutionPorts {
  readonly sessions: Sessions;
  readonly store: Pick<Store, "artifact" | "content">;
  readonly artifacts: ArtifactLimits;
  readonly outside: OutsideExecutors;
}

/**
 * How each kind of operation is done again. The first of a log is none of them: to do it again is to make the session that
 * the others go to.
 */
export type Executors = { readonly [K in Exclude<OperationKind, "session.created">]: Executor<K> };

export function executors({ sessions, store, artifacts, outside }: ExecutionPorts): Executors {
  const change = ({ caller, fork }: Execution, command: Command): Promise<unknown> =>
    sessions.change(caller, fork.ref.id, command);
  const changeRun = <I>(execution: Execution & { readonly input: I }, command: CommandAgain<I>): Promise<unknown> =>
    change(execution, command(execution.input, { before: execution.fork.record }));
  return {
    ...outside,
    "session.updated": ({ caller, fork, input }) => sessions.update(caller, fork.ref.id, input),
    // The limits of the fork say it again where they are reached again.
    "session.warned": skipped,
    // What a limit did is done where the fork has not come to it by itself: not all that was counted is counted again.
    "session.suspended": ({ caller, fork, name, input }) =>
      name === BY_LIMIT && fork.record.status === "suspended"
        ? "skipped"
        : sessions.suspend(caller, fork.ref.id, input),
    "session.resumed": ({ caller, fork, input }) => sessions.resume(caller, fork.ref.id, input),
    "session.kept_alive": ({ caller, fork, input }) => sessions.keepalive(caller, fork.ref.id, input),
    // An app that ended its session does so again where it runs.
    "session.completed": ({ caller, fork, name, input }) =>
      name === "run" ? "skipped" : sessions.end(caller, fork.ref.id, input),
    "session.failed": ({ caller, fork, name, input }) =>
      name === BY_LIMIT && fork.record.status === "failed"
        ? "skipped"
        : sessions.end(caller, fork.ref.id, { ...input, status: "failed" }),
    // By itself it expires when its time is over, and that is not now.
    "session.expired": ({ caller, fork, name, input: { endedAtUs: _, ...reason } }) =>
      name === "end" ? sessions.end(caller, fork.ref.id, { ...reason, status: "expired" }) : "skipped",
    "metrics.recorded": ({ caller, fork, input: { requests, errors, ...rest } }) =>
      sessions.record(caller, fork.ref.id, { requestCount: requests, errorCount: errors, ...rest }),
    // What was said is not in the log.
    "turn.failed": skipped,
    "working_memory.changed": (execution) => change(execution, changeWorkingMemory(execution.input)),
    "artifact.stored": async (execution) => {
      const { fork, input } = execution;
      const content = await store.content(fork.ref.tenant, input.digest);
      if (content !== undefined) return await change(execution, storeArtifact(input, artifacts));
      const message = `The bytes of "${input.name}" went with the last artifact that had them`;
      throw new SojournError("content_missing", { message });
    },
    "artifact.deleted": async (execution) => {
      const { artifactId } = execution.input;
      const artifact = await store.artifact(execution.fork.ref, artifactId);
      if (artifact !== undefined && artifact.goneSeq === undefined)
        return await change(execution, deleteArtifact(artifact));
      throw new SojournError("artifact_not_found", { message: `Artifact ${artifactId} not found` });
    },
    // They reach into other sessions, which have no part in it.
    "artifact.granted": skipped,
    "artifact.revoked": skipped,
    "artifact.accessed": skipped,
    "checkpoint.created": (execution) => change(execution, checkpoint(execution.input.name, execution.input.data)),
    "session.forked": skipped,
    // A task tells it again where it runs again.
    "task.reported": skipped,
    "worker.released": skipped,
    // The loop ran elsewhere: what it brought is brought again.
    "agent.started": (execution) => changeRun(execution, AGENT_RUN_COMMANDS["agent.started"]),
    "agent.resumed": (execution) => changeRun(execution, AGENT_RUN_COMMANDS["agent.resumed"]),
    "agent.stepped": (execution) => changeRun(execution, AGENT_RUN_COMMANDS["agent.stepped"]),
    "agent.finished": (execution) => changeRun(execution, AGENT_RUN_COMMANDS["agent.finished"]),
  };
}

/** Makes a session like the one that began so. It has a name of its own, and belongs to no other session. */
export async function createAgain(
  sessions: Sessions,
  caller: Caller,
  input: SessionInputs["session.created"],
): Promise<Session> {
  const { sessionId: _, parentSessionId: __, temporary: ___, template: ____, ...wanted } = input;
  const idleTimeoutUs = input.idleTimeoutUs ?? null;
  return (await sessions.create(caller, { ...wanted, idleTimeoutUs })).value.session;
}

/**
 * What of an operation should come out again: its input and output, without times, durations, what it took of a window or
 * of a model, and what names a session.
 */
export function comparable({ kind }: Operation, { input, output }: PayloadBody): JsonObject {
  // NOTE: a payload has the shape of its operation's kind, and that is JSON.
  switch (kind as OperationKind) {
    case "session.created": {
      const { sessionId: _, parentSessionId: __, temporary: ___, template: ____, ...rest } = input as JsonObject;
      return { input: rest };
    }
    case "task.finished":
    case "task.performed": {
      const { status, objects } = input as JsonObject;
      return { input: { status, objects }, output };
    }
    case "messages.added":
    case "agent.started":
    case "agent.stepped":
    case "turn.completed": {
      const { messages, usage: _, processingTimeUs: __, ...rest } = input as JsonObject;
      const { message, ...answer } = (output ?? {}) as JsonObject;
      return {
        input: { ...rest, messages: withoutTokens(messages) },
        output: { ...answer, message: withoutTokens(message) },
      };
    }
    case "agent.finished": {
      const { processingTimeUs: _, messages, ...rest } = input as JsonObject;
      return { input: { ...rest, messages: withoutTokens(messages ?? []) } };
    }
    default: {
      const { usage: _, tokens: __, endedAtUs: ___, ...rest } = input as JsonObject;
      return { input: rest };
    }
  }
}

function withoutTokens(message: Json | undefined): Json | undefined {
  if (Array.isArray(message)) return message.map((one: Json) => withoutTokens(one) ?? null);
  const { tokens: _, ...rest } = (message ?? {}) as JsonObject;
  return rest;
}

const skipped = (): "skipped" => "skipped";
