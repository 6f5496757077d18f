/**
 * What it costs to call from a script: the start of one to its first session, and calls one at a time from Lua and from TypeScript,
 * beside the SDK in the same process that makes the same calls. All use one store; what is stored is 1 KiB that was never stored before,
 * and durable.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Session, Sojourn } from "../src/client/index.ts";
import { open } from "../src/platform/index.ts";
import { runScript } from "../src/scripts/run-script.ts";
import { type Claim, compare, show } from "./claim.ts";
import { interleave } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";

const ROUND_SECONDS = 1;

const CONTENT = "x".repeat(1_000);

/** A script that makes one kind of call again and again, and prints how many a second. */
const LUA = `
  local kind, session, content = ...
  local calls, started = 0, os.clock()
  while os.clock() - started < ${ROUND_SECONDS} do
    if kind == "get" then Session.get(session)
    else Artifact.store(session, "tool_result", "made.txt", content .. os.clock() .. "." .. calls) end
    calls = calls + 1
  end
  print(calls / (os.clock() - started))`;

const TYPESCRIPT = `
  const [kind, session = "", content = ""]: readonly string[] = args;
  const started: number = performance.now();
  let calls = 0;
  while (performance.now() - started < ${ROUND_SECONDS * 1_000}) {
    if (kind === "get") Session.get(session);
    else Artifact.store(session, "tool_result", "made.txt", content + performance.now() + "." + calls + Math.random());
    calls++;
  }
  print(calls / (performance.now() - started) * 1000);`;

/** Measures the start of a script, and its calls. */
export async function measureScripts(): Promise<readonly Claim[]> {
  using scratch = scratchDirectory();
  await using sojourn = await open({ data: join(scratch.path, "data"), maxArtifactsPerSession: 10_000_000 });
  const session = await sojourn.sessions.create();
  const files = { Lua: join(scratch.path, "calls.lua"), TypeScript: join(scratch.path, "calls.ts") };
  writeFileSync(files.Lua, LUA);
  writeFileSync(files.TypeScript, TYPESCRIPT);
  const claims: Claim[] = [];
  for (const language of ["Lua", "TypeScript"] as const) {
    const first = join(scratch.path, language === "Lua" ? "first.lua" : "first.ts");
    writeFileSync(first, "print(Session.create())");
    const rounds = await interleave(`ms from the start of a script in ${language} to its first session`, {
      ours: async () => await startMs((print) => printed(sojourn, first, [], print)),
      raw: async () => await startMs(bareThread),
    });
    const title = `Start of a script in ${language} to its first session, beside a bare thread`;
    claims.push(compare({ title, unit: "ms", rounds }));
  }
  const calls = { get: () => sojourn.sessions.get(session.sessionId), store: () => store(session) };
  for (const kind of ["get", "store"] as const) {
    const call = kind === "get" ? "Session.get" : "Artifact.store of 1 KiB";
    for (const language of ["Lua", "TypeScript"] as const) {
      const rounds = await interleave(`${call}/s from ${language}`, {
        ours: async () => Number(await printed(sojourn, files[language], [kind, session.sessionId, CONTENT])),
        raw: async () => await rate(calls[kind]),
      });
      const title = `${call} from ${language}, one at a time, beside the SDK`;
      claims.push(compare({ title, unit: "calls/s", rounds }));
    }
  }
  return claims;
}

let stored = 0;

async function store(session: Session): Promise<void> {
  await session.artifacts.store("made.txt", `${CONTENT}${performance.now()}.${stored++}`, { type: "tool_result" });
}

/** What a script prints, which must go well. */
async function printed(
  sojourn: Sojourn,
  file: string,
  args: readonly string[],
  onPrint: () => void = () => {},
): Promise<string> {
  let text = "";
  const print = (bytes: Uint8Array): void => {
    text += Buffer.from(bytes).toString();
    onPrint();
  };
  const outcome = await runScript(sojourn, { file, args, print });
  if (outcome.status !== "completed") throw new Error(JSON.stringify(outcome));
  return text;
}

/** The time until something says that it is there. */
async function startMs(begin: (there: () => void) => Promise<unknown>): Promise<number> {
  const started = performance.now();
  let ms = Number.NaN;
  await begin(() => {
    ms = performance.now() - started;
  });
  return ms;
}

async function bareThread(there: () => void): Promise<void> {
  const worker = new Worker('require("node:worker_threads").parentPort.postMessage(1)', { eval: true });
  await new Promise((resolve) => worker.once("message", resolve));
  there();
  await worker.terminate();
}

/** Calls again and again, one at a time; returns calls a second. */
async function rate(call: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  let calls = 0;
  while (performance.now() - started < ROUND_SECONDS * 1_000) {
    await call();
    calls++;
  }
  return (calls / (performance.now() - started)) * 1_000;
}

if (import.meta.main) await show(measureScripts);
