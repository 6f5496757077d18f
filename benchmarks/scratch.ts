import { mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A file system's name, or its number where we have none for it. */
export type FileSystem = string;

/** A directory of its own, on a real disk; removed when disposed. */
export interface Scratch extends Disposable {
  readonly path: string;
}

/** The repository's ignored data directory, for what is kept between runs. */
export const DATA: string = fileURLToPath(new URL("../data", import.meta.url));

/** Source: statfs(2). */
const NAMES: Readonly<Record<number, FileSystem>> = {
  16914836: "tmpfs",
  61267: "ext4",
  1481003842: "xfs",
  2435016766: "btrfs",
  2035054128: "overlayfs",
};

/** The name of a file system by the number that `statfs` gives it. */
export function fileSystemOf(type: number): FileSystem {
  return NAMES[type] ?? `file system ${type.toString(16)}`;
}

/** Makes a directory below the system's temporary one, or below `data/` where that one is memory: fsync costs nothing there. */
export function scratchDirectory(): Scratch {
  const isMemory = fileSystemOf(statfsSync(tmpdir()).type) === "tmpfs";
  const parent = isMemory ? DATA : tmpdir();
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(parent, "sojourn-benchmark-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
