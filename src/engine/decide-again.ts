import type { AgentRunInputs } from "./agent-run.ts";
import { beginRun, finishRun, resumeRun, stepRun } from "./agent-run-commands.ts";
import type { Permission } from "./artifact.ts";
import {
  type ArtifactLimits,
  checkpoint,
  deleteArtifact,
  grantArtifact,
  noteAccess,
  revokeArtifact,
  storeArtifact,
} from "./artifact-commands.ts";
import { SECOND } from "./clock.ts";
import { type Command, end, expireIdle, keepalive, record, resume, suspend, update } from "./commands.ts";
import { isRepair, type TurnOutput } from "./conversation.ts";
import {
  addMessages,
  changeWorkingMemory,
  compact,
  completeTurn,
  failTurn,
  type Seal,
} from "./conversation-commands.ts";
import { completed } from "./creation.ts";
import { SojournError } from "./errors.ts";
import { given } from "./given.ts";
import { type Json, sameJson } from "./json.ts";
import { allReached, BY_LIMIT } from "./limit-rules.ts";
import { LIMITS, type Settings } from "./limits.ts";
import type { Message, SealedMessage } from "./message.ts";
import type { Operation, OperationKind } from "./operation.ts";
import type { SessionInputs, SessionRecord } from "./session.ts";
import type { Head, Store, StreamRef } from "./store.ts";
import { type Draft, RULES } from "./streams.ts";
import { finishTask, performTask, queueTask, releaseWorker, reportTask } from "./task-commands.ts";

/** What an entry is decided from again: what was recorded of it, and the session as its log was folded until then. */
export interface Recorded {
  readonly operation: Operation;
  /** Has the shape of the operation's kind. */
  readonly input: unknown;
  readonly output?: TurnOutput | Json | undefined;
  readonly error?: string | undefined;
  /** Absent before the first entry. */
  readonly before?: SessionRecord | undefined;
  readonly previous: Head;
}

/** The rules of today, and where the views of the session are read. */
export interface Rules {
  readonly settings: Settings;
  readonly artifacts: ArtifactLimits;
  readonly store: Pick<Store, "messages" | "artifact">;
  readonly ref: StreamRef<"session">;
  /** The session whose log begins here. */
  readonly root: string;
}

type Decide<K extends OperationKind> = (
  input: SessionInputs[K],
  recorded: Recorded & { readonly before: SessionRecord },
  rules: Rules,
) => Command | Promise<Command>;

/**
 * Decides an entry of a session's log anew, by the command of its kind, at the time that it was recorded at. Writes
 * nothing, asks no model and no clock; reads at most the views of the session.
 *
 * Where the session's time was over by then, what says so is decided in the entry's place, as it is when it is written.
 *
 * | kind | decided from |
 * | --- | --- |
 * | `session.created` | what it says, as if all of it had been wanted, held against the limits |
 * | `session.updated`, `suspended`, `resumed`, `kept_alive`, `completed`, `failed`, `metrics.recorded`, `working_memory.changed`, `checkpoint.created` | its input |
 * | `session.warned`, and what else a limit brought about | the session and the time |
 * | `session.expired` | by itself: the session and the time; by a call: its reason; by a cleanup: the idleness that its reason names |
 * | `messages.added` | its messages. What was added to make them whole comes out the same when they are given again |
 * | `turn.completed` | its last message, and what came from outside: the answer, the facts, the usage, the duration |
 * | `turn.failed` | its error and duration |
 * | `conversation.compacted` | how far it went, and its summary; what the window then takes, from the messages that went |
 * | `artifact.stored`, `artifact.accessed`, `artifact.revoked` | its input, with the recorded digest; the bytes are not looked at |
 * | `artifact.deleted` | the artifact of that id, as the store has it |
 * | `artifact.granted` | its input; whether there was an earlier grant is taken from it |
 * | `task.queued`, `task.reported`, `task.performed`, `worker.released` | its input |
 * | `task.started` | its input; whether it may run was decided when it was queued, or is of the moment |
 * | `task.finished` | how it came out: what ran is not run again |
 * | `agent.started`, `agent.resumed`, `agent.stepped`, `agent.finished` | its input; who holds the run, from the session |
 * | `session.forked` | its names; where it comes from, from the entry before it |
 *
 * How much of a window a message takes counts as coming from outside.
 *
 * @throws {SojournError} what refuses the call
 */
