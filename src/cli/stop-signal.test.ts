import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";

const MODULE = new URL("./stop-signal.ts", import.meta.url).href;

/** Sends itself signals, some milliseconds apart, and prints what it is told. */
async function signaled(script: string): Promise<readonly [code: number | null, stdout: string]> {
  const source = `
    const { StopSignal } = await import(${JSON.stringify(MODULE)});
    const { setTimeout: pause } = await import("node:timers/promises");
    new StopSignal({ onFirst: (signal) => console.log(signal), exitCode: 130 });
    const send = (signal) => process.emit(signal, signal);
    ${script}
    process.exit(0);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  const [code] = await once(child, "close");
  return [code, stdout];
}

describe("StopSignal", () => {
  it("counts the same signal at once as one", async () => {
    assert.deepEqual(await signaled('send("SIGINT"); send("SIGINT");'), [0, "SIGINT\n"]);
  });

  it("ends the process on the same signal later, and on another one", async () => {
    assert.deepEqual(await signaled('send("SIGINT"); await pause(250); send("SIGINT");'), [130, "SIGINT\n"]);
    assert.deepEqual(await signaled('send("SIGINT"); send("SIGTERM");'), [130, "SIGINT\n"]);
  });
});
