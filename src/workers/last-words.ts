/** With what V8 begins to tell that it can't go on. */
const BEGINS = /^(<--- Last few GCs --->|FATAL ERROR: |# Fatal |----- Native stack trace -----)/;

const OF_MEMORY = /^(FATAL ERROR: |# Fatal ).*out of memory/;

/** What Node writes as it dies: of no use to whoever called an app, but for whether it ran out of memory. */
export class LastWords {
  #hasBegun = false;
  #areOfMemory = false;

  get areOfMemory(): boolean {
    return this.#areOfMemory;
  }

  /** The lines that are none of them. */
  without(lines: readonly string[]): readonly string[] {
    return lines.filter((line) => {
      this.#hasBegun ||= BEGINS.test(line);
      this.#areOfMemory ||= OF_MEMORY.test(line);
      return !this.#hasBegun;
    });
  }
}
