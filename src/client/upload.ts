import type { OnProgress, Source } from "./content.ts";
import type { Deadline } from "./deadline.ts";

/** What is at hand and no larger goes in one piece. */
const SMALL_BYTES = 65_536;

/** What `fetch` takes of a body. */
export interface SentBody {
  readonly body: NonNullable<RequestInit["body"]>;
  readonly duplex?: "half";
  /** In bytes, where `fetch` can't tell by itself. */
  readonly length?: number | undefined;
}

/**
 * Bytes on their way to a server, once. The deadline runs while the server takes them, and not while the source makes
 * them. Must be let go of by `end`.
 */
export class Upload {
  readonly #source: Source;
  readonly #deadline: Deadline;
  readonly #silenceMs: number;
  readonly #onProgress: OnProgress;
  #pieces: ReturnType<Source["open"]> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #done = 0;
  #isOver = false;

  constructor(
    source: Source,
    {
      deadline,
      silenceMs,
      onProgress = () => undefined,
    }: {
      readonly deadline: Deadline;
      readonly silenceMs: number;
      readonly onProgress: OnProgress | undefined;
    },
  ) {
    this.#source = source;
    this.#deadline = deadline;
    this.#silenceMs = silenceMs;
    this.#onProgress = onProgress;
  }

  async toBody(): Promise<SentBody> {
    const { size } = this.#source;
    // NOTE: bytes over memory that is shared, which is no body, `fetch` refuses.
    const whole = this.#source.whole as SentBody["body"] | undefined;
    // Browsers send no stream over HTTP/1.1; a blob they may keep on the disk.
    if (isBrowser()) return { body: whole ?? (await new Response(this.#stream()).blob()) };
    if (whole !== undefined && size !== undefined && size <= SMALL_BYTES) return { body: whole };
    return { body: this.#stream(), duplex: "half", length: size };
  }

  /** Tells that all has arrived. */
  report(): void {
    const { size = this.#done } = this.#source;
    if (this.#done < size || size === 0) this.#onProgress({ done: size, total: size });
  }

  /** Throws what the source threw, where that is why the upload failed. */
  assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  end(): void {
    this.#isOver = true;
    // A source that is stuck is not waited for.
    this.#pieces?.return().catch(() => undefined);
  }

  #stream(): ReadableStream<Uint8Array> {
    this.#pieces = this.#source.open();
    const pieces = this.#pieces;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          this.#deadline.pause();
          try {
            const { value } = await pieces.next();
            if (value === undefined) controller.close();
            else {
              this.#done += value.length;
              this.#onProgress({ done: this.#done, total: this.#source.size });
              controller.enqueue(value);
            }
          } catch (error) {
            this.#failure = { error };
            throw error;
          } finally {
            if (!this.#isOver) this.#deadline.restart(this.#silenceMs);
          }
        },
        cancel: () => this.end(),
      },
      // Nothing is read before the network wants it.
      { highWaterMark: 0 },
    );
  }
}

function isBrowser(): boolean {
  return "document" in globalThis || "WorkerGlobalScope" in globalThis;
}
