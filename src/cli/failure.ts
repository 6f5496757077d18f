import type { Config } from "../config/config.ts";
import { type ErrorCode, SojournError } from "../engine/errors.ts";
import { shown } from "./print.ts";

/** One line for the operator, safe to print: what failed, and what to do about it where that is known. */
export function failureLine(error: unknown, config?: Pick<Config, "host" | "port">): string {
  if (error instanceof SojournError) return oneLine(withAdvice(error.message, ADVICE[error.code]));
  if (!(error instanceof Error)) return oneLine(`Sojourn failed: ${error}`);
  const { code, syscall } = error as NodeJS.ErrnoException;
  const cannotListen = code === undefined ? undefined : LISTEN_FAULTS[code];
  if (config !== undefined && cannotListen !== undefined && isListening(syscall)) {
    return oneLine(`Cannot listen on ${config.host} port ${config.port}: ${cannotListen}`);
  }
  return oneLine(`Sojourn failed: ${error.message}`);
}

const ADVICE: Readonly<Partial<Record<ErrorCode, string>>> = {
  store_in_use: "stop the other server, or choose another directory with --data",
  unreachable: "or name another with --url, or open the data of a stopped server with --data",
  unauthorized: "put a good key into SOJOURN_API_KEY, or open the data of a stopped server with --data",
  store_newer: "use the release that wrote it, or a newer one",
};

const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program has this port; stop it, or choose another with --port (0 picks a free one)",
  EACCES: "the system does not allow this port; choose one from 1024 on with --port",
  EADDRNOTAVAIL: "this machine does not have this address; choose another with --host",
  ENOTFOUND: "there is no such host; choose another with --host",
  EAI_AGAIN: "this host's name cannot be resolved now; choose an address with --host",
};

/** Files fail with EACCES as well. */
function isListening(syscall: string | undefined): boolean {
  return syscall === "listen" || syscall === "getaddrinfo";
}

function withAdvice(message: string, advice: string | undefined): string {
  return advice === undefined ? message : `${message}; ${advice}`;
}

function oneLine(text: string): string {
  return shown(text.trim().replaceAll(/\s*\n\s*/g, " "));
}
