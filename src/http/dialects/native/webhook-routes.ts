import { z } from "zod";
import { given } from "../../../engine/given.ts";
import { badHeader } from "../../edge.ts";
import { type Call, type Route, route } from "../../route.ts";
import * as encode from "./encode.ts";
import * as webhooks from "./webhooks.ts";

/** Where events are brought. */
export const webhookRoutes: readonly Route[] = [
  route({
    method: "PUT",
    path: "/webhooks/{webhook}",
    operationId: "setWebhook",
    summary: "Have events brought to an address, from now on; one that is set again goes on where it was",
    scope: "sessions:write",
    body: webhooks.NewWebhookShape,
    isWrite: true,
    answers: {
      200: encode.enveloped(webhooks.SetWebhookShape).describe("The tenant had it already"),
      201: encode.enveloped(webhooks.SetWebhookShape),
    },
    refusals: ["limit_reached", "precondition_failed", "conflict"],
    handle: async ({ webhooks: it, caller, id, body: asked, write, header, now }) => {
      assertOnceOnly(header);
      const wanted = webhooks.decodeWebhook(asked, it.targets);
      const answer = await it.set(caller, id, wanted, given("precondition", write.precondition));
      const headers = { etag: `"${answer.webhook.version}"` };
      const body = encode.envelope(webhooks.encodeSetWebhook(answer), now());
      return { status: answer.isNew ? 201 : 200, body, headers };
    },
  }),
  route({
    method: "GET",
    path: "/webhooks/{webhook}",
    operationId: "getWebhook",
    summary: "Where a webhook leads, whether it is on, and how far it has come",
    scope: "sessions:read",
    isWrite: false,
    answers: { 200: encode.enveloped(webhooks.WebhookShape) },
    refusals: ["not_found"],
    handle: async ({ webhooks: it, caller, id, now }) => {
      const webhook = await it.get(caller, id);
      const headers = { etag: `"${webhook.version}"` };
      return { body: encode.envelope(webhooks.encodeWebhook(webhook), now()), headers };
    },
  }),
  route({
    method: "GET",
    path: "/webhooks",
    operationId: "listWebhooks",
    summary: "All webhooks, by their names",
    scope: "sessions:read",
    isWrite: false,
    answers: { 200: encode.enveloped(z.object({ webhooks: z.array(webhooks.WebhookShape) })) },
    refusals: [],
    handle: async ({ webhooks: it, caller, now }) => {
      const all = await it.list(caller);
      return { body: encode.envelope({ webhooks: all.map(webhooks.encodeWebhook) }, now()) };
    },
  }),
  route({
    method: "DELETE",
    path: "/webhooks/{webhook}",
    operationId: "removeWebhook",
    summary: "Bring nothing there any more",
    scope: "sessions:write",
    isWrite: true,
    answers: { 200: encode.enveloped(z.object({ name: z.string() })) },
    refusals: ["not_found", "precondition_failed", "conflict"],
    handle: async ({ webhooks: it, caller, id, write, header, now }) => {
      assertOnceOnly(header);
      await it.remove(caller, id, given("precondition", write.precondition));
      return { body: encode.envelope({ name: id }, now()) };
    },
  }),
];

/** An answer that was remembered would keep the secret; to set a webhook again changes nothing. */
function assertOnceOnly(header: Call["header"]): void {
  if (header("idempotency-key") !== undefined) throw badHeader("idempotency-key", "can't be used for webhooks");
}
