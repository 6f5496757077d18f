import { SojournError } from "./errors.ts";
import {
  comparable,
  createAgain,
  type Execution,
  type ExecutionPorts,
  type Executor,
  type Executors,
  executors,
} from "./execute-again.ts";
import { isFinal } from "./lifecycle.ts";
import { type OperationKind, type PayloadBody, payloadBody } from "./operation.ts";
import type { Journey, ReplayPorts } from "./replay.ts";
import { damage, different, differing, refused } from "./replay-findings.ts";
import type { Finding, Outcome, ReplayReport } from "./replay-report.ts";
import type { SessionInputs } from "./session.ts";
import type { Caller, Session } from "./sessions.ts";
import type { Store } from "./store.ts";
import type { Step } from "./walk.ts";

/** More operations than one call makes. */
const OPERATIONS_MAX = 1_000;

/** What a session is made from whose first payload was erased. */
const NOTHING_KNOWN = { sessionId: "", userId: "default_user", tags: [], metadata: {} } as const;

/** What the calls are made on. */
export interface ForkPorts extends ExecutionPorts, ReplayPorts {
  readonly store: Store;
}

/** Makes the calls of a session again, one after the other, in a fork of what was before them. */
export class ExecutedFork {
  readonly #ports: ForkPorts;
  readonly #executors: Executors;
  readonly #caller: Caller;
  readonly #journey: Journey;
  #fork: Session | undefined;

  constructor(ports: ForkPorts, caller: Caller, journey: Journey) {
    this.#ports = ports;
    this.#executors = executors(ports);
    this.#caller = caller;
    this.#journey = journey;
  }

  /** Which session it is; absent before the first call. */
  get name(): ReplayReport["fork"] {
    return this.#fork && { uid: this.#fork.ref.id, sessionId: this.#fork.record.sessionId };
  }

  /**
   * Makes the call of an entry again, and tells how it came out.
   *
   * @param timeoutMs  how long it may take
   * @throws {SojournError} what refuses the fork
   */
  async make(step: Step, timeoutMs: number): Promise<Outcome | "timeout"> {
    const { entry, payload, body } = step;
    const { operation } = entry;
    const after = this.#fork?.head.seq ?? 0;
    const fork = this.#fork ?? (await this.#begin(body));
    this.#fork = fork;
    if (payload === "erased") return "skipped";
    if (body === undefined || payload !== "whole") return damage(step);
    if (operation.kind === "session.forked") return await this.#goOn(fork);
    if (operation.kind === "session.created") return await this.#compare({ operation, body, after });
    if (isByTask(step)) return "skipped";
    // NOTE: a payload has the shape of its operation's kind.
    const { input, output } = body as unknown as Pick<Execution, "input" | "output">;
    const execute = this.#executors[operation.kind as keyof Executors] as Executor<OperationKind>;
    try {
      const call = { caller: this.#caller, fork, name: operation.name, input, output, timeoutMs };
      if ((await execute(call)) === "skipped") return "skipped";
    } catch (error) {
      if (error instanceof SojournError && error.code === "request_timeout") return "timeout";
      return [refused(error)];
    } finally {
      this.#fork = await this.#ports.sessions.get(this.#caller, fork.ref.id);
    }
    return await this.#compare({ operation, body, after: fork.head.seq });
  }

  /** Ends the session, if the calls have not; it stays to be looked into. */
  async end(): Promise<void> {
    if (this.#fork === undefined) return;
    const { stream, stretch } = this.#journey;
    const { from, to } = stretch;
    const reason = `Replay of the operations ${from} to ${to} of session "${stream.record.sessionId}" (uid ${stream.ref.id})`;
    const { sessions } = this.#ports;
    const fork = await sessions.find(this.#caller, this.#fork.ref.id);
    if (fork === undefined || isFinal(fork.record.status)) return;
    await sessions.end(this.#caller, fork.ref.id, { reason });
  }

  /** A fork lives on where its origin has ended, and so does this. */
  async #goOn({ ref, head, record }: Session): Promise<"skipped"> {
    if (isFinal(record.status)) this.#fork = (await this.#ports.fork(this.#caller, ref.id, { at: head.seq })).value;
    return "skipped";
  }

  async #begin(body: PayloadBody | undefined): Promise<Session> {
    const { stream, stretch } = this.#journey;
    if (stretch.from > 1) return (await this.#ports.fork(this.#caller, stream.ref.id, { at: stretch.from - 1 })).value;
    // NOTE: the first operation of a log is `session.created`.
    const created = (body?.input ?? NOTHING_KNOWN) as unknown as SessionInputs["session.created"];
    return await createAgain(this.#ports.sessions, this.#caller, created);
  }

  /** How what the call has added to the fork is other than what is recorded. */
  async #compare({
    operation,
    body,
    after,
  }: Pick<Step["entry"], "operation"> & {
    readonly body: PayloadBody;
    readonly after: number;
  }): Promise<readonly Finding[]> {
    const { kind } = operation;
    if (this.#fork === undefined) return [];
    const added = await this.#ports.store.operations(this.#fork.ref, { after, limit: OPERATIONS_MAX });
    const made = added.findLast((entry) => entry.operation.kind === kind) ?? added.at(-1);
    const again = made && payloadBody(made);
    if (made?.operation.kind !== kind || again === undefined) return [different("kind", kind, made?.operation.kind)];
    return differing(comparable(operation, body), comparable(operation, again), "");
  }
}

/** Whether a task did it, which does it again where it runs again: what a session does by itself while one runs. */
function isByTask({ before, entry }: Step): boolean {
  const { actor, kind } = entry.operation;
  if (!actor.startsWith("session:") || kind.startsWith("task.")) return false;
  return before?.work.tasks.some(({ status }) => status === "running") ?? false;
}
