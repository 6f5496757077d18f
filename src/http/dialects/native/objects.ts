import { z } from "zod";
import { given } from "../../../engine/given.ts";
import type { Json } from "../../../engine/json.ts";
import { type Lineage, type ObjectPlace, QUALITIES, qualityOf, type SessionObject } from "../../../engine/object.ts";
import type { ObjectQuery } from "../../../engine/store.ts";
import { AtShape, PageShape, pageLimit } from "./decode.ts";
import { isoTime } from "./encode.ts";

/** `GET /sessions/{id}/objects`. */
export const ObjectsQueryShape = z.strictObject({
  type: z.string().min(1).max(64).optional(),
  quality: z.enum(QUALITIES).optional(),
  ...AtShape.shape,
  ...PageShape.shape,
});

/** Where an object stands in its session. */
const ObjectPlaceShape = z
  .object({
    object_id: z.string(),
    type: z.string(),
    quality: z.enum(QUALITIES),
    degradation: z
      .object({ reason: z.string(), object_id: z.string().describe("where it began: this one, or an ancestor") })
      .optional()
      .describe("of a degraded one"),
    app: z.string(),
    action: z.string(),
    task_id: z.string().describe("what made it"),
    operation_seq: z.int().min(1).describe("the operation with which it came"),
    operation_id: z.string(),
    created_at: z.iso.datetime().describe("ISO 8601, UTC"),
  })
  .meta({ id: "ObjectPlace" });

/** A typed value that a task made. */
export const ObjectShape = ObjectPlaceShape.extend({
  // NOTE: as it was recorded.
  data: (z.any() as z.ZodType<Json>).optional().describe("absent once the payload of its operation was erased"),
}).meta({ id: "Object" });

export const LineageShape = z
  .object({
    object_id: z.string(),
    nodes: z
      .array(ObjectPlaceShape)
      .describe("it, and all that it was made from, in the order in which they were made"),
    edges: z.array(z.object({ from: z.string(), to: z.string() })).describe("to was made from from"),
    is_cut: z.literal(true).optional().describe("there are too many: the oldest are left out"),
  })
  .meta({ id: "Lineage" });

export function decodeObjects(query: z.output<typeof ObjectsQueryShape>): Omit<ObjectQuery, "at"> {
  return {
    ...given("type", query.type),
    ...given("quality", query.quality),
    limit: pageLimit(query.limit),
    ...given("cursor", query.cursor),
  };
}

export function encodeObject(object: SessionObject): z.output<typeof ObjectShape> {
  return { ...encodePlace(object), ...given("data", object.data) };
}

export function encodeLineage({ objectId, nodes, edges, isCut }: Lineage): z.output<typeof LineageShape> {
  return {
    object_id: objectId,
    nodes: nodes.map(encodePlace),
    edges: edges.map(({ from, to }) => ({ from, to })),
    ...given("is_cut", isCut),
  };
}

function encodePlace(place: ObjectPlace): z.output<typeof ObjectPlaceShape> {
  return {
    object_id: place.objectId,
    type: place.type,
    quality: qualityOf(place),
    ...given("degradation", place.degradation, ({ reason, objectId }) => ({ reason, object_id: objectId })),
    app: place.app,
    action: place.action,
    task_id: place.taskId,
    operation_seq: place.seq,
    operation_id: place.operationId,
    created_at: isoTime(place.createdAtUs),
  };
}
