import { assertNobodyWorks } from "../engine/agent-run-commands.ts";
import type { Settled } from "../engine/batch.ts";
import type { Command } from "../engine/commands.ts";
import { plain, repaired, withFacts } from "../engine/conversation.ts";
import { completeTurn, failTurn, type Turn } from "../engine/conversation-commands.ts";
import { invalid, SojournError } from "../engine/errors.ts";
import { given } from "../engine/given.ts";
import { type Answer, keyFor, OnceOnly, type Remember } from "../engine/idempotency.ts";
import type { JsonObject } from "../engine/json.ts";
import { assertSize, assertWithin, jsonFaults, LIMITS, textFaults } from "../engine/limits.ts";
import type { MailboxPorts } from "../engine/mailbox.ts";
import type { Message, SealedMessage } from "../engine/message.ts";
import { assertMatches } from "../engine/precondition.ts";
import { RunSlots } from "../engine/run-slots.ts";
import type { Caller, ChangeOptions, Session, Sessions, WriteOptions } from "../engine/sessions.ts";
import { news, type Profile, type ProfilePatch } from "../engine/user.ts";
import type { Users } from "../engine/users.ts";
import { factsIn } from "./facts.ts";
import type { Context, Model, Usage } from "./model.ts";
import { learned } from "./style.ts";
import { sealOnce } from "./tokens.ts";
import type { Windows } from "./windows.ts";

/** What somebody says. */
export interface ChatRequest {
  /** 1 to 5,000 characters, not counting the white space around them. */
  readonly message: string;
  /** Where it is said; left out: in a session made for it, which is temporary. */
  readonly sessionId?: string;
  /** Whose a temporary session is; otherwise that of the session, or left out. */
  readonly userId?: string;
  /** Kept with the message. */
  readonly metadata?: JsonObject;
  /** In place of what the operator says to the model of each conversation; of this turn alone. */
  readonly systemPrompt?: string;
}

/** What was answered, and the session right after. */
export interface Answered {
  readonly session: Session;
  readonly response: string;
  readonly model: string;
  readonly isLanguageModel: boolean;
  readonly reason: Turn["reason"];
  readonly usage?: Usage;
  readonly processingTimeUs: number;
}

/** Who is told of an answer while it is made, before anything is kept of it. */
export interface ChatListener {
  /** The turn has begun, in this session. */
  readonly onBegin?: (session: Session) => void;
  /** Some more of the answer's text. */
  readonly onText?: (text: string) => void;
}

/** What may come with a chat. */
export interface ChatOptions extends WriteOptions, ChatListener {
  /** Ends the turn, and nothing of it is kept but that it failed. */
  readonly signal: AbortSignal;
  /** The caller has the session's run slot already, as a task has. */
  readonly holdsSlot?: true;
}

/** What a chat stands on. */
export interface ChatPorts extends MailboxPorts {
  readonly sessions: Sessions;
  readonly users: Users;
  readonly slots: RunSlots;
  readonly windows: Windows;
  readonly model: Model;
}

/** A session that lives longer without use outlives every answer. */
const KEEP_ALIVE_MAX_MS = 3_600_000;

/** What an operator sets. */
export interface ChatSettings {
  readonly systemPrompt: string;
  /** How much of a model's window the conversation may take, with what is said now. */
  readonly windowTokens: number;
  /** After how long without use a temporary session expires. */
  readonly temporaryIdleUs: number;
}

/**
 * Turns of conversations: what a user says, and what is answered from the window, working memory and the profile.
 *
 * A turn is one commit: the message, the answer, the facts, the counters, and what was learned of the user. Whatever
 * fails before, the session has one failed request more, and is otherwise as it was. Turns of one session come one after
 * the other; other calls on it do not wait for them.
 */
export class Chat {
  readonly #ports: ChatPorts;
  readonly #settings: ChatSettings;
  readonly #once: OnceOnly;
  /** One commit at a time that changes a user's profile. */
  readonly #learning = new RunSlots(Number.POSITIVE_INFINITY);

  constructor(ports: ChatPorts, settings: ChatSettings) {
    this.#ports = ports;
    this.#settings = settings;
    this.#once = new OnceOnly(ports);
  }

