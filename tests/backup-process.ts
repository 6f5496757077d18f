/**
 * A process that backs up a data directory or restores one, to be killed. Takes `backup DIRECTORY FILE` or
 * `restore FILE DIRECTORY`, and says a line at every step.
 */
import { writeSync } from "node:fs";
import { backUp, restore, saveBackup } from "../src/store/sqlite/index.ts";

const [command, from = "", to = ""] = process.argv.slice(2);
const onProgress = (): void => say("step");

if (command === "restore") await restore({ file: from, directory: to, onProgress });
else await saveBackup(to, await backUp({ directory: from, release: "1.0.0", onProgress }), { onProgress });
say("done");

// At once, so that whoever waits for it sees it before the next step.
function say(line: string): void {
  writeSync(1, `${line}\n`);
}
