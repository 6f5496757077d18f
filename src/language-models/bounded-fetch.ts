import type { FetchFunction } from "@ai-sdk/provider-utils";

/**
 * A `fetch` for one answer of a model, however often it is asked for.
 *
 * Follows no redirects: the words of a session and the key are for the configured address alone.
 *
 * @param bytesMax  how much of each response may come
 * @param onExcess  called when more does; has to abort the request
 */
export function boundedFetch(bytesMax: number, onExcess: () => void): FetchFunction {
  return async (address, init) => {
    const response = await fetch(address, { ...init, redirect: "manual" });
    if (response.body === null) return response;
    let bytes = 0;
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength;
        if (bytes > bytesMax) onExcess();
        else controller.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(counter), response);
  };
}
