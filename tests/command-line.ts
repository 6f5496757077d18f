import assert from "node:assert/strict";
import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

const MAIN = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

/** What would decide for a command from outside: our own options, and whether a terminal has colours. */
const DECIDES =
  /^(?:SOJOURN_.*|LLMSPELL_.*|CI|NO_COLOR|FORCE_COLOR|NODE_DISABLE_COLORS|COLORTERM|TERM|TMUX|TEAMCITY_VERSION)$/;

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What goes with a command. */
export interface Given {
  readonly env?: Readonly<Record<string, string>>;
  /** For standard input. */
  readonly input?: string | Uint8Array;
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Its exit code, and the signal that ended it, once its output was read. */
  readonly ended: Promise<readonly [code: number | null, signal: string | null]>;
}

/** A directory of its own to call commands in, which goes with it. */
export class CommandLine implements AsyncDisposable {
  readonly cwd: string;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(cwd: string, env: Readonly<Record<string, string>>) {
    this.cwd = cwd;
    this.#env = env;
  }

  /** @param env  of all its commands */
  static async begin(env: Readonly<Record<string, string>> = {}): Promise<CommandLine> {
    return new CommandLine(await mkdtemp(join(tmpdir(), "sojourn-cli-")), env);
  }

  /** Begins a command. Whoever reads its output does so at once. */
  start(args: readonly string[], { env = {} }: Pick<Given, "env"> = {}): Running {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: this.cwd, env: this.#environment(env) });
    const ended = once(child, "close") as Promise<[number | null, string | null]>;
    return { child, ended };
  }

  async run(args: readonly string[], { input = "", ...given }: Given = {}): Promise<Ended> {
    const { stdout, ...ended } = await this.bytes(args, { input, ...given });
    return { ...ended, stdout: stdout.toString() };
  }

  /** Runs a command that may print anything. */
  async bytes(
    args: readonly string[],
    { input = "", ...given }: Given = {},
  ): Promise<Omit<Ended, "stdout"> & { readonly stdout: Buffer }> {
    const { child, ended } = this.start(args, given);
    child.stdin.on("error", () => undefined).end(input);
    const [stdout, stderr] = await Promise.all([bytesOf(child.stdout), bytesOf(child.stderr)]);
    const [code] = await ended;
    return { code, stdout, stderr: stderr.toString() };
  }

  /** Runs a command that must go well, and returns what it printed as JSON. */
  async json<T>(args: readonly string[], given: Given = {}): Promise<T> {
    const { code, stdout, stderr } = await this.run([...args, "--json"], given);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  }

  /** Begins a command in a terminal of its own. */
  terminal(args: readonly string[], { env = {} }: Pick<Given, "env"> = {}): Terminal {
    return new Terminal(args, this.cwd, this.#environment(env));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.cwd, { recursive: true });
  }

  #environment(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
    const ours = Object.entries(process.env).filter(([name]) => !DECIDES.test(name));
    return { ...Object.fromEntries(ours), SOJOURN_SPARE_WORKERS: "0", ...this.#env, ...env };
  }
}

/** A command in a terminal of its own, as somebody sits at it. Wants `script`. */
export class Terminal implements Disposable {
  readonly #child: ChildProcess;
  readonly #more = new EventTarget();
  readonly ended: Promise<number | null>;
  /** All that was printed, without what moves the cursor. */
  screen = "";
  /** All that was printed. */
  raw = "";

  constructor(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
    const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(" ");
    this.#child = spawn("script", ["-qec", command, "/dev/null"], { cwd, env, stdio: ["pipe", "pipe", "inherit"] });
    this.ended = once(this.#child, "close").then(([code]) => code);
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.raw += text;
      this.screen += stripVTControlCharacters(text);
      this.#more.dispatchEvent(new Event("more"));
    });
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  /** Resolves once what came since the last time looks so. */
  async until(pattern: RegExp): Promise<void> {
    const seen = this.#seen;
    while (!pattern.test(this.screen.slice(seen))) {
      const more = once(this.#more, "more");
      const isOver = await Promise.race([more.then(() => false), this.ended.then(() => true)]);
      if (isOver && !pattern.test(this.screen.slice(seen))) assert.fail(`It ended without ${pattern}: ${this.screen}`);
    }
    this.#seen = this.screen.length;
  }

  #seen = 0;

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

async function bytesOf(stream: Readable): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}
