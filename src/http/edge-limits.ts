/** How long a client may take, and how much of everything there may be, before anyone looks at what is asked. */
export interface EdgeLimits {
  /** For a request's headers; a connection that sends nothing has as long. */
  readonly headersMs: number;
  /** For a request's body, on routes that give it no time of their own. */
  readonly bodyMs: number;
  /** For taking anything at all of an answer. It is cut off after once to twice as long. */
  readonly stalledMs: number;
  /** For reading the answer, once a client is refused that may still be sending. */
  readonly lingerMs: number;
  /** How many bytes that nobody wants are read away meanwhile. */
  readonly lingerBytes: number;
  readonly maxConnections: number;
  readonly maxRequestsInHand: number;
  /** Of the bodies of all requests in hand together, as they came over the wire. */
  readonly maxBodyBytesInHand: number;
}

/** The limits that no option sets. */
export const FIXED_LIMITS = {
  headersMs: 10_000,
  stalledMs: 30_000,
  lingerMs: 1_000,
  lingerBytes: 8_388_608,
} as const satisfies Partial<EdgeLimits>;
