import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { jobOf, openStage, type Stage } from "../../tests/small-apps.ts";
import type { App } from "../engine/runner.ts";
import { probeSandbox, type SandboxLevel } from "./sandbox.ts";

/** An app that tries one thing or another, and tells how it went. */
function trier(name: string, permissions: string): string {
  return `
import { readFileSync, writeFileSync } from "node:fs";
import { spawn, spawnSync } from "node:child_process";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { Worker } from "node:worker_threads";
const tries = (run) => action({ input: z.looseObject({}), run: async (context) => {
  try { return { result: (await run(context)) ?? null }; } catch (error) { return { code: error.code ?? error.message }; }
} });
export const app = defineApp({
  name: "${name}",
  permissions: ${permissions},
  actions: {
    read: tries(({ input }) => readFileSync(input.path, "utf8")),
    write: tries(({ input }) => writeFileSync(input.path, "x")),
    scratch: tries(() => { writeFileSync("here", "1"); writeFileSync(tmpdir() + "/there", "2"); return [process.cwd(), tmpdir(), readFileSync("there", "utf8")]; }),
    environment: tries(() => process.env),
    shell: tries(({ input }) => { const { error, stdout } = spawnSync("/bin/sh", ["-c", input.command]); if (error) throw error; return String(stdout); }),
    thread: tries(() => { new Worker("1", { eval: true }); }),
    connect: tries(({ input }) => new Promise((resolve, reject) => createConnection(input.port, "127.0.0.1", () => resolve("connected")).on("error", reject))),
    kill: tries(({ input }) => { process.kill(input.pid ?? process.ppid, 0); return "it is there"; }),
    inner: tries(({ input }) => process._kill(input.pid, 0)),
    debug: tries(({ input }) => { process._debugProcess(input.pid); return "it is told"; }),
    threaded: tries(({ input }) => new Promise((resolve, reject) => {
      const code = \`require("node:worker_threads").parentPort.postMessage((() => { try { return process.kill(\${input.pid}, 0); } catch ({ code }) { return code; } })())\`;
      new Worker(code, { eval: true }).on("message", resolve).on("error", reject);
    })),
    self: tries(() => process.kill(process.pid, 0)),
    child: tries(async () => {
      const child = spawn("/bin/sleep", ["60"], { detached: true });
      const ended = new Promise((resolve) => child.on("exit", (code, signal) => resolve(signal)));
      process.kill(child.pid, 0);
      process.kill(-child.pid, "SIGTERM");
      const signal = await ended;
      try { process.kill(child.pid, 0); } catch ({ code }) { return [signal, code]; }
    }),
  },
});`;
}

const machine = probeSandbox();
const LEVELS: readonly SandboxLevel[] = machine.level === "bubblewrap" ? ["process", "bubblewrap"] : ["process"];

