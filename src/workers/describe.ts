import { SojournError } from "../engine/errors.ts";
import type { AppDescription, AppSource, Describe } from "./app-source.ts";
import { descriptionShape } from "./described-app.ts";
import { grantsOf } from "./grants.ts";
import type { Isolation } from "./isolation.ts";
import { Worker } from "./worker.ts";

export interface DescribeOptions {
  readonly isolation: Isolation;
  /** How long an app's module may take to load; default: 20 s. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 20_000;

/**
 * Nobody knows what an app asks for before it is loaded. To be looked at it gets what libraries need that are imported,
 * and no network, no processes, no variables.
 */
const TO_LOAD = { addons: true, threads: true, wasi: true } as const;

/** How to look at an app without running it in this process; see `Describe`. */
export function createDescribe({ isolation, timeoutMs = TIMEOUT_MS }: DescribeOptions): Describe {
  return async (source, signal) => {
    const { sandbox, allowance } = isolation;
    const worker = new Worker({
      ...{ appName: source.entry, source, sandbox, scratch: isolation.scratch(), describes: true },
      grants: grantsOf(TO_LOAD, source, allowance),
    });
    const timer = setTimeout(() => worker.kill(`did not load within ${timeoutMs / 1_000} s`), timeoutMs);
    const onAbort = (): void => worker.kill("was not wanted any more");
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener("abort", onAbort);
    try {
      const loaded = await worker.loaded;
      if (loaded.type === "loaded") return descriptionIn(loaded.description, source);
      throw broken(source, loaded.message);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      worker.kill("was looked at");
    }
  };
}

function broken({ entry }: AppSource, message: string): SojournError {
  return new SojournError("app_broken", { message: `"${entry}" can't be loaded as an app: ${message}` });
}

function descriptionIn(value: unknown, source: AppSource): AppDescription {
  const parsed = descriptionShape.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw broken(source, `what it says of itself does not fit: "${issue?.path.join(".")}" ${issue?.message}`);
}
