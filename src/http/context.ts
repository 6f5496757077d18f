import type { Logger } from "pino";
import type { Clock } from "../engine/clock.ts";
import type { Admission } from "./admission.ts";
import type { Cors } from "./cors.ts";
import type { EdgeLimits } from "./edge-limits.ts";
import type { Gate } from "./gate.ts";
import type { Meters } from "./meters.ts";
import type { Services } from "./route.ts";

/** What the HTTP server stands on. */
export interface HttpContext {
  readonly services: Services;
  readonly admission: Admission;
  readonly limits: EdgeLimits;
  readonly gate: Gate;
  readonly cors: Cors;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meters: Meters;
  /** Makes the id of a request that came without one. */
  readonly mintRequestId: () => string;
  readonly maxBodyBytes: number;
  /** Of one artifact that comes as it is. */
  readonly maxArtifactBytes: number;
  /** Of a session that comes as a file. */
  readonly maxBundleBytes: number;
}
