import { SojournError } from "../engine/errors.ts";
import { type AgentModel, agentModel, modelFailure } from "./agent-model.ts";
import {
  type AgentOptions,
  type AgentResult,
  type AgentTask,
  LEASE_MS,
  MAX_STEPS,
  type ResumeOptions,
  type RunWatch,
  type TaskOptions,
} from "./agent-options.ts";
import { toolsFor } from "./agent-tools.ts";
import { assertOptions, assertResumeOptions, assertTaskOptions, contentOf } from "./checks.ts";
import { clean, cut } from "./kept-text.ts";
import { isLoss, RunLog } from "./run-log.ts";
import { inTurn } from "./session-turns.ts";
import { type Held, type LeftRun, type Start, takeUp } from "./take-up.ts";
import { Tally } from "./tally.ts";
import { type Outcome, runLoop } from "./tool-loop.ts";
import { RESULT_CHARACTERS } from "./tool-result.ts";
import { untilAborted } from "./until-aborted.ts";
import { whenFree } from "./when-free.ts";

/**
 * An agent whose work is kept in sessions: each answer of its model, each call of a tool and each result is in the log of
 * the session before the next thing happens. Neither connects nor loads anything.
 *
 * @throws {SojournError} `invalid`: the faults name the options
 */
export function agent(options: AgentOptions): Agent {
  return new Agent(options);
}

/** Made by `agent`. */
export class Agent {
  readonly #options: AgentOptions;
  readonly #model: AgentModel;
  /** By the uid of the session: the run that this agent had to leave there, which it can take up better than others. */
  readonly #left = new Map<string, LeftRun>();

  /** Use `agent`. */
  constructor(options: AgentOptions) {
    assertOptions(options);
    this.#options = options;
    this.#model = agentModel(options);
  }

  get id(): string {
    return this.#options.id;
  }

