/**
 * A process with an agent that is killed in the middle of its tools. Takes an `AgentTask` as JSON, and says `stuck` once the
 * tools that never end are begun.
 */
import { appendFileSync, writeSync } from "node:fs";
import { tool } from "ai";
import { z } from "zod";
import { type Agent, agent } from "../src/agents/index.ts";
import { connect, type Sojourn } from "../src/client/index.ts";
import { open } from "../src/platform/index.ts";

/** What the process is told. */
export interface AgentTask {
  /** A server, or a data directory. */
  readonly place: { readonly url: string } | { readonly data: string };
  readonly modelUrl: string;
  readonly sessionId: string;
  /** A file that gets a line for each call of a tool. */
  readonly calls: string;
}

/** An agent with tools that write down that they were called; `isStuck`: all but the first never end. */
export function recordingAgent(
  sojourn: Sojourn,
  { modelUrl, calls, isStuck }: Pick<AgentTask, "modelUrl" | "calls"> & { readonly isStuck: boolean },
): Agent {
  let left = 2;
  const called = (name: string) =>
    tool({
      inputSchema: z.object({}),
      execute: async () => {
        appendFileSync(calls, `${name}\n`);
        if (!isStuck || name === "quick") return `${name} done`;
        left -= 1;
        if (left === 0) setTimeout(() => writeSync(1, "stuck\n"), 50);
        return await new Promise<string>(() => {});
      },
    });
  return agent({
    id: "helper",
    sojourn,
    model: "openai:test",
    modelBaseUrl: modelUrl,
    tools: { quick: called("quick"), pay: called("pay"), look: { ...called("look"), isIdempotent: true } },
  });
}

if (import.meta.main) {
  const { place, modelUrl, sessionId, calls }: AgentTask = JSON.parse(process.argv[2] ?? "");
  const sojourn = "url" in place ? connect(place) : await open({ ...place, durability: "none" });
  // It holds the process, whose tools wait for nothing that would.
  setInterval(() => {}, 1_000);
  await recordingAgent(sojourn, { modelUrl, calls, isStuck: true }).executeTask(
    { description: "Do all" },
    { sessionId },
  );
}
