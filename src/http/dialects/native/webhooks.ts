import { z } from "zod";
import { invalid } from "../../../engine/errors.ts";
import { given } from "../../../engine/given.ts";
import { LIMITS } from "../../../engine/limits.ts";
import type { NamedWebhook, NewWebhook } from "../../../engine/webhooks.ts";
import { type Targets, targetFault } from "../../../events/post.ts";
import { isSecret } from "../../../events/signature.ts";
import { isoTime } from "./encode.ts";

const types = z.array(z.string()).max(LIMITS.webhookTypes);

/** `PUT /webhooks/{webhook}`. */
export const NewWebhookShape = z.strictObject({
  url: z.string().max(LIMITS.webhookUrlLength),
  types: types.optional().describe("names of events, as in GET /events; left out: all"),
  secret: z
    .string()
    .refine(isSecret, "must be whsec_ and 24 to 64 bytes in base64")
    .optional()
    .describe("left out: the one that it has, or a new one; one that is replaced signs for another day"),
  active: z.boolean().optional().describe("true where it is left out"),
});

export const WebhookShape = z
  .object({
    name: z.string(),
    url: z.string(),
    types: types.optional(),
    active: z.boolean(),
    reason: z.string().optional().describe("why it was turned off, where that was for its target"),
    cursor: z.string().describe("up to where it has brought everything; see GET /events"),
    version: z.int().describe("what If-Match takes"),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: "Webhook" });

/** The answer to whoever set it, who has to know what to check signatures with. */
export const SetWebhookShape = WebhookShape.extend({ secret: z.string() }).meta({ id: "SetWebhook" });

/** @throws {SojournError} `invalid` for a target that may not be called */
export function decodeWebhook(body: z.output<typeof NewWebhookShape>, targets: Targets): NewWebhook {
  const fault = targetFault(body.url, targets);
  if (fault !== undefined) throw invalid([{ field: "url", message: fault, type: "invalid_target" }]);
  return {
    url: body.url,
    ...given("types", body.types),
    ...given("secret", body.secret),
    ...given("isOn", body.active),
  };
}

export function encodeWebhook(webhook: NamedWebhook): z.output<typeof WebhookShape> {
  return {
    name: webhook.name,
    url: webhook.url,
    // NOTE: the engine's are readonly, and nothing here changes them.
    ...given("types", webhook.types as string[] | undefined),
    active: webhook.isOn,
    ...given("reason", webhook.offReason),
    cursor: String(webhook.delivered),
    version: webhook.version,
    created_at: isoTime(webhook.createdAtUs),
    updated_at: isoTime(webhook.updatedAtUs),
  };
}
