import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { findChromium } from "../src/apps/browser-automation/chromium.ts";
import { examplesIn, examplesOf, pages } from "./docs-examples.ts";
import { isRun, prepareData, type Ran, runPage } from "./docs-page.ts";
import { makeWorkplace, type Workplace } from "./docs-workplace.ts";

const hasShell = ["bash", "curl"].every((command) => spawnSync(command, ["--version"]).error === undefined);

const hasPython =
  process.env["SOJOURN_TEST_PYTHON"] === "required" || spawnSync("python3", ["-c", "import requests"]).status === 0;

/** Pages that need what is not on every machine. */
const IS_MISSING: Readonly<Record<string, () => boolean>> = { "docs/apps/browser-automation.md": isBrowserMissing };

let workplace: Workplace;
let data: string;

before(async () => {
  workplace = await makeWorkplace();
  data = await prepareData(workplace);
});
after(async () => {
  await workplace[Symbol.asyncDispose]();
});

describe("the examples of a page, run in their order", { concurrency: 2, skip: !hasShell, timeout: 900_000 }, () => {
  const all: Ran[] = [];

  for (const page of pages()) {
    const examples = examplesOf(page);
    if (!examples.some((example) => isRun(example, { hasPython }))) continue;
    it(`${page}: go well, and do what is shown`, { skip: IS_MISSING[page]?.() ?? false }, async () => {
      all.push(await runPage(examples, { workplace, data, hasPython }));
    });
  }

  after((t) => {
    const sum = (count: (ran: Ran) => number) => all.reduce((total, ran) => total + count(ran), 0);
    const [examples, values, outputs] = [
      sum((ran) => ran.examples),
      sum((ran) => ran.values),
      sum((ran) => ran.outputs),
    ];
    const python = hasPython ? "" : "; none in Python, which is not there with its package requests";
    const told = `${examples} examples of ${all.length} pages were run, with ${values} values and ${outputs} outputs${python}`;
    if ("diagnostic" in t) t.diagnostic(told);
  });
});

describe("runPage()", { concurrency: 2, skip: !hasShell }, () => {
  let pagesMade = 0;
  const run = (...blocks: readonly string[]) =>
    runPage(examplesIn(`made/${++pagesMade}.md`, blocks.map((block) => `~~~${block}\n~~~\n`).join("\n")), {
      workplace,
      data,
      hasPython,
    });
  const CREATE = `curl -X POST http://127.0.0.1:7070/api/v1/sessions -H 'Content-Type: application/json' -d '{"session_id": "a"}'`;

  it("keeps what an example sets for those after it, in any language, beside one server", async () => {
    const ran = await run(
      `bash\nid=a\n${CREATE} > made.json`,
      'ts\nimport { connect } from "sojourn/client";\nconst sojourn = connect({ url: "http://localhost:7070" });',
      'bash\nnpx sojourn sessions show "$id" --json',
      'json\n{"session_id": "…", "status": "active", "is_active": true}',
      'js\nconst session = await sojourn.sessions.get("a");\nsession.status; // "active"\nawait sojourn.close();',
      "bash\nnpx sojourn serve --max-sessions 1",
      'bash\ncurl "$SOJOURN_URL/api/v1/sessions/a" | grep active',
    );
    assert.deepEqual(ran, { examples: 6, values: 1, outputs: 1 });
  });

  it("fails with page and line where a command fails, or its request is refused", async () => {
    await assert.rejects(run("sh\ntrue\nfalse | true"), /^Error: made\/\d+\.md:1: ended with 1\n.*line 3: false/s);
    await assert.rejects(run("sh\ncurl $SOJOURN_URL/nowhere"), /answered 404/);
    await assert.rejects(run("sh\nnpx sojourn serve --no-such"), /unknown option/);
    await assert.rejects(run("sh\nnpm install left"), /console/);
  });

  it("takes a refusal where the page shows one, and wants it there", async () => {
    const shown = 'json\n{"success": false, "error": {"code": "SESSION_NOT_FOUND"}}';
    assert.deepEqual(await run("sh\ncurl $SOJOURN_URL/api/v1/sessions/none", shown), {
      examples: 1,
      values: 0,
      outputs: 1,
    });
    await assert.rejects(run(`sh\n${CREATE}`, shown), /nothing was refused/);
    await assert.rejects(
      run("sh\ncurl $SOJOURN_URL/api/v1/sessions/none", shown.replace("SESSION_", "")),
      /\.error\.code is SESSION_NOT_FOUND, and NOT_FOUND is shown/,
    );
  });

  it("fails where an output is not as it is shown", async () => {
    await assert.rejects(run(`sh\n${CREATE}`, 'json\n{"tags": {}}'), /\.tags is an array, and object is shown/);
    await assert.rejects(run(`sh\n${CREATE}`, 'json\n{"is_active": false}'), /\.is_active is true, and false is shown/);
    await assert.rejects(run("sh\ntrue", "json\n{}"), /none was printed/);
  });

  it("fails where a value is not as it is shown, and where a module throws", async () => {
    await assert.rejects(run("ts\nconst a = [1];\na; // [2]"), /made\/\d+\.md:1: ended with 1\n.*AssertionError/s);
    await assert.rejects(run('ts\nthrow new Error("no");'), /Error: no/);
  });

  it("runs Python, and fails where that does", { skip: !hasPython }, async () => {
    const get = 'import requests\nanswer = requests.get("http://127.0.0.1:7070/api/v1/apps")';
    assert.equal((await run(`python\n${get}`, "python\nassert answer.status_code == 200")).examples, 2);
    await assert.rejects(run(`python\n${get}`, "python\nassert answer.status_code == 201"), /line 7.*AssertionError/s);
  });
});

function isBrowserMissing(): boolean {
  if (process.env["SOJOURN_TEST_BROWSER"] === "required") return false;
  try {
    findChromium(process.env["CHROMIUM_PATH"]);
    return false;
  } catch {
    return true;
  }
}
