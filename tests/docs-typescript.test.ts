import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { atItsLines, type Example, examplesIn, examplesOf, pages, ROOT } from "./docs-examples.ts";
import { modulesOf, textOf } from "./docs-modules.ts";
import { makeWorkplace } from "./docs-workplace.ts";

describe("the examples in TypeScript and JavaScript", () => {
  it("are well typed", async (t) => {
    const examples = pages().map(examplesOf);
    const { faults, checked } = await check(examples);
    assert.deepEqual(faults, []);
    const all = examples.flat().filter(({ language }) => language === "ts" || language === "js");
    assert.equal(checked, all.length);
    t.diagnostic(`${checked} examples are well typed`);
  });

  it("are told by page and line where they are not", async () => {
    const text = (name: string, code: string) => `# ${name}\n\n\`\`\`ts\n${code}\n\`\`\`\n`;
    const module = 'import { connect } from "sojourn/client";\nconst { url } = connect(1);';
    const file = '// app/app.ts\nimport { defineApp } from "sojourn/app-format";\ndefineApp(1);';
    const { faults } = await check([
      examplesIn("docs/one.md", text("One", module)),
      examplesIn("docs/two.md", text("Two", file)),
    ]);
    assert.deepEqual(
      faults.map((fault) => /^\S+ error TS\d+/.exec(fault)?.[0]),
      ["docs/one.md:5:9: error TS2339", "docs/one.md:5:25: error TS2559", "docs/two.md:6:11: error TS2345"],
    );
  });
});

describe("modulesOf()", () => {
  const page = (...blocks: readonly string[]) =>
    examplesIn("page.md", blocks.map((code) => `\`\`\`ts\n${code}\n\`\`\`\n`).join("text\n"));

  it("goes on with the examples of a page, and begins anew where a name is declared again", () => {
    const blocks = [
      'import { a, b } from "x";\nconst { c, d: e = 1 } = a;',
      'import { b, f } from "x";\nconst d = 2;',
      "for (const c of d) {\n  const d = c;\n}",
      'import { a } from "x";\nlet e = 2;',
      "// app.ts\nconst e = 3;",
      "async function f() {}",
    ];
    assert.deepEqual(
      modulesOf(page(...blocks)).map((module) => textOf(module).replaceAll(/\n+/g, "\n").trim().split("\n")),
      [
        [
          'import { a, b } from "x";',
          "const { c, d: e = 1 } = a;",
          'import { f } from "x";',
          "const d = 2;",
          "for (const c of d) {",
          "  const d = c;",
          "}",
        ],
        ['import { a } from "x";', "let e = 2;", "async function f() {}"],
      ],
    );
  });
});

/** What the compiler has against the examples, and how many it was shown. */
async function check(
  all: readonly (readonly Example[])[],
): Promise<{ readonly faults: readonly string[]; readonly checked: number }> {
  await using workplace = await makeWorkplace();
  const config = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: { typeRoots: [join(ROOT, "node_modules", "@types")], paths: {} },
    include: ["pages"],
  };
  await writeFile(join(workplace.path, "tsconfig.json"), JSON.stringify(config));
  let checked = 0;
  const put = async (page: string, name: string, text: string) => {
    const path = join(workplace.path, "pages", page, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  };
  for (const examples of all) {
    const [page] = examples.map((example) => example.page);
    if (page === undefined) continue;
    await put(page, "package.json", '{ "type": "module" }');
    for (const module of modulesOf(examples)) {
      await put(page, `module-${module.number}.mts`, textOf(module));
      checked += module.examples.length;
    }
    for (const example of examples) {
      if (example.file === undefined || !/^[jt]s$/.test(example.language)) continue;
      await put(page, example.file.replace(/\.js$/, ".ts"), atItsLines(example));
      checked++;
    }
  }
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const told = await promisify(execFile)(process.execPath, [tsc, "-p", workplace.path, "--pretty", "false"], {
    cwd: workplace.path,
    maxBuffer: 1 << 26,
  }).then(
    () => "",
    (error: { stdout: string }) => error.stdout,
  );
  // Of sources that do not compile the compiler tells that alone, and nothing of examples: they are no less a fault here.
  const faults = told.split(/\n(?=\S)/).filter((line) => line.trim() !== "");
  return { faults: faults.map((fault) => fault.trimEnd().replace(FAULT, "$1:$2:$3:")), checked };
}

/** Where the compiler finds a fault in what was made of a page. */
const FAULT = /^pages\/(.*?\.md)\/\S*?\((\d+),(\d+)\):/;
