import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { CommandLine } from "./command-line.ts";
import { startServer, type TestServer } from "./server.ts";

const example = (name: string): string => fileURLToPath(new URL(`../examples/scripts/${name}`, import.meta.url));

describe("the examples of scripts", () => {
  let line: CommandLine;
  let server: TestServer;
  before(async () => {
    line = await CommandLine.begin();
    server = await startServer();
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await line[Symbol.asyncDispose]();
  });

  for (const where of ["a server", "data of their own"] as const) {
    it(`do what they say on ${where}`, async () => {
      const place = where === "a server" ? ["--url", server.url] : ["--data", "own"];
      const run = async (name: string, ...args: readonly string[]) =>
        await line.run(["run", example(name), ...place, "--", ...args]);
      assert.deepEqual(await run("pipeline.lua", "month,sum", "may,12", "june,30"), {
        code: 0,
        stdout: "42 in 2 months\ncompleted\t\t3 artifacts\n",
        stderr: "",
      });
      const failed = await run("pipeline.lua", "month,sum", "may,twelve");
      assert.deepEqual([failed.code, failed.stderr], [1, ""]);
      assert.match(failed.stdout, /^failed\tpipeline\.lua:\d+: line 2 is no row\t0 artifacts\n$/);
      const review = await run("review.ts", "pipeline");
      assert.deepEqual([review.code, review.stderr], [0, ""]);
      assert.match(
        review.stdout,
        /^failed Pipeline: pipeline\.lua:\d+: line 2 is no row\n2 sessions, 1 failed, 3 artifacts\n$/,
      );
    });
  }
});
