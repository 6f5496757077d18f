/** Lets one reader wait until there may be something to read. A wake-up that comes while it reads is not lost. */
export class WakeUp {
  #isDue = false;
  #resume: (() => void) | undefined;

  wake(): void {
    this.#isDue = true;
    this.#resume?.();
  }

  /** Resolves at the next wake-up, or at once where there was one since the last. */
  async next(): Promise<void> {
    if (!this.#isDue) {
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
    }
    this.#isDue = false;
  }
}
