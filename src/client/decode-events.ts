import { decodeOperation, type WireOperation } from "./decode.ts";
import type { EventPage, SessionEvent } from "./events.ts";

/** An event on the wire. */
export interface WireEvent {
  readonly cursor: string;
  readonly type: string;
  readonly session_id: string;
  readonly session_uid: string;
  readonly user_id: string;
  readonly operation: WireOperation;
}

/** A page of events on the wire. */
export interface WireEventPage {
  readonly events: readonly WireEvent[];
  readonly cursor: string;
  readonly next_cursor?: string | undefined;
}

/** An event in the words of the SDK. */
export function decodeEvent({ cursor, type, operation, ...wire }: WireEvent): SessionEvent {
  const { session_id: sessionId, session_uid: sessionUid, user_id: userId } = wire;
  // NOTE: its type is that of its operation.
  return { cursor, type, sessionId, sessionUid, userId, operation: decodeOperation(operation) } as SessionEvent;
}

/** A page of events in the words of the SDK. */
export function decodeEventPage({ events, cursor, next_cursor: next }: WireEventPage): EventPage {
  return { events: events.map(decodeEvent), cursor, isEnd: next === undefined };
}
