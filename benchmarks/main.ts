/** Runs every benchmark, one after another, and writes `docs/benchmarks.md`. */
import { writeFileSync } from "node:fs";
import { measureAgents } from "./agents.ts";
import { measureArtifactQuery } from "./artifact-query.ts";
import { measureArtifacts } from "./artifacts.ts";
import { measureAsk } from "./ask.ts";
import { measureBackup } from "./backup.ts";
import { measureChat } from "./chat.ts";
import { measureChatMemory } from "./chat-memory.ts";
import { measureChatPeers } from "./chat-peers.ts";
import { type Claim, claimTable } from "./claim.ts";
import { measureEventStreams } from "./event-streams.ts";
import { measureHttp } from "./http.ts";
import { measureListing } from "./listing.ts";
import { measureLlmspell } from "./llmspell.ts";
import { describeMachine, machineLine } from "./machine.ts";
import { measureOperations } from "./operations.ts";
import { benchmarkPage, type Section } from "./page.ts";
import { measurePastState } from "./past-state.ts";
import { installPeers } from "./peer-install.ts";
import { measurePeers } from "./peers.ts";
import { measurePizzas } from "./pizzas.ts";
import { measureScripts } from "./scripts.ts";
import { measureSdk } from "./sdk.ts";
import { measureStartup } from "./startup.ts";
import { measureTasks } from "./tasks.ts";
import { measureTopics } from "./topics.ts";
import { measureWorkers } from "./workers.ts";

const GROUPS: readonly (readonly [Section["title"], ...(() => Promise<readonly Claim[]>)[]])[] = [
  ["Operations and HTTP", measureOperations, measureHttp],
  ["Lists and startup", measureListing, measureStartup],
  ["SDK", measureSdk],
  ["Backup", measureBackup],
  ["Event streams", measureEventStreams],
  ["Topics", measureTopics],
  ["Turns beside other stores of sessions", measurePeers],
  ["Chat and memory", measureChat, measureChatMemory, measureChatPeers],
  ["Artifacts", measureArtifacts, measureArtifactQuery],
  ["The past, forks and bundles", measurePastState],
  ["Beside rs-llmspell", measureLlmspell],
  ["Scripts", measureScripts],
  ["Agents", measureAgents],
  ["Calls of apps", measureWorkers, measureTasks],
  ["Questions to the documentation", measureAsk],
  ["PizzaStack", measurePizzas],
];

// Before anything takes its time, since it may fail.
installPeers();
const machine = machineLine(describeMachine());
const sections: Section[] = [];
for (const [title, ...measures] of GROUPS) {
  const claims: Claim[] = [];
  for (const measure of measures) claims.push(...(await measure()));
  sections.push({ title, machine, table: claimTable(claims) });
}

const page = benchmarkPage(sections);
writeFileSync(new URL("../docs/benchmarks.md", import.meta.url), page);
process.stdout.write(page);
