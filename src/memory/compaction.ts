import type { Settled } from "../engine/batch.ts";
import type { Clock } from "../engine/clock.ts";
import type { Strategy } from "../engine/conversation.ts";
import { compact } from "../engine/conversation-commands.ts";
import { given } from "../engine/given.ts";
import type { Remember } from "../engine/idempotency.ts";
import type { StoredMessage } from "../engine/message.ts";
import type { Precondition } from "../engine/precondition.ts";
import type { Caller, Session, Sessions } from "../engine/sessions.ts";
import type { Store } from "../engine/store.ts";
import type { Model } from "./model.ts";
import { tokensOf } from "./tokens.ts";

/** How to compact a conversation, and how much of it stays as it is. */
export interface CompactRequest {
  readonly strategy: Strategy;
  /** So many of the newest messages stay, at most: 0 to 10,000; 10 where neither this nor `keepTokens` is given. */
  readonly keepRecent?: number;
  /** As many of the newest messages stay as take no more of a window than this. */
  readonly keepTokens?: number;
}

/** What a compaction did to the window; the summary counts as one message of it. */
export interface Compacted {
  readonly session: Session;
  readonly originalCount: number;
  readonly compressedCount: number;
  readonly originalTokens: number;
  readonly compressedTokens: number;
}

/** How many messages stay where nobody says. */
const KEEP_RECENT = 10;

/** How many messages may stay. */
export const KEEP_RECENT_MAX = 10_000;

/** How long a summary may be, in characters. */
const SUMMARY_MAX = 8_000;

/** What a compaction stands on. */
export interface CompactionPorts {
  readonly sessions: Sessions;
  readonly store: Store;
  readonly clock: Clock;
  readonly model: Model;
  /** How much is summarized at a time. */
  readonly windowTokens: number;
}

/** On whose behalf what is compacted. */
export interface Compaction {
  readonly caller: Caller;
  readonly session: Session;
  readonly request: CompactRequest;
  readonly signal: AbortSignal;
  readonly remember?: Remember<Compacted> | undefined;
  readonly precondition?: Precondition;
  /** Whether a result may stay whose call goes, as it is between two windows. */
  readonly exactly?: boolean;
  /** How many windows are summarized at most; default: as many as it takes. */
  readonly windowsMax?: number;
}

/**
 * Moves the overlay over all but the newest messages. `truncate` does only that; `summarize` says in short what goes,
 * together with what went before, a window at a time; `hybrid` does so for the newest window of what goes, and drops what
 * is older.
 *
 * @throws {SojournError} `model_failed`; what was summarized until then stays so
 */
export async function compactConversation(
  ports: CompactionPorts,
  {
    caller,
    session: before,
    request,
    signal,
    remember,
    precondition,
    exactly = false,
    windowsMax = Number.MAX_SAFE_INTEGER,
  }: Compaction,
): Promise<{ readonly value: Compacted; readonly at: number }> {
  const kept = await keptMessages(ports.store, before, { ...request, exactly });
  const target = before.record.conversation.messages - kept.length;
  let session = before;
  let at = ports.clock.now();
  for (let windows = 0; windows < windowsMax; windows++) {
    const { compactedThrough: from } = session.record.conversation;
    if (from === target) break;
    const { tokensBelow, ...input } = await step(ports, { session, target, kept, request, signal });
    const isLast = input.through === target;
    const answer = await ports.sessions.change(caller, session.ref.id, compact(input, { from, tokensBelow }), {
      ...(windows === 0 && given("precondition", precondition)),
      ...(isLast &&
        given(
          "remember",
          remember && (({ stream, at }: Settled) => remember(outcome(before, stream), at, stream.ref)),
        )),
    });
    // Somebody else moves it; they know how far.
    if (answer.value.record.conversation.compactedThrough === from) break;
    ({ value: session, at } = answer);
  }
  return { value: outcome(before, session), at };
}

/** The newest messages that stay. Unless it must be exactly so many, they never begin with a result whose call goes. */
async function keptMessages(
  store: Store,
  { ref, record }: Session,
  {
    keepTokens,
    keepRecent = keepTokens === undefined ? KEEP_RECENT : KEEP_RECENT_MAX,
    exactly,
  }: CompactRequest & { readonly exactly: boolean },
): Promise<readonly StoredMessage[]> {
  const { compactedThrough: after, messages: last } = record.conversation;
  const newest = async (before: number, limit: number): Promise<readonly StoredMessage[]> =>
    limit === 0
      ? []
      : await store.messages(ref, { after, before, take: "newest", limit, ...given("tokensMax", keepTokens) });
  let kept = await newest(last + 1, keepRecent);
  while (!exactly && kept[0]?.role === "tool") {
    const call = await store.messages(ref, { after, before: kept[0].number, take: "newest", limit: 1 });
    if (call.length === 0) break;
    kept = [...call, ...kept];
  }
  return kept;
}

interface Step {
  readonly session: Session;
  /** The number of the last message that goes. */
  readonly target: number;
  readonly kept: readonly StoredMessage[];
  readonly request: CompactRequest;
  readonly signal: AbortSignal;
}

/** How far the overlay moves next, what is said there in short, and how much of a window that takes from it. */
async function step(
  { store, model, windowTokens }: CompactionPorts,
  { session: { ref, record }, target, kept, request: { strategy }, signal }: Step,
): Promise<Parameters<typeof compact>[0] & { readonly tokensBelow: number }> {
  const { compactedThrough: after, summary: before, tokens } = record.conversation;
  const whole = { strategy, through: target, tokensBelow: tokens - sumOf(kept) };
  if (strategy === "truncate") return { ...whole, ...given("summary", before) };
  const take = strategy === "hybrid" ? "newest" : "oldest";
  const range = { after, before: target + 1, take, limit: KEEP_RECENT_MAX } as const;
  const fitting = await store.messages(ref, { ...range, tokensMax: windowTokens });
  // One that alone is larger than the window goes alone.
  const messages = fitting.length > 0 ? fitting : await store.messages(ref, { ...range, limit: 1 });
  const { text, usage } = await model.summarize(before, messages, signal);
  const said = { summary: text.slice(0, SUMMARY_MAX).toWellFormed(), ...given("usage", usage) };
  if (strategy === "hybrid") return { ...whole, ...said };
  return { strategy, through: messages.at(-1)?.number ?? target, tokensBelow: sumOf(messages), ...said };
}

function sumOf(messages: readonly StoredMessage[]): number {
  return messages.reduce((sum, message) => sum + message.tokens, 0);
}

function outcome(before: Session, after: Session): Compacted {
  return {
    session: after,
    originalCount: countOf(before),
    compressedCount: countOf(after),
    originalTokens: tokensIn(before),
    compressedTokens: tokensIn(after),
  };
}

function tokensIn({ record: { conversation } }: Session): number {
  return conversation.tokens + tokensOf(conversation.summary ?? "");
}

function countOf({ record: { conversation } }: Session): number {
  return conversation.messages - conversation.compactedThrough + (conversation.summary === undefined ? 0 : 1);
}
