import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { Value } from "../value.ts";
import { ACKNOWLEDGED, ANSWERED, type Answer, type Ended, type FromThread } from "../wire.ts";
import { ScriptError } from "./script-error.ts";

/** How many pieces of output may be on their way: a script that prints without end waits for its reader. */
const UNREAD_MAX = 64;

/** How large one piece is: what is on its way takes memory that is not the script's. */
const PIECE_BYTES = 65_536;

/** The way from a script's thread to its host, on which the thread waits. */
export class HostLink {
  readonly #port: MessagePort;
  readonly #flags: Int32Array;
  #printed = 0;

  constructor(port: MessagePort, flags: Int32Array) {
    this.#port = port;
    this.#flags = flags;
  }

  /**
   * Calls a function of the host, and waits for what it returns.
   *
   * @throws {ScriptError} with what the host says against it
   */
  call(name: string, args: readonly Value[]): Value {
    Atomics.store(this.#flags, ANSWERED, 0);
    this.#send({ type: "call", name, args });
    // The host wakes us after it has set the flag: we may be gone by then, and that wakes our next call, which has no answer yet.
    while (Atomics.load(this.#flags, ANSWERED) === 0) Atomics.wait(this.#flags, ANSWERED, 0);
    // NOTE: the host writes nothing else to this port.
    const answer = receiveMessageOnPort(this.#port)?.message as Answer;
    if ("refused" in answer) throw new ScriptError(answer.refused);
    return answer.value;
  }

  print(bytes: Uint8Array): void {
    for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
      this.#send({ type: "print", bytes: bytes.slice(start, start + PIECE_BYTES) });
      this.#printed++;
      this.#awaitReader();
    }
  }

  /**
   * Waits, and does nothing.
   *
   * @throws {ScriptError} for what is no time
   */
  sleep(seconds: number): void {
    if (!(seconds >= 0)) throw new ScriptError("what is waited for must be a number of seconds, 0 or more");
    const ms = seconds * 1_000;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  }

  end(outcome: Omit<Ended, "type">): void {
    this.#send({ type: "ended", ...outcome });
    this.#port.close();
  }

  #awaitReader(): void {
    for (;;) {
      const read = Atomics.load(this.#flags, ACKNOWLEDGED);
      if (this.#printed - read < UNREAD_MAX) return;
      Atomics.wait(this.#flags, ACKNOWLEDGED, read);
    }
  }

  #send(message: FromThread): void {
    this.#port.postMessage(message);
  }
}
