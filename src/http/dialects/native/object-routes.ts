import { z } from "zod";
import { given } from "../../../engine/given.ts";
import { type Call, type Route, route } from "../../route.ts";
import * as encode from "./encode.ts";
import { seqOf } from "./history-routes.ts";
import * as objects from "./objects.ts";

/** The typed values that tasks made in sessions, and where they come from. */
export const objectRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/sessions/{id}/objects",
    operationId: "listObjects",
    summary: "The objects of a session, in the order in which they were made",
    scope: "sessions:read",
    query: objects.ObjectsQueryShape,
    isWrite: false,
    answers: {
      200: encode.enveloped(z.object({ objects: z.array(objects.ObjectShape), next_cursor: z.string().optional() })),
    },
    refusals: ["session_not_found", "checkpoint_not_found"],
    handle: async (call) => {
      const { sessions, objects: it, caller, id, query, now } = call;
      // Who may not look into it, learns of none of its moments.
      await sessions.get(caller, id);
      const { items, next } = await it.list(caller, id, { ...objects.decodeObjects(query), ...(await seqOf(call)) });
      const data = { objects: items.map(objects.encodeObject), ...given("next_cursor", next) };
      return { body: encode.envelope(data, now()) };
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/objects/{object_id}",
    operationId: "getObject",
    summary: "An object, which never changes",
    scope: "sessions:read",
    isWrite: false,
    answers: { 200: encode.enveloped(objects.ObjectShape) },
    refusals: ["session_not_found", "object_not_found"],
    handle: async (call) => {
      const { objects: it, caller, id, now } = call;
      return { body: encode.envelope(objects.encodeObject(await it.get(caller, id, objectIdOf(call))), now()) };
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/objects/{object_id}/lineage",
    operationId: "objectLineage",
    summary: "All that an object was made from",
    scope: "sessions:read",
    isWrite: false,
    answers: { 200: encode.enveloped(objects.LineageShape) },
    refusals: ["session_not_found", "object_not_found"],
    handle: async (call) => {
      const { objects: it, caller, id, now } = call;
      return { body: encode.envelope(objects.encodeLineage(await it.lineage(caller, id, objectIdOf(call))), now()) };
    },
  }),
];

function objectIdOf({ params }: Call): string {
  return params["object_id"] ?? "";
}
