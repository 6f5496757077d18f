/** A group of claims with a heading of its own. */
export interface Section {
  readonly title: keyof typeof METHODS;
  /** The machine that it was measured on. */
  readonly machine: string;
  /** Its claims, as a table in Markdown. */
  readonly table: string;
}

/** How the titles of the claims begin that the page shows first. */
const MAIN = [
  "Durable operations, 64 callers on 64 sessions",
  "GET a session, 64 connections",
  "POST metrics, durable, 64 connections",
  "List all by last_activity,",
  "Start with 1,000,000 sessions,",
  "Durable write, 99th percentile, beside a backup",
  "Event streams of 10,000 ",
  "Write to event, 10,000 streams, p99",
  "Messages through a topic, 100 subscribers, by event streams",
  "Turns of 300 bytes, 64 callers, beside @langchain/langgraph-checkpoint-sqlite",
  "Processor time of a turn, conversation of 10000 turns, beside a plain operation, as by default",
  "Chat turns, 64 callers, beside @mastra/libsql",
  "Turns by messages, 64 callers, beside @mastra/libsql",
  "Put new 1 KiB of JSON lines, 64 at once, beside the raw limit",
  "Get 1 KiB of JSON lines, 64 at once, beside cacache",
  "State at the middle of 100,000 operations,",
  "Warm call, 1 KiB in and out, beside Node's own channel",
  "First call from a spare, beside a cold fork",
  "Durable warm call of 1 KiB, one at a time,",
  "Durable warm call of 1 KiB, 64 sessions at once,",
  "99th percentile of a call, beside 10 sessions",
  "Start of a script in Lua ",
  "Session.get from Lua,",
  "What keeping adds to a model call, embedded",
];

/** How the numbers of each section come about. */
const METHODS = {
  "Operations and HTTP": `Raw is the least that does the same: for operations, a loop over \`node:sqlite\` with our schema and durability, 64
operations a transaction; for HTTP, a bare Hono app that answers the same bodies.`,

  "Lists and startup": `For a list, ours is a page of 50 far down and raw the first page of the same list, both from memory, among
1,000,000 sessions. For startup and memory, raw is the same server on an empty directory; the median is that of five starts.`,

  SDK: "Raw is the engine itself, or a bare `fetch`.",

  Backup: "Raw is the same writes without a backup.",

  "Event streams": `Event streams are open all at once, one on each session; then each session is written to once, and a time is from
sending the request to having the event. These are medians of three rounds.`,

  Topics: `Messages of 300 bytes go into one topic from 64 callers, durable when they are answered, and count once each of a hundred
subscribers has each of them, in order. Raw is the same into a topic that nobody follows.`,

  "Turns beside other stores of sessions": `Turns go to Sojourn and, as raw, to a library that keeps sessions in SQLite too: in process,
each through its own API, by callers that each have a session. All store the same 300 bytes of JSON. Sojourn takes them as an update of
metadata, so that they stand in its log and in its record; LangGraph's saver as a checkpoint that holds the turn alone, without those
before; ADK as an event; express-session as a save in place of the one before, which keeps no history.

Where raw says WAL and FULL, both sync each commit before they answer. By default Sojourn does so; LangGraph's saver does not sync commits
(WAL, NORMAL), and the other two sync a rollback journal. A line on a default has three rounds. The slower the disk syncs, the larger
these ratios: Sojourn syncs once for all callers that wait, the others once for each turn.`,

  "Chat and memory": `Chat turns are answered by a model that takes no time, so that what is left is Sojourn's: processor time is of all
threads, and raw is a plain operation, or the same turn of a short conversation.

Beside the memories of agent libraries, a turn reads the newest 20 messages and keeps two more, 300 bytes together: by a chat, which is
shown its window of 8,000 tokens and looks for facts as well, and by messages alone. Mastra's memory keeps them in libSQL. The SDK of
OpenAI's agents ships no session that outlives its process, so that its numbers are those of an array in memory: it loses all turns when
it ends, and Sojourn none.`,

  Artifacts: `Artifacts are put and got through the engine, in process; each put is an operation of a session, and durable when it
resolves. cacache, npm's store of files by content, takes the same bytes in turns: it never syncs, so that what it has answered for may be
lost with the machine's power, and it compresses nothing. Raw, for a new put, is the least that keeps a file durably: BLAKE3, zstd where
that is known to help, a temporary file, its sync, its name and the sync of the directory; it writes nothing of what it keeps into a log.

JSON lines get about a fifth of their size by zstd from 10 KiB on, and random bytes do not; 1 KiB is never compressed. What is read was
just written, and comes from memory. These are medians of five rounds. A list of artifacts in a session of 100,000 has the same list in
one of 1,000 as raw.`,

  "The past, forks and bundles": `Raw is the same question about now, or a loop over \`node:sqlite\` that reads the same rows or writes such
rows, or over files; what goes through a whole log, or through all contents, has five rounds.`,

  "Beside rs-llmspell": `What rs-llmspell publishes of itself, 24.5 µs and under 1 ms, is of a store in memory alone, and was not run here:
ours are the times of calls, or with 64 callers the time of all by call.`,

  Agents: `A model and a tool that answer at once are called in turns, five calls a task, by the loop of the AI SDK alone and by an agent whose
work is kept in a session: beginning, two operations for each call, and an end. What is added is the difference, by call.`,

  Scripts: `A script runs in a thread of its own, and each of its calls goes to the thread that began it and back, while it waits. Raw is the
SDK in process, one call at a time, by the same store; of a start, a thread that loads nothing. What is stored is 1 KiB that was not there
before, and durable.`,

  "Calls of apps": `Raw is a bare round trip to a forked process over Node's own channel, for a durable call with two commits of the same
engine beside it; for a first call, a process that is forked for it.`,

  "Questions to the documentation": `Raw is a page that the same server serves from memory. There is one connection, which asks one question after
another, without a language model; the first question, which reads and indexes all pages, has a line of its own.`,

  PizzaStack: `A pizza is six calls over HTTP in a session of its own, which the first of them makes. Raw is bare appends of the same client to
the same server; for a lineage, raw is that of one pizza.`,
} as const;

/** The page docs/benchmarks.md, in Markdown: the main numbers, then all of them, then how they were measured. */
export function benchmarkPage(sections: readonly Section[]): string {
  const [head = "", rule = ""] = sections[0]?.table.split("\n") ?? [];
  const rows = sections.flatMap(({ table }) => table.trimEnd().split("\n").slice(2));
  const main = MAIN.flatMap((start) => rows.filter((row) => row.startsWith(`| ${start}`)));
  return `# Benchmarks

How fast Sojourn is, and how many requests per second it answers: beside the least that does the same, and beside its peers. This page is written by \`npm run bench\`.

*Raw* is what ours is measured beside, *ratio* is ours to raw, and *aim* is what we want of it; a line without an aim only informs. Each
section says which machine it was measured on, and [how it is measured](#how-it-is-measured) what raw is.

## The main numbers

${[head, rule, ...main].join("\n")}

${sections.map(({ title, machine, table }) => `## ${title}\n\n${machine}\n\n${table}`).join("\n")}
## How it is measured

Each number is the median of seven rounds, after one to warm up, unless it says otherwise; ours and raw take turns, and *ratio* is the
median of the rounds' ratios.

${sections.map(({ title }) => `### How: ${title}\n\n${METHODS[title]}\n`).join("\n")}`;
}
