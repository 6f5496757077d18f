import { defineApp, type Session, z } from "../../app-format/index.ts";

/** Under which working memory has what this app needs to go on, in whichever worker. */
const MEMBER = "chat_with_memory";

/** How often the answer so far is told while it is made; each time it is told whole. */
const TELL_EVERY_MS = 100;

const Remembered = z.object({ system: z.string() });

/**
 * A conversation under a system prompt. All of it is the session's: messages, facts and the prompt; a worker holds
 * nothing, so that none is missed.
 */
export const app = defineApp({
  name: "chat-with-memory",
  description: "A conversation that remembers, under a system prompt of its own",
  recovery: "fresh",
  default: "message",
  actions: {
    init: {
      description: "Sets the system prompt from here on; without one, the server's own is used",
      input: z.object({ system: z.string().trim().min(1).max(16_000).optional() }),
      output: z.object({ ready: z.boolean(), system: z.string().nullable() }),
      isIdempotent: true,
      run: async ({ input: { system }, session }) => {
        await session.memory.merge({ [MEMBER]: system === undefined ? null : { system } });
        return { ready: true, system: system ?? null };
      },
    },
    message: {
      description: "Says something, and is answered",
      input: z.object({ message: z.string().trim().min(1).max(5_000) }),
      output: z.object({ response: z.string(), model: z.string() }),
      run: async ({ input: { message }, session }) => {
        const system = await systemOf(session);
        return await session.chat(message, {
          ...(system !== undefined && { system }),
          onText: telling(session),
        });
      },
    },
    history: {
      description: "The newest messages, oldest first",
      input: z.object({ limit: z.int().min(1).max(1_000).default(50) }),
      isIdempotent: true,
      run: async ({ input: { limit }, session }) => ({
        system: (await systemOf(session)) ?? null,
        messages: await session.messages.list({ limit }),
      }),
    },
  },
});

/** Others may write working memory, too: what is no prompt counts as none. */
async function systemOf({ memory }: Session): Promise<string | undefined> {
  const { [MEMBER]: remembered } = await memory.get();
  return Remembered.safeParse(remembered).data?.system;
}

/** Tells the answer as far as it has come, at once and then every now and then: the output itself has all of it. */
function telling(session: Session): (text: string) => void {
  let response = "";
  let toldAt = Number.NEGATIVE_INFINITY;
  return (text) => {
    response += text;
    const now = performance.now();
    if (now - toldAt < TELL_EVERY_MS) return;
    toldAt = now;
    session.output({ response });
  };
}
