/** Runs every benchmark, one after another, and writes `docs/benchmarks.md`. */
import { writeFileSync } from "node:fs";
import { measureArtifactQuery } from "./artifact-query.ts";
import { measureArtifacts } from "./artifacts.ts";
import { measureBackup } from "./backup.ts";
import { measureChat } from "./chat.ts";
import { measureChatMemory } from "./chat-memory.ts";
import { measureChatPeers } from "./chat-peers.ts";
import { claimTable } from "./claim.ts";
import { measureEventStreams } from "./event-streams.ts";
import { measureHttp } from "./http.ts";
import { measureListing } from "./listing.ts";
import { measureLlmspell } from "./llmspell.ts";
import { describeMachine, machineLine } from "./machine.ts";
import { measureOperations } from "./operations.ts";
import { measurePastState } from "./past-state.ts";
import { installPeers } from "./peer-install.ts";
import { measurePeers } from "./peers.ts";
import { measureSdk } from "./sdk.ts";
import { measureStartup } from "./startup.ts";
import { measureTasks } from "./tasks.ts";
import { measureWorkers } from "./workers.ts";

// Before anything takes its time, since it may fail.
installPeers();
const machine = machineLine(describeMachine());
const table = claimTable([
  ...(await measureOperations()),
  ...(await measureHttp()),
  ...(await measureListing()),
  ...(await measureStartup()),
  ...(await measureSdk()),
  ...(await measureBackup()),
  ...(await measureEventStreams()),
  ...(await measureChat()),
  ...(await measureChatMemory()),
  ...(await measurePeers()),
  ...(await measureChatPeers()),
  ...(await measureArtifacts()),
  ...(await measureArtifactQuery()),
  ...(await measurePastState()),
  ...(await measureLlmspell()),
  ...(await measureWorkers()),
  ...(await measureTasks()),
]);

writeFileSync(
  new URL("../docs/benchmarks.md", import.meta.url),
  `# Benchmarks

Written by \`npm run bench\`. Each number is the median of seven rounds (of five starts, for startup), after one to warm up;
ours and raw take turns, and *ratio* is the median of the rounds' ratios. Raw is the least that does the same: for
operations, a loop over \`node:sqlite\` with our schema and durability, 64 operations a transaction; for HTTP, a bare Hono
app that answers the same bodies. For a list, ours is a page of 50 far down and raw the first page of the same list, both
from memory, among 1,000,000 sessions; for startup and memory, raw is the same server on an empty directory; for a
backup, raw is the same writes without one; for the SDK, raw is the engine itself, or a bare \`fetch\`. A line without an aim only informs.

Event streams are open all at once, one on each session; then each session is written to once, and a time is from sending
the request to having the event. These are medians of three rounds.

Turns go to Sojourn and, as raw, to a library that keeps sessions in SQLite too: in process, each through its own API, by
callers that each have a session. All store the same 300 bytes of JSON. Sojourn takes them as an update of metadata, so
that they stand in its log and in its record; LangGraph's saver as a checkpoint that holds the turn alone, without those
before; ADK as an event; express-session as a save in place of the one before, which keeps no history. Where raw says
WAL and FULL, both sync each commit before they answer. By default Sojourn does so; LangGraph's saver does not sync commits
(WAL, NORMAL), and the other two sync a rollback journal. A line on a default has three rounds. The slower the disk
syncs, the larger these ratios: Sojourn syncs once for all callers that wait, the others once for each turn.

Chat turns are answered by a model that takes no time, so that what is left is Sojourn's: processor time is of all
threads, and raw is a plain operation, or the same turn of a short conversation. Beside the memories of agent libraries,
a turn reads the newest 20 messages and keeps two more, 300 bytes together: by a chat, which is shown its window of 8,000
tokens and looks for facts as well, and by messages alone. Mastra's memory keeps them in libSQL. The SDK of OpenAI's
agents ships no session that outlives its process, so that its numbers are those of an array in memory: it loses all
turns when it ends, and Sojourn none.

Artifacts are put and got through the engine, in process; each put is an operation of a session, and durable when it
resolves. cacache, npm's store of files by content, takes the same bytes in turns: it never syncs, so that what it has
answered for may be lost with the machine's power, and it compresses nothing. Raw, for a new put, is the least that keeps a
file durably: BLAKE3, zstd where that is known to help, a temporary file, its sync, its name and the sync of the directory;
it writes nothing of what it keeps into a log. JSON lines get about a fifth of their size by zstd from 10 KiB on, and random
bytes do not; 1 KiB is never compressed. What is read was just written, and comes from memory. These are medians of five
rounds.

A list of artifacts in a session of 100,000 has the same list in one of 1,000 as raw. Of the past, raw is the same question
about now, or a loop over \`node:sqlite\` that reads the same rows or writes such rows, or over files; what goes through a
whole log, or through all contents, has five rounds. What rs-llmspell publishes of itself, 24.5 µs and under 1 ms, is of a
store in memory alone, and was not run here: ours are the times of calls, or with 64 callers the time of all by call.

Of calls of apps, raw is a bare round trip to a forked process over Node's own channel, for a durable call with two commits of
the same engine beside it; for a first call, a process that is forked for it.

${machine}

${table}`,
);
process.stdout.write(`${machine}\n\n${table}`);
