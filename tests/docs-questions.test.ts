import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { type DocsQuestion, MORE_QUESTIONS, QUESTIONS, UNRELATED } from "./docs-questions.ts";
import { startServer, type TestServer } from "./server.ts";

/** Of forty. */
const FOUND_MIN = 36;

/** The share of the others. */
const MORE_FOUND_MIN = 0.85;

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server[Symbol.asyncDispose]());

async function answerTo(question: string): Promise<string> {
  const answer = await fetch(`${server.url}/docs/README.md?${new URLSearchParams({ ask: question })}`);
  assert.equal(answer.status, 200);
  return await answer.text();
}

/** The sections that an answer comes from, the best first, as `page#anchor`. */
function sourcesOf(answer: string): readonly string[] {
  const links = answer.matchAll(/^(?:From|###|-) \[.*\]\(\/docs\/(.+)\.md(#.+)?\)\.?$/gm);
  return [...new Set([...links].map(([, page = "", anchor = "#"]) => page + anchor))];
}

/** The questions of which neither the first nor the second source answers, with what came up. */
async function missedOf(questions: readonly DocsQuestion[]): Promise<readonly string[]> {
  const missed: string[] = [];
  for (const { question, answeredIn } of questions) {
    const answer = await answerTo(question);
    const isRefused = answer.includes("does not answer this question");
    const sources = isRefused ? ["nothing"] : sourcesOf(answer).slice(0, 2);
    if (!sources.some((source) => answeredIn.includes(source))) missed.push(`${question} ← ${sources.join(", ")}`);
  }
  return missed;
}

async function pageOf(name: string): Promise<string> {
  return await readFile(new URL(`../docs/${name}.md`, import.meta.url), "utf8");
}

function headingsOf(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
}

describe("the documentation", () => {
  it("answers what users ask from the section that has it, first or second", async () => {
    assert.equal(QUESTIONS.length, 40);
    const missed = await missedOf(QUESTIONS);
    assert.ok(missed.length <= QUESTIONS.length - FOUND_MIN, missed.join("\n"));
  });

  it("answers those who are new to it, also by other words, with slips of the pen, and by names alone", async () => {
    const missed = await missedOf(MORE_QUESTIONS);
    assert.ok(missed.length <= MORE_QUESTIONS.length * (1 - MORE_FOUND_MIN), missed.join("\n"));
  });

  it("says of each error code what it means and what to do, asked by the code alone or with more", async () => {
    const codes = headingsOf(await pageOf("errors")).filter((heading) => /^[A-Z_]+$/.test(heading));
    assert.ok(codes.length > 35);
    for (const code of codes) {
      for (const question of [code, `what does ${code} mean and what do I do`]) {
        const answer = await answerTo(question);
        assert.equal(sourcesOf(answer)[0], `errors#${code.toLowerCase()}`, question);
        assert.match(answer.slice(0, answer.indexOf("\nFrom ")), /^Cause: [\s\S]*^What to do: /m, question);
      }
    }
  });

  it("finds each option by its name, its flag and its environment variable", async () => {
    const options = headingsOf(await pageOf("configuration")).filter((heading) => /^[a-z_]+$/.test(heading));
    assert.ok(options.length > 40);
    for (const option of options) {
      // A word such as `apps` by itself asks for more than the option of that name.
      const bare = option.includes("_") ? [option] : [];
      for (const name of [...bare, `--${option.replaceAll("_", "-")}`, `SOJOURN_${option.toUpperCase()}`]) {
        assert.equal(sourcesOf(await answerTo(name))[0], `configuration#${option}`, name);
      }
    }
  });

  it("says under which heading something stands, which may be that it is not there", async () => {
    const [first = ""] = (await answerTo("how to use the Lua script API")).split("\nFrom ");
    assert.match(first, /^# .*\n\n\*\*(?:What scripts can call|Scripts)\*\*\n/);
    const [none = ""] = (await answerTo("how do I move what llmspell has stored")).split("\nFrom ");
    assert.match(none, /^# .*\n\n\*\*What is not there yet\?\*\*\n[\s\S]*there is no importer/);
  });

  it("has the sections that are expected to answer", async () => {
    for (const source of new Set([...QUESTIONS, ...MORE_QUESTIONS].flatMap(({ answeredIn }) => answeredIn))) {
      const [page = "", anchor = ""] = source.split("#");
      const html = await (await fetch(`${server.url}/docs/${page}`, { headers: { accept: "text/html" } })).text();
      assert.ok(anchor === "" ? html.includes("<h1") : html.includes(` id="${anchor}"`), source);
    }
  });

  it("says of what it has nothing to say to that it does not answer", async () => {
    for (const question of UNRELATED) assert.match(await answerTo(question), /does not answer this question/, question);
  });

  it("is not asked in the words of its own headings", async () => {
    const headings = new Set<string>();
    for (const page of new Set(QUESTIONS.flatMap(({ answeredIn }) => answeredIn.map((one) => one.split("#")[0])))) {
      for (const heading of headingsOf(await pageOf(page ?? ""))) headings.add(plain(heading));
    }
    const copied = QUESTIONS.map(({ question }) => question).filter((question) => headings.has(plain(question)));
    assert.deepEqual(copied, []);
  });
});

function plain(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z\d]+/g, " ")
    .trim();
}
