/** How often an idle stream says that it is alive, so that nothing between us and the client closes it. */
const HEARTBEAT_MS = 15_000;

/**
 * Server-sent events as the body of a response. Reads the next event only when the client has taken the last, so that
 * a slow one costs no memory.
 *
 * @param onEnd  called once, when the stream is over, with what failed if anything did
 */
export function eventStream(
  events: AsyncIterable<string>,
  onEnd: (failure?: unknown) => void,
): ReadableStream<Uint8Array> {
  const iterator = events[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let heartbeat: NodeJS.Timeout | undefined;
  const end = (failure?: unknown): void => {
    if (heartbeat === undefined) return;
    clearInterval(heartbeat);
    heartbeat = undefined;
    onEnd(failure);
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(": connected\n\n"));
      heartbeat = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(": alive\n\n"));
      }, HEARTBEAT_MS);
    },
    async pull(controller) {
      try {
        const { done, value } = await iterator.next();
        if (done !== true) {
          controller.enqueue(encoder.encode(value));
          return;
        }
        controller.close();
        end();
      } catch (error) {
        controller.error(error);
        end(error);
      }
    },
    async cancel() {
      end();
      await iterator.return?.();
    },
  });
}
