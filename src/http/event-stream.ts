import type { EventReply } from "./route.ts";

/** How often an idle stream says that it is alive, so that nothing between us and the client closes it. */
const HEARTBEAT_MS = 15_000;

/** What is written beside the events: at the beginning, and while there are none. */
const FILLINGS = {
  "event-stream": { opening: ": connected\n\n", heartbeat: ": alive\n\n" },
  // Its first event comes at once.
  ndjson: { opening: "", heartbeat: '{"type":"heartbeat"}\n' },
} as const;

/**
 * Events as the body of a response. Reads the next event only when the client has taken the last, so that a slow one
 * costs no memory.
 *
 * @param onEnd  called once, when the stream is over, with what failed if anything did
 */
export function eventStream(
  { events, as = "event-stream" }: EventReply,
  onEnd: (failure?: unknown) => void,
): ReadableStream<Uint8Array> {
  const iterator = events[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  const filling = FILLINGS[as];
  let heartbeat: NodeJS.Timeout | undefined;
  const end = (failure?: unknown): void => {
    if (heartbeat === undefined) return;
    clearInterval(heartbeat);
    heartbeat = undefined;
    onEnd(failure);
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      if (filling.opening !== "") controller.enqueue(encoder.encode(filling.opening));
      heartbeat = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(filling.heartbeat));
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
