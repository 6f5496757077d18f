import { open } from "node:fs/promises";

/** Makes the names in a directory durable, which no sync of a file does. */
export async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, "r");
  await directory.sync();
}
