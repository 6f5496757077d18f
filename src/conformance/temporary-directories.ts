import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "../engine/store.ts";
import type { Driver } from "./driver.ts";

/** A driver whose data is a directory: each opened store gets a temporary one of its own. */
export function onTemporaryDirectories(name: string, open: (directory: string) => Store): Driver {
  return {
    name,
    supports: { handles: false },
    open: async () => {
      const directory = mkdtempSync(join(tmpdir(), "sojourn-"));
      const reopen = async (): Promise<Store> => open(directory);
      return { store: await reopen(), reopen, remove: async () => rmSync(directory, { recursive: true }) };
    },
  };
}
