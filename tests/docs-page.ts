import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { loadConfig } from "../src/config/config.ts";
import { type Running, serve } from "../src/platform/serve.ts";
import { commandsIn } from "./docs-console.ts";
import { atItsLines, type Example, placeOf, ROOT } from "./docs-examples.ts";
import { Interpreter, moduleRunner, type Printed, PYTHON, SHELL } from "./docs-interpreter.ts";
import { modulesOf, type PageModule, textOf } from "./docs-modules.ts";
import { faultsOfOutput, isRefusal, REFUSED } from "./docs-output.ts";
import type { Workplace } from "./docs-workplace.ts";

/** What was run of a page. */
export interface Ran {
  readonly examples: number;
  /** Values that examples show beside an expression. */
  readonly values: number;
  /** JSON that the commands before it printed, by its shape. */
  readonly outputs: number;
}

/**
 * Runs the examples of a page in their order, beside a server of their own, in a directory of their own.
 *
 * @throws {Error} with page and line, where one fails or does not do what the page shows
 */
export async function runPage(examples: readonly Example[], options: PageOptions): Promise<Ran> {
  const page = await RunningPage.begin(examples, options);
  try {
    for (const [i, example] of examples.entries()) {
      try {
        await page.run(example, examples[i + 1]);
      } catch (error) {
        throw new Error(`${placeOf(example)}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }
    return page.ran;
  } finally {
    await page.close();
  }
}

export interface PageOptions {
  readonly workplace: Workplace;
  /** What `prepareData` made. */
  readonly data: string;
  /** Whether Python is there, with `requests`. */
  readonly hasPython: boolean;
}

/**
 * Makes the data of a server that knows the apps which come with it, for each page to begin with a copy of: looking at them anew
 * would take seconds of every page.
 */
export async function prepareData(workplace: Workplace): Promise<string> {
  const own = await workplace.place("prepared.own");
  const server = await startIn(own);
  // What is called by a name that there is not is known not to be there once all apps were looked at.
  const { status } = await fetch(`${server.url}/api/v1/apps/none`);
  await server.close();
  if (status !== 404) throw new Error(`An app that there is not is ${status}`);
  return join(own, "data");
}

/** Whether a test runs it, beside what is checked of it. */
export function isRun(
  { language, isNotRun, file, code }: Example,
  { hasPython }: Pick<PageOptions, "hasPython">,
): boolean {
  if (isNotRun || file !== undefined) return false;
  if (language === "python") return hasPython;
  if (/^[jt]s$/.test(language)) return !/^declare /m.test(code);
  return /^(?:ba)?sh$/.test(language);
}

class RunningPage {
  readonly ran = { examples: 0, values: 0, outputs: 0 };
  readonly #options: PageOptions;
  readonly #modules: readonly PageModule[];
  readonly #place: string;
  /** What the tests keep of the page, where its commands do not look. */
  readonly #own: string;
  readonly #interpreters = new Map<string, Interpreter>();
  #server: Running;

  private constructor(
    examples: readonly Example[],
    { options, place, own, server }: { options: PageOptions; place: string; own: string; server: Running },
  ) {
    this.#options = options;
    this.#modules = modulesOf(examples);
    this.#place = place;
    this.#own = own;
    this.#server = server;
  }

  static async begin(examples: readonly Example[], options: PageOptions): Promise<RunningPage> {
    const name = (examples[0]?.page ?? "").replaceAll(/[^\w]/g, "-");
    const place = await options.workplace.place(name);
    const own = await options.workplace.place(`${name}.own`);
    await cp(options.data, join(own, "data"), { recursive: true });
    const page = new RunningPage(examples, { options, place, own, server: await startIn(own) });
    for (const { file, code } of examples) {
      if (file === undefined || file.endsWith(".toml")) continue;
      await mkdir(dirname(join(place, file)), { recursive: true });
      await writeFile(join(place, file), page.#addressed(code));
    }
    return page;
  }

  async run(example: Example, next: Example | undefined): Promise<void> {
    if (!isRun(example, this.#options)) return;
    this.ran.examples++;
    if (/^[jt]s$/.test(example.language)) return await this.#runModule(example);
    const isShell = example.language !== "python";
    const served = isShell ? servedBy(example) : undefined;
    const code = served === undefined ? example.code : served.before;
    const shown = next !== undefined && next.line - example.end <= 2 ? next : undefined;
    if (code.trim() !== "") {
      const refusal = isShell && shown !== undefined && isRefusal(shown);
      const lead = isShell ? `export ${REFUSED}=${refusal ? 1 : 0}` : "";
      const path = join(this.#own, `line-${example.line}`);
      await writeFile(path, lead + this.#addressed(atItsLines({ ...example, code })));
      const printed = await this.#interpreter(isShell ? SHELL : PYTHON).run(path);
      this.#compare(printed, { shown, refusal });
    }
    if (served !== undefined) await this.#serve(served.args);
  }

  async close(): Promise<void> {
    for (const interpreter of this.#interpreters.values()) interpreter[Symbol.dispose]();
    await this.#server.close();
  }

  #compare(
    printed: Printed,
    { shown, refusal }: { readonly shown: Example | undefined; readonly refusal: boolean },
  ): void {
    if (refusal && !/^answered [45]\d\d$/m.test(printed.stderr)) throw new Error("nothing was refused, as is shown");
    if (/"status": *"failed"/.test(printed.stdout) && !shown?.code.includes("failed")) {
      throw new Error(`a task failed, which is not shown\nit printed: ${printed.stdout.slice(-2_000)}`);
    }
    if (shown?.language !== "json") return;
    const faults = faultsOfOutput(shown.code, printed.stdout);
    if (faults.length > 0) throw new Error(`${faults.join("\n")}\nit printed: ${printed.stdout.slice(0, 2_000)}`);
    this.ran.outputs++;
  }

  async #runModule(example: Example): Promise<void> {
    const module = this.#modules.find(({ examples }) => examples.includes(example));
    if (module === undefined) throw new Error("is in no module");
    const path = join(this.#place, `module-${module.number}.mts`);
    if (!this.#interpreters.has(path)) {
      const isLeftOut = (one: Example) => !isRun(one, this.#options);
      const text = textOf(module, {
        code: (one) => (isLeftOut(one) ? one.code.replaceAll(/.+/g, "") : this.#held(one.code)),
        before: (one) => (isLeftOut(one) ? "" : "await globalThis.turn();"),
        after: (one) => (isLeftOut(one) ? "" : "globalThis.turned();"),
      });
      await writeFile(path, this.#addressed(text));
    }
    await this.#interpreter(moduleRunner(path), path).run("next");
  }

  /** The code, which holds its values against what it shows. */
  #held(code: string): string {
    return code.replaceAll(SHOWN, (_, indent: string, expression: string, value: string) => {
      this.ran.values++;
      return `${indent}globalThis.shows(${expression}, ${value});`;
    });
  }

  #interpreter(command: readonly string[], name = command[0] ?? ""): Interpreter {
    const known = this.#interpreters.get(name);
    if (known !== undefined) return known;
    const { workplace } = this.#options;
    const env = {
      ...ownEnvironment(),
      PATH: `${workplace.bin}:${process.env["PATH"]}`,
      SOJOURN_URL: this.#server.url,
      // A command takes a third of the time where its modules were compiled for one before it.
      NODE_COMPILE_CACHE: join(workplace.path, "compiled"),
    };
    const fresh = new Interpreter(command, { cwd: this.#place, env });
    this.#interpreters.set(name, fresh);
    return fresh;
  }

  /** The code with the server's address. */
  #addressed(code: string): string {
    return code.replaceAll(/http:\/\/(?:127\.0\.0\.1|localhost):7070\b/g, this.#server.url);
  }

  /** Starts the server as a user does, on the data and at the address of the one that is there, which stops. */
  async #serve(args: readonly string[]): Promise<void> {
    const { url } = this.#server;
    await this.#server.close();
    const env = { ...ownEnvironment(), ...SERVER_ENVIRONMENT, SOJOURN_DATA: join(this.#own, "data") };
    const command = [join(ROOT, "src/cli/main.ts"), "serve", ...args, "--port", new URL(url).port];
    const child = spawn(process.execPath, command, { cwd: this.#place, env, stdio: ["ignore", "pipe", "pipe"] });
    this.#server = { url, close: () => end(child) };
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
        if (printed.includes("listening on")) child.emit("listening");
      });
    }
    const ended = once(child, "close").then(([code]) => `ended with ${code}\n${printed}`);
    const fault = await Promise.race([once(child, "listening").then(() => undefined), ended]);
    if (fault !== undefined) throw new Error(fault);
  }
}

/** A line of an example that shows a value: the expression, and what it is. */
const SHOWN = /^(\s*)([\w([][^=\n]*(?:(?:===|=>)[^=\n]*)*); \/\/ (undefined|true|false|\d+|[["{].*)$/gm;

const SERVER_ENVIRONMENT = { SOJOURN_DURABILITY: "none", SOJOURN_LOG_LEVEL: "error", SOJOURN_SPARE_WORKERS: "0" };

async function startIn(directory: string): Promise<Running> {
  const flags = { port: "0", data: "data", durability: "none", log_level: "silent", spare_workers: "0" };
  const loaded = loadConfig({ flags, cwd: directory });
  if ("faults" in loaded) throw new Error(loaded.faults.map(({ message }) => message).join("\n"));
  return await serve(loaded.config);
}

/** Where the last command of an example starts a server: its arguments, and the commands before it. */
function servedBy(example: Example): { readonly args: readonly string[]; readonly before: string } | undefined {
  const commands = commandsIn(example);
  const at = commands.findIndex(({ words }) => words.slice(0, 3).join(" ") === "npx sojourn serve");
  const command = commands[at];
  if (command === undefined || command.words.some((word) => /^(?:--help|-h|--version)$/.test(word))) return undefined;
  if (at < commands.length - 1) throw new Error("a command follows the server, which runs until it is stopped");
  const before = example.code
    .split("\n")
    .slice(0, command.line - example.line - 1)
    .map((line) => `${line}\n`);
  return { args: command.words.slice(3), before: before.join("") };
}

/** The environment without what would decide for commands from outside. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return {
    ...Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(?:SOJOURN_|NODE_TEST|FORCE_COLOR)/.test(name)),
    ),
    NO_COLOR: "1",
    SOJOURN_SPARE_WORKERS: "0",
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  child.kill("SIGKILL");
  await closed;
}
