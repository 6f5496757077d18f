import { LRUCache } from "lru-cache";
import { assertNobodyWorks } from "../engine/agent-run-commands.ts";
import { messagesOf } from "../engine/conversation.ts";
import { addMessages, changeWorkingMemory } from "../engine/conversation-commands.ts";
import { type ErrorCode, SojournError } from "../engine/errors.ts";
import { given } from "../engine/given.ts";
import { type Answer, keyFor, OnceOnly } from "../engine/idempotency.ts";
import type { JsonObject } from "../engine/json.ts";
import { assertOpen } from "../engine/lifecycle.ts";
import type { MailboxPorts } from "../engine/mailbox.ts";
import type { Message, SealedMessage, StoredMessage } from "../engine/message.ts";
import { assertMatches } from "../engine/precondition.ts";
import type { RunSlots } from "../engine/run-slots.ts";
import type { Caller, Session, Sessions, WriteOptions } from "../engine/sessions.ts";
import type { Users } from "../engine/users.ts";
import { AgentRuns } from "./agent-runs.ts";
import { type Answered, Chat, type ChatOptions, type ChatRequest, type ChatSettings } from "./chat.ts";
import { type Compacted, type Compaction, type CompactRequest, compactConversation } from "./compaction.ts";
import { executors, type MemoryExecutors } from "./executors.ts";
import type { Model } from "./model.ts";
import { seal } from "./tokens.ts";
import { Windows } from "./windows.ts";

/** What memory stands on. */
export interface MemoryPorts extends MailboxPorts {
  readonly sessions: Sessions;
  readonly users: Users;
  readonly model: Model;
  /** Shared with whoever else runs in sessions. */
  readonly slots: RunSlots;
  /** Told why a conversation could not be compacted by itself; its next turn tries again. */
  readonly onFailure: (error: unknown) => void;
}

export interface MemorySettings extends ChatSettings {
  /** Whether a conversation is compacted by itself once it is larger than the window. */
  readonly compactsItself: boolean;
}

/** How many turns pass at most before what failed is tried again. */
const PAUSE_MAX = 64;

/** Of how many sessions it is kept that they wait. */
const PAUSES_MAX = 10_000;

/** The session was deleted, or has ended: there is nothing to compact. */
const GONE: readonly ErrorCode[] = ["session_not_found", "invalid_transition"];

/** What sessions remember: their conversations, and working memory. */
export class Memory {
  readonly #ports: MemoryPorts;
  readonly #settings: MemorySettings;
  readonly #slots: RunSlots;
  readonly #chat: Chat;
  readonly #once: OnceOnly;
  /** What agents do, and say, in sessions. */
  readonly agentRuns: AgentRuns;
  readonly #closing = new AbortController();
  /** For how many turns no compaction is tried of a session where the last have failed, by its uid. */
  readonly #pauses = new LRUCache<string, { readonly turns: number; left: number }>({ max: PAUSES_MAX });
  /** Turns, and compactions that nobody waits for. */
  readonly #inHand = new Set<Promise<unknown>>();

  constructor(ports: MemoryPorts, settings: MemorySettings) {
    this.#ports = ports;
    this.#settings = settings;
    this.#once = new OnceOnly(ports);
    this.#slots = ports.slots;
    const windows = new Windows(ports.store, settings.windowTokens);
    this.#chat = new Chat({ ...ports, windows }, settings);
    const onGrown = (caller: Caller, session: Session): void => this.#compactInTime(caller, session);
    this.agentRuns = new AgentRuns({ ...ports, windows, onGrown });
  }

  /** What answers. */
  get model(): Model {
    return this.#ports.model;
  }

