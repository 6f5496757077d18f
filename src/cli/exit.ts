import { type ErrorCode, SojournError } from "../engine/errors.ts";

/** How a command ended. Scripts may rely on these numbers. */
export const EXIT = {
  ok: 0,
  /** It failed, or what was looked at is not well. */
  failed: 1,
  /** It was called or configured wrongly. */
  usage: 2,
  notFound: 3,
  /** A key is missing, or does not allow it. */
  refused: 4,
  /** Nobody answers. */
  unreachable: 5,
  /** By Ctrl+C, or a polite kill; as shells have it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const CODES: Readonly<Partial<Record<ErrorCode, ExitCode>>> = {
  invalid: EXIT.usage,
  not_found: EXIT.notFound,
  session_not_found: EXIT.notFound,
  no_session_found: EXIT.notFound,
  artifact_not_found: EXIT.notFound,
  object_not_found: EXIT.notFound,
  agent_run_not_found: EXIT.notFound,
  checkpoint_not_found: EXIT.notFound,
  template_not_found: EXIT.notFound,
  app_not_found: EXIT.notFound,
  task_not_found: EXIT.notFound,
  range_not_satisfiable: EXIT.usage,
  unauthorized: EXIT.refused,
  forbidden: EXIT.refused,
  unreachable: EXIT.unreachable,
};

/** What tells of an error. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof SojournError ? (CODES[error.code] ?? EXIT.failed) : EXIT.failed;
}
