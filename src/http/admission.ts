import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { SojournError } from "../engine/errors.ts";
import type { EdgeLimits } from "./edge-limits.ts";

/** When whoever is turned away may come again. */
const RETRY_AFTER_MS = 1_000;

/** How much of the room for bodies may be taken by those that last as long as their clients like. */
const LASTING_SHARE = 0.75;

/**
 * Says who may come in, so that memory stays bounded however many come: counts the connections, the requests in hand,
 * and the bytes of their bodies.
 *
 * A request is in hand from its headers until its answer is written and its handler is done. An event stream is not,
 * once it streams: it costs a connection, and little else.
 */
export class Admission {
  readonly #limits: EdgeLimits;
  readonly #sockets = new Set<Socket>();
  /** The requests in hand, with the bytes of their bodies. */
  readonly #requests = new Map<IncomingMessage, number>();
  #bodyBytes = 0;

  constructor(limits: EdgeLimits) {
    this.#limits = limits;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  get requestsInHand(): number {
    return this.#requests.size;
  }

  get bodyBytesInHand(): number {
    return this.#bodyBytes;
  }

  /** Counts a connection until it is closed, unless there are too many: then returns the refusal. */
  connect(socket: Socket): SojournError | undefined {
    if (this.#sockets.size >= this.#limits.maxConnections) return overloaded("as many connections as it can");
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return undefined;
  }

  /**
   * Takes a request in hand until `leave`, unless there are too many: then returns the refusal.
   *
   * @param isVital  asked only when there are too many; a vital request is taken in hand all the same
   */
  enter(incoming: IncomingMessage, isVital: (incoming: IncomingMessage) => boolean): SojournError | undefined {
    if (this.#requests.size >= this.#limits.maxRequestsInHand && !isVital(incoming)) {
      return overloaded("as many requests in hand as it can");
    }
    this.#requests.set(incoming, 0);
    return undefined;
  }

  /**
   * Makes room for so many more bytes of a request's body, until `leave`. A single body always has room.
   *
   * @param isLasting  whether it is sent or taken piece by piece, which may go on for hours: those leave some room, so that
   *   what is over at once is not kept out by them
   * @throws {SojournError} `overloaded`
   */
  hold(incoming: IncomingMessage, bytes: number, { isLasting = false } = {}): void {
    const held = this.#requests.get(incoming);
    // Its client has gone, and with it whatever was read.
    if (held === undefined) return;
    const ofOthers = this.#bodyBytes - held;
    const room = this.#limits.maxBodyBytesInHand * (isLasting ? LASTING_SHARE : 1);
    if (ofOthers > 0 && this.#bodyBytes + bytes > room) {
      throw overloaded("as much in hand as it can");
    }
    this.#requests.set(incoming, held + bytes);
    this.#bodyBytes += bytes;
  }

  /** Lets go of a request and its body. Idempotent. */
  leave(incoming: IncomingMessage): void {
    this.#bodyBytes -= this.#requests.get(incoming) ?? 0;
    this.#requests.delete(incoming);
  }
}

function overloaded(load: string): SojournError {
  return new SojournError("overloaded", {
    message: `The server has ${load}; try again in a moment`,
    retryAfterMs: RETRY_AFTER_MS,
  });
}
