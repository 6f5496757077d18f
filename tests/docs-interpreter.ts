import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { ROOT } from "./docs-examples.ts";

/** What was printed by an example. */
export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

/** What takes examples of one language, one after the other; what one sets is there for the next. */
export class Interpreter implements Disposable {
  readonly #child: ChildProcess;
  readonly #streams: readonly Readable[];
  readonly #printed: [string, string] = ["", ""];
  #changed: () => void = () => undefined;
  #ended: number | NodeJS.Signals | undefined;

  /** @param command  a program that reads paths from its descriptor 3, and writes `SEPARATOR` to both outputs after each */
  constructor(command: readonly string[], { cwd, env }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv }) {
    const [name = "", ...args] = command;
    this.#child = spawn(name, args, { cwd, env, stdio: ["ignore", "pipe", "pipe", "pipe"], detached: true });
    // NOTE: both are piped.
    this.#streams = [this.#child.stdout as Readable, this.#child.stderr as Readable];
    for (const [i, stream] of this.#streams.entries()) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.#printed[i] += text;
        this.#changed();
      });
    }
    this.#input.on("error", () => undefined);
    // What it left open would keep it from closing.
    this.#child.on("exit", () => this.#input.destroy());
    this.#child.on("close", (code, signal) => {
      this.#ended = code ?? signal ?? undefined;
      this.#changed();
    });
  }

  get #input(): Writable {
    return this.#child.stdio[3] as Writable;
  }

  /**
   * Runs what stands in a file, and returns what it printed.
   *
   * @throws {Error} with the end of what it printed, where it fails or takes longer than `EXAMPLE_MS_MAX`
   */
  async run(path: string): Promise<Printed> {
    this.#input.write(`${path}\n`);
    const { promise: isLate, resolve } = Promise.withResolvers<true>();
    const timer = setTimeout(() => resolve(true), EXAMPLE_MS_MAX);
    try {
      while (!this.#printed.every((text) => text.includes(SEPARATOR))) {
        if (this.#ended !== undefined) throw new Error(`ended with ${this.#ended}\n${this.#tail()}`);
        const { promise: change, resolve: tell } = Promise.withResolvers<false>();
        this.#changed = () => tell(false);
        if (await Promise.race([change, isLate])) throw new Error(`is not done in time\n${this.#tail()}`);
      }
    } finally {
      clearTimeout(timer);
    }
    const [stdout = "", stderr = ""] = this.#printed.map((text, i) => {
      const [printed = "", ...rest] = text.split(SEPARATOR);
      this.#printed[i] = rest.join(SEPARATOR);
      return printed;
    });
    return { stdout, stderr };
  }

  #tail(): string {
    return this.#printed.map((text) => text.slice(-1_500)).join("\n");
  }

  /** Ends it, and all that it began. */
  [Symbol.dispose](): void {
    if (this.#child.pid === undefined || this.#ended !== undefined) return;
    process.kill(-this.#child.pid, "SIGKILL");
  }
}

/** What stands between what two examples print. */
export const SEPARATOR = "\u001e";

const EXAMPLE_MS_MAX = 180_000;

/** Takes commands, and stops at the first that fails. */
export const SHELL = [
  "bash",
  "-euo",
  "pipefail",
  "-c",
  `PS4='+ line \${LINENO}: '
while IFS= read -r DOCS_EXAMPLE <&3; do
  set -x
  . "$DOCS_EXAMPLE"
  { set +x; } 2>/dev/null
  printf '\\036'
  printf '\\036' >&2
done`,
];

export const PYTHON = [
  "python3",
  "-c",
  `import sys
space = {"__name__": "__main__"}
for line in open(3):
    path = line.rstrip("\\n")
    with open(path, encoding="utf-8") as file:
        code = compile(file.read(), path, "exec")
    exec(code, space)
    for stream in (sys.stdout, sys.stderr):
        stream.write("\\x1e")
        stream.flush()
`,
];

/** Runs a module, which waits for its turn before each example by \`await globalThis.turn()\`. */
export function moduleRunner(path: string): readonly string[] {
  return [process.execPath, join(ROOT, "tests", "docs-turns.ts"), path];
}
