import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer } from "./server.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const PAGES = ["docs/artifacts.md", "docs/time-travel.md", "docs/tasks.md", "docs/inference.md"];

/** What stands before the commands of a page: each must go well, and `npx sojourn` is the one of this checkout. */
const PRELUDE = `set -eu
curl() { command curl -fsS "$@"; }
npx() { shift; "$NODE" "$MAIN" "$@"; }
`;

describe("the commands of the guides", { skip: spawnSync("curl", ["--version"]).error !== undefined }, () => {
  for (const page of PAGES) {
    it(`${page}: every command goes well`, async () => {
      await using server = await startServer();
      const directory = await mkdtemp(join(tmpdir(), "sojourn-guides-"));
      try {
        const text = await readFile(join(ROOT, page), "utf8");
        const blocks = [...text.matchAll(/```sh\n(.*?)```/gs)].map(([, code]) => code);
        assert.ok(blocks.length >= 5, `${blocks.length} blocks`);
        const script = `${PRELUDE}${blocks.join("\n")}`.replaceAll("http://127.0.0.1:7070", server.url);
        await writeFile(join(directory, "commands.sh"), script);
        const env = {
          ...process.env,
          NODE: process.execPath,
          MAIN: join(ROOT, "src/cli/main.ts"),
          SOJOURN_URL: server.url,
        };
        const child = spawn("sh", ["-x", "commands.sh"], { cwd: directory, env, stdio: ["ignore", "ignore", "pipe"] });
        let told = "";
        child.stderr.setEncoding("utf8").on("data", (piece: string) => {
          told += piece;
        });
        const [code] = await once(child, "close");
        assert.equal(code, 0, told.split("\n").slice(-8).join("\n"));
      } finally {
        await rm(directory, { recursive: true });
      }
    });
  }
});
