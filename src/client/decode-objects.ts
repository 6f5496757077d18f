import type { Json } from "../engine/json.ts";
import type { Degradation, MadeObject, Quality } from "../engine/object.ts";
import type { Lineage, LineageEdge, ObjectPlace, SessionObject } from "./object.ts";

interface WireDegradation {
  readonly reason: string;
  readonly object_id: string;
}

/** An object as the operation that made it has it, on the wire. */
export interface WireMadeObject {
  readonly object_id: string;
  readonly type: string;
  readonly data: Json;
  readonly degradation?: WireDegradation | undefined;
}

/** What is known of an object, on the wire. */
export interface WireObjectPlace {
  readonly object_id: string;
  readonly type: string;
  readonly quality: Quality;
  readonly degradation?: WireDegradation | undefined;
  readonly app: string;
  readonly action: string;
  readonly task_id: string;
  readonly operation_seq: number;
  readonly operation_id: string;
  readonly created_at: string;
}

/** An object on the wire. */
export interface WireObject extends WireObjectPlace {
  readonly data?: Json | undefined;
}

/** A lineage on the wire. */
export interface WireLineage {
  readonly object_id: string;
  readonly nodes: readonly WireObjectPlace[];
  readonly edges: readonly LineageEdge[];
  readonly is_cut?: boolean | undefined;
}

/** An object in the words of the SDK. */
export function decodeObject(wire: WireObject): SessionObject {
  return { ...decodePlace(wire), data: wire.data };
}

/** An object that an operation made, in the words of the SDK. */
export function decodeMade({ object_id: objectId, type, data, degradation }: WireMadeObject): MadeObject {
  return { objectId, type, data, ...(degradation && { degradation: decodeDegradation(degradation) }) };
}

/** A lineage in the words of the SDK. */
export function decodeLineage({ object_id: objectId, nodes, edges, is_cut: isCut = false }: WireLineage): Lineage {
  return { objectId, nodes: nodes.map(decodePlace), edges, isCut };
}

function decodePlace({ degradation, ...wire }: WireObjectPlace): ObjectPlace {
  return {
    objectId: wire.object_id,
    type: wire.type,
    quality: wire.quality,
    degradation: degradation && decodeDegradation(degradation),
    app: wire.app,
    action: wire.action,
    taskId: wire.task_id,
    operationSeq: wire.operation_seq,
    operationId: wire.operation_id,
    createdAt: new Date(wire.created_at),
  };
}

function decodeDegradation({ reason, object_id: objectId }: WireDegradation): Degradation {
  return { reason, objectId };
}