  /**
   * Does a task, as the next turn of the session's conversation. Tasks of a session are done one after the other.
   *
   * It counts as one request of the session, as an error where it throws, and with the time, the tokens and the cost that it
   * took. What a tool throws is for the model, and no failure.
   *
   * @throws {SojournError} `model_failed`; `limit_reached` where it has not answered after `maxSteps`; `invalid_transition`
   *   for a session that is suspended, and where a limit pauses or ends it meanwhile, which the message tells: the run is
   *   interrupted then, and `resume` takes it up; `session_busy` where somebody else is at work in it for too long;
   *   `precondition_failed` where somebody has taken the run over
   */
  async executeTask(task: AgentTask, options: TaskOptions): Promise<AgentResult> {
    const content = contentOf(task);
    assertTaskOptions(options);
    const { sessionId, userId, newSession, signal } = options;
    const { id, sojourn, tools = {}, leaseMs } = this.#options;
    return await inTurn({ sojourn, sessionId, signal }, async () => {
      const session = await sojourn.sessions.getOrCreate(sessionId, { ...newSession, userId }, { signal });
      const bind = await toolsFor(tools, { sojourn, session });
      const messages = { role: "user", content } as const;
      const run = await this.#whenFree(() => session.agentRuns.begin({ agent: id, messages, leaseMs }), signal);
      this.#left.delete(session.uid);
      const fresh = { tally: new Tally(), callIds: new Set<string>(), openCalls: [], answer: undefined };
      return await this.#work(
        { session, run, tools: bind({ runId: run.runId, signal }), left: undefined },
        async () => fresh,
        options,
      );
    });
  }

  /**
   * Takes up the session's run that was interrupted, at the step where it stopped: after a crash of its process, or once a
   * session that a limit had paused is active again. Its usage and cost are those of the whole run.
   *
   * Of calls that may have been made already and have no result, those of tools that are idempotent, and of apps, are made
   * again; of the others the model is told that they were interrupted.
   *
   * @throws {SojournError} `session_not_found`; `agent_run_not_found` where there was none; `invalid_transition` for one that
   *   is over, or another agent's, and for a session that is still suspended; `session_busy` where its lease is not over;
   *   and those of `executeTask`
   */
  async resume(options: ResumeOptions): Promise<AgentResult> {
    assertResumeOptions(options);
    const { sessionId, takeOver = false, signal } = options;
    const { sojourn, tools = {}, leaseMs } = this.#options;
    return await inTurn({ sojourn, sessionId, signal }, async () => {
      const session = await sojourn.sessions.get(sessionId, { signal });
      const latest = await session.agentRuns.latest({ signal });
      if (latest === undefined) {
        const message = `Cannot take up a run in session "${sessionId}": there was none`;
        throw new SojournError("agent_run_not_found", { message });
      }
      if (latest.agent !== this.id) {
        const message = `Cannot take up run ${latest.runId}: it is of agent "${latest.agent}", and this is "${this.id}"`;
        throw new SojournError("invalid_transition", { message });
      }
      const bind = await toolsFor(tools, { sojourn, session });
      const left = this.#left.get(session.uid);
      const known = left?.runId === latest.runId && left.fence === latest.toJSON().fence ? left : undefined;
      const how = { leaseMs, takeOver: takeOver || known !== undefined };
      const run = await this.#whenFree(() => session.agentRuns.resume(latest.runId, how), signal);
      this.#left.delete(session.uid);
      const held = { session, run, tools: bind({ runId: run.runId, signal }), left: known };
      return await this.#work(held, (log, signal) => takeUp(held, log, signal), options);
    });
  }

  async #work(
    held: Held,
    start: (log: RunLog, signal: AbortSignal) => Promise<Start>,
    watch: RunWatch,
  ): Promise<AgentResult> {
    const { instructions, maxSteps = MAX_STEPS, leaseMs = LEASE_MS, price } = this.#options;
    const { maxResultCharacters = RESULT_CHARACTERS } = this.#options;
    const { session, run, tools, left } = held;
    using log = new RunLog({ session, run, leaseMs, unwritten: left?.unwritten ?? [] });
    const heard = new AbortController();
    const signal = AbortSignal.any([log.lost, heard.signal, ...(watch.signal === undefined ? [] : [watch.signal])]);
    // What whoever listens throws is no failure of the model, which would be asked again.
    const onText = (text: string): void => {
      if (signal.aborted) return;
      new Promise<unknown>((resolve) => resolve(watch.onText?.(text))).catch((error: unknown) => heard.abort(error));
    };
    const untouched = new Set(left?.untouched);
    const modelErrors = new Set<unknown>();
    const surplus = new Set<string>();
    const work = async (): Promise<AgentResult> => {
      const { answer, ...begun } = await start(log, signal);
      const outcome: Outcome =
        answer === undefined
          ? await runLoop({
              agentId: this.id,
              model: this.#model,
              settings: this.#options,
              ...{
                instructions,
                maxSteps,
                maxResultCharacters,
                price,
                log,
                tools,
                signal,
                untouched,
                surplus,
                modelErrors,
              },
              ...begun,
              onText: watch.onText === undefined ? undefined : onText,
              onStep: watch.onStep,
            })
          : { output: answer, finishReason: "stop" };
      const { steps, usage, costUsd } = begun.tally;
      return { ...outcome, sessionId: session.sessionId, runId: run.runId, steps, usage, costUsd };
    };
    let result: AgentResult;
    try {
      result = await untilAborted(work(), signal);
    } catch (error) {
      if (log.refusal !== undefined) throw await this.#refused(log.refusal.error, { log, session, run, untouched });
      const failure = this.#failureOf(error, { signal, modelErrors });
      // What failed is told, also where the end of the run can't be: it is over with its lease then.
      await log.finish({ status: "failed", error: textOf(failure) }).catch(() => {});
      throw failure;
    }
    await log.finish({ status: "completed" });
    return result;
  }

  #failureOf(
    error: unknown,
    { signal, modelErrors }: { readonly signal: AbortSignal; readonly modelErrors: ReadonlySet<unknown> },
  ): unknown {
    if (signal.aborted) return signal.reason;
    return modelErrors.has(causeOf(error)) ? modelFailure(error, this.#model.name) : error;
  }

  /** Leaves a run of which its session takes no more, so that it can be taken up; where it can't be, it has failed. */
  async #refused(
    error: unknown,
    {
      log,
      session,
      run,
      untouched,
    }: { readonly log: RunLog } & Pick<Held, "session" | "run"> & Pick<LeftRun, "untouched">,
  ): Promise<unknown> {
    if (!(error instanceof SojournError)) return error;
    const { code, retryAfterMs, faults } = error;
    const isEnded = await session.refresh().then(
      ({ status }) => status !== "active" && status !== "suspended",
      () => false,
    );
    const isOver = isEnded || code === "invalid" || code === "payload_too_large";
    let how = "was lost";
    if (isOver) {
      how = "failed";
      await log.writeUsage().catch(() => {});
      await log.finish({ status: "failed", error: textOf(error) }).catch(() => {});
    } else if (!isLoss(error)) {
      how = "was interrupted";
      this.#left.set(session.uid, { runId: run.runId, fence: run.toJSON().fence, unwritten: log.unwritten, untouched });
    }
    const message = `Run ${run.runId} of agent "${this.id}" ${how}: ${error.message}`;
    return new SojournError(code, {
      message,
      faults,
      cause: error,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  }

  async #whenFree<T>(begin: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return await whenFree(begin, { waitMs: this.#options.busyWaitMs ?? BUSY_WAIT_MS, signal });
  }
}

const BUSY_WAIT_MS = 30_000;

/** The longest that a session keeps. */
const ERROR_LENGTH_MAX = 1_024;

/** The SDK hands the last of several failures on within one of its own. */
function causeOf(error: unknown): unknown {
  return error instanceof Error && "lastError" in error ? error.lastError : error;
}

function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return cut(clean(text), ERROR_LENGTH_MAX);
}
