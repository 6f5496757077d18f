import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { EdgeLimits } from "./edge-limits.ts";

// A connection that is closed while its client still sends is reset, and takes an answer with it that was not read yet.

/**
 * Reads away for a moment what is left of the body of a request that was answered. With a small rest the connection can
 * be used again; one that goes on and on is cut off.
 */
export function readAway(
  incoming: IncomingMessage,
  { lingerMs, lingerBytes }: Pick<EdgeLimits, "lingerMs" | "lingerBytes">,
): void {
  const { socket } = incoming;
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  let bytes = 0;
  incoming.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > lingerBytes) socket.destroy();
  });
  incoming.once("close", () => clearTimeout(timer));
  incoming.resume();
}

/** Writes the last that a client gets, leaves it a moment to read that, and closes the connection. */
export function sayGoodbye(socket: Socket, text: string, { lingerMs }: Pick<EdgeLimits, "lingerMs">): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
  socket.on("error", () => socket.destroy());
  socket.end(text);
  socket.resume();
}
