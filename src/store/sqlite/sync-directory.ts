import { closeSync, fsyncSync, openSync } from "node:fs";

/** Makes the names in a directory durable, which no sync of a file does. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