export async function decideAgain(recorded: Recorded, rules: Rules): Promise<ReturnType<Command>> {
  const { operation, before, input } = recorded;
  // NOTE: a log has the input of its kind in each entry; of one that was tampered with, the decision fails.
  const kind = operation.kind as OperationKind;
  if (before === undefined) {
    if (kind === "session.created") return created(input as SessionInputs["session.created"], rules);
    throw new SojournError("internal", { message: `A log begins with session.created, not with ${kind}` });
  }
  // A fork's own history begins with its first entry, whatever its origin has come to since.
  const due = kind === "session.forked" ? [] : RULES.session.due(before, operation.at);
  if (due.length > 0) return due;
  const decide = DECISIONS[kind] as Decide<OperationKind>;
  const command = await decide(input as SessionInputs[OperationKind], { ...recorded, before }, rules);
  return command(before, operation.at);
}

/** Messages as they may be added again: those that made them whole are left out where there would be too many. */
export function asGiven(messages: readonly SealedMessage[]): readonly Message[] {
  const tooMany = messages.length > LIMITS.messagesAtOnce;
  return messages.filter((message, i) => !tooMany || i === messages.length - 1 || !isRepair(message)).map(unsealed);
}

/** A message without what it takes of a window. */
function unsealed({ tokens: _, ...message }: SealedMessage): Message {
  return message;
}

/** A command from the input that was recorded of it, and the session before it. */
export type CommandAgain<I> = (input: I, recorded: { readonly before: SessionRecord }) => Command;

/** How what was done with runs is done again; who holds a run is taken from the session. */
export const AGENT_RUN_COMMANDS: { readonly [K in keyof AgentRunInputs]: CommandAgain<AgentRunInputs[K]> } = {
  "agent.started": ({ messages, ...run }) => beginRun({ ...run, messages: asGiven(messages) }, sealsOf(messages)),
  "agent.resumed": (input) => resumeRun(input, { takesOver: true }),
  "agent.stepped": ({ messages, ...step }, { before }) =>
    stepRun({ ...step, fence: fenceOf(before), messages: asGiven(messages) }, sealsOf(messages)),
  "agent.finished": ({ runId, status, reason, messages = [] }, { before }) =>
    finishRun({ runId, fence: fenceOf(before), status, ...given("reason", reason) }, sealsOf(messages)),
};

const DECISIONS: { readonly [K in OperationKind]: Decide<K> } = {
  "session.created": () => {
    throw new SojournError("internal", { message: "Only the first entry of a log is session.created" });
  },
  "session.updated": (input, _, { settings }) => update(input, settings.metadataBytes),
  "session.suspended": (input, { operation }) => (operation.name === BY_LIMIT ? atLimit(operation) : suspend(input)),
  "session.resumed": (input) => resume(input),
  "session.kept_alive": (input) => keepalive(input),
  "session.warned": (input) => (session, now) =>
    allReached(session, now).filter(
      (one) => one.kind === "session.warned" && sameJson(asJson(one.input), asJson(input)),
    ),
  "session.completed": (input, { operation: { name } }) => end("completed", input, name === "run" ? name : "end"),
  "session.failed": (input, { operation }) => (operation.name === BY_LIMIT ? atLimit(operation) : end("failed", input)),
  "session.expired": ({ endedAtUs: _, ...reason }, { operation: { name } }) => {
    if (name === "end") return end("expired", reason);
    // What expires by itself is decided before anything else.
    return name === "cleanup" ? expireIdle(idleUsIn(reason.reason)) : () => [];
  },
  "metrics.recorded": ({ requests: requestCount, errors: errorCount, ...rest }) =>
    record({ requestCount, errorCount, ...rest }),
  "messages.added": ({ messages }) => addMessages(asGiven(messages), sealsOf(messages)),
  "turn.completed": ({ messages, facts, usage, processingTimeUs }, { output, operation }) => {
    const message = messages.at(-1);
    if (message === undefined || output === undefined) throw lacking("a message, or its answer", operation);
    // NOTE: the output of a turn.
    const { message: answer, model, reason } = output as TurnOutput;
    const turn = { message: unsealed(message), answer: unsealed(answer), model, reason, facts, processingTimeUs };
    return completeTurn({ ...turn, ...given("usage", usage) }, sealsOf([...messages, answer]));
  },
  "turn.failed": ({ processingTimeUs }, { error, operation }) => {
    if (error === undefined) throw lacking("an error", operation);
    return failTurn(processingTimeUs, error);
  },
  "conversation.compacted": async ({ tokens: _, ...input }, { before }, { store, ref }) => {
    const from = before.conversation.compactedThrough;
    return compact(input, { from, tokensBelow: await tokensOf(store, ref, { after: from, through: input.through }) });
  },
  "working_memory.changed": (input) => changeWorkingMemory(input),
  "artifact.stored": (input, _, { artifacts }) => storeArtifact(input, artifacts),
  "artifact.deleted": async ({ artifactId }, { operation }, { store, ref }) => {
    const artifact = await store.artifact(ref, artifactId);
    const { seq = operation.seq, goneSeq = operation.seq } = artifact ?? {};
    if (artifact !== undefined && seq < operation.seq && operation.seq <= goneSeq) return deleteArtifact(artifact);
    throw new SojournError("artifact_not_found", { message: `Artifact ${artifactId} not found` });
  },
  "artifact.granted": ({ replaces, ...grant }) => {
    const other: Permission = grant.permission === "read" ? "write" : "read";
    return grantArtifact(grant, replaces ? other : undefined);
  },
  "artifact.revoked": (input) => revokeArtifact(input),
  "artifact.accessed": (input, { error }) => noteAccess(input, error),
  "checkpoint.created": ({ name, data }) => checkpoint(name, data),
  "task.queued": (input) => queueTask(input),
  "task.started": (input) => () => [{ kind: "task.started", name: "run", input }],
  "task.reported": ({ taskId, reports }) => reportTask(taskId, reports),
  "task.finished": ({ taskId, status, code, faults, ...rest }, { output, error, operation }) => {
    const told = { ...given("code", code), ...given("faults", faults) };
    const failure = error === undefined ? undefined : { code: "", message: error, ...told };
    // NOTE: the output of a task is JSON.
    const cameOut = { ...given("output", output as Json | undefined), ...given("error", failure) };
    return finishTask(taskId, { status, ...usedBy(operation), ...rest, ...cameOut });
  },
  "task.performed": (input, { output, error, operation }) =>
    performTask(input, {
      ...usedBy(operation),
      ...given("output", output as Json | undefined),
      ...given("error", error),
    }),
  "worker.released": ({ app, reason }) => releaseWorker(app, reason),
  ...AGENT_RUN_COMMANDS,
  "session.forked": ({ uid, sessionId, name, origin }, { previous, operation }, { root }) => {
    const input = { uid, sessionId, ...given("name", name), origin: { uid: origin.uid, ...previous, root } };
    return () => [{ kind: "session.forked", name: operation.name === "import" ? "import" : "fork", input }];
  },
};

