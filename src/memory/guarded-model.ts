import { SojournError } from "../engine/errors.ts";
import { given } from "../engine/given.ts";
import { CHARACTERS_PER_TOKEN_MAX, type Context, type Model, type Piece, type Summary, type Usage } from "./model.ts";

/** What any model is held to. */
export interface ModelBounds {
  /** For a whole answer, or a summary. */
  readonly timeoutMs: number;
  readonly maxOutputTokens: number;
}

/** How much later than the model's own deadline ours is, so that it can say itself what happened. */
const GRACE_MS = 2_000;

/**
 * The model, held to what `Model` promises, whoever wrote it: it ends in time and when its signal does, says no more than
 * it may, and what it says can be kept as it is. Whatever else it does is `model_failed`.
 *
 * @throws {SojournError} `invalid` for what is no model
 */
export function guarded(model: Model, bounds: ModelBounds): Model {
  assertModel(model);
  const { name, isLanguageModel } = model;

  const answer: Model["answer"] = (context, signal) => answerOf({ model, bounds, context, signal });

  async function summarize(...[before, messages, signal]: Parameters<Model["summarize"]>): Promise<Summary> {
    using deadline = new Deadline(name, bounds, signal);
    const summary = await deadline.race(() => model.summarize(before, messages, deadline.signal));
    if (typeof summary?.text !== "string") throw failed(name, "gave what is no summary");
    return { text: clean(summary.text), ...given("usage", usageOf(summary.usage)) };
  }

  return { name, isLanguageModel, answer, summarize };
}

interface Question {
  readonly model: Model;
  readonly bounds: ModelBounds;
  readonly context: Context;
  readonly signal: AbortSignal;
}

async function* answerOf({ model, bounds, context, signal }: Question): AsyncGenerator<Piece, void, undefined> {
  const { name } = model;
  using deadline = new Deadline(name, bounds, signal);
  const speech = new Speech(bounds.maxOutputTokens);
  const pieces = await deadline.race(async () => model.answer(context, deadline.signal)[Symbol.asyncIterator]());
  try {
    for (;;) {
      const { done, value: piece } = await deadline.race(() => pieces.next());
      if (done) throw failed(name, "stopped in the middle of its answer");
      const text = piece?.piece === "end" ? speech.end() : speech.add(textOf(name, piece));
      if (text !== "") yield { piece: "text", text };
      if (piece.piece === "text" && !speech.isFull) continue;
      if (speech.isBlank) throw failed(name, "answered without any text");
      yield piece.piece === "end" ? endOf(piece) : { piece: "end", reason: "length" };
      return;
    }
  } finally {
    // Whoever waits for it would wait for a model that may never come back.
    void Promise.resolve(pieces.return?.(undefined)).catch(() => undefined);
  }
}

function assertModel(model: Model): void {
  const { name, answer, summarize }: { [K in keyof Model]?: unknown } = model;
  if (typeof name === "string" && name !== "" && typeof answer === "function" && typeof summarize === "function")
    return;
  const message = "must have a name, and the methods answer and summarize";
  throw new SojournError("invalid", {
    message: `The model ${message}`,
    faults: [{ field: "model", message, type: "invalid_model" }],
  });
}

/** Ends what a model does when its time is over, or when nobody wants it any more, whether or not it notices. */
class Deadline implements Disposable {
  readonly signal: AbortSignal;
  readonly #name: string;
  readonly #over = new AbortController();
  readonly #outer: AbortSignal;
  readonly #timer: NodeJS.Timeout;

  constructor(name: string, { timeoutMs }: ModelBounds, signal: AbortSignal) {
    this.#name = name;
    this.#outer = signal;
    this.signal = AbortSignal.any([signal, this.#over.signal]);
    const late = failed(name, `did not answer within ${timeoutMs} ms`);
    this.#timer = setTimeout(() => this.#over.abort(late), timeoutMs + GRACE_MS);
  }

  async race<T>(work: () => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => aborted.reject(this.signal.reason);
    this.signal.addEventListener("abort", abort);
    try {
      return await Promise.race([work(), aborted.promise]);
    } catch (error) {
      this.#outer.throwIfAborted();
      throw error instanceof SojournError ? error : failed(this.#name, "failed", error);
    } finally {
      this.signal.removeEventListener("abort", abort);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#over.abort();
  }
}

/** What a model says, in pieces that may end within a character, up to a bound. */
class Speech {
  #room: number;
  #half = "";
  #isBlank = true;

  constructor(maxOutputTokens: number) {
    this.#room = maxOutputTokens * CHARACTERS_PER_TOKEN_MAX;
  }

  get isFull(): boolean {
    return this.#room <= 0;
  }

  get isBlank(): boolean {
    return this.#isBlank;
  }

  /** Takes a piece, and gives what of it can be said now. */
  add(piece: string): string {
    const text = this.#half + piece.slice(0, this.#room);
    this.#room -= piece.length;
    this.#half = /[\ud800-\udbff]$/.test(text) ? text.slice(-1) : "";
    return this.#say(text.slice(0, text.length - this.#half.length));
  }

  end(): string {
    return this.#say(this.#half);
  }

  #say(text: string): string {
    this.#isBlank &&= text.trim() === "";
    return clean(text);
  }
}

function textOf(name: string, piece: Piece | undefined): string {
  if (piece?.piece === "text" && typeof piece.text === "string") return piece.text;
  throw failed(name, "sent what is no piece of an answer");
}

function clean(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD");
}

function endOf({ reason, usage }: Extract<Piece, { piece: "end" }>): Piece {
  return { piece: "end", reason: reason === "length" ? "length" : "stop", ...given("usage", usageOf(usage)) };
}

/** Counts that are no counts are as good as none. */
function usageOf(usage: Usage | undefined): Usage | undefined {
  const { inputTokens, outputTokens } = usage ?? {};
  return isCount(inputTokens) && isCount(outputTokens) ? { inputTokens, outputTokens } : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value < 2 ** 40;
}

function failed(name: string, what: string, cause?: unknown): SojournError {
  return new SojournError("model_failed", { message: `Model "${name}" ${what}; try again`, cause });
}
