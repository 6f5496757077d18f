import type {
  AgentEnd,
  AgentRunState,
  AgentStep,
  ConversationWindow,
  HeldRun,
  NewAgentRun,
  ResumedAgentRun,
} from "../client/agent-runs.ts";
import { decodeAgentRun, decodeWindow } from "../client/decode-agent-runs.ts";
import type { CallOptions, WriteOptions } from "../client/inputs.ts";
import type { AgentRunTransport, Told } from "../client/transport.ts";
import type { Answer } from "../engine/idempotency.ts";
import type { Caller } from "../engine/sessions.ts";
import * as shapes from "../http/dialects/native/agent-runs.ts";
import type { AgentRuns, RunAndSession } from "../memory/agent-runs.ts";
import { type InProcessCalls, seenWith } from "./in-process-calls.ts";
import { bodyOf, writing } from "./input.ts";

/** The way to what agents do in this process's sessions. */
export class InProcessAgentRuns implements AgentRunTransport {
  readonly #calls: InProcessCalls;

  constructor(calls: InProcessCalls) {
    this.#calls = calls;
  }

  get #runs(): AgentRuns {
    return this.#calls.engine.memory.agentRuns;
  }

  async begin(uid: string, wanted: NewAgentRun, options: WriteOptions): Promise<Told<AgentRunState>> {
    const body = bodyOf(shapes.NewRunShape, wanted);
    const write = writing(`begin agent run ${uid}`, body, options);
    return await this.#change(options, (caller) => this.#runs.begin(caller, uid, shapes.decodeNewRun(body), write));
  }

  async get(uid: string, runId: string, options: CallOptions): Promise<AgentRunState> {
    return await this.#calls.call(options, (caller) => this.#runs.get(caller, uid, runId), runOf);
  }

  async window(uid: string, runId: string, options: CallOptions): Promise<ConversationWindow> {
    const read = (caller: Caller) => this.#runs.window(caller, uid, runId);
    // A copy: the engine goes on with its own.
    return await this.#calls.call(options, read, (window) =>
      structuredClone(decodeWindow(shapes.encodeWindow(window))),
    );
  }

  async resume(
    uid: string,
    runId: string,
    wanted: ResumedAgentRun,
    options: WriteOptions,
  ): Promise<Told<AgentRunState>> {
    const body = bodyOf(shapes.ResumeRunShape, wanted);
    const write = writing(`resume agent run ${uid} ${runId}`, body, options);
    const resumed = shapes.decodeResume(runId, body);
    return await this.#change(options, (caller) => this.#runs.resume(caller, uid, resumed, write));
  }

  async step(
    uid: string,
    { runId, fence }: HeldRun,
    step: AgentStep,
    options: WriteOptions,
  ): Promise<Told<AgentRunState>> {
    const body = bodyOf(shapes.StepShape, { fence, ...step });
    const write = writing(`agent step ${uid} ${runId}`, body, options);
    return await this.#change(options, (caller) => this.#runs.step(caller, uid, shapes.decodeStep(runId, body), write));
  }

  async finish(
    uid: string,
    { runId, fence }: HeldRun,
    end: AgentEnd,
    options: WriteOptions,
  ): Promise<Told<AgentRunState>> {
    const body = bodyOf(shapes.FinishShape, { fence, ...end });
    const write = writing(`finish agent run ${uid} ${runId}`, body, options);
    return await this.#change(options, (caller) =>
      this.#runs.finish(caller, uid, shapes.decodeFinish(runId, body), write),
    );
  }

  #change(
    options: CallOptions,
    change: (caller: Caller) => Promise<Answer<RunAndSession>>,
  ): Promise<Told<AgentRunState>> {
    return this.#calls.call(options, change, ({ value: { session, run } }) => seenWith(session, runOf(run)));
  }
}

function runOf(run: RunAndSession["run"]): AgentRunState {
  return decodeAgentRun(shapes.encodeRun(run));
}
