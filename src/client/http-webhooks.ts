import type { Envelope } from "./connection.ts";
import { decodeSetWebhook, decodeWebhook, type WireSetWebhook, type WireWebhook } from "./decode-webhooks.ts";
import { encodeBody } from "./encode.ts";
import { type HttpCalls, namedPath } from "./http-calls.ts";
import type { CallOptions } from "./inputs.ts";
import type { Request } from "./request.ts";
import type { WebhookTransport } from "./transport.ts";
import type { NewWebhook, SetWebhook, Webhook, WebhookOptions } from "./webhooks.ts";

/** The way to the webhooks of a server. */
export class HttpWebhooks implements WebhookTransport {
  readonly #calls: HttpCalls;

  constructor(calls: HttpCalls) {
    this.#calls = calls;
  }

  async set(name: string, wanted: NewWebhook, options: WebhookOptions): Promise<SetWebhook> {
    const request = { method: "PUT", path: webhookPath(name), body: encodeBody(wanted) } as const;
    // NOTE: the answer of this route; so it is with every `as` below.
    return decodeSetWebhook((await this.#once(request, options)) as unknown as WireSetWebhook);
  }

  async get(name: string, options: CallOptions): Promise<Webhook> {
    return decodeWebhook((await this.#calls.read(webhookPath(name), {}, options)) as unknown as WireWebhook);
  }

  async list(options: CallOptions): Promise<readonly Webhook[]> {
    const { webhooks } = await this.#calls.read("/webhooks", {}, options);
    return (this.#calls.itemsOf(webhooks) as readonly WireWebhook[]).map(decodeWebhook);
  }

  async remove(name: string, options: WebhookOptions): Promise<void> {
    await this.#once({ method: "DELETE", path: webhookPath(name) }, options);
  }

  // The secret is told once, and is in no answer that could be given again.
  async #once(request: Request, { ifMatch, ...options }: WebhookOptions): Promise<Envelope> {
    return this.#calls.dataOf(await this.#calls.connection.once({ ...request, ifMatch }, options));
  }
}

function webhookPath(name: string): string {
  return namedPath("/webhooks", "webhook", name);
}
