import { SojournError } from "../engine/errors.ts";
import type { NewMessage, SealedMessage, TokenUsage } from "./conversation.ts";
import type { CallOptions, WriteOptions } from "./inputs.ts";
import type { AgentRunTransport, Sighting, Told } from "./transport.ts";

/** What is told of a run. */
export interface AgentRunState {
  readonly runId: string;
  /** What the agent is called. */
  readonly agent: string;
  /** `interrupted`: nobody is taken to work on it; it can be taken up. */
  readonly status: "running" | "interrupted" | "completed" | "failed";
  /** How many of its steps brought messages. */
  readonly steps: number;
  /** What its steps come with; another, once somebody has taken it up. */
  readonly fence: number;
  /** The number of the first message that is its own. */
  readonly firstMessage: number;
  readonly beganAt: Date;
  readonly updatedAt: Date;
  /** Until when somebody is taken to work on it. */
  readonly leaseUntil: Date;
  /** How long it was worked on before it was taken up last; at its end, in all. */
  readonly processingTimeMs: number;
  /** Why it failed. */
  readonly error: string | undefined;
}

/** What a run begins with. */
export interface NewAgentRun {
  /** What the agent is called: 1 to 255 characters. */
  readonly agent: string;
  /** What it is to do: 1 to 1,000. */
  readonly messages: NewMessage | readonly NewMessage[];
  /** How long after a step somebody is still taken to work on it: a second to a day, default a minute. */
  readonly leaseMs?: number | undefined;
}

/** How a run is taken up. */
export interface ResumedAgentRun {
  readonly leaseMs?: number | undefined;
  /** Also where somebody is still taken to work on it, who then can't go on. */
  readonly takeOver?: boolean | undefined;
}

/** One step of a run. */
export interface AgentStep {
  /** Up to 1,000; none: the run is still worked on, and nothing else. */
  readonly messages?: readonly NewMessage[] | undefined;
  /** What it took of a language model; its cost is kept to the billionth. */
  readonly usage?: TokenUsage | undefined;
}

/** How a run came out. */
export interface AgentEnd {
  readonly status: "completed" | "failed";
  /** Why it failed: up to 1,024 characters. */
  readonly error?: string | undefined;
}

/** What a model is to be shown of a conversation. */
export interface ConversationWindow {
  /** What went before the messages, in short. */
  readonly summary: string | undefined;
  /** The newest that fit, oldest first. */
  readonly messages: readonly SealedMessage[];
}

/** What agents do in a session, whose loops run in this process. One is at work in a session at a time. */
export class AgentRuns {
  readonly #transport: AgentRunTransport;
  readonly #uid: string;
  readonly #onSeen: (seen: Sighting) => void;

  /** Runs come from a session. */
  constructor(transport: AgentRunTransport, uid: string, onSeen: (seen: Sighting) => void) {
    this.#transport = transport;
    this.#uid = uid;
    this.#onSeen = onSeen;
  }

  /**
   * Begins a run. One that was interrupted is over with that, as failed.
   *
   * @throws {SojournError} `session_busy` while somebody works on another; `invalid_transition` in a session that is not
   *   active
   */
  async begin(wanted: NewAgentRun, options: WriteOptions = {}): Promise<AgentRun> {
    const messages = Array.isArray(wanted.messages) ? wanted.messages : [wanted.messages];
    return this.#run(await this.#transport.begin(this.#uid, { ...wanted, messages }, options));
  }

  /** The session's newest run, or `undefined` where it has had none. */
  async latest(options: CallOptions = {}): Promise<AgentRun | undefined> {
    try {
      return this.#run({ value: await this.#transport.get(this.#uid, "latest", options), seen: undefined });
    } catch (error) {
      if (error instanceof SojournError && error.code === "agent_run_not_found") return undefined;
      throw error;
    }
  }

  /**
   * Takes up a run that was interrupted, at the step where it stopped.
   *
   * @throws {SojournError} `agent_run_not_found`, `session_busy`; `invalid_transition` for one that is over
   */
  async resume(
    runId: string,
    { leaseMs, takeOver, ...options }: ResumedAgentRun & WriteOptions = {},
  ): Promise<AgentRun> {
    return this.#run(await this.#transport.resume(this.#uid, runId, { leaseMs, takeOver }, options));
  }

  #run({ value, seen }: Told<AgentRunState>): AgentRun {
    if (seen !== undefined) this.#onSeen(seen);
    return new AgentRun(this.#transport, { uid: this.#uid, state: value, onSeen: this.#onSeen });
  }
}

/** A run, and what was last seen of it. */
export class AgentRun {
  readonly #transport: AgentRunTransport;
  readonly #uid: string;
  readonly #onSeen: (seen: Sighting) => void;
  #state: AgentRunState;

  /** Runs come from `session.agentRuns`. */
  constructor(
    transport: AgentRunTransport,
    {
      uid,
      state,
      onSeen,
    }: { readonly uid: string; readonly state: AgentRunState; readonly onSeen: (seen: Sighting) => void },
  ) {
    this.#transport = transport;
    this.#uid = uid;
    this.#state = state;
    this.#onSeen = onSeen;
  }

  get runId(): string {
    return this.#state.runId;
  }

  get agent(): string {
    return this.#state.agent;
  }

  get status(): AgentRunState["status"] {
    return this.#state.status;
  }

  get steps(): number {
    return this.#state.steps;
  }

  /** All that was last seen of it. */
  toJSON(): AgentRunState {
    return this.#state;
  }

  /** What its model is to be shown: as much as one of a chat, by the same compaction. */
  async window(options: CallOptions = {}): Promise<ConversationWindow> {
    return await this.#transport.window(this.#uid, this.runId, options);
  }

  /**
   * Keeps a step, before the next is made. Without messages it only says that the run is still worked on.
   *
   * @throws {SojournError} `precondition_failed` where another has taken it up; `invalid_transition` for one that is over, and in a
   *   session that is not active, as when a limit was reached
   */
  async step(step: AgentStep = {}, options: WriteOptions = {}): Promise<this> {
    return this.#see(await this.#transport.step(this.#uid, this.#held, step, options));
  }

  /** Says how it came out; the same again changes nothing. */
  async finish(end: AgentEnd, options: WriteOptions = {}): Promise<this> {
    return this.#see(await this.#transport.finish(this.#uid, this.#held, end, options));
  }

  get #held(): HeldRun {
    return { runId: this.#state.runId, fence: this.#state.fence };
  }

  #see({ value, seen }: Told<AgentRunState>): this {
    // Somebody else's fence is no right of this one's.
    this.#state = { ...value, fence: this.#state.fence };
    if (seen !== undefined) this.#onSeen(seen);
    return this;
  }
}

/** Which run, and by which right. */
export interface HeldRun {
  readonly runId: string;
  readonly fence: number;
}
