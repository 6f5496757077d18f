import { relative } from "node:path";
import { type Config, loadConfig } from "../config/config.ts";
import { tableFaults } from "../platform/open-engine.ts";
import { type Running, serve } from "../platform/serve.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { failureLine } from "./failure.ts";
import { StopSignal } from "./stop-signal.ts";

/** `sojourn serve`. Ends the process. */
export async function serveCommand(flags: Readonly<Record<string, string | undefined>>): Promise<ExitCode> {
  const loaded = loadConfig({ flags, env: process.env, cwd: process.cwd(), check: tableFaults });
  if ("faults" in loaded) {
    for (const { source, message } of loaded.faults) console.error(`${source}: ${message}`);
    return EXIT.usage;
  }
  const stoppedInOrder = await serveUntilStopped(loaded.config);
  // All that the server had is closed; a handle that a library left open must not keep the process.
  process.exit(stoppedInOrder ? EXIT.ok : EXIT.failed);
}

/**
 * Runs a server until SIGINT or SIGTERM, then stops it in order. A second signal meanwhile ends the process at once,
 * with 1.
 *
 * @returns `false` when it could not start or not stop in order; the reason was printed, one line
 */
async function serveUntilStopped(config: Config): Promise<boolean> {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<NodeJS.Signals>();
  using _ = new StopSignal({ onFirst: stop, exitCode: EXIT.failed });
  let running: Running;
  try {
    running = await serve(config, { environment: process.env });
  } catch (error) {
    console.error(failureLine(error, config));
    return false;
  }
  console.log(banner(running.url, config));

  const signal = await stopped;
  console.log(`Stopping on ${signal}: finishing the requests in hand (again to stop at once)`);
  try {
    await running.close();
    return true;
  } catch (error) {
    console.error(failureLine(error, config));
    return false;
  }
}

function banner(url: string, config: Config): string {
  return `
  Sojourn is listening on ${url}
  ${keeping(config)}

  Create a session:
    curl -X POST ${url}/api/v1/sessions -H 'Content-Type: application/json' -d '{"name": "My first session"}'
  See all that it can do:
    ${url}/api/v1/docs
  Read how, in a browser:
    ${url}/docs

  Ctrl+C stops the server.
`;
}

function keeping({ storage, data, durability }: Config): string {
  if (storage === "temporary") return "Data is kept nowhere: it goes when the server stops";
  const fromHere = relative(process.cwd(), data);
  const place = fromHere.startsWith("..") || fromHere === "" ? data : `./${fromHere}`;
  const caveat = durability === "none" ? " (not synced to disk: for development only)" : "";
  return `Data is kept in ${place}${caveat}`;
}