for (const level of LEVELS) {
  describe(`An app in the sandbox "${level}"`, () => {
    let stage: Stage;
    let closed: App;
    let open: App;
    before(async () => {
      const directory = join(import.meta.dirname, "..", "..", "tests");
      stage = openStage({ level, dataFolders: [directory] });
      closed = await stage.app(trier("closed", "{}"));
      open = await stage.app(
        trier(
          "open",
          `{ childProcesses: true, threads: true, network: true, read: ["data:"], environment: ["ASKED"] }`,
        ),
      );
    });
    after(() => stage[Symbol.asyncDispose]());

    const tried = async (app: App, action: string, input = {}): Promise<unknown> => {
      const { output, error } = await stage.pool.run(jobOf(app, { action, input }));
      assert.equal(error, undefined);
      return output;
    };

    it("reads neither the system's settings nor what lies beside it", async () => {
      const beside = join(stage.directory, "beside.txt");
      writeFileSync(beside, "private");
      for (const path of ["/etc/passwd", beside, `/proc/${process.pid}/environ`]) {
        assert.deepEqual(await tried(closed, "read", { path }), { code: "ERR_ACCESS_DENIED" }, path);
      }
    });

    it("writes to a directory of its own alone, which goes with its worker", async () => {
      const elsewhere = join(stage.directory, "elsewhere.txt");
      assert.deepEqual(await tried(closed, "write", { path: elsewhere }), { code: "ERR_ACCESS_DENIED" });
      const { result } = (await tried(closed, "scratch")) as { result: readonly [string, string, string] };
      const [directory, temporary, there] = result;
      assert.deepEqual([temporary, there], [directory, "2"]);
      assert.ok(existsSync(join(directory, "here")));
    });

    it("sees of the server's environment what it asked for, and nothing else", async () => {
      const { result: few } = (await tried(closed, "environment")) as { result: Record<string, string> };
      const { result: more } = (await tried(open, "environment")) as { result: Record<string, string> };
      // `PWD` is of the shell that sets the limits.
      const names = (environment: object): readonly string[] =>
        Object.keys(environment)
          .filter((name) => name !== "PWD")
          .sort();
      assert.deepEqual(names(few), ["HOME", "PATH", "TMPDIR"]);
      assert.deepEqual(names(more), ["ASKED", "HOME", "PATH", "SOJOURN_DATA_FOLDERS", "TMPDIR"]);
      assert.equal(more["ASKED"], "given");
    });

    it("starts no processes or threads, and reaches no network, unless it asked for that", async () => {
      const forkBomb = { command: ":(){ :|:& };:" };
      assert.deepEqual(await tried(closed, "shell", forkBomb), { code: "ERR_ACCESS_DENIED" });
      assert.deepEqual(await tried(closed, "thread"), { code: "ERR_ACCESS_DENIED" });
      assert.deepEqual(await tried(closed, "connect", { port: 9 }), { code: "ERR_ACCESS_DENIED" });
      assert.deepEqual(await tried(open, "shell", { command: "echo hello" }), { result: "hello\n" });
      assert.deepEqual(await tried(open, "thread"), { result: null });
      assert.deepEqual(await tried(open, "connect", { port: 9 }), { code: "ECONNREFUSED" });
    });

    it("signals nobody but itself, and what it has started", async () => {
      for (const app of [closed, open]) {
        assert.deepEqual(await tried(app, "kill"), { code: "EPERM" });
        for (const pid of [process.pid, -process.pid, -1]) {
          assert.deepEqual(await tried(app, "kill", { pid }), { code: "EPERM" });
          assert.deepEqual(await tried(app, "inner", { pid }), { result: -1 });
          assert.deepEqual(await tried(app, "debug", { pid }), { code: "EPERM" });
        }
        assert.deepEqual(await tried(app, "self"), { result: true });
      }
      assert.deepEqual(await tried(closed, "kill", { pid: 0 }), { code: "EPERM" });
      assert.deepEqual(await tried(open, "kill", { pid: 0 }), { result: "it is there" });
      assert.deepEqual(await tried(open, "child"), { result: ["SIGTERM", "ESRCH"] });
      assert.deepEqual(await tried(open, "threaded", { pid: process.pid }), { result: "EPERM" });
    });

    it("has limits on open files and core dumps", async () => {
      assert.deepEqual(await tried(open, "shell", { command: "ulimit -n; ulimit -c" }), { result: "1024\n0\n" });
    });

    it("reads the data folders, where it asked for them", async () => {
      const path = join(import.meta.dirname, "..", "..", "tests", "small-apps.ts");
      const { result } = (await tried(open, "read", { path })) as { result: string };
      assert.match(result, /openStage/);
      assert.deepEqual(await tried(closed, "read", { path }), { code: "ERR_ACCESS_DENIED" });
    });

    if (level === "bubblewrap") {
      it("sees nothing of the machine, nor do the processes that it starts", async () => {
        const command = `ls /home /root /var 2>/dev/null; cat /etc/passwd /etc/shadow 2>/dev/null; ls /proc | grep -c '^[0-9]'`;
        const { result } = (await tried(open, "shell", { command })) as { result: string };
        assert.ok(Number(result) < 10, `sees ${result} processes, and no files`);
        const there = await tried(open, "shell", { command: `kill -0 ${process.pid} 2>&1 || echo nobody` });
        assert.match((there as { result: string }).result, /nobody\n$/);
      });

      it("may do nothing of what root may, whoever runs the server", async () => {
        const own = join(import.meta.dirname, "..");
        const command = [
          "grep CapEff /proc/self/status",
          `mount -o remount,rw,bind "${own}" 2>&1 && echo remounted`,
          `touch "${own}/planted" 2>&1 && echo written`,
          "mknod device b 1 1 2>&1 && echo made",
          "true",
        ].join("; ");
        const { result } = (await tried(open, "shell", { command })) as { result: string };
        const [capabilities, ...lines] = result.trim().split("\n");
        assert.match(capabilities ?? "", /^CapEff:\t0{16}$/);
        assert.match(lines.join("\n"), /Read-only file system/);
        for (const done of ["remounted", "written", "made"]) assert.ok(!lines.includes(done), result);
        assert.ok(!existsSync(join(own, "planted")));
      });

      it("is ended by its deadline, and told how it ended, as elsewhere", async () => {
        const looping = await stage.pool.run(
          jobOf(open, { action: "shell", input: { command: "sleep 60" }, timeoutMs: 300 }),
        );
        assert.equal(looping.error?.code, "timed_out");
        const app = await stage.app(`export const app = defineApp({ name: "ends", actions: {
          run: action({ input: z.object({}), run: () => { process.kill(process.pid, "SIGKILL"); } }),
          exit: action({ input: z.object({}), run: () => process.exit(5) }),
        } });`);
        const killed = await stage.pool.run(jobOf(app));
        assert.equal(killed.error?.message, 'The worker of "ends" was killed by SIGKILL');
        const exited = await stage.pool.run(jobOf(app, { action: "exit" }));
        assert.equal(exited.error?.message, 'The worker of "ends" exited with code 5');
      });
    }
  });
}

describe("probeSandbox()", () => {
  it("says why not more", () => {
    const { hasSetpriv } = machine;
    assert.deepEqual(probeSandbox("process"), { level: "process", missing: "it is configured so", hasSetpriv });
    assert.equal(machine.missing === undefined, machine.level === "bubblewrap");
  });
});
