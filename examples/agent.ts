/** The agent whose work the sessions of these examples hold: a language model, and a tool that it may call. */
import { type Agent, agent } from "sojourn/agents";
import { z } from "sojourn/app-format";
import type { Sojourn } from "sojourn/client";

const OPENING_HOURS: Readonly<Record<string, string>> = { library: "9 to 18", museum: "10 to 17" };

// Any server will do that speaks the chat completions of OpenAI; one of your own may want no key.
const { SOJOURN_MODEL = "openai:gpt-5", SOJOURN_MODEL_BASE_URL, SOJOURN_MODEL_API_KEY, OPENAI_API_KEY } = process.env;

/** An agent that keeps what it does in the sessions of `sojourn`. */
export function assistant(sojourn: Sojourn, id = "agent-1", instructions = "You answer in one sentence."): Agent {
  return agent({
    id,
    sojourn,
    model: SOJOURN_MODEL,
    modelBaseUrl: SOJOURN_MODEL_BASE_URL,
    modelApiKey: SOJOURN_MODEL_API_KEY ?? OPENAI_API_KEY,
    instructions,
    tools: {
      search: {
        description: "Looks up the opening hours of a place",
        inputSchema: z.object({ place: z.string() }),
        execute: async ({ place }: { readonly place: string }) => OPENING_HOURS[place] ?? "unknown",
      },
    },
  });
}
