import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What stands in for the answer of a server. */
export type Misbehaviour = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

/** A server that a test puts between a client and ours. */
export interface Gateway extends AsyncDisposable {
  readonly url: string;
  /** The idempotency keys of all requests so far. */
  readonly keys: (string | undefined)[];
  /** What happens to the next requests, one after the other; after that all are passed on. */
  readonly next: Misbehaviour[];
  /** Cuts all connections. */
  drop(): void;
}

/** Something between a client and the server at `target`, which passes requests on or does something else with them. */
export async function startGateway(target: string): Promise<Gateway> {
  const keys: (string | undefined)[] = [];
  const next: Misbehaviour[] = [];
  const server = createServer((incoming, outgoing) => {
    keys.push(incoming.headers["idempotency-key"]?.toString());
    const misbehave = next.shift() ?? passOn(target);
    misbehave(incoming, outgoing);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: urlOf(server.address()),
    keys,
    next,
    drop: () => server.closeAllConnections(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/**
 * What a gateway does by itself.
 *
 * @param until  when the answer is given
 */
export function passOn(target: string, until: Promise<void> = Promise.resolve()): Misbehaviour {
  return (incoming, outgoing) => {
    const { method = "", url = "", headers } = incoming;
    const forwarded = request(
      target + url,
      { method, headers: { ...headers, host: new URL(target).host } },
      (answer) => {
        void until.then(() => {
          outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
          answer.pipe(outgoing);
        });
      },
    );
    incoming.pipe(forwarded);
  };
}

/** The request is carried out, and its answer is lost. */
export function loseAnswer(target: string): Misbehaviour {
  return (incoming, outgoing) => {
    const { method = "", url = "", headers } = incoming;
    const forwarded = request(
      target + url,
      { method, headers: { ...headers, host: new URL(target).host } },
      (answer) => {
        answer.resume();
        answer.on("end", () => outgoing.destroy());
      },
    );
    incoming.pipe(forwarded);
  };
}

/** The connection ends without an answer. */
export const cut: Misbehaviour = (_, outgoing) => outgoing.destroy();

/** The connection ends in the middle of an answer. */
export const halve: Misbehaviour = (_, outgoing) => {
  outgoing.writeHead(200, { "content-type": "application/json", "content-length": "100" });
  outgoing.write("{", () => outgoing.destroy());
};

/** No answer comes. */
export const stall: Misbehaviour = () => {};

/** Somebody else answers. */
export function answer(status: number, body: string, headers: Record<string, string> = {}): Misbehaviour {
  return (_, outgoing) => {
    outgoing.writeHead(status, headers);
    outgoing.end(body);
  };
}

/** The server answers with an error. */
export function refusal(status: number, code: string, headers: Record<string, string> = {}): Misbehaviour {
  return answer(status, JSON.stringify({ success: false, error: { code, message: code, status } }), headers);
}

/** Where a server listens. */
export function urlOf(address: AddressInfo | string | null): string {
  assert.ok(typeof address === "object" && address !== null);
  return `http://127.0.0.1:${address.port}`;
}
