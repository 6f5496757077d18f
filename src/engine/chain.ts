import type { Digest } from "./digest.ts";
import type { Operation, Payload } from "./operation.ts";
import type { StreamRef } from "./store.ts";

/**
 * The hash that the first operation of a stream follows. It binds the log to its stream; that of a fork to the session
 * whose log begins there, which its `origin.root` names.
 */
export function genesisHash(ref: Pick<StreamRef, "kind" | "id">, digest: Digest): string {
  return digest(`sojourn/1\n${ref.kind}\n${ref.id}`);
}

/** The digest that an operation's header keeps of its payload. */
export function payloadDigest(payload: Payload, digest: Digest): string {
  return digest(payload.salt + payload.body);
}

/**
 * The hash of an operation: of three lines of text, so that whoever has the store's file can
 * check a log with any BLAKE3 tool.
 *
 * Line 1 is the previous operation's hash (or the genesis hash), line 2 the header as a JSON array in the order below,
 * line 3 the payload's digest. No line feed follows the third.
 */
export function operationHash(previousHash: string, operation: Omit<Operation, "hash">, digest: Digest): string {
  const header = JSON.stringify([
    operation.seq,
    operation.id,
    operation.kind,
    operation.name,
    operation.actor,
    operation.at,
    operation.durationUs ?? null,
    operation.outcome,
    operation.used,
    operation.made,
  ]);
  return digest(`${previousHash}\n${header}\n${operation.payloadDigest}`);
}
