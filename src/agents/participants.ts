import { z } from "zod";
import type { JsonObject } from "../client/index.ts";
import { invalid, type SojournError } from "../engine/errors.ts";

/** A kind of party: a person, the master controller that divides work among agents, or an agent. */
export type ParticipantType = "user" | "master_controller" | "agent";

/** A party of a conversation. */
export interface Participant {
  /** 1 to 255 characters; another than the other party's. */
  readonly id: string;
  readonly type: ParticipantType;
  /** What it does, which is part of the conversation's name: letters, digits and `. _ : @ -`. An agent has one. */
  readonly role?: string | undefined;
  readonly metadata?: JsonObject | undefined;
}

/** Between whom a conversation is; `mc` is the master controller. */
export type ConversationType = "user_to_mc" | "mc_to_agent" | "agent_to_agent" | "user_to_agent";

/** The two parties: whom the conversation goes out from, and whom it goes to. */
export type Parties = readonly [from: Participant, to: Participant];

/** Who takes part in a conversation, as its session keeps it. */
export interface Roster {
  readonly type: ConversationType;
  readonly participants: Parties;
  /** The session that it belongs to. */
  readonly sessionUid?: string | undefined;
}

/** The types of the parties, in the order of `Parties`. */
const SIDES: Readonly<Record<ConversationType, readonly [ParticipantType, ParticipantType]>> = {
  user_to_mc: ["user", "master_controller"],
  mc_to_agent: ["master_controller", "agent"],
  agent_to_agent: ["agent", "agent"],
  user_to_agent: ["user", "agent"],
};

const TYPES = Object.keys(SIDES);

const PARTICIPANT: z.ZodType<Participant> = z
  .strictObject({
    id: z.string("must be a text").min(1, "must not be empty").max(255, "must have at most 255 characters"),
    type: z.enum(["user", "master_controller", "agent"], "must be user, master_controller or agent"),
    role: z
      .string("must be a text")
      .regex(/^[A-Za-z0-9._:@-]+$/, "must be letters, digits and . _ : @ - alone")
      .optional(),
    metadata: z.custom<JsonObject>(isObject, "must be an object").optional(),
  })
  .refine(({ type, role }) => type !== "agent" || role !== undefined, {
    path: ["role"],
    message: "must be there: an agent has a role",
  });

const ROSTER = z
  .object({
    type: z.custom<ConversationType>((type) => TYPES.includes(String(type)), `must be one of ${TYPES.join(", ")}`),
    participants: z.tuple([PARTICIPANT, PARTICIPANT], "must be two"),
    session_uid: z.string().optional(),
  })
  .superRefine(({ type, participants: [one, other] }, { addIssue }) => {
    const found = [one.type, other.type].toSorted().join();
    if (found !== SIDES[type].toSorted().join()) {
      const [from, to] = SIDES[type];
      addIssue({
        code: "custom",
        path: ["participants"],
        message: `must be of the types ${from} and ${to} for ${type}`,
      });
    } else if (one.id === other.id) {
      addIssue({ code: "custom", path: ["participants", 1, "id"], message: "must not be that of the other" });
    }
  });

/**
 * Checks who is to talk with whom, and puts the party first that the conversation goes out from; two agents stay in their
 * order.
 *
 * @throws {SojournError} `invalid`, with every fault
 */
export function rosterOf(wanted: Pick<Roster, "type" | "participants">): Roster {
  const { success, data, error } = ROSTER.safeParse(wanted);
  if (success) return inOrder(data);
  throw invalid(error.issues.map(({ path, message, code }) => ({ field: path.join("."), message, type: code })));
}

/** As it stands in the metadata of the session that holds the conversation. */
export function keptOf({ type, participants, sessionUid }: Roster): JsonObject {
  return { type, participants: participants.map((one) => ({ ...one })), session_uid: sessionUid };
}

/** Reads what `keptOf` made; `undefined` for anything else. */
export function findRoster(kept: unknown): Roster | undefined {
  const { success, data } = ROSTER.safeParse(kept);
  return success ? inOrder(data) : undefined;
}

/** Whether the same parties talk in the same way. */
export function isSame(one: Roster, other: Roster): boolean {
  return JSON.stringify(identityOf(one)) === JSON.stringify(identityOf(other));
}

/** The id of the session that holds a conversation which belongs to the session of that id. */
export function conversationIdOf(sessionId: string, { type, participants: [from, to] }: Roster): string {
  switch (type) {
    case "user_to_mc":
      return sessionId;
    case "mc_to_agent":
      return `${sessionId}_mc_to_${to.role}`;
    case "agent_to_agent":
      return `${sessionId}_${from.role}_to_${to.role}`;
    case "user_to_agent":
      return `${sessionId}_user_to_${to.role}`;
  }
}

/** @throws {SojournError} `invalid` where the metadata has one of the keys that are kept there */
export function refuseKeys(field: string, metadata: JsonObject, keys: readonly string[]): void {
  const found = keys.find((key) => key in metadata);
  if (found !== undefined) throw fault(`${field}.${found}`, "must be left out: it is set by the conversation");
}

/** The error for one fault. */
export function fault(field: string, message: string): SojournError {
  return invalid([{ field, message, type: "custom" }]);
}

function inOrder({ type, participants, session_uid: sessionUid }: z.infer<typeof ROSTER>): Roster {
  const [one, other] = participants;
  return { type, participants: one.type === SIDES[type][0] ? [one, other] : [other, one], sessionUid };
}

function identityOf({ type, participants }: Roster): readonly unknown[] {
  return [type, ...participants.map(({ id, type, role }) => [id, type, role ?? null])];
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
