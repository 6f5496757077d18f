import type {
  AgentEnd,
  AgentRunState,
  AgentStep,
  ConversationWindow,
  HeldRun,
  NewAgentRun,
  ResumedAgentRun,
} from "./agent-runs.ts";
import { decodeAgentRun, decodeWindow, type WireAgentRun, type WireWindow } from "./decode-agent-runs.ts";
import { encodeBody } from "./encode.ts";
import { type HttpCalls, sessionPath, WITH_SESSION } from "./http-calls.ts";
import type { CallOptions, WriteOptions } from "./inputs.ts";
import type { AgentRunTransport, Told } from "./transport.ts";

/** The way to what agents do in a server's sessions. */
export class HttpAgentRuns implements AgentRunTransport {
  readonly #calls: HttpCalls;

  constructor(calls: HttpCalls) {
    this.#calls = calls;
  }

  async begin(uid: string, wanted: NewAgentRun, options: WriteOptions): Promise<Told<AgentRunState>> {
    return await this.#write(`${runsPath(uid)}?${WITH_SESSION}`, wanted, options);
  }

  async get(uid: string, runId: string, options: CallOptions): Promise<AgentRunState> {
    return decodeAgentRun((await this.#calls.read(runPath(uid, runId), {}, options)) as unknown as WireAgentRun);
  }

  async window(uid: string, runId: string, options: CallOptions): Promise<ConversationWindow> {
    const wire = await this.#calls.read(`${runPath(uid, runId)}/window`, {}, options);
    return decodeWindow(wire as unknown as WireWindow);
  }

  async resume(
    uid: string,
    runId: string,
    wanted: ResumedAgentRun,
    options: WriteOptions,
  ): Promise<Told<AgentRunState>> {
    return await this.#write(`${runPath(uid, runId)}/resume?${WITH_SESSION}`, wanted, options);
  }

  // A step is made often, and nobody looks at the session between two.
  async step(
    uid: string,
    { runId, fence }: HeldRun,
    step: AgentStep,
    options: WriteOptions,
  ): Promise<Told<AgentRunState>> {
    return await this.#write(`${runPath(uid, runId)}/steps`, { fence, ...step }, options);
  }

  async finish(
    uid: string,
    { runId, fence }: HeldRun,
    end: AgentEnd,
    options: WriteOptions,
  ): Promise<Told<AgentRunState>> {
    return await this.#write(`${runPath(uid, runId)}/finish?${WITH_SESSION}`, { fence, ...end }, options);
  }

  async #write(path: string, body: object, options: WriteOptions): Promise<Told<AgentRunState>> {
    const data = await this.#calls.write({ method: "POST", path, body: encodeBody(body) }, options);
    return this.#calls.told(data, decodeAgentRun(data as unknown as WireAgentRun));
  }
}

function runsPath(uid: string): string {
  return `${sessionPath(uid)}/agent-runs`;
}

function runPath(uid: string, runId: string): string {
  return `${runsPath(uid)}/${encodeURIComponent(runId)}`;
}
