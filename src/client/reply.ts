import type { ChatAnswer } from "./conversation.ts";

/**
 * An answer that is being made: await it for the whole, or iterate over it for its text as it comes, or both.
 *
 * It is on its way from the call on, whoever looks. Each iteration begins at the beginning, however late; to leave one
 * ends nothing. What fails is thrown to everybody who awaits or iterates, and to nobody else.
 */
export class Reply implements Promise<ChatAnswer>, AsyncIterable<string, void, undefined> {
  readonly [Symbol.toStringTag] = "Reply";
  readonly #answer: Promise<ChatAnswer>;
  readonly #tokens: string[] = [];
  #isOver = false;
  readonly #waiting: (() => void)[] = [];

  /** Replies come from `chat`. */
  constructor(ask: (onText: (text: string) => void) => Promise<ChatAnswer>) {
    this.#answer = ask((text) => {
      this.#tokens.push(text);
      this.#wake();
    });
    const end = (): void => {
      this.#isOver = true;
      this.#wake();
    };
    // With this the failure is taken notice of: whoever only iterates must not have it as an unhandled rejection as well.
    this.#answer.then(end, end);
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise
  then<T = ChatAnswer, E = never>(
    onAnswer?: ((answer: ChatAnswer) => T | PromiseLike<T>) | null,
    onFailure?: ((error: unknown) => E | PromiseLike<E>) | null,
  ): Promise<T | E> {
    return this.#answer.then(onAnswer, onFailure);
  }

  catch<E = never>(onFailure?: ((error: unknown) => E | PromiseLike<E>) | null): Promise<ChatAnswer | E> {
    return this.#answer.catch(onFailure);
  }

  finally(onEnd?: (() => void) | null): Promise<ChatAnswer> {
    return this.#answer.finally(onEnd);
  }

  /** The pieces of the text, as they come; together they are `response`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    for (let next = 0; ; ) {
      const token = this.#tokens[next];
      if (token !== undefined) {
        next++;
        yield token;
      } else if (this.#isOver) break;
      else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    await this.#answer;
  }

  #wake(): void {
    for (const go of this.#waiting.splice(0)) go();
  }
}
