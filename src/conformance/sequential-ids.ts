import type { Ids } from "../engine/ids.ts";

/** Ids that count up from 1, in the form of real ones: the same calls get the same ids in every run. */
export function sequentialIds(): Ids {
  let last = 0;
  const next = (digits: number): string => (++last).toString(16).padStart(digits, "0");
  return {
    uid: () => `00000000-0000-7000-8000-${next(12)}`,
    session: () => `session_${next(16)}`,
    operation: () => `op_${next(16)}`,
    artifact: () => `artifact_${next(16)}`,
    task: () => `task_${next(16)}`,
    run: () => `run_${next(16)}`,
    key: () => `key_${next(16)}`,
    salt: () => next(32),
    secret: () => next(64),
  };
}