/** What a limit makes of a session is of the session and the time alone. */
function atLimit({ kind }: Operation): Command {
  return (session, now) => allReached(session, now).filter((one) => one.kind === kind);
}

function asJson(input: object): Json {
  // NOTE: the input of an operation is JSON.
  return input as Json;
}

function created(
  { idleTimeoutUs, ...wanted }: SessionInputs["session.created"],
  { settings: { limits: _, ...settings } }: Rules,
): readonly Draft<"session.created">[] {
  // The id is in the input, so that none is minted.
  const ids = { session: () => wanted.sessionId };
  const input = completed({ ...wanted, idleTimeoutUs: idleTimeoutUs ?? null }, { ids, settings });
  return [{ kind: "session.created", name: "create", input }];
}

/** What a task was given stands in the header of its operation. */
function usedBy({ used }: Operation): { readonly used?: readonly string[] } {
  return used.length === 0 ? {} : { used };
}

/** The idleness that a cleanup asked for; the log has it in the reason alone. */
function idleUsIn(reason = ""): number {
  const [seconds] = /\d+(?:\.\d+)?(?:e[+-]?\d+)?/.exec(reason) ?? [];
  return Math.round(Number(seconds) * SECOND);
}

/** Says of each message, in their order, what was recorded. */
function sealsOf(messages: readonly SealedMessage[]): Seal {
  let next = 0;
  return (message) => ({ ...message, tokens: messages[next++]?.tokens ?? 0 });
}

/** How many messages are summed up at a time, and after how many characters no more of them. */
const PAGE = { take: "oldest", limit: 500, charactersMax: 1_048_576 } as const;

async function tokensOf(
  store: Pick<Store, "messages">,
  ref: StreamRef<"session">,
  { after, through }: { readonly after: number; readonly through: number },
): Promise<number> {
  let tokens = 0;
  for (let last = after; last < through; ) {
    const page = await store.messages(ref, { ...PAGE, after: last, before: through + 1 });
    tokens += page.reduce((sum, message) => sum + message.tokens, 0);
    last = page.at(-1)?.number ?? through;
  }
  return tokens;
}

/** By which right the run that a session knows is worked on; the log keeps what was done by right alone. */
function fenceOf({ agentRun }: SessionRecord): number {
  return agentRun?.fence ?? 0;
}

function lacking(what: string, { kind, seq }: Operation): SojournError {
  return new SojournError("internal", { message: `Operation ${seq}, ${kind}, lacks ${what}` });
}
