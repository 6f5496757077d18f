/**
 * What it adds to a call of a model that an agent's work is kept: an agent in the embedded store and on a server, beside the
 * same loop of the AI SDK that keeps nothing. The model and the tool answer at once. Tasks come one after the other, each of
 * five calls of the model and four of the tool, in a session that is there.
 */
import { randomUUID } from "node:crypto";
import type { LanguageModelV4, LanguageModelV4GenerateResult } from "@ai-sdk/provider";
import { generateText, isStepCount, tool } from "ai";
import { z } from "zod";
import { type Agent, agent } from "../src/agents/index.ts";
import { connect, type Sojourn } from "../src/client/index.ts";
import { open } from "../src/platform/index.ts";
import { type Claim, show } from "./claim.ts";
import { inTurns, median } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";
import { spawnSojourn } from "./servers.ts";

const CALLS = 5;

const TASKS = 40;

const DESCRIPTION = "Look the weather up in four towns, and say where to go";

/** The most that a call may take longer for it. */
const ADDED_MS_MAX = 1;

/** Measures what keeping adds, with and without waiting for the disk. */
export async function measureAgents(): Promise<readonly Claim[]> {
  using scratch = scratchDirectory();
  using fastScratch = scratchDirectory();
  using serverScratch = scratchDirectory();
  await using embedded = await open({ data: scratch.path });
  await using unsynced = await open({ data: fastScratch.path, durability: "none" });
  await using server = await spawnSojourn(serverScratch.path);
  await using connected = connect({ url: server.url });
  const sides = {
    raw: () => perCall(async () => await untracked()),
    embedded: await side(embedded),
    unsynced: await side(unsynced),
    connected: await side(connected),
  };
  const { raw, ...ours } = await inTurns(`Model calls of agents: ms each, ${TASKS} tasks of ${CALLS} calls`, sides);
  const claim = (title: string, rounds: readonly number[]): Claim => {
    const added = median(rounds.map((ms, round) => ms - (raw[round] ?? Number.NaN)));
    const what = `What keeping adds to a model call, ${title}`;
    return { title: what, unit: "ms", ours: added, aim: `at most ${ADDED_MS_MAX} ms`, isMet: added <= ADDED_MS_MAX };
  };
  return [
    { title: "A model call in the AI SDK's loop, with nothing kept", unit: "ms", ours: median(raw) },
    claim("embedded", ours.embedded),
    claim('embedded, with `durability: "none"`', ours.unsynced),
    claim("over HTTP", ours.connected),
  ];
}

async function side(sojourn: Sojourn): Promise<() => Promise<number>> {
  const helper = agent({ id: "helper", sojourn, model, tools: { look } });
  return async () => {
    const names = Array.from({ length: TASKS }, () => `agent-${randomUUID()}`);
    await Promise.all(names.map(async (sessionId) => await sojourn.sessions.create({ sessionId })));
    return await perCall(async (i) => await tracked(helper, names[i] ?? ""));
  };
}

async function tracked(helper: Agent, sessionId: string): Promise<void> {
  await helper.executeTask({ description: DESCRIPTION }, { sessionId });
}

async function untracked(): Promise<void> {
  await generateText({ model, tools: { look }, prompt: DESCRIPTION, stopWhen: isStepCount(20) });
}

/** How long a call of the model takes, in milliseconds. */
async function perCall(task: (number: number) => Promise<unknown>): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < TASKS; i++) await task(i);
  return (performance.now() - started) / (TASKS * CALLS);
}

const look = tool({
  description: "Looks the weather up",
  inputSchema: z.object({ town: z.string() }),
  execute: ({ town }) => ({ town, weather: "sunny", degrees: 21 }),
});

/** Wants the tool four times, and then says something. */
const model: LanguageModelV4 = {
  specificationVersion: "v4",
  provider: "benchmark",
  modelId: "at-once",
  supportedUrls: {},
  doGenerate: async ({ prompt }) => answer(prompt.filter(({ role }) => role === "tool").length),
  doStream: async () => {
    throw new Error("Nobody asks for a stream");
  },
};

function answer(results: number): LanguageModelV4GenerateResult {
  const isLast = results === CALLS - 1;
  const input = JSON.stringify({ town: `Town ${results}` });
  return {
    content: isLast
      ? [{ type: "text", text: "It is sunny everywhere: stay." }]
      : [{ type: "tool-call", toolCallId: `call_${results}`, toolName: "look", input }],
    finishReason: { unified: isLast ? "stop" : "tool-calls", raw: undefined },
    usage: {
      inputTokens: { total: 300, noCache: 300, cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total: 20, text: 20, reasoning: 0 },
    },
    warnings: [],
  };
}

if (import.meta.main) await show(measureAgents);
