/** The thread that does the reads that may take long, in pages. */
import { parentPort, workerData } from "node:worker_threads";
import { SojournError } from "../../engine/errors.ts";
import type {
  ArtifactQuery,
  EndedQuery,
  EventQuery,
  KeyQuery,
  MessageRange,
  ObjectQuery,
  OperationRange,
  SessionFilter,
  SessionQuery,
  StreamRef,
  TaskQuery,
  View,
} from "../../engine/store.ts";
import type { StreamKind } from "../../engine/streams.ts";
import { asStoreError, openReader } from "./connection.ts";
import { EventQueries } from "./event-queries.ts";
import { ObjectQueries } from "./object-queries.ts";
import { Queries } from "./queries.ts";
import { errorReply, type Message, type Reply, requestsOf } from "./thread.ts";

/** What the thread is asked. */
export type Read =
  | { readonly read: "list"; readonly query: SessionQuery }
  | { readonly read: "aggregate"; readonly filter: SessionFilter }
  | { readonly read: "operations"; readonly ref: StreamRef; readonly range: OperationRange }
  | { readonly read: "messages"; readonly ref: StreamRef<"session">; readonly range: MessageRange }
  | { readonly read: "artifacts"; readonly ref: StreamRef<"session">; readonly query: ArtifactQuery }
  | { readonly read: "grants"; readonly ref: StreamRef<"session">; readonly artifact: string }
  | { readonly read: "objectsOf"; readonly ref: StreamRef<"session">; readonly ids: readonly string[] }
  | { readonly read: "objects"; readonly ref: StreamRef<"session">; readonly query: ObjectQuery }
  | { readonly read: "lineage"; readonly ref: StreamRef<"session">; readonly objectId: string }
  | { readonly read: "abandoned"; readonly limit: number }
  | { readonly read: "inUse"; readonly files: readonly string[] }
  | { readonly read: "snapshot"; readonly ref: StreamRef; readonly seq: number }
  | { readonly read: "view"; readonly ref: StreamRef; readonly view: View; readonly seq: number }
  | {
      readonly read: "streams";
      readonly tenant: string;
      readonly kind: Exclude<StreamKind, "session">;
      readonly page: { readonly after?: string; readonly limit: number };
    }
  | {
      readonly read: "cursors";
      readonly ref: StreamRef;
      readonly page: { readonly after?: string; readonly limit: number };
    }
  | { readonly read: "keys"; readonly query: KeyQuery }
  | { readonly read: "ended"; readonly query: EndedQuery }
  | { readonly read: "unsettled"; readonly limit: number }
  | { readonly read: "tasks"; readonly ref: StreamRef<"session">; readonly query: TaskQuery }
  | {
      readonly read: "unfinished";
      readonly page: { readonly after?: StreamRef<"session">; readonly limit: number };
    }
  | { readonly read: "versionsInUse"; readonly versions: readonly string[] }
  | { readonly read: "tenants"; readonly page: { readonly after?: string; readonly limit: number } }
  | { readonly read: "overdue"; readonly now: number; readonly limit: number }
  | { readonly read: "events"; readonly query: EventQuery }
  | { readonly read: "notices"; readonly position: number; readonly limit: number };

// NOTE: the only one to start this thread is `sqlite-store.ts`, with this data.
const { directory } = workerData as { readonly directory: string };

const db = openReader(directory);
const queries = new Queries(db);
const events = new EventQueries(db);
const objects = new ObjectQueries(db);

parentPort?.on("message", (message: Message) => {
  const requests = requestsOf<Read>(message);
  if (requests === undefined) {
    db.close();
    parentPort?.close();
    return;
  }
  for (const { id, call } of requests) {
    try {
      parentPort?.postMessage([reply(id, call)]);
    } catch (error) {
      // An answer that memory has no room for fails alone.
      const cause = new SojournError("store_unavailable", {
        message: "The answer is too large for now; ask for less",
        cause: error,
      });
      parentPort?.postMessage([errorReply(id, cause)]);
    }
  }
});

function reply(id: number, call: Read): Reply {
  try {
    return { id, value: answer(call) };
  } catch (error) {
    return errorReply(id, asStoreError(error));
  }
}

function answer(call: Read): unknown {
  switch (call.read) {
    case "list":
      return queries.list(call.query);
    case "aggregate":
      return queries.aggregate(call.filter);
    case "operations":
      return queries.operations(call.ref, call.range);
    case "messages":
      return queries.messages(call.ref, call.range);
    case "artifacts":
      return queries.artifacts(call.ref, call.query);
    case "grants":
      return queries.grants(call.ref, call.artifact);
    case "objectsOf":
      return objects.some(call.ref, call.ids);
    case "objects":
      return objects.list(call.ref, call.query);
    case "lineage":
      return objects.lineage(call.ref, call.objectId);
    case "abandoned":
      return queries.abandoned(call.limit);
    case "inUse":
      return queries.inUse(call.files);
    case "snapshot":
      return queries.snapshot(call.ref, call.seq);
    case "view":
      return queries.view(call.ref, call.view, call.seq);
    case "streams":
      return queries.streams(call.tenant, call.kind, call.page);
    case "cursors":
      return queries.cursors(call.ref, call.page);
    case "keys":
      return queries.keys(call.query);
    case "ended":
      return queries.ended(call.query);
    case "tasks":
      return queries.tasks(call.ref, call.query);
    case "unfinished":
      return queries.unfinished(call.page);
    case "versionsInUse":
      return queries.versionsInUse(call.versions);
    case "unsettled":
      return queries.unsettled(call.limit);
    case "tenants":
      return queries.tenants(call.page);
    case "overdue":
      return queries.overdue(call.now, call.limit);
    case "events":
      return events.page(call.query);
    case "notices":
      return queries.notices(call.position, call.limit);
  }
}
