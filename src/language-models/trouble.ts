import { APICallError, InvalidResponseDataError, JSONParseError, TypeValidationError } from "@ai-sdk/provider";
import { isProviderStreamError } from "@ai-sdk/provider-utils";

/** What can go wrong between us and a model. */
export type TroubleKind =
  /** It answered with a status other than success. */
  | "status"
  /** No connection, or one that was cut before an answer began. */
  | "unreachable"
  /** The answer broke off. */
  | "cut"
  /** What came is no answer of the kind that was asked for. */
  | "garbled"
  /** The model said within its answer that it failed. */
  | "reported"
  | "too_late"
  /** More came than any answer takes. */
  | "too_long"
  /** It ended well, without any text. */
  | "empty"
  /** It had no text when it reached the bound on output. */
  | "used_up"
  /** Its provider holds the text back. */
  | "withheld"
  | "unexpected";

interface Particulars {
  readonly status?: number | undefined;
  readonly code?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly isPassing?: boolean | undefined;
}

/**
 * What went wrong, and no more than may be logged: never the words of a provider or a user, an address, or a key. It
 * stands for the errors of the providers' packages, which hold all of these.
 */
export class Trouble extends Error {
  readonly kind: TroubleKind;
  /** That of the response, or that which the provider names for its failure. */
  readonly status: number | undefined;
  /** The provider's or the network's own short name for it, such as `rate_limit_exceeded` or `ECONNREFUSED`. */
  readonly code: string | undefined;
  /** How long the provider asks us to wait. */
  readonly retryAfterMs: number | undefined;
  /** Whether the same request may soon succeed. */
  readonly isPassing: boolean;

  constructor(kind: TroubleKind, { status, code, retryAfterMs, isPassing = false }: Particulars = {}) {
    super([kind, status === undefined ? [] : `status ${status}`, code ?? []].flat().join(", "));
    this.name = "Trouble";
    this.kind = kind;
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.isPassing = isPassing;
  }
}

interface Circumstances {
  /** Whether anything of the answer had come. */
  readonly isBegun: boolean;
  /** What must not show: the key, and what was sent. */
  readonly secrets: readonly string[];
}

/** The trouble behind whatever a provider's package threw, or reported within its stream. */
export function troubleOf(error: unknown, { isBegun, secrets }: Circumstances): Trouble {
  if (error instanceof Trouble) return error;
  const code = CODE_PATHS.map((path) => shortCode(at(error, path), secrets)).find((found) => found !== undefined);
  if (APICallError.isInstance(error)) return callTrouble(error, code, isBegun);
  if (InvalidResponseDataError.isInstance(error)) return new Trouble(isBegun ? "cut" : "garbled");
  if (JSONParseError.isInstance(error) || TypeValidationError.isInstance(error)) return new Trouble("garbled");
  if (error instanceof Error) return new Trouble("unexpected", { code: shortCode(error.name, secrets) });
  const told = isProviderStreamError(error) ? error.statusCode : at(error, ["code"]);
  const status = typeof told === "number" && told >= 400 && told <= 599 ? told : undefined;
  const isPassing = isProviderStreamError(error) ? error.isRetryable : status !== undefined && isPassingStatus(status);
  return new Trouble("reported", { status, code, isPassing });
}

function callTrouble(error: APICallError, code: string | undefined, isBegun: boolean): Trouble {
  const { statusCode: status, isRetryable: isPassing, responseHeaders } = error;
  if (status === undefined) return new Trouble(isBegun ? "cut" : "unreachable", { code, isPassing });
  // A response that began well and could not be read to its end.
  if (status >= 200 && status <= 299) return new Trouble(isPassing ? "cut" : "garbled", { code, isPassing });
  return new Trouble("status", { status, code, isPassing, retryAfterMs: retryAfterMs(responseHeaders) });
}

function isPassingStatus(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** Where the packages keep a provider's code, and Node the network's; the first that is fit to show is taken. */
const CODE_PATHS: readonly (readonly string[])[] = [
  ["data", "error", "code"],
  ["data", "error", "status"],
  ["data", "error", "type"],
  ["code"],
  ["type"],
  ["cause", "code"],
  ["cause", "cause", "code"],
  ["cause", "cause", "cause", "code"],
];

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((found, key) => {
    // NOTE: any object may be asked for any member.
    return typeof found === "object" && found !== null ? (found as Record<string, unknown>)[key] : undefined;
  }, value);
}

/** A provider may send back the key or a user's word where its code belongs. */
function shortCode(code: unknown, secrets: readonly string[]): string | undefined {
  if (typeof code !== "string" || !/^[\w.-]{1,64}$/.test(code)) return undefined;
  return secrets.some((secret) => secret.includes(code) || (secret !== "" && code.includes(secret))) ? undefined : code;
}

/** By `Retry-After` in seconds or as a date, or by the finer `Retry-After-Ms`. */
function retryAfterMs(headers: Readonly<Record<string, string>> = {}): number | undefined {
  const { "retry-after-ms": milliseconds = "", "retry-after": seconds = "" } = headers;
  const ms = [Number(milliseconds || "x"), Number(seconds || "x") * 1_000, Date.parse(seconds) - Date.now()];
  const found = ms.find(Number.isFinite);
  return found === undefined ? undefined : Math.max(0, found);
}
