import type { CallOptions, JsonObject, Message, Session, SessionName, Sojourn, WriteOptions } from "../client/index.ts";
import { SojournError } from "../engine/errors.ts";
import {
  type AgentMessage,
  agentMessageOf,
  assertType,
  type MessageType,
  messageFor,
  type NewAgentMessage,
} from "./agent-message.ts";
import {
  type ConversationType,
  conversationIdOf,
  fault,
  findRoster,
  isSame,
  keptOf,
  type Participant,
  type Parties,
  type Roster,
  refuseKeys,
  rosterOf,
} from "./participants.ts";

/** A conversation to open. */
export interface NewConversation {
  /** The session that it belongs to, which must exist. */
  readonly session: SessionName;
  readonly type: ConversationType;
  /** The two parties. Of two agents, the first is the one that the conversation goes out from. */
  readonly participants: readonly [Participant, Participant];
  /** Of the conversation's session, where it is made; all but the key `conversation`. */
  readonly metadata?: JsonObject | undefined;
}

/** Which messages of a conversation. */
export interface HistoryQuery {
  /** So many of the newest that match: 1 or more, default 50. */
  readonly limit?: number | undefined;
  /** Only messages of these types; default all. */
  readonly types?: readonly MessageType[] | undefined;
}

/** How many messages are looked at together for those of some types. */
const BATCH = 200;

/** The most that a session gives at once. */
const BATCH_MAX = 1_000;

/**
 * Opens the conversation of two parties about a session: a session of its own, a child of that one, so that no two
 * conversations mix. Where the same parties talk already, it goes on.
 *
 * | type | the conversation's `session_id` |
 * | --- | --- |
 * | `user_to_mc` | the session's own: this conversation is the session |
 * | `mc_to_agent` | `<session>_mc_to_<role>` |
 * | `agent_to_agent` | `<session>_<role>_to_<role>`, the first participant's role first |
 * | `user_to_agent` | `<session>_user_to_<role>` |
 *
 * It belongs to the session's `uid`: where the session has ended and another has begun under its name, so does the
 * conversation.
 *
 * @throws {SojournError} `invalid`, before anything is made; `session_not_found`; `session_exists` where what is called so
 *   is no conversation, or that of others
 */
export async function openConversation(
  sojourn: Sojourn,
  { session, metadata = {}, ...wanted }: NewConversation,
  options: CallOptions = {},
): Promise<Conversation> {
  const roster = rosterOf(wanted);
  refuseKeys("metadata", metadata, ["conversation"]);
  const root = await sojourn.sessions.get(typeof session === "string" ? session : session.uid, options);
  const kept = { ...metadata, conversation: keptOf({ ...roster, sessionUid: root.uid }) };
  if (roster.type === "user_to_mc") {
    await mark(root, kept, options);
    return joined(root, roster);
  }
  const { userId, sessionId: parentSessionId, idleTimeoutMs = null } = root;
  const sessionId = conversationIdOf(parentSessionId, roster);
  for (;;) {
    const wantedSession = { userId, parentSessionId, idleTimeoutMs, metadata: kept };
    const found = await sojourn.sessions.getOrCreate(sessionId, wantedSession, options);
    const held = heldBy(found);
    if (held === undefined || held.sessionUid === root.uid) return joined(found, roster);
    await found.complete("the session that it belonged to has begun anew", options);
  }
}

/**
 * The conversation that a session holds.
 *
 * @throws {SojournError} `invalid` for a session that `openConversation` did not make
 */
export function conversationOf(session: Session): Conversation {
  const held = heldBy(session);
  if (held !== undefined) return new Conversation(session, held);
  throw new SojournError("invalid", { message: `Session ${session.sessionId} holds no conversation of two parties` });
}

/**
 * What two parties say to each other, in a session that keeps it.
 *
 * There, what the party says that the conversation goes out from has the role `user`, and the other's words `assistant`: so
 * a model that is the other can be shown them as they are. Who and what for is in their metadata: `sender_id`,
 * `recipient_id`, `message_type`.
 */
export class Conversation {
  /** The session that holds it; end that to end the conversation. */
  readonly session: Session;
  readonly type: ConversationType;
  /** First the party that the conversation goes out from. */
  readonly participants: Parties;

  /** Conversations come from `openConversation` and `conversationOf`. */
  constructor(session: Session, { type, participants }: Roster) {
    this.session = session;
    this.type = type;
    this.participants = participants;
  }

  get sessionId(): string {
    return this.session.sessionId;
  }

  /**
   * Keeps what one party says to the other.
   *
   * @throws {SojournError} `invalid`, such as for a sender that is no party; `invalid_transition` once the session is not
   *   active
   */
  async send(message: NewAgentMessage, options: WriteOptions = {}): Promise<AgentMessage> {
    const [added] = await this.session.messages.add(messageFor(this.participants, message), options);
    const said = added && agentMessageOf(this.participants, added);
    if (said === undefined) throw new SojournError("internal", { message: "The message did not come back" });
    return said;
  }

  /**
   * The newest messages that match, the oldest of them first.
   *
   * What came into the session by a chat or a task of an agent counts as `communication`, by its role; instructions to a
   * model and what tools answered do not.
   */
  async history({ limit = 50, types, signal }: HistoryQuery & CallOptions = {}): Promise<readonly AgentMessage[]> {
    if (!(Number.isSafeInteger(limit) && limit >= 1)) throw fault("limit", "must be a whole number from 1 on");
    for (const [i, type] of types?.entries() ?? []) assertType(`types.${i}`, type);
    const size = types === undefined ? Math.min(limit, BATCH_MAX) : BATCH;
    const found: AgentMessage[] = [];
    for await (const batch of this.#batches(size, { signal })) {
      const said = batch
        .map((message) => agentMessageOf(this.participants, message))
        .filter((one) => one !== undefined);
      found.unshift(...said.filter(({ type }) => types?.includes(type) ?? true));
      if (found.length >= limit) break;
    }
    return found.slice(-limit);
  }

  // The newest first; within each, the oldest.
  async *#batches(size: number, options: CallOptions): AsyncGenerator<readonly Message[], void, undefined> {
    const { messages } = this.session;
    for (let batch = await messages.recent(size, options); batch[0] !== undefined; ) {
      yield batch;
      const before = batch[0].number;
      if (before === 1) return;
      const after = Math.max(0, before - 1 - size);
      const older: Message[] = [];
      for await (const message of messages.list({ after, pageSize: before - 1 - after, ...options })) {
        if (message.number < before) older.push(message);
        if (message.number >= before - 1) break;
      }
      batch = older;
    }
  }
}

// Where two mark a session at once, the later finds what the earlier wrote, and does not replace it.
async function mark(session: Session, metadata: JsonObject, options: CallOptions): Promise<void> {
  while (heldBy(session) === undefined) {
    try {
      await session.update({ metadata }, { ...options, ifMatch: session.version });
    } catch (error) {
      if (!(error instanceof SojournError && error.code === "precondition_failed")) throw error;
      await session.refresh(options);
    }
  }
}

function joined(session: Session, wanted: Roster): Conversation {
  const held = heldBy(session);
  if (held !== undefined && isSame(held, wanted)) return new Conversation(session, held);
  const what = held === undefined ? "holds no conversation" : "holds the conversation of others";
  throw new SojournError("session_exists", { message: `Session "${session.sessionId}" ${what}` });
}

function heldBy({ metadata }: Session): Roster | undefined {
  return findRoster(metadata.conversation);
}
