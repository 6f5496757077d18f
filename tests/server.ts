import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../src/config/config.ts";
import type { EdgeLimits } from "../src/http/edge-limits.ts";
import { serve } from "../src/platform/serve.ts";

/** A server in this process, on a data directory of its own that goes with it. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  /** Stops the server; the directory stays until it is disposed of. */
  stop(): Promise<void>;
}

/**
 * Starts a server on a free port.
 *
 * @param flags  options by their name in the file, as they would be typed; writes are not synced to the disk and
 *   nothing is logged unless they say otherwise
 * @param limits  of the edge, where they differ from those of the options
 */
export async function startServer(
  flags: Readonly<Record<string, string>> = {},
  limits: Partial<EdgeLimits> = {},
): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), "sojourn-test-"));
  const defaults = { port: "0", data: "data", durability: "none", log_level: "silent", spare_workers: "0" };
  const loaded = loadConfig({ flags: { ...defaults, ...flags }, cwd: directory });
  if ("faults" in loaded)
    throw new Error(loaded.faults.map(({ source, message }) => `${source}: ${message}`).join("\n"));
  const { url, close } = await serve(loaded.config, { limits });
  return {
    url,
    stop: close,
    [Symbol.asyncDispose]: async () => {
      await close();
      await rm(directory, { recursive: true });
    },
  };
}
