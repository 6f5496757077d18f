import type { JsonObject } from "./json.ts";

/** Who has to act before the same call can succeed, and whether repeating it unchanged may help. */
interface ErrorKind {
  readonly blame: "caller" | "system";
  readonly retry: boolean;
}

/** Every way in which Sojourn refuses or fails. A dialect maps each of them to its own status and code. */
export const ERROR_KINDS = {
  invalid: { blame: "caller", retry: false },
  invalid_json: { blame: "caller", retry: false },
  invalid_content_type: { blame: "caller", retry: false },
  payload_too_large: { blame: "caller", retry: false },
  not_found: { blame: "caller", retry: false },
  method_not_allowed: { blame: "caller", retry: false },
  request_timeout: { blame: "caller", retry: true },
  unauthorized: { blame: "caller", retry: false },
  forbidden: { blame: "caller", retry: false },
  rate_limited: { blame: "caller", retry: true },
  session_not_found: { blame: "caller", retry: false },
  no_session_found: { blame: "caller", retry: false },
  /** A chat named a session that does not exist or is not active. */
  invalid_session: { blame: "caller", retry: false },
  artifact_not_found: { blame: "caller", retry: false },
  checkpoint_not_found: { blame: "caller", retry: false },
  template_not_found: { blame: "caller", retry: false },
  /** A name of a checkpoint is given once. */
  checkpoint_exists: { blame: "caller", retry: false },
  /** A part of a content was asked for that it does not have. */
  range_not_satisfiable: { blame: "caller", retry: false },
  session_exists: { blame: "caller", retry: false },
  invalid_transition: { blame: "caller", retry: false },
  precondition_failed: { blame: "caller", retry: false },
  app_not_found: { blame: "caller", retry: false },
  /** Its files can't be loaded as an app. */
  app_broken: { blame: "system", retry: false },
  object_not_found: { blame: "caller", retry: false },
  agent_run_not_found: { blame: "caller", retry: false },
  task_not_found: { blame: "caller", retry: false },
  /** An app did not do what it was called for. Only clients meet it; the task has the app's own error. */
  task_failed: { blame: "system", retry: false },
  /** Only clients that wait for a task meet it. */
  task_canceled: { blame: "caller", retry: false },
  /** A session stays on the version of an app that it began with. */
  version_mismatch: { blame: "caller", retry: false },
  /** The worker crashed, was killed, or has gone with what the app remembered. */
  worker_lost: { blame: "system", retry: false },
  /** Apps run here only in a better sandbox than this machine has. */
  sandbox_missing: { blame: "system", retry: false },
  /** As many calls as may wait for the session's run slot wait already. */
  session_busy: { blame: "caller", retry: true },
  idempotency_mismatch: { blame: "caller", retry: false },
  limit_reached: { blame: "caller", retry: true },
  conflict: { blame: "system", retry: true },
  /** A content that was to be referred to has gone meanwhile: bring it again. */
  content_missing: { blame: "system", retry: true },
  /** The bytes of a content are not what was stored. */
  content_damaged: { blame: "system", retry: false },
  storage_full: { blame: "system", retry: true },
  store_unavailable: { blame: "system", retry: true },
  store_in_use: { blame: "system", retry: true },
  store_newer: { blame: "system", retry: false },
  overloaded: { blame: "system", retry: true },
  /** The language model failed, or did not answer in time. */
  model_failed: { blame: "system", retry: true },
  /** No answer came: nobody knows whether the call was carried out. Only clients meet it. */
  unreachable: { blame: "system", retry: true },
  internal: { blame: "system", retry: false },
} as const satisfies Record<string, ErrorKind>;

/** A closed set of codes; see `ERROR_KINDS`. */
export type ErrorCode = keyof typeof ERROR_KINDS;

/** One fault of an input: the field's path (`tags.3`), what is wrong with it, and the name of the rule. */
export interface Fault {
  readonly field: string;
  readonly message: string;
  readonly type: string;
}

interface Particulars {
  readonly message: string;
  readonly faults?: readonly Fault[];
  /** How long to wait before a retry makes sense, in milliseconds. */
  readonly retryAfterMs?: number;
  /** Under which the server's log has the request that was refused. */
  readonly requestId?: string;
  readonly cause?: unknown;
}

/** The one error class. Branch on `code`, never on the text of `message`. */
export class SojournError extends Error {
  readonly code: ErrorCode;
  readonly faults: readonly Fault[];
  readonly retryAfterMs: number | undefined;
  readonly requestId: string | undefined;

  constructor(code: ErrorCode, { message, faults = [], retryAfterMs, requestId, cause }: Particulars) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "SojournError";
    this.code = code;
    this.faults = faults;
    this.retryAfterMs = retryAfterMs;
    this.requestId = requestId;
  }

  /** Whether the same call may succeed later. */
  get retry(): boolean {
    return ERROR_KINDS[this.code].retry;
  }

  /** A form that survives a thread's boundary; `fromWire` reads it back. */
  toWire(): JsonObject {
    return {
      code: this.code,
      message: this.message,
      faults: this.faults.map((fault) => ({ ...fault })),
      retryAfterMs: this.retryAfterMs,
      cause: this.cause instanceof Error ? (this.cause.stack ?? this.cause.message) : undefined,
    };
  }

  /** Reads what `toWire` wrote. */
  static fromWire(wire: JsonObject): SojournError {
    // NOTE: the other side is our own thread, which writes nothing else here.
    const { code, ...particulars } = wire as unknown as { readonly code: ErrorCode } & Particulars;
    return new SojournError(code, particulars);
  }
}

/** The error for an input with these faults; its message names the first. */
export function invalid(faults: readonly Fault[]): SojournError {
  const [first] = faults;
  return new SojournError("invalid", {
    message: first === undefined ? "Validation failed" : `Validation failed: "${first.field}" ${first.message}`,
    faults,
  });
}

/** What a call answered, or `undefined` where its session has been deleted in the meantime. */
export async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof SojournError && error.code === "session_not_found") return undefined;
    throw error;
  }
}
