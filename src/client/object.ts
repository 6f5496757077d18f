import type { Moment } from "../engine/history.ts";
import type { Json } from "../engine/json.ts";
import type { Degradation, Quality } from "../engine/object.ts";

export type { Degradation, Quality };

/** Which objects of a session. All that is given must match. */
export interface ObjectFilter {
  /** As the app calls it. */
  readonly type?: string | undefined;
  readonly quality?: Quality | undefined;
  /** Those that were there just after that operation, or at that checkpoint; default: all. */
  readonly at?: Moment | undefined;
}

/** What is known of an object beside its data. */
export interface ObjectPlace {
  readonly objectId: string;
  readonly type: string;
  readonly quality: Quality;
  /** Of a degraded one: why, and the object in which that began, which may be this one. */
  readonly degradation: Degradation | undefined;
  /** What made it. */
  readonly app: string;
  readonly action: string;
  readonly taskId: string;
  /** The operation with which it came. */
  readonly operationSeq: number;
  readonly operationId: string;
  readonly createdAt: Date;
}

/** A typed value that an app made in a session, of others that were there. It never changes. */
export interface SessionObject<Data = Json> extends ObjectPlace {
  /** `undefined` once it was erased. */
  readonly data: Data | undefined;
}

/** That one object was made from another. */
export interface LineageEdge {
  readonly from: string;
  readonly to: string;
}

/** Where an object comes from. */
export interface Lineage {
  readonly objectId: string;
  /** The object, and all that it was made from, in the order in which they were made. */
  readonly nodes: readonly ObjectPlace[];
  readonly edges: readonly LineageEdge[];
  /** Whether there are more, the oldest of which are left out. */
  readonly isCut: boolean;
}
