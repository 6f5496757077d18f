import type { Json } from "../engine/json.ts";
import type { Job, Past } from "../engine/runner.ts";
import type { WorkerOrigin } from "../engine/task.ts";
import type { Ending } from "./ending.ts";
import { OUTPUT_BYTES_MAX } from "./orders.ts";
import type { Failed } from "./words.ts";
import type { Gone, Worker } from "./worker.ts";

/**
 * Makes a worker ready for a job: waits until its app is loaded, starts it, and brings it back to where it was, as its app
 * wants that, where there is a past. Where the job ends meanwhile, `stopped`.
 */
export async function bringUp(
  worker: Worker,
  { job, past, ending }: { readonly job: Job; readonly past: Past | undefined; readonly ending: Ending },
): Promise<Exclude<WorkerOrigin, "warm"> | "stopped" | Failed | Gone> {
  const snapshot = job.app.recovery === "snapshot" ? await past?.snapshot() : undefined;
  const loaded = await worker.loaded;
  if (ending.cause !== undefined) return "stopped";
  if (loaded.type === "gone") return loaded;
  if (loaded.type === "broken") {
    return { type: "failed", code: "app_failed", message: `The app can't be loaded: ${loaded.message}` };
  }
  const fault = await worker.begin(begun(job, snapshot), job.host);
  if (fault !== undefined) return fault;
  if (ending.cause !== undefined) return "stopped";
  if (job.app.recovery !== "replay" || past === undefined) return snapshot === undefined ? "new" : "restored";
  return await replay(worker, { job, past, ending });
}

function begun({ setup }: Job, snapshot: Json | undefined): Parameters<Worker["begin"]>[0] {
  return {
    ...(setup === undefined ? {} : { setup }),
    ...(snapshot === undefined ? {} : { restored: { snapshot } }),
  };
}

// What failed then fails again, and leaves behind what it left behind. What is made has the ids it had then, and is there.
async function replay(
  worker: Worker,
  { job: { host }, past, ending }: { readonly job: Job; readonly past: Past; readonly ending: Ending },
): Promise<"restored" | "stopped" | Gone> {
  for await (const task of past.tasks()) {
    if (ending.cause !== undefined) return "stopped";
    const { taskId, action, input, objects } = task;
    const again = { taskId, action, input, objects, outputBytesMax: OUTPUT_BYTES_MAX, isReplay: true } as const;
    const word = await worker.run(again, host);
    if (word.type === "gone") return word;
  }
  return ending.cause === undefined ? "restored" : "stopped";
}
