/** The thread that a script runs in: one for each, which ends with it. */
import { workerData } from "node:worker_threads";
import type { Ended, ThreadOrder } from "../wire.ts";
import { HostLink } from "./host-link.ts";

// NOTE: what begins threads is `run-script.ts`, with this very shape.
const order = workerData as ThreadOrder;
const link = new HostLink(order.port, order.flags);
link.end(await run());

/** Loads the one engine that the script needs. */
async function run(): Promise<Omit<Ended, "type">> {
  if (order.language === "lua") return (await import("./lua-script.ts")).runLua(order, link);
  return await (await import("./typescript-script.ts")).runTypeScript(order, link);
}
