import { decodeSetWebhook, decodeWebhook } from "../client/decode-webhooks.ts";
import { assertWritable } from "../client/encode.ts";
import type { CallOptions } from "../client/inputs.ts";
import type { WebhookTransport } from "../client/transport.ts";
import type { NewWebhook, SetWebhook, Webhook, WebhookOptions } from "../client/webhooks.ts";
import { given } from "../engine/given.ts";
import type { Precondition } from "../engine/precondition.ts";
import type { Caller } from "../engine/sessions.ts";
import type { NamedWebhook, Webhooks } from "../engine/webhooks.ts";
import * as shapes from "../http/dialects/native/webhooks.ts";
import type { InProcessCalls } from "./in-process-calls.ts";
import { bodyOf } from "./input.ts";

/** The way to the webhooks of this process. */
export class InProcessWebhooks implements WebhookTransport {
  readonly #calls: InProcessCalls;

  constructor(calls: InProcessCalls) {
    this.#calls = calls;
  }

  get #webhooks(): Webhooks {
    return this.#calls.engine.webhooks;
  }

  async set(name: string, wanted: NewWebhook, options: WebhookOptions): Promise<SetWebhook> {
    const body = shapes.decodeWebhook(bodyOf(shapes.NewWebhookShape, wanted), this.#webhooks.targets);
    const write = changing(options);
    const set = (caller: Caller) => this.#webhooks.set(caller, name, body, write);
    return await this.#calls.call(options, set, (answer) => decodeSetWebhook(shapes.encodeSetWebhook(answer)));
  }

  async get(name: string, options: CallOptions): Promise<Webhook> {
    return await this.#calls.call(options, (caller) => this.#webhooks.get(caller, name), webhookOf);
  }

  async list(options: CallOptions): Promise<readonly Webhook[]> {
    return await this.#calls.call(
      options,
      (caller) => this.#webhooks.list(caller),
      (all) => all.map(webhookOf),
    );
  }

  async remove(name: string, options: WebhookOptions): Promise<void> {
    const write = changing(options);
    await this.#calls.call(
      options,
      (caller) => this.#webhooks.remove(caller, name, write),
      () => undefined,
    );
  }
}

function changing({ ifMatch }: WebhookOptions): { readonly precondition?: Precondition } {
  assertWritable({ ifMatch });
  return given("precondition", ifMatch, (version) => [version]);
}

// A copy: the engine goes on with its own.
function webhookOf(webhook: NamedWebhook): Webhook {
  return decodeWebhook(structuredClone(shapes.encodeWebhook(webhook)));
}
