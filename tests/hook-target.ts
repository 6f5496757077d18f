import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { signatureHeaders } from "../src/events/signature.ts";
import { until } from "./until.ts";

/** A request that came to the target of a webhook. */
export interface Brought {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: { readonly type: string; readonly data: { readonly session_id: string; readonly cursor: string } };
}

/** What webhooks of a test lead to. */
export interface HookTarget extends AsyncDisposable {
  readonly url: string;
  /** All that came. */
  readonly brought: readonly Brought[];
  /** What is answered from then on; at first 204. */
  answer(status: number): void;
  /** The events that came, by type and session, once there are so many. */
  arrivals(count: number): Promise<readonly string[]>;
}

/** Listens on a free port of this machine. */
export async function startTarget(): Promise<HookTarget> {
  const brought: Brought[] = [];
  let status = 204;
  const server = createServer(async (request, response) => {
    const text = (await request.toArray()).join("");
    brought.push({ headers: request.headers, text, body: JSON.parse(text) as Brought["body"] });
    response.writeHead(status).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    brought,
    answer: (next) => {
      status = next;
    },
    arrivals: async (count) => {
      await until(`${count} events came`, async () => brought.length >= count);
      return brought.map(({ body }) => `${body.type} ${body.data.session_id}`);
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Whether a request is signed with these secrets, and no others. */
export function isSigned({ headers, text }: Brought, secrets: readonly string[]): boolean {
  const signed = { id: String(headers["webhook-id"]), timestamp: Number(headers["webhook-timestamp"]), body: text };
  return headers["webhook-signature"] === signatureHeaders(signed, secrets)["webhook-signature"];
}
