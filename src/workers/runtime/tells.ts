import type { LogLevel } from "../../engine/task.ts";
import type { Tells } from "./app-session.ts";
import { keepable, type Reports } from "./reports.ts";

const REASON_LENGTH_MAX = 1_024;

/** What an app tells through its session, made reports. */
export function tellsTo(reports: Reports, onEnds: (ends: { readonly reason?: string }) => void): Tells {
  return {
    output: (partial: unknown) => {
      const json: string = JSON.stringify(partial ?? null) ?? "null";
      reports.tell({ type: "output", output: JSON.parse(json) }, json.length);
    },
    progress: (fraction: number | undefined, message?: string) => {
      const isNumber = fraction !== undefined && !Number.isNaN(fraction);
      reports.tell(
        {
          type: "progress",
          ...(isNumber ? { fraction: Math.min(1, Math.max(0, fraction)) } : {}),
          ...(message === undefined ? {} : { message: keepable(message) }),
        },
        message?.length ?? 0,
      );
    },
    log: (message: string, level: LogLevel = "info") => reports.log(level, message),
    end: (reason?: string) =>
      onEnds(reason === undefined ? {} : { reason: keepable(reason.slice(0, REASON_LENGTH_MAX)) }),
  };
}
