import { z } from "zod";
import { invalid } from "../../../engine/errors.ts";
import { given } from "../../../engine/given.ts";
import { LIMITS } from "../../../engine/limits.ts";
import type { FailedAttempt, NamedWebhook, NewWebhook, Webhooks } from "../../../engine/webhooks.ts";
import { type Targets, targetFault } from "../../../events/post.ts";
import { isSecret } from "../../../events/signature.ts";
import { isoTime } from "./encode.ts";

/** In place of a secret: another one than there is. */
const NEW = "new";

const types = z.array(z.string()).min(1).max(LIMITS.webhookTypes);

/** `PUT /webhooks/{webhook}`. */
export const NewWebhookShape = z.strictObject({
  url: z.string().max(LIMITS.webhookUrlLength),
  types: types.optional().describe("names of events, as in GET /events; left out: all"),
  secret: z
    .string()
    .refine((text) => text === NEW || isSecret(text), 'must be whsec_ and 24 to 64 bytes in base64, or "new"')
    .optional()
    .describe("left out: the one that it has, or a new one; new: another; one that is replaced signs for another day"),
  active: z.boolean().optional().describe("true where it is left out"),
});

export const WebhookShape = z
  .object({
    name: z.string(),
    url: z.string(),
    types: types.optional(),
    active: z.boolean(),
    reason: z.string().optional().describe("why it was turned off, where that was for its target"),
    failure: z
      .object({
        at: z.iso.datetime(),
        reason: z.string(),
        attempt: z.int().describe("1 for the first of its event"),
        next_attempt_at: z.iso.datetime(),
      })
      .optional()
      .describe("the last attempt, while the event behind cursor is not taken; not kept over a restart"),
    cursor: z.string().describe("up to where it has brought everything; see GET /events"),
    version: z.int().describe("what If-Match takes"),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: "Webhook" });

/** The answer to whoever set it, who has to know what to check signatures with. */
export const SetWebhookShape = WebhookShape.extend({
  secret: z.string().optional().describe("where this call set it; no other answer has it"),
}).meta({ id: "SetWebhook" });

/** @throws {SojournError} `invalid` for a target that may not be called */
export function decodeWebhook(body: z.output<typeof NewWebhookShape>, targets: Targets): NewWebhook {
  const fault = targetFault(body.url, targets);
  if (fault !== undefined) throw invalid([{ field: "url", message: fault, type: "invalid_target" }]);
  return {
    url: body.url,
    ...given("types", body.types),
    ...given("secret", body.secret, (secret) => (secret === NEW ? { isNew: true } : secret)),
    ...given("isOn", body.active),
  };
}

export function encodeSetWebhook({
  webhook,
  secret,
}: Awaited<ReturnType<Webhooks["set"]>>): z.output<typeof SetWebhookShape> {
  return { ...encodeWebhook(webhook), ...given("secret", secret) };
}

export function encodeWebhook(webhook: NamedWebhook): z.output<typeof WebhookShape> {
  return {
    name: webhook.name,
    url: webhook.url,
    // NOTE: the engine's are readonly, and nothing here changes them.
    ...given("types", webhook.types as string[] | undefined),
    active: webhook.isOn,
    ...given("reason", webhook.offReason),
    ...given("failure", webhook.failure, encodeFailure),
    cursor: String(webhook.delivered),
    version: webhook.version,
    created_at: isoTime(webhook.createdAtUs),
    updated_at: isoTime(webhook.updatedAtUs),
  };
}

function encodeFailure({ at, reason, attempt, nextAt }: FailedAttempt): z.output<typeof WebhookShape>["failure"] {
  return { at: isoTime(at), reason, attempt, next_attempt_at: isoTime(nextAt) };
}
