/**
 * A process that writes to a store as fast as it can, until it is killed or has met enough errors.
 *
 * Takes a `Task` as JSON. Says `ready` once the store is open, then on a line each: `acknowledged UID SEQ` for what was
 * acknowledged, `refused CODE` for what was refused, and `changed UID` should a refused commit have changed something.
 */
import { writeSync } from "node:fs";
import { Author, draft } from "../src/conformance/index.ts";
import { SojournError } from "../src/engine/errors.ts";
import type { Stream } from "../src/engine/store.ts";
import { openSqliteStore, type SqliteOptions } from "../src/store/sqlite/index.ts";

/** What the process is told. */
export interface Task extends SqliteOptions {
  readonly tenant: string;
  /** How many sessions are written at the same time; with 0 the process only holds the store. */
  readonly sessions: number;
  /** Characters of description in each operation. */
  readonly padding: number;
  /** Ends after so many refusals. */
  readonly refusalsMax: number;
}

const { tenant, sessions, padding, refusalsMax, ...options }: Task = JSON.parse(process.argv[2] ?? "");
const store = openSqliteStore(options);
const author = new Author(store, tenant);
const description = "x".repeat(padding);
let refusals = 0;

say("ready");
await Promise.all(Array.from({ length: sessions }, write));
if (sessions > 0) await store.close();

async function write(): Promise<void> {
  let stream: Stream | undefined;
  while (refusals < refusalsMax) {
    const drafts = [draft("session.updated", { description }), draft("session.kept_alive", {})];
    const next = stream === undefined ? author.begin({ description }) : author.continue(stream, ...drafts);
    try {
      await author.commit([next.part]);
      stream = next.stream;
      say(`acknowledged ${stream.ref.id} ${stream.head.seq}`);
    } catch (error) {
      refusals += 1;
      say(`refused ${error instanceof SojournError ? error.code : error}`);
      const now = await store.stream(next.stream.ref);
      if (now?.head.seq !== stream?.head.seq) say(`changed ${next.stream.ref.id}`);
    }
  }
}

// At once, so that a kill right after an acknowledgement doesn't take its line along.
/** At once, so that a kill takes nothing of it; where the reader is slow, as soon as the pipe has room. */
function say(line: string): void {
  const bytes = Buffer.from(`${line}\n`);
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(1, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}
