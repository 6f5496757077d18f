import type { AgentEnd, AgentRun, AgentStep, ConversationWindow } from "../client/agent-runs.ts";
import type { NewMessage, TokenUsage } from "../client/conversation.ts";
import type { Session } from "../client/session.ts";
import { SojournError } from "../engine/errors.ts";

/** What a step keeps. */
export interface Kept {
  readonly messages: readonly NewMessage[];
  readonly usage?: TokenUsage | undefined;
}

/** A run in the log of its session: what happens is written as it does, and the lease is held until it is closed. */
export class RunLog implements Disposable {
  readonly #session: Session;
  readonly #run: AgentRun;
  readonly #lost = new AbortController();
  readonly #renewal: NodeJS.Timeout;
  #waiting: Kept[] = [];
  #writing: Promise<void> | undefined;
  #writtenAt = performance.now();
  #refusal: { readonly error: unknown } | undefined;
  #isClosed = false;

  constructor({
    session,
    run,
    leaseMs,
    unwritten,
  }: {
    readonly session: Session;
    readonly run: AgentRun;
    readonly leaseMs: number;
    /** What happened before and is not in the log yet; the next write brings it along. */
    readonly unwritten: readonly Kept[];
  }) {
    this.#session = session;
    this.#run = run;
    this.#waiting = [...unwritten];
    // A third of the lease, so that two renewals that fail still leave time.
    const everyMs = leaseMs / 3;
    this.#renewal = setInterval(() => this.#renew(everyMs), everyMs);
    this.#renewal.unref();
  }

  /** Aborts once somebody else has the run, or nobody can have it any more: what is under way is for nothing then. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Why the log took no more, if it did not; what was to be written then, and later, is `unwritten`. */
  get refusal(): { readonly error: unknown } | undefined {
    return this.#refusal;
  }

  /** What happened and is not in the log, oldest first. */
  get unwritten(): readonly Kept[] {
    return this.#waiting;
  }

