import type { Lineage, ObjectPlace, SessionObject } from "../client/index.ts";

/** An object as the REST API shows it. */
export function wireObject({ data, ...place }: SessionObject): object {
  return { ...wirePlace(place), data };
}

/** Where an object comes from, as the REST API tells it. */
export function wireLineage({ objectId, nodes, edges, isCut }: Lineage): object {
  return { object_id: objectId, nodes: nodes.map(wirePlace), edges, is_cut: isCut || undefined };
}

function wirePlace({ degradation, ...place }: ObjectPlace) {
  return {
    object_id: place.objectId,
    type: place.type,
    quality: place.quality,
    degradation: degradation && { reason: degradation.reason, object_id: degradation.objectId },
    app: place.app,
    action: place.action,
    task_id: place.taskId,
    operation_seq: place.operationSeq,
    operation_id: place.operationId,
    created_at: place.createdAt,
  };
}
