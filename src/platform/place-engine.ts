import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../config/config.ts";
import { type Engine, type EngineConfig, type EngineParts, openEngine } from "./open-engine.ts";

/** What an engine is opened by, and where its data is. */
export type PlacedConfig = EngineConfig & Pick<Config, "storage">;

/**
 * Opens an engine where its data is: in its directory, or in a temporary one that goes when the engine is closed. A process
 * that is killed leaves the latter to the system, which clears its temporary files.
 *
 * @throws {SojournError} what `openEngine` throws
 */
export function placeEngine(config: PlacedConfig, parts: EngineParts): Engine {
  if (config.storage === "directory") return openEngine(config, parts);
  const data = mkdtempSync(join(tmpdir(), "sojourn-"));
  const remove = (): void => rmSync(data, { recursive: true, force: true });
  try {
    // What goes anyway need not be waited for.
    const engine = openEngine({ ...config, data, durability: "none" }, parts);
    return {
      ...engine,
      close: async () => {
        await engine.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}
