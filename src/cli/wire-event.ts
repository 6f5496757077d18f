import type { SessionEvent, SetWebhook, Webhook } from "../client/index.ts";
import { wireOperation } from "./wire.ts";

/** An event as the REST API shows it. */
export function wireEvent({ cursor, type, sessionId, sessionUid, userId, operation }: SessionEvent): object {
  return {
    cursor,
    type,
    session_id: sessionId,
    session_uid: sessionUid,
    user_id: userId,
    operation: wireOperation(operation),
  };
}

/** A webhook as the REST API shows it. */
export function wireWebhook({ createdAt, updatedAt, failure, ...webhook }: Webhook | SetWebhook): object {
  const { nextAttemptAt, ...failed } = failure ?? {};
  const wire = failure && { ...failed, next_attempt_at: nextAttemptAt };
  return { ...webhook, failure: wire, created_at: createdAt, updated_at: updatedAt };
}
