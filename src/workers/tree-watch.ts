import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";

/** A folder, or a file, that is watched. */
export interface TreeWatch {
  close(): void;
}

/** How to watch, and whom to tell. */
export interface TreeWatchOptions {
  /** For how long nothing more must have changed: editors and compilers write in several steps. */
  readonly settleMs: number;
  readonly onSettled: () => void;
  /** It is watched no longer. */
  readonly onFailure: (error: Error) => void;
}

/** Watches a folder with all below it, but for `node_modules`, or one file. */
export async function watchTree(
  at: string,
  { settleMs, onSettled, onFailure }: TreeWatchOptions,
): Promise<TreeWatch | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const settle = (): void => {
    clearTimeout(timer);
    timer = setTimeout(onSettled, settleMs);
  };
  try {
    const isFile = (await stat(at)).isFile();
    const watcher = isFile ? watchFile(at, settle) : watch(at, { recursive: true, ignore: IGNORED }, settle);
    watcher.on("error", onFailure);
    return {
      close: () => {
        clearTimeout(timer);
        watcher.close();
      },
    };
  } catch (error) {
    onFailure(error instanceof Error ? error : new Error(String(error)));
    return undefined;
  }
}

const IGNORED = ["**/node_modules", "**/node_modules/**", "**/.git", "**/.git/**"];

// By its folder: editors put another file in its place.
function watchFile(at: string, settle: () => void): FSWatcher {
  return watch(dirname(at), (_, name) => {
    if (name === null || name === basename(at)) settle();
  });
}
