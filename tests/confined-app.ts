import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Permissions } from "../src/app-format/index.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** An app in a process of its own, which may do what the app asks for and nothing else. */
export interface ConfinedApp extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Its own directory for temporary files. */
  readonly scratch: string;
  /** @throws {Error} with what the app says */
  call(input: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>;
}

/**
 * Starts an app under Node's permission model, with the flags that its `permissions` come to and a closed environment.
 *
 * @param path  of its main file, from the root of the repository on
 * @param environment  the values of what it declares
 */
export async function startConfined(
  path: string,
  permissions: Permissions,
  environment: Readonly<Record<string, string>> = {},
): Promise<ConfinedApp> {
  const scratch = await realpath(await mkdtemp(join(tmpdir(), "sojourn-confined-")));
  const readable = [
    `${ROOT}src`,
    `${ROOT}tests`,
    `${ROOT}package.json`,
    `${ROOT}node_modules`,
    // Which may be a link, as in a second work tree.
    await realpath(`${ROOT}node_modules`),
    scratch,
    ...(permissions.read ?? []).filter((place) => place.startsWith("/")),
  ];
  const { addons, childProcesses, threads, network, wasi } = permissions;
  const child = fork(join(ROOT, "tests/confined-process.ts"), [join(ROOT, path)], {
    execArgv: [
      "--no-warnings",
      "--permission",
      ...readable.map((place) => `--allow-fs-read=${place}`),
      `--allow-fs-write=${scratch}`,
      ...(addons === true ? ["--allow-addons"] : []),
      ...(childProcesses === true ? ["--allow-child-process"] : []),
      ...(threads === true ? ["--allow-worker"] : []),
      ...(network === true ? ["--allow-net"] : []),
      ...(wasi === true ? ["--allow-wasi"] : []),
    ],
    env: { PATH: "/usr/bin:/bin", TMPDIR: scratch, ...environment },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = once(child, "exit");
  await nextOf(child);
  return {
    child,
    scratch,
    async call(input) {
      child.send({ ...input });
      const answer = (await nextOf(child)) as { output: Record<string, unknown> } | { error: string };
      if ("error" in answer) throw new Error(answer.error);
      return answer.output;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
      await rm(scratch, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

async function nextOf(child: ChildProcess): Promise<unknown> {
  const over = new AbortController();
  const gone = once(child, "exit", { signal: over.signal }).then(([code, signal]) => {
    throw new Error(`The process of the app ended with ${code ?? signal}`);
  });
  try {
    const [message] = await Promise.race([once(child, "message", { signal: over.signal }), gone]);
    return message;
  } finally {
    over.abort();
    gone.catch(() => undefined);
  }
}
