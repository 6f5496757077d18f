import type { Json } from "../engine/json.ts";
import type { TopicMessage } from "./topic.ts";

/** A message that a subscriber was given, and that it gets again until it has acknowledged it. */
export interface Delivery<Content = Json> extends TopicMessage<Content> {
  /**
   * Says that this message is dealt with. A subscriber goes on where all is acknowledged without a gap: of messages that are
   * dealt with in another order, those behind one that is open count as soon as that one is acknowledged, and until then
   * this resolves at once.
   *
   * A server that can't be reached is waited for, until the subscription ends. Of a topic that was deleted since nothing is
   * acknowledged, and this resolves all the same.
   */
  readonly ack: () => Promise<void>;
}

/** What was delivered of a topic and not acknowledged yet, and how far the store was told. */
export class OpenDeliveries {
  readonly #tell: (through: number) => Promise<unknown>;
  /** By their `seq`, in the order in which they came, which is that of `seq`. */
  readonly #open = new Set<number>();
  #last = 0;
  #told = 0;
  #isClosed = false;
  #telling: Promise<unknown> | undefined;

  /** @param tell  acknowledges all up to a `seq`; it is called one at a time */
  constructor(tell: (through: number) => Promise<unknown>) {
    this.#tell = tell;
  }

  deliver(message: TopicMessage): Delivery {
    const { seq } = message;
    this.#open.add(seq);
    this.#last = seq;
    return { ...message, ack: async () => await this.#acknowledge(seq) };
  }

  /** Nothing more is acknowledged: what was delivered is gone. */
  close(): void {
    this.#isClosed = true;
  }

  /** The `seq` up to which all that was delivered is acknowledged. */
  get #through(): number {
    const [first] = this.#open;
    return first === undefined ? this.#last : first - 1;
  }

  async #acknowledge(seq: number): Promise<void> {
    this.#open.delete(seq);
    // Acknowledgements that come while one is under way go together with the next.
    while (!this.#isClosed && seq > this.#told && seq <= this.#through) {
      this.#telling ??= this.#tellOfAll().finally(() => {
        this.#telling = undefined;
      });
      await this.#telling;
    }
  }

  async #tellOfAll(): Promise<void> {
    const through = this.#through;
    await this.#tell(through);
    this.#told = through;
  }
}
