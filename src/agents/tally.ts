import type { TokenUsage } from "../client/conversation.ts";

/** What a run took so far. */
export class Tally {
  /** How often its model answered. */
  steps = 0;
  #inputTokens = 0;
  #outputTokens = 0;
  #costUsd: number | undefined;

  add({ inputTokens, outputTokens, costUsd }: TokenUsage = NOTHING): void {
    this.#inputTokens += inputTokens;
    this.#outputTokens += outputTokens;
    if (costUsd !== undefined) this.#costUsd = (this.#costUsd ?? 0) + costUsd;
  }

  get usage(): TokenUsage {
    return { inputTokens: this.#inputTokens, outputTokens: this.#outputTokens };
  }

  /** In US dollars; `undefined` where no price is known. */
  get costUsd(): number | undefined {
    return this.#costUsd;
  }
}

const NOTHING: TokenUsage = { inputTokens: 0, outputTokens: 0 };
