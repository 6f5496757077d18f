import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { probeSandbox } from "./sandbox.ts";

const SERVER = fileURLToPath(new URL("../../tests/worker-server.ts", import.meta.url));

const machine = probeSandbox();

/** By whom a worker is ended, as far as this machine has them. */
const ENDINGS = [
  "shell",
  ...(machine.hasSetpriv ? ["signal"] : []),
  ...(machine.level === "bubblewrap" ? ["bubblewrap"] : []),
];

/** No orphan may be there after so long. */
const GONE_MS = 2_000;

describe("A worker whose server is killed", () => {
  for (const ending of ENDINGS) {
    it(`is ended in an endless loop, with what it has started (${ending})`, async (test) => {
      const directory = mkdtempSync(join(tmpdir(), "sojourn-orphan-"));
      test.after(() => rmSync(directory, { recursive: true, force: true }));
      const server = spawn(process.execPath, [SERVER, directory, ending], { stdio: ["ignore", "pipe", "inherit"] });
      await once(server.stdout, "data");
      assert.ok(
        runningIn(directory).length >= (ending === "signal" ? 1 : 3),
        "the worker runs, and what it has started",
      );
      const exited = once(server, "exit");
      server.kill("SIGKILL");
      await exited;
      const killedAtMs = performance.now();
      while (runningIn(directory).length > 0 && performance.now() - killedAtMs < GONE_MS) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.deepEqual(runningIn(directory), []);
    });
  }
});

/** The processes that work in a directory, other than those that have ended: by what they were called with. */
function runningIn(directory: string): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
        return environment.includes(`TMPDIR=${directory}`) ? [readFileSync(`/proc/${pid}/cmdline`, "utf8")] : [];
      } catch {
        return [];
      }
    });
}
