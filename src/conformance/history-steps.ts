import fc from "fast-check";
import { SECOND } from "../engine/clock.ts";
import { OPERATION_KINDS } from "../engine/operation.ts";
import { STATUSES } from "../engine/session.ts";
import { SORTS } from "../engine/store.ts";
import { draft, requests } from "./author.ts";

/** Few names, users and tags, so that they meet often. */
export const NAMES = ["a", "b", "c", "Ab"] as const;
export const KEYS = ["k", "l"] as const;
export const USERS = ["u", "v"] as const;
/** Few contents, so that they are shared, and go, and come back. */
export const DIGESTS = ["0a", "0b"].map((byte) => byte.repeat(32));
const TAGS = ["x", "y", "🏕️"] as const;

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const durationUs = fc.constantFrom(SECOND, 2 * SECOND, 5 * SECOND);
const tags = fc.subarray([...TAGS]);
/** Which of the streams there are. */
const target = fc.nat({ max: 1_000 });
/** By how much an expected head is wrong: mostly not at all. */
const skew = fc.constantFrom(0, 0, 0, 0, 0, 0, -1, 1);

const SAID = { role: "user", content: "What was it?", tokens: 5 } as const;

const TURN = {
  ...draft("turn.completed", {
    messages: [SAID],
    facts: { name: "é" },
    processingTimeUs: 2,
    usage: { inputTokens: 3, outputTokens: 1, costNanoUsd: 7 },
  }),
  output: { message: { role: "assistant", content: "It was this", tokens: 4 }, model: "m", reason: "stop" },
  durationUs: 2,
} as const;

const drafts = fc.oneof(
  tags.map((tags) => draft("session.updated", { tags })),
  fc.constantFrom(null, "b", "B", "é").map((name) => draft("session.updated", { name })),
  fc.nat(3).map((n) => draft("session.updated", { metadata: { n }, idleTimeoutUs: n === 0 ? null : n * SECOND })),
  fc.nat(9).map(requests),
  fc.constantFrom(
    draft("session.suspended", { reason: "why" }),
    draft("session.resumed", {}),
    draft("session.kept_alive", {}),
    draft("session.completed", {}),
    draft("session.failed", { reason: "why" }),
    draft("working_memory.changed", { merge: { fact: "🏕️", gone: null } }),
    draft("turn.failed", { processingTimeUs: 1 }),
    TURN,
  ),
  fc.integer({ min: 1, max: 3 }).map((n) => draft("messages.added", { messages: Array(n).fill(SAID) })),
  fc.nat(9).map((through) => draft("conversation.compacted", { strategy: "truncate", through, tokens: through })),
);

/** What is done with the artifacts of a session, beside other operations. */
const artifacts = fc.oneof(
  {
    arbitrary: fc.record({
      act: fc.constant("store" as const),
      name: fc.constantFrom("a.csv", "b.csv", "🏕️.csv"),
      digest: fc.constantFrom(...DIGESTS),
      tags,
      /** Where its content goes; or it is taken to be there already. */
      place: fc.constantFrom("store" as const, "file" as const, undefined),
    }),
    weight: 3,
  },
  fc.record({ act: fc.constant("delete" as const), which: fc.nat({ max: 9 }) }),
  fc.record({
    act: fc.constantFrom("grant" as const, "revoke" as const),
    which: fc.nat({ max: 9 }),
    grantee: fc.constantFrom(...USERS),
    replaces: fc.boolean(),
  }),
);

const files = fc.record({
  part: fc.constant("files" as const),
  target,
  skew,
  acts: fc.array(artifacts, { minLength: 1, maxLength: 4 }),
});

const fork = fc.record({
  part: fc.constant("fork" as const),
  target,
  at: fc.nat({ max: 1_000 }),
  /** Whether the hash is that of the origin. */
  isSame: fc.constantFrom(true, true, true, true, false),
  sessionId: fc.constantFrom(...NAMES),
});

const create = fc.record({
  part: fc.constant("create" as const),
  sessionId: fc.constantFrom(...NAMES),
  /** Whether the name is expected where it is, or with nobody. */
  knowsName: fc.constantFrom(true, true, true, false),
  fields: fc.record(
    {
      userId: fc.constantFrom(...USERS),
      name: fc.constantFrom("", "a%", "b", "Ｂ", "🏕️"),
      description: fc.constantFrom("What", "wHAT_"),
      tags,
      parentSessionId: fc.constantFrom(...NAMES),
      idleTimeoutUs: durationUs,
      maxLifetimeUs: durationUs,
      temporary: fc.constant(true as const),
    },
    { requiredKeys: ["userId", "tags"] },
  ),
});

const append = fc.record({
  part: fc.constant("append" as const),
  target,
  skew,
  drafts: fc.array(drafts, { minLength: 1, maxLength: 4 }),
  snapshot: fc.boolean(),
});

const erase = fc.record({ part: fc.constant("erase" as const), target, skew });

/** A user's profile, written, or erased. */
const user = fc.record({
  part: fc.constant("user" as const),
  userId: fc.constantFrom(...USERS),
  skew,
  tone: maybe(fc.constantFrom("formal" as const, "casual" as const, null)),
  snapshot: fc.boolean(),
});

const write = fc.record({
  step: fc.constant("write" as const),
  parts: fc.array(
    fc.oneof(
      { arbitrary: create, weight: 3 },
      { arbitrary: append, weight: 4 },
      { arbitrary: files, weight: 4 },
      fork,
      erase,
      user,
    ),
    {
      maxLength: 3,
    },
  ),
  activeBelow: maybe(fc.nat({ max: 8 })),
  forgets: fc.constantFrom(false, false, false, true),
  answer: maybe(
    fc.record({ key: fc.constantFrom(...KEYS), lifetimeUs: fc.nat({ max: SECOND }), about: maybe(target) }),
  ),
});

const filter = fc.record(
  {
    statuses: fc.subarray([...STATUSES]),
    userId: fc.constantFrom(...USERS),
    tags,
    parentSessionId: fc.constantFrom(...NAMES),
    search: fc.constantFrom("", "A", "%", "_", "what", "🏕️"),
    temporary: fc.boolean(),
  },
  { requiredKeys: [] },
);

/** Which of the times in the store is a bound, and by how many microseconds it is off. */
const bound = maybe(fc.record({ target, offUs: fc.constantFrom(-1, 0, 1) }));

const list = fc.record({
  step: fc.constant("list" as const),
  filter,
  createdAfter: bound,
  createdBefore: bound,
  lastActivityBefore: bound,
  sort: fc.constantFrom(...SORTS),
  order: fc.constantFrom("asc" as const, "desc" as const),
  limit: fc.integer({ min: 1, max: 4 }),
});

const past = fc.record({
  step: fc.constant("past" as const),
  target,
  seq: fc.nat({ max: 12 }),
  limit: fc.integer({ min: 1, max: 9 }),
  kind: maybe(fc.constantFrom(...OPERATION_KINDS)),
});

const advance = fc.record({
  step: fc.constant("advance" as const),
  us: fc.constantFrom(1, SECOND - 1, SECOND, 3 * SECOND),
});

/** One step of a random history. */
export const steps = fc.oneof({ arbitrary: write, weight: 6 }, { arbitrary: list, weight: 2 }, past, advance);

type Value<A> = A extends fc.Arbitrary<infer T> ? T : never;

export type Step = Value<typeof steps>;
export type WriteStep = Value<typeof write>;
export type ListStep = Value<typeof list>;
export type PastStep = Value<typeof past>;
