import { EventEmitter, on } from "node:events";
import { createInterface, type Interface, type Key } from "node:readline";

const PASTE_MARKED = "\u001b[?2004h";
const PASTE_UNMARKED = "\u001b[?2004l";

/**
 * What somebody types at a terminal, a message for each Enter. Several lines that are pasted at once are one message:
 * the terminal is asked to mark them.
 */
export class TypedMessages implements AsyncIterable<string, void, undefined>, Disposable {
  readonly #input: Interface;
  readonly #messages = new EventEmitter();
  readonly #marks: (text: string | undefined, key: Key) => void;
  #isOpen = true;

  /** @param onInterrupt  is called for each Ctrl+C */
  constructor(prompt: string, { signal, onInterrupt }: { signal: AbortSignal; onInterrupt: () => void }) {
    let isPasting = false;
    let pasted: readonly string[] = [];
    this.#marks = (_, { name }) => {
      if (name === "paste-start") isPasting = true;
      else if (name === "paste-end") isPasting = false;
    };
    this.#input = createInterface({ input: process.stdin, output: process.stdout, prompt, signal });
    this.#input.on("line", (line) => {
      pasted = [...pasted, line];
      if (isPasting) return;
      this.#messages.emit("message", pasted.join("\n"));
      pasted = [];
    });
    this.#input.on("close", () => {
      this.#isOpen = false;
      this.#messages.emit("close");
    });
    this.#input.on("SIGINT", onInterrupt);
    process.stdin.on("keypress", this.#marks);
    process.stdout.write(PASTE_MARKED);
  }

  /** Asks for the next message, unless there is none to come. */
  prompt(): void {
    if (this.#isOpen) this.#input.prompt();
  }

  /** Ends it, with the messages that were typed before. */
  close(): void {
    this.#input.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    const typed: AsyncIterable<string[]> = on(this.#messages, "message", { close: ["close"] });
    this.prompt();
    for await (const [message = ""] of typed) yield message;
  }

  [Symbol.dispose](): void {
    this.close();
    process.stdin.off("keypress", this.#marks);
    process.stdout.write(PASTE_UNMARKED);
  }
}
