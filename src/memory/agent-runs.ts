import { type AgentRun, type AgentRunInputs, isCalled, isHeld, LATEST } from "../engine/agent-run.ts";
import {
  type AgentEnd,
  type AgentStep,
  beginRun,
  finishRun,
  type NewAgentRun,
  resumeRun,
  stepRun,
} from "../engine/agent-run-commands.ts";
import { SECOND } from "../engine/clock.ts";
import type { Command } from "../engine/commands.ts";
import { SojournError } from "../engine/errors.ts";
import { given } from "../engine/given.ts";
import type { Answer } from "../engine/idempotency.ts";
import type { MailboxPorts } from "../engine/mailbox.ts";
import type { SealedMessage } from "../engine/message.ts";
import type { SessionRecord } from "../engine/session.ts";
import type { Caller, Session, Sessions, WriteOptions } from "../engine/sessions.ts";
import type { Draft } from "../engine/streams.ts";
import { seal } from "./tokens.ts";
import type { Windows } from "./windows.ts";

/** What runs of agents stand on. */
export interface AgentRunPorts extends Pick<MailboxPorts, "clock" | "ids"> {
  readonly sessions: Sessions;
  readonly windows: Windows;
  /** Told of a session whose conversation has grown. */
  readonly onGrown: (caller: Caller, session: Session) => void;
}

/** How a run stands. */
export type RunStatus = "running" | "interrupted" | "completed" | "failed";

/** A run, and how it stands at the time of the answer. */
export interface ShownRun extends AgentRun {
  readonly status: RunStatus;
}

/** A run, and the session right after. */
export interface RunAndSession {
  readonly session: Session;
  readonly run: ShownRun;
}

/** What a model is shown of a conversation. */
export interface ShownWindow {
  /** What went before the messages, in short. */
  readonly summary?: string;
  /** The newest that fit, oldest first. */
  readonly messages: readonly SealedMessage[];
}

/** How long somebody is taken to work on a run after a step, where nobody says. */
const LEASE_US = 60 * SECOND;

/**
 * What agents do in sessions, whose loops run elsewhere: each step is kept before the next, so that a run that is
 * interrupted can be taken up where it stopped. One runs in a session at a time.
 */
export class AgentRuns {
  readonly #ports: AgentRunPorts;

  constructor(ports: AgentRunPorts) {
    this.#ports = ports;
  }

  /**
   * Begins a run, with what it is to do; it counts as a request once it is over. One that was interrupted is over with that.
   *
   * @throws {SojournError} `session_busy` while somebody works on another; `invalid_transition` in a session that is not
   *   active
   */
  async begin(
    caller: Caller,
    id: string,
    {
      agent,
      messages,
      leaseUs = LEASE_US,
    }: Pick<NewAgentRun, "agent" | "messages"> & { readonly leaseUs?: number | undefined },
    options: WriteOptions = {},
  ): Promise<Answer<RunAndSession>> {
    const runId = this.#ports.ids.run();
    return await this.#say(caller, id, beginRun({ runId, agent, messages, leaseUs }, seal), options);
  }

  /**
   * Takes up a run that was interrupted.
   *
   * @param takesOver  also where somebody is still taken to work on it, who then can't go on
   * @throws {SojournError} `agent_run_not_found`, `session_busy`; `invalid_transition` for one that is over
   */
  async resume(
    caller: Caller,
    id: string,
    {
      runId,
      leaseUs = LEASE_US,
      takesOver = false,
    }: { readonly runId: string; readonly leaseUs?: number | undefined; readonly takesOver?: boolean | undefined },
    options: WriteOptions = {},
  ): Promise<Answer<RunAndSession>> {
    return await this.#change(caller, id, resumeRun({ runId, leaseUs }, { takesOver }), options);
  }

  /**
   * Keeps a step: what was said, which tools were called, what they gave back, and what it took. Without messages it only
   * says that the run is still worked on.
   *
   * @throws {SojournError} `agent_run_not_found`; `precondition_failed` where another has taken it up; `invalid_transition` for one
   *   that is over, and in a session that is not active
   */
  async step(caller: Caller, id: string, step: AgentStep, options: WriteOptions = {}): Promise<Answer<RunAndSession>> {
    return await this.#say(caller, id, stepRun(step, seal), options);
  }

  /** Says how a run came out; the same end again changes nothing. */
  async finish(caller: Caller, id: string, end: AgentEnd, options: WriteOptions = {}): Promise<Answer<RunAndSession>> {
    return await this.#change(caller, id, finishRun(end, seal), options);
  }

  /**
   * A run, by its id or as `latest`.
   *
   * @throws {SojournError} `agent_run_not_found` for one that came before the session's newest, too
   */
  async get(caller: Caller, id: string, runId: string): Promise<ShownRun> {
    return this.#shown(await this.#ports.sessions.get(caller, id), runId);
  }

  /** What the model of a run is to be shown: as much as one of a chat, and in any case what the run is to do. */
  async window(caller: Caller, id: string, runId: string): Promise<ShownWindow> {
    const session = await this.#ports.sessions.get(caller, id);
    const { firstMessage } = this.#shown(session, runId);
    const messages = await this.#ports.windows.readFrom(session, firstMessage);
    return { ...given("summary", session.record.conversation.summary), messages };
  }

  /** A change that brings messages. They go to the window at once, so that the next look at it need not read them. */
  async #say(
    caller: Caller,
    id: string,
    command: (session: SessionRecord, now: number) => readonly Draft[],
    options: WriteOptions,
  ): Promise<Answer<RunAndSession>> {
    let said: readonly SealedMessage[] = [];
    const keeping: Command = (session, now) => {
      const drafts = command(session, now);
      // NOTE: the last of them is the one that brings messages.
      said = (drafts.at(-1)?.input as AgentRunInputs["agent.stepped"] | undefined)?.messages ?? [];
      return drafts;
    };
    const answer = await this.#change(caller, id, keeping, options);
    const { session } = answer.value;
    if (!answer.replayed && said.length > 0) {
      this.#ports.windows.add(session, said);
      this.#ports.onGrown(caller, session);
    }
    return answer;
  }

  async #change(caller: Caller, id: string, command: Command, options: WriteOptions): Promise<Answer<RunAndSession>> {
    const answer = await this.#ports.sessions.change(caller, id, command, options);
    const session = answer.value;
    return { ...answer, value: { session, run: this.#shown(session, LATEST) } };
  }

  #shown({ record: { sessionId, status, agentRun } }: Session, runId: string): ShownRun {
    if (agentRun === undefined || !isCalled(agentRun, runId)) {
      const message =
        runId === LATEST
          ? `Session "${sessionId}" has had no run of an agent`
          : `Session "${sessionId}" knows no run ${runId} any more`;
      throw new SojournError("agent_run_not_found", { message });
    }
    // In a session that is paused or over nobody can work, whoever meant to.
    const isWorkedOn = status === "active" && isHeld(agentRun, this.#ports.clock.now());
    const open = isWorkedOn ? "running" : "interrupted";
    return { ...agentRun, status: agentRun.outcome ?? open };
  }
}
