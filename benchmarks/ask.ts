/**
 * The time of a question to the documentation over HTTP, without a language model, beside that of a page which is served
 * from memory by the same server. One connection, one question after another; the first of them, which reads and indexes
 * all pages, is told by itself.
 */
import { QUESTIONS } from "../tests/docs-questions.ts";
import { type Claim, compare, show } from "./claim.ts";
import { interleave, median, percentile } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";
import { spawnSojourn } from "./servers.ts";

const AIM_MS = 20;

/** Measures questions, and the first one of a server. */
export async function measureAsk(): Promise<readonly Claim[]> {
  using scratch = scratchDirectory();
  await using server = await spawnSojourn(scratch.path);
  const ask = (question: string): string => `${server.url}/docs/README.md?${new URLSearchParams({ ask: question })}`;
  const questions = QUESTIONS.map(({ question }) => ask(question));
  const first = await msOf(questions[0] ?? "");
  const page = `${server.url}/docs/tasks.md`;
  const slowest: number[] = [];
  const rounds = await interleave("ms of a question to the documentation, beside a page", {
    ours: async () => {
      const times = await timesOf(questions);
      slowest.push(percentile(times, 0.95));
      return median(times);
    },
    raw: async () => median(await timesOf(questions.map(() => page))),
  });
  const asked = compare({ title: "Ask the documentation, beside reading a page", unit: "ms", rounds });
  return [
    { ...asked, aim: `at most ${AIM_MS} ms`, isMet: asked.ours <= AIM_MS },
    { title: "Ask the documentation, 95 of 100", unit: "ms", ours: median(slowest) },
    { title: "The first question to a server", unit: "ms", ours: first },
  ];
}

async function timesOf(urls: readonly string[]): Promise<readonly number[]> {
  const times: number[] = [];
  for (const url of urls) times.push(await msOf(url));
  return times;
}

async function msOf(url: string): Promise<number> {
  const started = performance.now();
  const answer = await fetch(url);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`GET ${url} answers ${answer.status}: ${text}`);
  return performance.now() - started;
}

if (import.meta.main) await show(measureAsk);
