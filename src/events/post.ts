import { lookup as lookUp } from "node:dns";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { isPublic } from "./address.ts";

/** Where a webhook may lead: to the public internet by `https`, or anywhere. */
export type Targets = "public" | "any";

/** What became of a request. */
export type Posted =
  | { readonly outcome: "answered"; readonly status: number }
  /** The target is none that may be called: by its address, or by what its name resolves to. */
  | { readonly outcome: "refused"; readonly reason: string }
  /** Nobody knows what the target made of it. */
  | { readonly outcome: "failed"; readonly reason: string };

/** One request, and how it may be made. */
export interface Post {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly targets: Targets;
  /** For all of it, from the name's resolution to the head of the answer. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Resolves names; default: as the machine does. */
  readonly resolve?: typeof lookUp;
}

/** Why an address can be no target, if it can't. What its name resolves to is looked at with each request. */
export function targetFault(url: string, targets: Targets): string | undefined {
  if (!URL.canParse(url)) return "is no URL";
  const { protocol, hostname, username, password } = new URL(url);
  if (protocol !== "https:" && !(protocol === "http:" && targets === "any")) return "must be an https address";
  if (username !== "" || password !== "") return "must hold neither a name nor a password";
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  if (targets === "public" && isIP(host) !== 0 && !isPublic(host)) return `leads to ${host}, which is not public`;
  return undefined;
}

/**
 * Sends a body to a target and waits for the status; reads nothing of the answer, and follows no redirect.
 *
 * The connection goes to the very addresses that were looked at: a name may resolve otherwise the next time.
 */
export async function post(url: string, { targets, resolve = lookUp, ...sent }: Post): Promise<Posted> {
  const fault = targetFault(url, targets);
  if (fault !== undefined) return { outcome: "refused", reason: `The target ${fault}` };
  const { headers, body, timeoutMs, signal } = sent;
  const timeout = AbortSignal.timeout(timeoutMs);
  const request = new URL(url).protocol === "https:" ? requestHttps : requestHttp;
  let refusal: string | undefined;
  const lookup: LookupFunction = (host, options, callback) => {
    resolve(host, { ...options, all: true }, (error, addresses) => {
      const foreign = targets === "public" && addresses?.find(({ address }) => !isPublic(address));
      if (foreign) refusal = `The target's name leads to ${foreign.address}, which is not public`;
      const [first] = addresses ?? [];
      if (error !== null || foreign || first === undefined) {
        callback(error ?? new Error(refusal ?? "The target's name leads nowhere"), "", 0);
      } else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
  return await new Promise((settle) => {
    const call = request(url, {
      method: "POST",
      // A connection that was kept open would not be looked at again.
      agent: false,
      lookup,
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
      headers: { ...headers, "content-length": String(Buffer.byteLength(body)), connection: "close" },
    });
    call.once("response", (response) => {
      settle({ outcome: "answered", status: response.statusCode ?? 0 });
      response.on("error", () => undefined).destroy();
    });
    // Whoever would speak another protocol takes nothing. Without a listener the connection would end in silence.
    call.once("upgrade", (response, socket) => {
      settle({ outcome: "answered", status: response.statusCode ?? 0 });
      socket.on("error", () => undefined).destroy();
    });
    call.on("close", () => settle({ outcome: "failed", reason: "The connection ended without an answer" }));
    call.on("error", (error) => {
      if (refusal !== undefined) settle({ outcome: "refused", reason: refusal });
      else if (timeout.aborted) settle({ outcome: "failed", reason: `No answer within ${timeoutMs} ms` });
      else settle({ outcome: "failed", reason: error.message });
    });
    call.end(body);
  });
}
