import { CHARACTERS_PER_TOKEN_MAX } from "../model.ts";

/** The text of an answer as it comes in, up to a bound of our own. */
export class AnswerText {
  #room: number;
  /** Blanks that no text has followed yet. */
  #held = "";
  #isBlank = true;

  constructor(maxOutputTokens: number) {
    this.#room = maxOutputTokens * CHARACTERS_PER_TOKEN_MAX;
  }

  /** Whether no more is to come of it. */
  get isFull(): boolean {
    return this.#room <= 0;
  }

  get isBlank(): boolean {
    return this.#isBlank;
  }

  /** Takes what came, and gives what of it is to be shown now: nothing while all is blank, and nothing past the bound. */
  add(delta: string): string {
    const taken = cutOff(delta, this.#room);
    this.#room -= delta.length;
    this.#held += taken;
    if (this.#isBlank && this.#held.trim() === "") return "";
    this.#isBlank = false;
    const shown = this.#held;
    this.#held = "";
    return shown;
  }

  /** Takes what is not shown, such as reasoning; it counts all the same. */
  addHidden(delta: string): void {
    this.#room -= delta.length;
  }
}

/** At most so many characters, without half of one at the end. */
function cutOff(text: string, length: number): string {
  if (text.length <= length) return text;
  return text.slice(0, length).replace(/[\ud800-\udbff]$/, "");
}
