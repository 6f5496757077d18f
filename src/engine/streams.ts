import { expire } from "./commands.ts";
import { messageRows, type TurnOutput } from "./conversation.ts";
import type { Json } from "./json.ts";
import { consequences } from "./limit-rules.ts";
import type { StreamOperationKind } from "./operation.ts";
import { fold, type SessionChange, type SessionInputs, type SessionRecord } from "./session.ts";
import type { RowChange } from "./store.ts";
import { NO_WORK } from "./task.ts";
import { foldTenant, NEW_TENANT, type TenantChange, type TenantInputs, type TenantRecord } from "./tenant.ts";
import { foldTopic, NEW_TOPIC, type TopicChange, type TopicInputs, type TopicRecord } from "./topic.ts";
import { foldUser, NEW_USER, type UserChange, type UserInputs, type UserRecord } from "./user.ts";
import { taskRows } from "./work.ts";

/** What a log may belong to, and the record that is folded from it. */
export interface Records {
  readonly session: SessionRecord;
  readonly user: UserRecord;
  readonly tenant: TenantRecord;
  readonly topic: TopicRecord;
}

export type StreamKind = keyof Records;

/** What each kind of operation carries. */
export interface Inputs extends SessionInputs, UserInputs, TenantInputs, TopicInputs {}

/** An operation that was decided on and not yet appended. */
export interface Draft<K extends StreamOperationKind = StreamOperationKind> {
  readonly kind: K;
  readonly name: string;
  readonly input: Inputs[K];
  /** Of a completed turn, and of tasks. */
  readonly output?: TurnOutput | Json;
  /** What went wrong; the operation failed. */
  readonly error?: string;
  readonly durationUs?: number;
  /** Ids of the objects and artifacts that it read. */
  readonly used?: readonly string[];
  /** Ids of the objects and artifacts that it made. */
  readonly made?: readonly string[];
}

/** One operation as the fold of its stream sees it. What was erased is absent. */
export interface Change {
  readonly kind: StreamOperationKind;
  readonly at: number;
  readonly seq: number;
  readonly input?: unknown;
  readonly output?: unknown;
}

/** How a kind of stream works. */
interface Rules<K extends StreamKind> {
  /** The record of a stream that was never written, where it needs no creation. */
  readonly blank?: Records[K];
  readonly fold: (record: Records[K] | undefined, change: Change) => Records[K];
  /** What time alone has brought about at `now`. */
  readonly due: (record: Records[K], now: number) => readonly Draft[];
  /** What follows from a call that has changed it. */
  readonly follow: (before: Records[K], after: Records[K], now: number) => readonly Draft[];
  /** The rows of collections that an entry begins or ends. */
  readonly rows: (before: Records[K] | undefined, after: Records[K], change: Change) => readonly RowChange[];
}

// NOTE: a stream has operations of its own kinds alone, and each has the input of its kind; only `PendingLog` writes them.
export const RULES: { readonly [K in StreamKind]: Rules<K> } = {
  session: {
    fold: (record, change) => fold(record, change as SessionChange),
    due: expire,
    follow: consequences,
    rows: (before, after, change) => [
      ...tagRows(before?.tags ?? [], after.tags, change.seq),
      ...messageRows(before?.conversation.messages ?? 0, after.conversation.messages, change.seq),
      ...artifactRows(change),
      ...taskRows(before?.work ?? NO_WORK, change),
    ],
  },
  user: {
    blank: NEW_USER,
    fold: (record, change) => foldUser(record, change as UserChange),
    due: () => [],
    follow: () => [],
    rows: () => [],
  },
  tenant: {
    blank: NEW_TENANT,
    fold: (record, change) => foldTenant(record, change as TenantChange),
    due: () => [],
    follow: () => [],
    rows: () => [],
  },
  topic: {
    blank: NEW_TOPIC,
    fold: (record, change) => foldTopic(record, change as TopicChange),
    due: () => [],
    follow: () => [],
    rows: () => [],
  },
};

/** None once the payload was erased. */
function artifactRows({ kind, at, seq, input }: Change): readonly RowChange[] {
  if (input === undefined) return [];
  // NOTE: the input of an operation has the shape of its kind.
  switch (kind) {
    case "artifact.stored": {
      const { artifactId: id, ...artifact } = input as Inputs["artifact.stored"];
      return [{ view: "artifact", change: "begin", seq, id, createdAtUs: at, ...artifact }];
    }
    case "artifact.deleted":
      return [{ view: "artifact", change: "end", seq, id: (input as Inputs["artifact.deleted"]).artifactId }];
    case "artifact.granted": {
      const { replaces, ...grant } = input as Inputs["artifact.granted"];
      const end = { view: "grant", change: "end", seq, ...grant } as const;
      return [...(replaces ? [end] : []), { view: "grant", change: "begin", seq, ...grant }];
    }
    case "artifact.revoked":
      return [{ view: "grant", change: "end", seq, ...(input as Inputs["artifact.revoked"]) }];
    default:
      return [];
  }
}

function tagRows(before: readonly string[], after: readonly string[], seq: number): RowChange[] {
  if (before === after) return [];
  const gone = before.filter((tag) => !after.includes(tag));
  const added = after.filter((tag) => !before.includes(tag));
  return [
    ...gone.map((key) => ({ view: "tag", change: "end", key, seq }) as const),
    ...added.map((key) => ({ view: "tag", change: "begin", key, seq }) as const),
  ];
}
