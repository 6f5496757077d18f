import { object } from "../arguments.ts";
import { asText } from "../value.ts";
import { bytesOf, type Tool } from "./tool.ts";

/** How long an answer may be, and how long it may take. */
export const HTTP_LIMITS = { bytes: 10 * 1_048_576, ms: 30_000 } as const;

/** Calls the hosts that the operator allows. It follows no redirection: that could lead anywhere. */
export const http: Tool = {
  name: "http",
  description:
    "method (GET is the default), url, headers and body, to the hosts that are allowed: status, headers, body",
  isAllowed: ({ httpHosts }) => httpHosts.length > 0,
  refusal: "no host is allowed; name one with --allow-host",
  run: async (input, { httpHosts, signal }) => {
    const url = URL.parse(input.text("url", "input") ?? "");
    if (url === null || !/^https?:$/.test(url.protocol))
      throw new Error("url must be an address that begins with http");
    if (!httpHosts.includes(url.host)) throw new Error(`"${url.host}" is not among the hosts that are allowed`);
    const body = input.value("body");
    const response = await fetch(url, {
      method: input.text("method") ?? "GET",
      headers: Object.entries(object(input.value("headers"), "headers") ?? {}).map(([name, value]) => [
        name,
        String(value),
      ]),
      ...(body !== undefined && body !== null && { body: Buffer.from(bytesOf(body, "body")) }),
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(HTTP_LIMITS.ms)]),
    });
    const { status, headers } = response;
    return { status, headers: Object.fromEntries(headers), body: asText(await bodyOf(response)) };
  },
};

async function bodyOf(response: Response): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.length;
    if (size > HTTP_LIMITS.bytes) throw new Error(`the answer is larger than ${HTTP_LIMITS.bytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
