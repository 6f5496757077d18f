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
import type { Model, Usage } from "./model.ts";
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
}

/**
 * Moves the overlay over all but the newest messages. `truncate` does only that; `summarize` says in short what goes,
 * together with what went before; `hybrid` does so for the newest window of what goes, and drops what is older.
 *
 * @throws {SojournError} `model_failed`, and nothing is changed
 */
export async function compactConversation(
  ports: CompactionPorts,
  job: Compaction,
): Promise<{ readonly value: Compacted; readonly at: number }> {
  const { caller, session, request, remember, precondition } = job;
  const { compactedThrough: from, messages, tokens } = session.record.conversation;
  const kept = await keptMessages(ports.store, session, request);
  const through = messages - kept.length;
  if (through === from) return { value: outcome(session, session), at: ports.clock.now() };
  const { text, usage } = await summary(ports, job, through);
  const keptTokens = kept.reduce((sum, message) => sum + message.tokens, 0);
  const command = compact(
    {
      strategy: request.strategy,
      through,
      ...given("summary", text?.slice(0, SUMMARY_MAX).toWellFormed()),
      ...given("usage", usage),
    },
    { from, tokensBelow: tokens - keptTokens },
  );
  const { value, at } = await ports.sessions.change(caller, session.ref.id, command, {
    ...given("precondition", precondition),
    ...given("remember", remember && (({ stream, at }: Settled) => remember(outcome(session, stream), at, stream.ref))),
  });
  return { value: outcome(session, value), at };
}

/** The newest messages that stay. They never begin with a result whose call goes. */
async function keptMessages(
  store: Store,
  { ref, record }: Session,
  { keepTokens, keepRecent = keepTokens === undefined ? KEEP_RECENT : KEEP_RECENT_MAX }: CompactRequest,
): Promise<readonly StoredMessage[]> {
  const { compactedThrough: after, messages: last } = record.conversation;
  const newest = async (before: number, limit: number): Promise<readonly StoredMessage[]> =>
    limit === 0
      ? []
      : await store.messages(ref, { after, before, take: "newest", limit, ...given("tokensMax", keepTokens) });
  let kept = await newest(last + 1, keepRecent);
  while (kept[0]?.role === "tool") {
    const call = await store.messages(ref, { after, before: kept[0].number, take: "newest", limit: 1 });
    if (call.length === 0) break;
    kept = [...call, ...kept];
  }
  return kept;
}

interface RunningSummary {
  readonly text: string | undefined;
  readonly usage?: Usage;
}

/** What goes, in short. */
async function summary(
  { store, model, windowTokens }: CompactionPorts,
  { session: { ref, record }, request, signal }: Compaction,
  through: number,
): Promise<RunningSummary> {
  const { compactedThrough, summary: text } = record.conversation;
  if (request.strategy === "truncate") return { text };
  const read = async (after: number, take: "oldest" | "newest"): Promise<readonly StoredMessage[]> => {
    const range = { after, before: through + 1, take, limit: KEEP_RECENT_MAX } as const;
    const fitting = await store.messages(ref, { ...range, tokensMax: windowTokens });
    // One that alone is larger than the window.
    return fitting.length > 0 ? fitting : await store.messages(ref, { ...range, limit: 1 });
  };
  if (request.strategy === "hybrid") return await model.summarize(text, await read(compactedThrough, "newest"), signal);
  let running: RunningSummary = { text };
  for (let after = compactedThrough; after < through; ) {
    const messages = await read(after, "oldest");
    const last = messages.at(-1);
    if (last === undefined) break;
    const next = await model.summarize(running.text, messages, signal);
    running = { ...next, ...given("usage", total(running.usage, next.usage)) };
    after = last.number;
  }
  return running;
}

function total(a: Usage | undefined, b: Usage | undefined): Usage | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return { inputTokens: a.inputTokens + b.inputTokens, outputTokens: a.outputTokens + b.outputTokens };
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
