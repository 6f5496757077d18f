/** An engine in a process of its own, which says how much of it is in memory; started with `--expose-gc`. */

import { setImmediate } from "node:timers/promises";
import { openChatEngine, SIGNAL } from "./chat-engine.ts";
import { type ChatMemoryReply, SESSIONS, TURNS } from "./chat-memory.ts";
import { CALLER } from "./engine.ts";

const CALLERS = 64;

const MIB = 1_048_576;

const ANSWER =
  "There are three orders that are still open; the oldest is from the ninth, and nobody has confirmed a date for it.";

const [, , directory = ""] = process.argv;
const engine = openChatEngine({ directory, answer: () => ANSWER });

// The code of a turn is loaded and compiled before anything is measured.
await converse(100, "warm-up");
const before = await usedMiB();
await converse(SESSIONS, "user");
const after = await usedMiB();
const reply: ChatMemoryReply = { before, after };
process.send?.(reply);
await engine.close();
process.disconnect?.();

/** Has so many sessions, each of a user of its own, have their turns, some at a time. */
async function converse(sessions: number, user: string): Promise<void> {
  const remaining = Array.from({ length: sessions }, (_, i) => i).values();
  const work = async (): Promise<void> => {
    for (const i of remaining) {
      const { session } = (await engine.sessions.create(CALLER, { userId: `${user}_${i}` })).value;
      for (let turn = 1; turn <= TURNS; turn++) {
        const message = `This is turn ${turn} of session ${i}: what did we decide about the orders of last week, and who is to send them?`;
        await engine.memory.chat(CALLER, { sessionId: session.ref.id, message }, { signal: SIGNAL });
      }
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, work));
}

async function usedMiB(): Promise<ChatMemoryReply["before"]> {
  // What is garbage is not what sessions take; some of it is let go of only after a first collection.
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await setImmediate();
  }
  const { rss, heapUsed } = process.memoryUsage();
  return { resident: rss / MIB, heap: heapUsed / MIB };
}
