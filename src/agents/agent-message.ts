import type { JsonObject, Message, NewMessage } from "../client/index.ts";
import { fault, type Participant, type Parties, refuseKeys } from "./participants.ts";

/** What a message between parties is for. */
export const MESSAGE_TYPES = [
  "task_assignment",
  "result_report",
  "collaboration_request",
  "feedback",
  "communication",
  "status_update",
  "error_report",
  "task_completion",
  "progress_update",
  "clarification_request",
] as const;

export type MessageType = (typeof MESSAGE_TYPES)[number];

/** Something that one party is to say to the other. */
export interface NewAgentMessage {
  /** The `id` of a party. */
  readonly from: string;
  /** That of the other. */
  readonly to: string;
  /** 1 to 100,000 characters. */
  readonly content: string;
  /** Default `communication`. */
  readonly type?: MessageType | undefined;
  /** All but the keys `sender_id`, `recipient_id` and `message_type`. */
  readonly metadata?: JsonObject | undefined;
}

/** What one party said to the other. */
export interface AgentMessage {
  /** That of the message in its session. */
  readonly number: number;
  readonly from: Participant;
  readonly to: Participant;
  readonly type: MessageType;
  readonly content: string;
  readonly metadata: JsonObject;
  readonly timestamp: Date;
}

/**
 * The message of a session that keeps what a party says.
 *
 * @throws {SojournError} `invalid`
 */
export function messageFor(
  parties: Parties,
  { from, to, content, type = "communication", metadata = {} }: NewAgentMessage,
): NewMessage {
  const sender = partyOf(parties, "from", from);
  if (partyOf(parties, "to", to) === sender) throw fault("to", "must not be the sender");
  assertType("type", type);
  refuseKeys("metadata", metadata, ["sender_id", "recipient_id", "message_type"]);
  return {
    role: sender === parties[0] ? "user" : "assistant",
    content,
    metadata: { ...metadata, sender_id: from, recipient_id: to, message_type: type },
  };
}

/** Reads what `messageFor` made, or what came in another way; `undefined` for what is no party's words. */
export function agentMessageOf(
  [one, other]: Parties,
  { number, role, content, timestamp, metadata = {} }: Message,
): AgentMessage | undefined {
  if (content === "" || (role !== "user" && role !== "assistant")) return undefined;
  const { sender_id: sender, recipient_id: _, message_type: kind, ...rest } = metadata;
  const isOfFirst = sender === one.id || (sender !== other.id && role === "user");
  const [from, to] = isOfFirst ? [one, other] : [other, one];
  const type = MESSAGE_TYPES.find((known) => known === kind) ?? "communication";
  return { number, from, to, type, content, metadata: rest, timestamp };
}

/** @throws {SojournError} `invalid` for what is no type of a message */
export function assertType(field: string, type: string): void {
  if (MESSAGE_TYPES.some((known) => known === type)) return;
  throw fault(field, `must be one of ${MESSAGE_TYPES.join(", ")}`);
}

function partyOf(parties: Parties, field: string, id: string): Participant {
  const party = parties.find((one) => one.id === id);
  if (party !== undefined) return party;
  throw fault(field, `must be one of ${parties.map((one) => `"${one.id}"`).join(", ")}`);
}
