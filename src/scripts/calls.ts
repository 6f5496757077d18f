import { ARTIFACT_CALLS } from "./artifact-calls.ts";
import { type CallName, READ_MODULE } from "./globals.ts";
import { readModule } from "./modules.ts";
import { REPLAY_CALLS } from "./replay-calls.ts";
import type { ScriptHost } from "./script-host.ts";
import { SESSION_CALLS } from "./session-calls.ts";
import { STATE_CALLS } from "./state-calls.ts";
import { TOOL_CALLS } from "./tool-calls.ts";
import { TOPIC_CALLS } from "./topic-calls.ts";
import type { Value } from "./value.ts";

/** A function that scripts call: what they give it, in order, to what it returns. What it throws, a script can catch. */
export type Call = (host: ScriptHost, args: readonly Value[]) => Promise<Value>;

/** The functions of one global. */
export type CallsOf<G extends string> = Readonly<Record<Extract<CallName, `${G}.${string}`>, Call>>;

const OF_GLOBALS: Readonly<Record<CallName, Call>> = {
  ...SESSION_CALLS,
  ...ARTIFACT_CALLS,
  ...REPLAY_CALLS,
  ...STATE_CALLS,
  ...TOOL_CALLS,
  ...TOPIC_CALLS,
};

/** All that a script's thread can ask for. */
export const CALLS: ReadonlyMap<string, Call> = new Map([...Object.entries(OF_GLOBALS), [READ_MODULE, readModule]]);
