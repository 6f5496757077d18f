/** The thread that a script runs in: one for each, which ends with it. */
import { workerData } from "node:worker_threads";
import type { ThreadOrder } from "../wire.ts";
import { HostLink } from "./host-link.ts";
import { runLua } from "./lua-script.ts";

// NOTE: what begins threads is `run-script.ts`, with this very shape.
const order = workerData as ThreadOrder;
const link = new HostLink(order.port, order.flags);
link.end(runLua(order, link));