  /**
   * Says something, and resolves with the answer once both are durable.
   *
   * @throws {SojournError} `invalid_session` for a session that is missing, or not active; `session_busy`,
   *   `model_failed`, and what a write throws
   * @throws the signal's reason
   */
  async say(caller: Caller, request: ChatRequest, options: ChatOptions): Promise<Answer<Answered>> {
    const wanted = checked(request);
    const { sessionId } = wanted;
    const known = sessionId === undefined ? undefined : await this.#ports.sessions.find(caller, sessionId);
    const key = keyFor(options.idempotency, known?.ref.id ?? "");
    return await this.#once.run<Answered>(caller.tenant, key, async (remember) => {
      const session = await this.#open(caller, wanted);
      const { ref } = session;
      const turn = (): Promise<{ value: Answered; at: number }> =>
        this.#turn(caller, session, wanted, options, remember);
      try {
        if (options.holdsSlot) return await turn();
        return await this.#ports.slots.run(`${ref.tenant}\n${ref.id}`, turn, {
          signal: options.signal,
          aborted: () => options.signal.reason,
        });
      } catch (error) {
        // Nobody was told of it.
        if (sessionId === undefined) await this.#ports.sessions.delete(caller, ref.id).catch(() => undefined);
        throw error;
      }
    });
  }

  async #open(caller: Caller, { sessionId, userId }: ChatRequest): Promise<Session> {
    if (sessionId !== undefined) return await this.#active(caller, sessionId, { userId });
    const { sessions } = this.#ports;
    const wanted = {
      ...given("userId", userId),
      temporary: true,
      idleTimeoutUs: this.#settings.temporaryIdleUs,
    } as const;
    return (await sessions.create(caller, wanted)).value.session;
  }

  /** @param name  what the caller calls it, where that is not `id` */
  async #active(
    caller: Caller,
    id: string,
    { userId, name = id }: { readonly userId?: string | undefined; readonly name?: string },
  ): Promise<Session> {
    const session = await this.#ports.sessions.find(caller, id);
    if (session?.record.status !== "active") {
      throw new SojournError("invalid_session", { message: `Invalid or inactive session: ${name}` });
    }
    if (userId !== undefined && userId !== session.record.userId) {
      const message = "is not the user of this session; leave it out, or use another session";
      throw invalid([{ field: "user_id", message, type: "invalid_user" }]);
    }
    assertNobodyWorks(session.record, this.#ports.clock.now());
    return session;
  }

  async #turn(
    caller: Caller,
    found: Session,
    { message, metadata, systemPrompt }: ChatRequest,
    options: ChatOptions,
    remember: Remember<Answered> | undefined,
  ): Promise<{ readonly value: Answered; readonly at: number }> {
    const { users, clock, windows } = this.#ports;
    // Again, since it may have ended while others had the slot.
    const session = await this.#active(caller, found.ref.id, { name: found.record.sessionId });
    // Only now: a turn adds to whatever else is written while the model thinks, and undoes none of it.
    assertMatches(options.precondition, session.head.seq);
    const started = clock.now();
    options.onBegin?.(session);
    const said: Message = { role: "user", content: message, ...given("metadata", metadata) };
    // A turn's messages are counted for the window, for the log, and again after a conflict.
    const seal = sealOnce();
    const facts = factsIn(message);
    const patch = learned(message);
    let turn: Turn;
    try {
      using _alive = this.#keepAlive(caller, session);
      const context = await this.#context(caller, session, { said: seal(said), facts, patch, systemPrompt });
      const answer = await this.#ask(context, options);
      turn = { message: said, ...answer, facts, processingTimeUs: clock.now() - started };
    } catch (error) {
      await this.#count(caller, session.ref.id, clock.now() - started, error);
      throw error;
    }
    const answered = (after: Session): Answered => ({
      session: after,
      response: turn.answer.content,
      model: turn.model,
      isLanguageModel: this.#ports.model.isLanguageModel,
      reason: turn.reason,
      ...given("usage", turn.usage),
      processingTimeUs: turn.processingTimeUs,
    });
    const { value, at } = await this.#keep(caller, session, completeTurn(turn, seal), {
      ...given("remember", remember && (({ stream, at }: Settled) => remember(answered(stream), at, stream.ref))),
      ...given("beside", patch && users.learning(caller, session.record.userId, patch)),
    });
    // Where calls were open, only the log knows whether their results have come meanwhile.
    if (session.record.conversation.openCalls.length === 0) windows.add(value, [seal(said), seal(turn.answer)]);
    return { value: answered(value), at };
  }

  async #context(
    caller: Caller,
    session: Session,
    {
      said,
      facts,
      patch = {},
      systemPrompt = this.#settings.systemPrompt,
    }: {
      said: SealedMessage;
      facts: JsonObject;
      patch?: ProfilePatch | undefined;
      systemPrompt?: string | undefined;
    },
  ): Promise<Context> {
    const { windows, users } = this.#ports;
    const { conversation, workingMemory, userId } = session.record;
    // A session that acts for itself is answered as its user likes, too.
    const { actingAs: _, ...owner } = caller;
    const { record: profile } = await users.get(owner, userId);
    return {
      systemPrompt,
      profile: adapted(profile, patch),
      workingMemory: withFacts(workingMemory, facts),
      ...given("summary", conversation.summary),
      messages: [...(await windows.read(session, said.tokens)), ...repaired(conversation.openCalls, [said])].map(plain),
    };
  }

  async #ask(
    context: Context,
    { signal, onText }: ChatOptions,
  ): Promise<Pick<Turn, "answer" | "model" | "reason" | "usage">> {
    const { model } = this.#ports;
    let content = "";
    for await (const piece of model.answer(context, signal)) {
      signal.throwIfAborted();
      if (piece.piece === "text") {
        content += piece.text;
        onText?.(piece.text);
        continue;
      }
      const answer = { role: "assistant", content } as const;
      return { answer, model: model.name, reason: piece.reason, ...given("usage", piece.usage) };
    }
    signal.throwIfAborted();
    throw new SojournError("model_failed", { message: `The model ${model.name} stopped in the middle of its answer` });
  }

  async #keep(
    caller: Caller,
    { ref, record }: Session,
    command: Command,
    options: ChangeOptions,
  ): Promise<Answer<Session>> {
    const commit = () => this.#ports.sessions.change(caller, ref.id, command, options);
    try {
      // Sessions that teach one user at once would conflict again and again.
      if (options.beside === undefined) return await commit();
      return await this.#learning.run(`${ref.tenant}\n${record.userId}`, commit);
    } catch (error) {
      if (!(error instanceof SojournError && error.code === "session_not_found")) throw error;
      throw new SojournError("invalid_session", {
        message: `Session "${record.sessionId}" was deleted while the answer was made; nothing of it was kept`,
      });
    }
  }

  /** Work in progress counts as activity, where the session could expire meanwhile; until it is disposed of. */
  #keepAlive(caller: Caller, { ref, record }: Session): Disposable {
    const everyMs = (record.idleTimeoutUs ?? Number.POSITIVE_INFINITY) / 2_000;
    const timer =
      everyMs > KEEP_ALIVE_MAX_MS
        ? undefined
        : setInterval(() => void this.#ports.sessions.keepalive(caller, ref.id).catch(() => undefined), everyMs);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  /** Counts a turn that failed, where that can be done; what it failed for matters more. */
  async #count(caller: Caller, uid: string, processingTimeUs: number, error: unknown): Promise<void> {
    const why = error instanceof SojournError ? error.message : "The caller went away";
    await this.#ports.sessions.change(caller, uid, failTurn(processingTimeUs, why)).catch(() => undefined);
  }
}

/** The profile as it is once this was learned. */
function adapted(profile: Profile, patch: ProfilePatch): Profile {
  const { preferences, ...style } = news(profile, patch) ?? {};
  const given = Object.fromEntries(Object.entries(style).filter(([, value]) => value !== null));
  return { ...profile, ...given, preferences: { ...profile.preferences, ...preferences } };
}

function checked({ message, userId, metadata, ...rest }: ChatRequest): ChatRequest {
  const text = message.trim();
  const faults = textFaults("message", text, { min: 1, max: LIMITS.chatLength });
  if (metadata !== undefined) faults.push(...jsonFaults(metadata, "metadata"));
  if (faults.length > 0) throw invalid(faults);
  assertWithin({ ...given("userId", userId) });
  if (metadata !== undefined) assertSize("metadata", metadata, LIMITS.messageMetadataBytes);
  return { message: text, ...rest, ...given("userId", userId), ...given("metadata", metadata) };
}
