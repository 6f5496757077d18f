/** Runs an endless loop in a worker, as a server of its own that a test kills. Arguments: a directory, and how workers end. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { grantsOf } from "../src/workers/grants.ts";
import { probeSandbox } from "../src/workers/sandbox.ts";
import { Worker } from "../src/workers/worker.ts";
import { listen, writeApp } from "./small-apps.ts";

const [directory = "", ending = ""] = process.argv.slice(2);

const source = writeApp(
  join(directory, "app"),
  `import { spawn } from "node:child_process";
  export const app = defineApp({ name: "loop", permissions: { childProcesses: true }, actions: {
    run: action({ input: z.object({}), run: ({ session }) => {
      if (process.permission.has("child")) spawn("/bin/sh", ["-c", "while :; do :; done"]);
      session.progress(0);
      setTimeout(() => { for (;;); }, 50);
      return new Promise(() => {});
    } }),
  } });`,
);
const scratch = join(directory, "scratch");
mkdirSync(scratch);

// "signal": the kernel ends the worker, which starts nothing here; "shell": a shell beside it ends it, and what it has started.
const sandbox = {
  ...probeSandbox(ending === "bubblewrap" ? "auto" : "process"),
  ...(ending === "shell" ? { hasSetpriv: false } : {}),
};
const permissions = { childProcesses: ending !== "signal" };
const allowance = { memoryMiB: 256, dataFolders: [], environment: { PATH: "/usr/bin:/bin" } };
const worker = new Worker({
  appName: "loop",
  source,
  grants: grantsOf(permissions, source, allowance),
  sandbox,
  scratch,
});
const host = listen((report) => {
  if (report.type === "progress") process.stdout.write("running\n");
});
await worker.loaded;
await worker.begin({}, host);
await worker.run({ taskId: "1", action: "run", input: {}, objects: [], outputBytesMax: 1_000 }, host);