  /** Says something to a session; see `Chat.say`. */
  async chat(caller: Caller, request: ChatRequest, { signal, ...options }: ChatOptions): Promise<Answer<Answered>> {
    const until = AbortSignal.any([signal, this.#closing.signal]);
    const answer = await this.#hold(this.#chat.say(caller, request, { ...options, signal: until }));
    if (!answer.replayed) this.#compactInTime(caller, answer.value.session);
    return answer;
  }

  /** Adds messages to a conversation, with what their history lacks to be usable. */
  async add(
    caller: Caller,
    id: string,
    messages: readonly Message[],
    options: WriteOptions = {},
  ): Promise<Answer<{ readonly session: Session; readonly messages: readonly StoredMessage[] }>> {
    const { sessions, store } = this.#ports;
    const command = addMessages(messages, seal);
    let added: readonly SealedMessage[] | undefined;
    const answer = await sessions.change(
      caller,
      id,
      (session, now) => {
        assertNobodyWorks(session, now);
        const drafts = command(session);
        added = drafts[0]?.input.messages;
        return drafts;
      },
      options,
    );
    const { seq } = answer;
    const { ref, record } = answer.value;
    if (answer.replayed || added === undefined) {
      // The log knows what was made of them.
      const [entry] = await store.operations(ref, { after: seq - 1, through: seq, limit: 1 });
      added = entry === undefined ? [] : messagesOf(entry);
    }
    const first = record.conversation.messages - added.length + 1;
    const stored = added.map((message, i) => ({ ...message, number: first + i, seq, at: answer.at }));
    return { ...answer, value: { session: answer.value, messages: stored } };
  }

  /** Compacts a conversation, in its turn among the session's chats. */
  async compact(
    caller: Caller,
    id: string,
    request: CompactRequest,
    { idempotency, precondition, signal }: WriteOptions & { readonly signal: AbortSignal },
  ): Promise<Answer<Compacted>> {
    const until = AbortSignal.any([signal, this.#closing.signal]);
    const session = await this.#ports.sessions.get(caller, id);
    return await this.#once.run<Compacted>(caller.tenant, keyFor(idempotency, session.ref.id), async (remember) => {
      const job = { caller, session, request, signal: until, remember, ...given("precondition", precondition) };
      return await this.#inSlot(session, until, () => this.#compact(job));
    });
  }

  /** Replaces working memory, or changes members of it, where `null` removes one. */
  async changeWorkingMemory(
    caller: Caller,
    id: string,
    change: { readonly set: JsonObject } | { readonly merge: JsonObject },
    options: WriteOptions = {},
  ): Promise<Answer<Session>> {
    return await this.#ports.sessions.change(caller, id, changeWorkingMemory(change), options);
  }

  /** How conversations are replayed. What they compacted by themselves stands in their logs, and is not done twice. */
  get executors(): MemoryExecutors {
    const until = (signal: AbortSignal): AbortSignal => AbortSignal.any([signal, this.#closing.signal]);
    return executors({
      say: (caller, request, signal) => this.#hold(this.#chat.say(caller, request, { signal: until(signal) })),
      add: (caller, uid, messages) => this.add(caller, uid, messages),
      compact: (caller, session, request, signal) => {
        const job = { caller, session, request, exactly: true, signal: until(signal) };
        return this.#hold(this.#inSlot(session, job.signal, () => this.#compact(job)));
      },
    });
  }

  /** Ends the turns in hand, of which nothing is kept but that they failed. */
  async close(): Promise<void> {
    this.#closing.abort(
      new SojournError("overloaded", { message: "The server is shutting down; try again in a moment" }),
    );
    await Promise.allSettled(this.#inHand);
  }

  #compactInTime(caller: Caller, session: Session): void {
    const { windowTokens, compactsItself } = this.#settings;
    if (!compactsItself || session.record.conversation.tokens <= windowTokens) return;
    const pause = this.#pauses.get(session.ref.id);
    if (pause !== undefined && pause.left > 0) {
      pause.left -= 1;
      return;
    }
    const { signal } = this.#closing;
    const request = { strategy: "summarize", keepTokens: Math.floor(windowTokens / 2) } as const;
    const compaction = this.#inSlot(session, signal, async () => {
      // One window at a time, so that the next turn does not wait for many.
      await this.#compact({ caller, session, request, signal, windowsMax: 1 });
      this.#pauses.delete(session.ref.id);
    }).catch((error: unknown) => {
      const isOver = error instanceof SojournError && GONE.includes(error.code);
      if (signal.aborted || isOver) return;
      const turns = Math.min(PAUSE_MAX, 2 * (pause?.turns ?? 1));
      this.#pauses.set(session.ref.id, { turns, left: turns });
      this.#ports.onFailure(error);
    });
    void this.#hold(compaction);
  }

  /** Lets `close` wait for it. */
  #hold<T>(work: Promise<T>): Promise<T> {
    this.#inHand.add(work);
    const over = (): unknown => this.#inHand.delete(work);
    work.then(over, over);
    return work;
  }

  async #compact(job: Compaction): Promise<{ readonly value: Compacted; readonly at: number }> {
    // As it is now that it has the slot.
    const session = await this.#ports.sessions.get(job.caller, job.session.ref.id);
    assertMatches(job.precondition, session.head.seq);
    assertOpen(session.record, "compact");
    return await compactConversation(
      { ...this.#ports, windowTokens: this.#settings.windowTokens },
      { ...job, session },
    );
  }

  async #inSlot<T>({ ref }: Session, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return await this.#slots.run(`${ref.tenant}\n${ref.id}`, work, { signal, aborted: () => signal.reason });
  }
}
