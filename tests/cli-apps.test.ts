import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { open } from "../src/platform/index.ts";
import { Api } from "./api.ts";
import { CommandLine } from "./command-line.ts";
import { startServer } from "./server.ts";

describe("sojourn apps", () => {
  let cli: CommandLine;
  before(async () => {
    cli = await CommandLine.begin();
  });
  after(async () => {
    await cli[Symbol.asyncDispose]();
  });

  describe("new", () => {
    it("writes a folder with an app, and says what to do with it", async () => {
      assert.deepEqual(await cli.run(["apps", "new", "counter"]), {
        code: 0,
        stdout: `./counter: app.ts, package.json, README.md

Start a server that has it, and call it from another terminal:
  npx sojourn serve --apps ./counter
  npx sojourn run-app counter --session new --input '{"by": 2}'
`,
        stderr: "",
      });
      assert.deepEqual((await readdir(join(cli.cwd, "counter"))).sort(), ["README.md", "app.ts", "package.json"]);
      const readme = await readFile(join(cli.cwd, "counter", "README.md"), "utf8");
      assert.match(readme, /^npm install --save-dev \.\.\/sojourn\/sojourn-\d+\.\d+\.\d+\.tgz$/m);
      assert.match(readme, /^npx sojourn serve --apps \.$/m);
    });

    it("writes JavaScript, elsewhere, for programs", async () => {
      const directory = "some where/else";
      assert.deepEqual(await cli.json(["apps", "new", "space/counter", "--dir", directory, "--js"]), {
        name: "space/counter",
        directory,
        files: ["app.js", "package.json", "README.md"],
      });
      assert.match(await readFile(join(cli.cwd, directory, "app.js"), "utf8"), /name: "space\/counter"/);
    });

    it("overwrites nothing, and refuses what is no name", async () => {
      await mkdir(join(cli.cwd, "taken"));
      await writeFile(join(cli.cwd, "taken", "notes.txt"), "mine");
      assert.deepEqual(await cli.run(["apps", "new", "taken"]), {
        code: 2,
        stdout: "",
        stderr: '"./taken" is there and not empty; name another with --dir\n',
      });
      assert.deepEqual(await readdir(join(cli.cwd, "taken")), ["notes.txt"]);
      const { code, stderr } = await cli.run(["apps", "new", "../Up"]);
      assert.deepEqual(
        [code, stderr],
        [
          2,
          `An app can't be called "../Up": it is name or namespace/name, of lower-case letters, digits and -, at most 64 of each\n`,
        ],
      );
    });
  });

  describe("list", () => {
    it("lists what a server has, with the default action and a beginning of the version", async () => {
      await cli.run(["apps", "new", "listed", "--js"]);
      await using server = await startServer({ apps: join(cli.cwd, "listed"), spare_workers: "0" });
      const given = { env: { SOJOURN_URL: server.url } };
      interface Listed {
        readonly apps: readonly { name: string; version: string; default_action: string }[];
        readonly broken: readonly unknown[];
      }
      const { apps, broken } = await cli.json<Listed>(["apps", "list"], given);
      assert.deepEqual(broken, []);
      const app = apps.find(({ name }) => name === "listed");
      assert.equal(app?.default_action, "add");
      const { stdout } = await cli.run(["apps", "list"], given);
      assert.match(stdout, /^APP +VERSION +ACTIONS +DESCRIPTION\n/);
      assert.match(stdout, new RegExp(`\\nlisted +${app?.version.slice(0, 12)} +add\\* get +Keeps a count\\n`));
    });

    it("lists what is broken, of a server and of a store", async () => {
      await mkdir(join(cli.cwd, "mixed"));
      const file = join(cli.cwd, "mixed", "wrong.js");
      await writeFile(file, "export const app = 1;\n");
      await using server = await startServer({ apps: join(cli.cwd, "mixed"), spare_workers: "0" });
      const [{ message, ...told }, ...others] = (
        await new Api(server.url).get<{ broken: readonly { source: string; message: string }[] }>("/apps")
      ).data.broken as readonly [{ source: string; message: string }];
      assert.deepEqual([told, others], [{ source: file }, []]);
      await (await open({ data: join(cli.cwd, "store") })).close();
      for (const [args, env] of [
        [[], { SOJOURN_URL: server.url }],
        [["--data", "store"], { SOJOURN_APPS: "mixed" }],
      ] as const) {
        const { stdout, stderr } = await cli.run(["apps", "list", ...args], { env });
        const row = stdout.split("\n").find((line) => line.startsWith(file)) ?? assert.fail(stdout + stderr);
        assert.match(row, / BROKEN /);
        assert.ok(row.endsWith(message), row);
      }
    });
  });

  describe("check", () => {
    interface Told {
      readonly version: string;
      readonly actions: readonly { readonly name: string }[];
      readonly setup_schema: object;
    }
    const TOLD = {
      name: "checked",
      description: "Keeps a count",
      place: "process",
      recovery: "snapshot",
      default_action: "add",
      permissions: {},
    };

    it("says what an app declares and asks for, as the template of new does, in either language", async () => {
      for (const [flag, main_file] of [
        ["--js", "app.js"],
        ["", "app.ts"],
      ] as const) {
        const directory = `checked${flag}`;
        await cli.run(["apps", "new", "checked", "--dir", directory, ...(flag === "" ? [] : [flag])]);
        const { apps, ...more } = await cli.json<{ apps: readonly Told[] }>(["apps", "check", directory]);
        const [{ version, actions, setup_schema, ...told }, ...others] = apps as readonly [Told];
        assert.deepEqual([more, others], [{ ok: true, broken: [] }, []]);
        assert.deepEqual(told, { ...TOLD, main_file: `${directory}/${main_file}` });
        assert.match(version, /^[0-9a-f]{64}$/);
        assert.deepEqual(
          actions.map(({ name }) => name),
          ["add", "get"],
        );
        assert.ok("properties" in setup_schema);
      }
      assert.match(
        (await cli.run(["apps", "check", "checked"])).stdout,
        /^ok {6}checked {2}checked\/app\.ts\n {8}Keeps a count\n {8}version {3}[0-9a-f]{64}\n {8}actions {3}add \(default\), get\n {8}setup {5}from\n(?: .*\n)*? {8}asks for {2}nothing beyond computing\n\n1 app, 0 broken\n$/,
      );
    });

    it("says what is wrong, with file and line, and fails", async () => {
      await writeFile(join(cli.cwd, "wrong.ts"), "export const a = 1;\n\nexport const b = ;\n");
      await writeFile(
        join(cli.cwd, "asks.mjs"),
        `import { defineApp, z } from "sojourn/app-format";
export default defineApp({
  name: "asks",
  permissions: { network: true, read: ["data:"] },
  actions: { run: { input: z.object({}), run: () => 1 } },
});
`,
      );
      const { code, stdout, stderr } = await cli.run(["apps", "check", "wrong.ts", "asks.mjs", "nowhere"]);
      assert.deepEqual([code, stderr], [1, ""]);
      assert.match(stdout, /^ok {6}asks {2}asks\.mjs\n(?: .*\n)*? {8}asks for {2}network; read data:\n/);
      assert.match(stdout, /\nBROKEN {2}wrong\.ts\n {8}"wrong\.ts" can't be loaded as an app: wrong\.ts:3: \S/);
      assert.match(stdout, /\nBROKEN {2}nowhere\n {8}There is no folder, file or package of apps "nowhere"\n/);
      assert.match(stdout, /\n1 app, 2 broken\n$/);
    });

    it("fails where there is no app at all", async () => {
      await mkdir(join(cli.cwd, "nothing"));
      assert.deepEqual(await cli.run(["apps", "check", "nothing"]), {
        code: 1,
        stdout: "There is no app: a folder of one has an app.ts or app.js\n",
        stderr: "",
      });
    });
  });
});
