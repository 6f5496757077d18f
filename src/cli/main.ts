import { readFileSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { CommanderError } from "commander";
import { EXIT, type ExitCode, exitCodeOf } from "./exit.ts";
import { failureLine } from "./failure.ts";
import { buildProgram } from "./program.ts";

// What is loaded from here on, and that is the server, is compiled once and not at every start.
enableCompileCache();

for (const stream of [process.stdout, process.stderr]) {
  // Whoever read our output has gone, as `head` does: no reason for a server to stop.
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return;
    process.stderr.write(`Cannot print: ${error.message}\n`);
    process.exit(EXIT.failed);
  });
}

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = buildProgram(version(), async (work) => {
    try {
      code = await work();
    } catch (error) {
      console.error(failureLine(error));
      code = exitCodeOf(error);
    }
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

function version(): string {
  // NOTE: our own file, two folders up in a checkout and in the package alike.
  const own = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
  return own.version;
}
