import { type ModelRequest, type ModelServer, type Reply, startModelServer } from "./model-server.ts";

/** A model that answers each question in the same way, looks up when a place opens, and fails at the impossible. */
export async function startExampleModel(): Promise<ModelServer> {
  return await startModelServer(replyTo);
}

const USAGE = { prompt_tokens: 20, completion_tokens: 5 };

function replyTo({ body: { messages = [] } }: ModelRequest): Reply {
  const last = messages.at(-1);
  const text = String(last?.content);
  if (last?.role === "tool") return { text: [`It is open from ${text}.`], usage: USAGE };
  // What was asked before and not answered comes first, and context last.
  const asked = text.split("\n\n").findLast((part) => !part.startsWith("Context:")) ?? "";
  if (asked.startsWith("Do the impossible")) return { body: '{"error":{"message":"It is impossible"}}', status: 400 };
  const place = /^When .*\b(library|museum)\b/.exec(asked)?.[1];
  if (place === undefined) return { text: [`Done: ${asked}`], usage: USAGE };
  const search = { id: "call-1", name: "search", arguments: JSON.stringify({ place }) };
  return { text: [], toolCalls: [search], usage: USAGE };
}
