import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** How the server meets one request. */
export type Reply =
  /** An answer, streamed in these pieces where the client asks for a stream; `usage` comes last, and `toolCalls` before it. */
  | {
      readonly text: readonly string[];
      readonly toolCalls?: readonly ScriptedCall[];
      readonly reason?: string;
      readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number };
      /** Between the pieces. */
      readonly gapMs?: number;
    }
  /** No streamed answer: these bytes, with status 200 and as event stream unless they say otherwise. */
  | {
      readonly body: string | readonly string[];
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** The same piece for ever. */
  | { readonly endless: string }
  /** Begins an answer with these pieces and cuts the connection; with none, cuts it before any answer. */
  | { readonly cutAfter: readonly string[] }
  /** Begins an answer with these pieces, and then says nothing more; with none, says nothing at all. */
  | { readonly silentAfter: readonly string[] };

/** A call of a tool, as the model makes it. */
export interface ScriptedCall {
  readonly id: string;
  readonly name: string;
  /** As the model writes them. */
  readonly arguments: string;
}

/** A request as it came, and what became of it. */
export interface ModelRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The JSON of its body. */
  readonly body: ModelRequestBody;
  /** Resolves when the answer is over: true where the client let go of it before its end. */
  readonly abandoned: Promise<boolean>;
}

/** What the tests read of a request to `/v1/chat/completions`; other APIs have other members. */
export interface ModelRequestBody {
  readonly model?: string;
  readonly messages?: readonly { readonly role: string; readonly content: unknown }[];
  readonly [member: string]: unknown;
}

/** A model server of the kind that `openai:` speaks to with a base URL, on a free port. */
export interface ModelServer extends AsyncDisposable {
  /** The base URL, `http://127.0.0.1:…/v1`. */
  readonly url: string;
  /** All that came so far, oldest first. */
  readonly requests: readonly ModelRequest[];
  /** Says how the next requests are met, one each. With nothing said, one is answered `You said: …`. */
  next(...replies: readonly Reply[]): void;
  /** Resolves with the request of this number, 1 for the first, as soon as it has come. */
  request(number: number): Promise<ModelRequest>;
}

/** Starts a model server that does as it is told, and `otherwise` where nothing is. It takes POST on any path. */
export async function startModelServer(otherwise: (request: ModelRequest) => Reply = echo): Promise<ModelServer> {
  const replies: Reply[] = [];
  const requests: ModelRequest[] = [];
  const arrivals = new EventTarget();
  const server = createServer((incoming, response) => {
    void received(incoming, response).then(async (request) => {
      requests.push(request);
      arrivals.dispatchEvent(new Event("arrival"));
      await meet(replies.shift() ?? otherwise(request), response, request.body);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // NOTE: a server that listens on a port has such an address.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    next: (...more) => {
      replies.push(...more);
    },
    request: async (number) => {
      for (;;) {
        const found = requests[number - 1];
        if (found !== undefined) return found;
        await once(arrivals, "arrival");
      }
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function received(incoming: IncomingMessage, response: ServerResponse): Promise<ModelRequest> {
  const { url = "", headers } = incoming;
  const abandoned = new Promise<boolean>((resolve) => {
    response.once("close", () => resolve(!response.writableFinished));
  });
  const chunks = await Array.fromAsync(incoming);
  // NOTE: the tests send nothing else.
  const body = JSON.parse(Buffer.concat(chunks as Buffer[]).toString("utf8")) as ModelRequestBody;
  return { path: url, headers, body, abandoned };
}

function echo({ body }: ModelRequest): Reply {
  return { text: ["You said: ", String(body.messages?.at(-1)?.content)] };
}

async function meet(reply: Reply, response: ServerResponse, { stream }: ModelRequestBody): Promise<void> {
  if ("text" in reply && stream !== true) answerWhole(reply, response);
  else if ("text" in reply) await answer(reply, response);
  else if ("body" in reply) give(reply, response);
  else if ("endless" in reply) await repeat(reply.endless, response);
  else {
    const pieces = "cutAfter" in reply ? reply.cutAfter : reply.silentAfter;
    if (pieces.length > 0) {
      response.writeHead(200, EVENT_STREAM);
      for (const piece of pieces) await written(response, textEvent(piece));
    }
    if ("cutAfter" in reply) response.destroy();
  }
}

async function answer(
  { text, toolCalls = [], reason = reasonOf(toolCalls), usage, gapMs }: Answer,
  response: ServerResponse,
): Promise<void> {
  response.writeHead(200, EVENT_STREAM);
  for (const piece of text) {
    if (!(await written(response, textEvent(piece)))) return;
    if (gapMs !== undefined) await pause(gapMs);
  }
  for (const [index, call] of toolCalls.entries()) {
    const delta = { role: "assistant", tool_calls: [{ index, ...wireCall(call) }] };
    await written(response, event({ choices: [{ index: 0, delta }] }));
  }
  await written(response, event({ choices: [{ index: 0, delta: {}, finish_reason: reason }] }));
  if (usage !== undefined) await written(response, event({ choices: [], usage }));
  response.end("data: [DONE]\n\n");
}

type Answer = Extract<Reply, { readonly text: unknown }>;

function answerWhole(
  { text, toolCalls = [], reason = reasonOf(toolCalls), usage }: Answer,
  response: ServerResponse,
): void {
  const calls = toolCalls.length === 0 ? {} : { tool_calls: toolCalls.map(wireCall) };
  const message = { role: "assistant", content: text.join(""), ...calls };
  const choices = [{ index: 0, message, finish_reason: reason }];
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ id: "answer-1", object: "chat.completion", model: "test", choices, usage }));
}

function reasonOf(toolCalls: readonly ScriptedCall[]): string {
  return toolCalls.length === 0 ? "stop" : "tool_calls";
}

function wireCall({ id, ...called }: ScriptedCall): object {
  return { id, type: "function", function: called };
}

function give(
  { body, status = 200, headers = {} }: Extract<Reply, { readonly body: unknown }>,
  response: ServerResponse,
): void {
  response.writeHead(status, { ...EVENT_STREAM, ...headers });
  response.end([body].flat().join(""));
}

async function repeat(piece: string, response: ServerResponse): Promise<void> {
  response.writeHead(200, EVENT_STREAM);
  const text = textEvent(piece).repeat(16);
  while (await written(response, text));
}

/** Resolves once the text is on its way, or can't be any more; then with false. */
async function written(response: ServerResponse, text: string): Promise<boolean> {
  if (response.closed) return false;
  return new Promise<boolean>((resolve) => {
    const stop = (): void => resolve(false);
    response.once("close", stop);
    response.write(text, (error) => {
      response.off("close", stop);
      resolve(error === undefined || error === null);
    });
  });
}

const EVENT_STREAM = { "content-type": "text/event-stream" };

function textEvent(content: string): string {
  return event({ choices: [{ index: 0, delta: { role: "assistant", content } }] });
}

function event(part: object): string {
  return `data: ${JSON.stringify({ id: "answer-1", object: "chat.completion.chunk", model: "test", ...part })}\n\n`;
}
