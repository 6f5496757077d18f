import { SojournError } from "../engine/errors.ts";
import type { Trouble, TroubleKind } from "./trouble.ts";

/** A model, and the bounds within which it was asked. */
export interface AskedModel {
  readonly model: string;
  readonly timeoutMs: number;
  readonly maxOutputTokens: number;
}

/** The `model_failed` that says which model, what happened, and what to do. */
export function failureOf(trouble: Trouble, options: AskedModel): SojournError {
  const { kind, status, retryAfterMs } = trouble;
  const say = kind === "status" ? STATUSES.find(({ of }) => of(status ?? 0))?.say : SAY[kind];
  const [what, remedy] = say?.({ ...options, status }) ?? SAY.unexpected({ ...options, status });
  const message = `Model "${options.model}" ${what}; ${remedy}`;
  return new SojournError("model_failed", {
    message,
    cause: trouble,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs: Math.ceil(retryAfterMs) }),
  });
}

type Say = (facts: Omit<AskedModel, "model"> & Pick<Trouble, "status">) => readonly [what: string, remedy: string];

const STATUSES: readonly { readonly of: (status: number) => boolean; readonly say: Say }[] = [
  {
    of: (status) => status === 401 || status === 403,
    say: ({ status }) => [`refused the key (status ${status})`, "check its key, and what that may use"],
  },
  {
    of: (status) => status === 404,
    say: () => ["was not found (status 404)", "check its name and its base URL"],
  },
  {
    of: (status) => status === 429,
    say: () => ["takes no more requests for now (status 429)", "try again later, or check the quota of its key"],
  },
  {
    of: (status) => status === 408 || status === 409 || status >= 500,
    say: ({ status }) => [`is failing (status ${status})`, "try again later"],
  },
  {
    of: (status) => status < 400,
    say: ({ status }) => [`does not answer at its address (status ${status})`, "check its base URL"],
  },
  {
    of: () => true,
    say: ({ status }) => [
      `refused the request (status ${status})`,
      "check that it is a chat model, and that the conversation and the output fit it",
    ],
  },
];

const SAY: Readonly<Record<Exclude<TroubleKind, "status">, Say>> = {
  unreachable: () => ["could not be reached", "check its base URL, and that its server runs"],
  cut: () => ["broke off its answer", "try again"],
  garbled: () => ["answered in a form that was not understood", "check its base URL"],
  reported: ({ status }) => [
    `failed while it answered${status === undefined ? "" : ` (status ${status})`}`,
    "try again later",
  ],
  too_late: ({ timeoutMs }) => [`did not answer within ${timeoutMs} ms`, "try again, or allow it more time"],
  too_long: () => ["sent more than any answer takes", "check its base URL"],
  empty: () => ["answered without any text", "try again"],
  used_up: ({ maxOutputTokens }) => [`gave no text within ${maxOutputTokens} tokens of output`, "allow it more output"],
  withheld: () => ["held its answer back", "ask otherwise"],
  unexpected: () => ["could not be asked", "see the log for the cause"],
};
