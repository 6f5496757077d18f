import { genesisHash, operationHash, payloadDigest } from "./chain.ts";
import type { Digest } from "./digest.ts";
import { type Json, sameJson } from "./json.ts";
import type { SessionRecord } from "./session.ts";
import { changeOf, entries } from "./state-at.ts";
import type { Store, Stream } from "./store.ts";
import { RULES } from "./streams.ts";

/** What `verify` found. */
export interface Verdict {
  readonly ok: boolean;
  /** How many operations the log has. */
  readonly operations: number;
  readonly headHash: string;
  /** The first operation that is missing, or whose header, link or payload is not what was hashed. */
  readonly firstBadSeq?: number;
  /** What is wrong. */
  readonly fault?: "chain" | "payload" | "head" | "view" | "known_head";
}

/**
 * Checks one session's log: every link of the chain, every payload against its digest, the head, and the fold of the
 * log against the views that are stored.
 *
 * It finds what was damaged or edited in place. A log that was rewritten from some operation on, hashes and all, or cut
 * off at the end, it finds only against a head that was kept elsewhere.
 *
 * @param knownHead  a `head_hash` of this session, of any earlier time
 */
export async function verify(
  { store, digest }: { readonly store: Store; readonly digest: Digest },
  stream: Stream,
  knownHead?: string,
): Promise<Verdict> {
  const { ref, head } = stream;
  const verdict = { operations: head.seq, headHash: head.hash };
  let hash = genesisHash(ref, digest);
  let seq = 0;
  let record: SessionRecord | undefined;
  let isWhole = true;
  let isKnown = knownHead === undefined;
  for await (const entry of entries(store, stream, { after: 0, through: head.seq })) {
    const { operation, payload } = entry;
    const broken = operation.seq !== seq + 1 || operation.hash !== operationHash(hash, operation, digest);
    if (broken) return { ok: false, ...verdict, firstBadSeq: seq + 1, fault: "chain" };
    seq = operation.seq;
    hash = operation.hash;
    if (payload === "erased") isWhole = false;
    else if (payload === undefined || payloadDigest(payload, digest) !== operation.payloadDigest) {
      return { ok: false, ...verdict, firstBadSeq: seq, fault: "payload" };
    }
    record = RULES.session.fold(record, changeOf(entry));
    isKnown ||= hash === knownHead;
  }
  if (seq !== head.seq) return { ok: false, ...verdict, firstBadSeq: seq + 1, fault: "chain" };
  if (hash !== head.hash) return { ok: false, ...verdict, firstBadSeq: seq, fault: "head" };
  // A view of payloads that were erased can't be folded again.
  if (isWhole && !(await viewsMatch(store, stream, record))) return { ok: false, ...verdict, fault: "view" };
  if (!isKnown) return { ok: false, ...verdict, fault: "known_head" };
  return { ok: true, ...verdict };
}

async function viewsMatch(store: Store, stream: Stream, folded: SessionRecord | undefined): Promise<boolean> {
  if (folded === undefined || !sameJson(asJson(stream.record), asJson(folded))) return false;
  const tags = await store.view(stream.ref, "tag", stream.head.seq);
  return sameJson([...tags].sort(), [...folded.tags].sort());
}

function asJson(record: SessionRecord): Json {
  // NOTE: a record is made of JSON's types; `undefined` members count as absent.
  return record as unknown as Json;
}
