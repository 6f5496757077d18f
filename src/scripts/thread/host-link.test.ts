import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MessageChannel, Worker } from "node:worker_threads";
import { ANSWERED, type Called, FLAGS_BYTES } from "../wire.ts";

/** Makes two calls, and says what they returned. */
const THREAD = `
  const { workerData, parentPort } = require("node:worker_threads");
  import(workerData.module).then(({ HostLink }) => {
    const link = new HostLink(workerData.port, workerData.flags);
    try {
      parentPort.postMessage([link.call("first", []), link.call("second", [])]);
    } catch (error) {
      parentPort.postMessage(String(error));
    }
    link.end({ exitCode: 0 });
  });`;

describe("HostLink", () => {
  it("waits for its own answer, whenever it is woken", async () => {
    const { port1, port2 } = new MessageChannel();
    const flags = new Int32Array(new SharedArrayBuffer(FLAGS_BYTES));
    const module = new URL("./host-link.ts", import.meta.url).href;
    const worker = new Worker(THREAD, {
      eval: true,
      workerData: { module, port: port2, flags },
      transferList: [port2],
    });
    const told = new Promise((resolve) => worker.once("message", resolve));
    port1.on("message", (message: Called | { readonly type: "ended" }) => {
      if (message.type === "ended") return;
      // As when the host is late to wake whom it answered, until somebody was woken.
      if (message.name === "second") while (Atomics.notify(flags, ANSWERED) === 0);
      port1.postMessage({ value: message.name });
      Atomics.store(flags, ANSWERED, 1);
      Atomics.notify(flags, ANSWERED);
    });
    assert.deepEqual(await told, ["first", "second"]);
    port1.close();
    await worker.terminate();
  });
});
