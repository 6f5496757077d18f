import { SojournError } from "../engine/errors.ts";
import type { Download } from "./route.ts";

/** What happens to a download beside its reading. */
export interface ByteStreamOptions {
  /** How long a client may take for so many bytes. */
  readonly patienceMs: (bytes: number) => number;
  /**
   * Called once where a download breaks off, has another length than it said, or is not taken. The response does not end
   * then: its connection is to be cut off.
   */
  readonly onBroken: (thrown: unknown) => void;
}

/**
 * Begins to read a download, as the body of a response. Reads on only when the client has taken what came before, so that
 * a slow one costs no memory. What is not read to its end is disposed of.
 *
 * @throws what the first bytes fail with, while there is still time for another answer
 */
export async function byteStream(
  download: Download,
  { patienceMs, onBroken }: ByteStreamOptions,
): Promise<ReadableStream<Uint8Array>> {
  const iterator = download[Symbol.asyncIterator]();
  const { bytes: expected } = download;
  let length = 0;
  const next = async (): Promise<Uint8Array | undefined> => {
    const { done, value } = await iterator.next();
    length += done === true ? 0 : value.length;
    const isWrong = expected !== undefined && (done === true ? length !== expected : length > expected);
    if (isWrong) {
      throw new SojournError("internal", { message: `A download of ${expected} bytes has another length, ${length}` });
    }
    return done === true ? undefined : value;
  };
  const end = async (): Promise<void> => {
    await iterator.return?.();
    await download[Symbol.asyncDispose]();
  };
  let first: Uint8Array | undefined;
  try {
    first = await next();
  } catch (thrown) {
    await end();
    throw thrown;
  }
  let isFirst = true;
  let timer: NodeJS.Timeout | undefined;
  let isBroken = false;
  const breakOff = (thrown: unknown): void => {
    if (isBroken) return;
    isBroken = true;
    onBroken(thrown);
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(timer);
        try {
          const chunk = isFirst ? first : await next();
          isFirst = false;
          first = undefined;
          if (chunk === undefined) {
            await end();
            controller.close();
            return;
          }
          timer = setTimeout(() => breakOff(notTaken()), patienceMs(chunk.length));
          controller.enqueue(chunk);
        } catch (thrown) {
          // To fail the stream would be to let go of the response; it is cut off, and then cancels this.
          breakOff(thrown);
        }
      },
      async cancel() {
        clearTimeout(timer);
        isBroken = true;
        await end();
      },
    },
    { highWaterMark: 0 },
  );
}

function notTaken(): SojournError {
  return new SojournError("request_timeout", { message: "The client did not take its answer" });
}
