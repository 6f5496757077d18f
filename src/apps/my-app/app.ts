// A tour of what an app can do. Copy this folder, change the name, and take away what you do not need. In a folder of your
// own, the first import is from "sojourn/app-format".

import { type Context, defineApp, z } from "../../app-format/index.ts";
import { type Finding, look, NOTHING_SEEN } from "./look.ts";

// 1. Inputs. Each action says what it takes. A call that does not fit is refused by the name of the field, before any of
//    the code below runs; what callers send beyond it is left out.

const Begin = z.object({ title: z.string().trim().min(1).max(200).default("Untitled") });

const Process = z.object({
  data: z.json().optional().describe("Anything; a list is looked at item by item"),
  id: z
    .union([z.string().min(1).max(200), z.number()])
    .optional()
    .describe("What the result is to be found by"),
});

const Nothing = z.object({});

// 2. Setup. What a worker itself depends on, such as which model to load. Other parameters mean another worker.

const Setup = z.object({
  keep: z.int().min(1).max(1_000).default(100).describe("How many of the newest results are kept"),
});

// 3. State. It stays in the worker's memory from one call to the next. The calls of a session run one at a time, so that
//    nothing else changes it meanwhile. This schema also reads what `snapshot` wrote, in step 7.

const Result = z.object({
  number: z.int(),
  id: z.union([z.string(), z.number()]).optional(),
  items: z.int(),
  words: z.int(),
  numbers: z.int(),
  sum: z.number(),
});

const Tour = z.object({
  title: z.string(),
  startedAt: z.string(),
  processed: z.int(),
  results: z.array(Result),
});

type Given<Input> = Context<z.output<typeof Tour>, Input, z.output<typeof Setup>>;

/** A tour of the format of apps: state, progress, partial outputs, logs, artifacts, working memory, and an end. */
export const app = defineApp({
  name: "my-app",
  description: "A tour of what an app can do: looks at data, and keeps count of what it saw",
  setup: Setup,

  // 4. Once for each worker: the slow part, which the calls then find done.
  start: () => Tour.parse({ title: "Untitled", startedAt: new Date().toISOString(), processed: 0, results: [] }),

  actions: {
    initialize: { description: "Begins anew, under a title", input: Begin, run: begin },
    init: { description: "The same as initialize", input: Begin, run: begin },
    process: {
      description: "Looks at data, and keeps what it saw",
      input: Process,
      output: Result,
      run: processData,
    },
    check: {
      description: "What there is so far",
      input: Nothing,
      // 5. To do it twice is as to do it once: where the server stops in the middle of it, it is run again by itself.
      isIdempotent: true,
      run: check,
    },
    cleanup: {
      description: "Stores a report as an artifact, and ends the session",
      input: Nothing,
      run: cleanup,
    },
  },

  // 6. The action that a call without one means.
  default: "check",

  // 7. How the state survives the loss of a worker: JSON of it after each call, and the way back. Without these two, the call
  //    after a loss is told that the state is gone.
  snapshot: (tour) => tour,
  restore: (snapshot) => Tour.parse(snapshot),
});

// 8. Actions. Everything that they do in the session stands in the session's log.

/** Working memory is the session's: people and chats see it, and it outlives the worker. */
async function begin({ state, input, session }: Given<z.output<typeof Begin>>): Promise<unknown> {
  state.title = input.title;
  state.processed = 0;
  state.results = [];
  await session.memory.merge({ my_app: { title: state.title, processed: 0 } });
  session.log(`Began "${state.title}"`);
  return { ready: true, title: state.title };
}

/** How many items are looked at before the caller is told of it. */
const STEP = 100;

/** As a generator: what it yields, the caller has at once, and what it returns is the output. */
async function* processData({
  state,
  input,
  setup,
  session,
  signal,
}: Given<z.output<typeof Process>>): AsyncGenerator<unknown, z.output<typeof Result>, void> {
  const { data, id } = input;
  const items = Array.isArray(data) ? data : [data].filter((item) => item !== undefined);
  let seen: Finding = NOTHING_SEEN;
  for (const item of items) {
    seen = look(seen, item);
    if (seen.items % STEP > 0 || seen.items === items.length) continue;
    session.progress(seen.items / items.length, `${seen.items} of ${items.length} items`);
    yield seen;
    // Where the task was canceled meanwhile; what does not heed that is killed a moment later.
    signal.throwIfAborted();
  }
  const result = { number: state.processed + 1, ...(id !== undefined && { id }), ...seen };
  // The state changes last, so that a call that fails has changed nothing.
  await session.memory.merge({ my_app: { title: state.title, processed: result.number } });
  state.processed = result.number;
  state.results = [...state.results, result].slice(-setup.keep);
  session.log(`Looked at ${result.items} items`, "debug");
  return result;
}

async function check({ state, session }: Given<unknown>): Promise<unknown> {
  const { title, startedAt, processed, results } = state;
  return { title, started_at: startedAt, processed, last: results.at(-1) ?? null, memory: await session.memory.get() };
}

/** `end` takes effect once this call is done; then the worker goes as well. */
async function cleanup({ state, session }: Given<unknown>): Promise<unknown> {
  const { title, processed, results } = state;
  const report = JSON.stringify({ title, processed, results }, undefined, 2);
  const { artifactId, name, version } = await session.artifacts.store("my-app-report.json", report);
  session.end("Cleaned up");
  return { processed, report: { artifact_id: artifactId, name, version } };
}
