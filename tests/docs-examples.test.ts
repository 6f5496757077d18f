import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { loadConfig } from "../src/config/config.ts";
import { commandsIn, faultOf } from "./docs-console.ts";
import { type Example, examplesIn, examplesOf, LANGUAGES, pages, placeOf } from "./docs-examples.ts";

describe("the examples of all documents", () => {
  const all = pages().flatMap(examplesOf);

  it("are each in a language that is checked or run", (t) => {
    assert.deepEqual(all.flatMap(languageFaults), []);
    assert.deepEqual(unusedFiles(all), []);
    const notRun = all.filter(({ isNotRun }) => isNotRun);
    for (const [language, what] of Object.entries(LANGUAGES)) {
      t.diagnostic(`${language}: ${all.filter((example) => example.language === language).length}, ${what}`);
    }
    t.diagnostic(`checked and not run: ${notRun.map(placeOf).join(", ") || "none"}`);
  });

  it("are JSON where they say so", () => {
    assert.deepEqual(all.flatMap(jsonFaults), []);
  });

  it("are configurations where they are TOML", async () => {
    assert.deepEqual((await Promise.all(all.map(tomlFaults))).flat(), []);
  });

  it("call the commands that there are, with the options that they have", async () => {
    assert.deepEqual((await Promise.all(all.map(consoleFaults))).flat(), []);
  });
});

describe("the check of examples", () => {
  const only = (language: string, code: string) => examplesIn("page.md", `~~~${language}\n${code}\n~~~\n`);

  it("refuses a language that nothing checks, none at all, and what may not be left out", () => {
    const text = "```\na\n```\n\n- ```mermaid\n  b\n  ```\n\n````ts not-run\n```\n````\n\n```bash not-run\nls\n```\n";
    assert.deepEqual(examplesIn("page.md", text).flatMap(languageFaults), [
      'page.md:1: choose a language of ts, js, bash, sh, python, json, toml, console, text; not ""',
      'page.md:5: choose a language of ts, js, bash, sh, python, json, toml, console, text; not "mermaid"',
      'page.md:13: what a test can\'t run in a shell is "console"',
    ]);
  });

  it("refuses a program in a file that no command of the page runs", () => {
    const file = "```python\n# in/order.py\nprint(1)\n```\n";
    assert.deepEqual(unusedFiles(examplesIn("page.md", file)), ["page.md:1: no command of the page runs in/order.py"]);
    assert.deepEqual(unusedFiles(examplesIn("page.md", `${file}\n\`\`\`sh\npython3 in/order.py\n\`\`\`\n`)), []);
  });

  it("refuses a fence that is open", () => {
    assert.throws(() => examplesIn("page.md", "# Page\n\n```ts\nopen\n"), /page\.md:3: nothing closes/);
  });

  it("refuses what is no JSON, and takes several values", () => {
    assert.deepEqual(only("json", '{"a": 1}\n\n{"b": 2,\n "c": 3}').flatMap(jsonFaults), []);
    assert.match(only("json", "{a: 1}").flatMap(jsonFaults).join(), /^page\.md:1: .*JSON/);
  });

  it("refuses options that there are not", async () => {
    const faults = await Promise.all(only("toml", "port = 80\nmax_session = 81").map(tomlFaults));
    assert.deepEqual(faults.flat(), [
      "page.md:1: sojourn.toml: max_session: is not an option; did you mean max_sessions?",
    ]);
  });

  it("refuses calls that there are not", async () => {
    const code = [
      "npx sojourn serve --port 80 # fine",
      "$ sojourn nothing --json",
      "$ echo 'a b' | npx sojourn artifacts put demo - \\",
      "    --name 'a b' > out.txt",
      "$ SOJOURN_URL=http://a npx sojourn log demo --at && npm run nothing",
      "$ npm start -- --prot 80 &",
      "$ npm ci && npm test",
      "$ sojourn tasks show demo <task> 2> errors.txt",
    ].join("\n");
    const faults = await Promise.all(only("console", code).map(consoleFaults));
    assert.deepEqual(faults.flat(), [
      "page.md:3: error: unknown command 'nothing'",
      "page.md:6: error: unknown option '--at'\n(Did you mean --data?)",
      'page.md:6: package.json has no script "nothing"',
      "page.md:7: error: unknown option '--prot'\n(Did you mean --port?)",
    ]);
  });
});

function languageFaults(example: Example): readonly string[] {
  const { language, isNotRun } = example;
  if (!Object.hasOwn(LANGUAGES, language)) {
    return [`${placeOf(example)}: choose a language of ${Object.keys(LANGUAGES).join(", ")}; not "${language}"`];
  }
  if (isNotRun && /^(?:ba)?sh$/.test(language)) {
    return [`${placeOf(example)}: what a test can't run in a shell is "console"`];
  }
  return [];
}

/** Programs in files, which nothing checks but to run them. */
function unusedFiles(all: readonly Example[]): readonly string[] {
  return all.flatMap((example) => {
    const { page, language, file } = example;
    if (language !== "python" || file === undefined) return [];
    const isUsed = all.some((one) => one.page === page && /^(?:ba)?sh$/.test(one.language) && one.code.includes(file));
    return isUsed ? [] : [`${placeOf(example)}: no command of the page runs ${file}`];
  });
}

/** One value, or several with an empty line between them or a line each. */
function jsonFaults(example: Example): readonly string[] {
  const { language, code } = example;
  if (language !== "json") return [];
  const readings = [[code], code.split(/\n\s*\n/), code.trim().split("\n")].map((texts) => {
    try {
      for (const text of texts) JSON.parse(text);
      return undefined;
    } catch (error) {
      return `${placeOf(example)}: ${error instanceof Error ? error.message : error}`;
    }
  });
  return readings.includes(undefined) ? [] : readings.slice(0, 1).filter((fault) => fault !== undefined);
}

async function tomlFaults(example: Example): Promise<readonly string[]> {
  if (example.language !== "toml") return [];
  const directory = await mkdtemp(join(tmpdir(), "sojourn-toml-"));
  try {
    await writeFile(join(directory, "sojourn.toml"), example.code);
    const loaded = loadConfig({ cwd: directory });
    if ("config" in loaded) return [];
    return loaded.faults.map(({ source, message }) => `${placeOf(example)}: ${source}: ${message}`);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function consoleFaults({ page, line: first, language, code }: Example): Promise<readonly string[]> {
  if (language !== "console") return [];
  const faults: string[] = [];
  for (const { line, words } of commandsIn({ line: first, code })) {
    const fault = await faultOf(words);
    if (fault !== undefined) faults.push(`${page}:${line}: ${fault}`);
  }
  return faults;
}