  /**
   * Resolves once it is in the log. What is to be written meanwhile goes together.
   *
   * @throws the refusal, now and ever after
   */
  async write(kept: Kept): Promise<void> {
    if (this.#isClosed) return;
    this.#waiting.push(kept);
    await this.flush();
  }

  /** Resolves once all is in the log. */
  async flush(): Promise<void> {
    this.throwIfRefused();
    if (this.#waiting.length === 0) return;
    this.#writing ??= this.#writeAll();
    await this.#writing;
  }

  /** Counts what the answers took that the log did not take: they were paid for. */
  async writeUsage(): Promise<void> {
    const { usage } = together(this.#waiting);
    if (usage !== undefined) await this.#run.step({ usage });
  }

  /** What the model is to be shown. */
  async window(signal: AbortSignal): Promise<ConversationWindow> {
    return await this.reading(this.#run.window({ signal }), signal);
  }

  /** What was read of the session. Where that fails, nobody can go on: it is a refusal as well. */
  async reading<T>(read: Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await read;
    } catch (error) {
      if (!signal.aborted) this.#refuse(await this.#causeOf(error));
      throw error;
    }
  }

  /** Forgets of what is unwritten what is in the log all the same: its write was carried out, and not answered. */
  retain(isLacking: (kept: Kept) => boolean): void {
    this.#waiting = this.#waiting.filter(isLacking);
  }

  throwIfRefused(): void {
    if (this.#refusal !== undefined) throw this.#refusal.error;
  }

  /**
   * Makes sure that the session goes on, which it does not where what was written last has reached a limit.
   *
   * @throws {SojournError} `invalid_transition`, which is the refusal from then on
   */
  async assertGoesOn(): Promise<void> {
    if (this.#run.status === "running") return;
    const { sessionId, status, reason } = await this.#session.refresh();
    if (status === "active") return;
    const why = reason === undefined ? "" : ` (${reason})`;
    const message = `Cannot go on with a run of an agent in session "${sessionId}": it is ${status}${why}`;
    this.#refusal ??= { error: new SojournError("invalid_transition", { message }) };
    this.throwIfRefused();
  }

  /** Ends the run, and the log of it. */
  async finish(end: AgentEnd): Promise<void> {
    await this.#writing?.catch(() => {});
    this[Symbol.dispose]();
    await this.#run.finish(end);
  }

  /** Holds the lease no more. What comes later is not written. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearInterval(this.#renewal);
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        // What comes while these are written goes with the next.
        const now = firstOf(this.#waiting);
        await this.#run.step(together(now));
        this.#writtenAt = performance.now();
        this.#waiting = this.#waiting.slice(now.length);
      }
    } catch (error) {
      this.#refuse(await this.#causeOf(error));
      this.throwIfRefused();
    } finally {
      this.#writing = undefined;
    }
  }

  #renew(everyMs: number): void {
    const isFresh = performance.now() - this.#writtenAt < everyMs / 2;
    if (isFresh || this.#writing !== undefined || this.#refusal !== undefined) return;
    // One that fails otherwise is made good by the next, or tells at the next step.
    this.#run.step({}).catch(async (error: unknown) => {
      const cause = await this.#causeOf(error);
      if (isLoss(cause) && !this.#isClosed) this.#refuse(cause);
    });
  }

  /** Of a run that is over a session does not say whose it was then. */
  async #causeOf(error: unknown): Promise<unknown> {
    if (!(error instanceof SojournError && ENDS.includes(error.code))) return error;
    const { runId } = this.#run;
    const latest = await this.#session.agentRuns.latest().catch(() => undefined);
    if (latest === undefined) return error;
    const isSame = latest.runId === runId;
    if (isSame && latest.toJSON().fence === this.#run.toJSON().fence) return error;
    const what = isSame
      ? `another has taken it over, and it is ${latest.status}`
      : `run ${latest.runId} has begun since`;
    return new SojournError("precondition_failed", {
      message: `Cannot go on with run ${runId}: ${what}`,
      cause: error,
    });
  }

  #refuse(error: unknown): void {
    this.#refusal ??= { error };
    if (isLoss(error)) this.#lost.abort(error);
  }
}

/** What is said of a run that is over, or was before the newest. */
const ENDS: readonly SojournError["code"][] = ["invalid_transition", "agent_run_not_found"];

/** Whether a refusal says that the run is somebody else's, or gone. */
export function isLoss(error: unknown): boolean {
  return error instanceof SojournError && LOSSES.includes(error.code);
}

const LOSSES: readonly SojournError["code"][] = ["precondition_failed", "agent_run_not_found", "session_not_found"];

/** How much goes to the session at once, in characters: what a server takes in one request, whatever they are. */
const CHARACTERS_AT_ONCE = 250_000;

/** As many as go together; the first in any case. */
function firstOf(waiting: readonly Kept[]): readonly Kept[] {
  let characters = 0;
  const end = waiting.findIndex(({ messages }, i) => {
    for (const { content, toolCalls = [] } of messages) {
      characters += content.length + toolCalls.reduce((sum, call) => sum + call.arguments.length, 0);
    }
    return i > 0 && characters > CHARACTERS_AT_ONCE;
  });
  return end < 0 ? [...waiting] : waiting.slice(0, end);
}

function together(kept: readonly Kept[]): AgentStep {
  const [first, ...others] = kept;
  if (first !== undefined && others.length === 0) return first;
  const used = kept.flatMap(({ usage = [] }) => usage);
  const costs = used.flatMap(({ costUsd = [] }) => costUsd);
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  return {
    messages: kept.flatMap(({ messages }) => messages),
    ...(used.length > 0 && {
      usage: {
        inputTokens: sum(used.map(({ inputTokens }) => inputTokens)),
        outputTokens: sum(used.map(({ outputTokens }) => outputTokens)),
        ...(costs.length > 0 && { costUsd: sum(costs) }),
      },
    }),
  };
}
