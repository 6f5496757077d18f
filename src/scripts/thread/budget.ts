import { BYTES_AT_ONCE_MAX, VALUES_AT_ONCE_MAX } from "../sizes.ts";
import { ScriptError } from "./script-error.ts";

/**
 * How much one call of a script may still be given. What is small in a script can be large outside of it: a table that stands
 * a thousand times in another is a thousand tables there.
 */
export class Budget {
  #bytes = BYTES_AT_ONCE_MAX;
  #values = VALUES_AT_ONCE_MAX;

  /** @throws {ScriptError} */
  takeBytes(count: number): void {
    this.#bytes -= count;
    if (this.#bytes < 0)
      throw new ScriptError(`strings of more than ${BYTES_AT_ONCE_MAX} bytes can't be given at once`);
  }

  /** @throws {ScriptError} */
  takeValue(): void {
    this.#values--;
    if (this.#values < 0) throw new ScriptError(`more than ${VALUES_AT_ONCE_MAX} values can't be given at once`);
  }
}
