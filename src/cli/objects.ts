import type { ObjectFilter, ObjectPlace, SessionObject, Sojourn } from "../client/index.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { moment, printJson, safeJson, table } from "./print.ts";
import { wireObject } from "./wire-object.ts";

/** Whether programs read what is printed. */
interface ForPrograms {
  readonly json?: boolean;
}

/** `sojourn objects`. */
export async function listObjects(
  sojourn: Sojourn,
  id: string,
  { json, limit, type, quality, at }: ObjectFilter & ForPrograms & { readonly limit: number },
): Promise<ExitCode> {
  const { objects } = await sojourn.sessions.get(id);
  const found: SessionObject[] = [];
  let isMore = false;
  for await (const object of objects.list({ type, quality, at, pageSize: Math.min(limit + 1, 1_000) })) {
    isMore = found.length === limit;
    if (isMore) break;
    found.push(object);
  }
  if (json) printJson(found.map(wireObject));
  else if (found.length === 0) console.log("No objects");
  else console.log(table(["OBJECT", "TYPE", "QUALITY", "MADE BY", "CREATED"], found.map(row)));
  if (isMore) console.error("There are more; see them with --limit, or --limit all");
  return EXIT.ok;
}

function row(object: SessionObject): readonly string[] {
  return [object.objectId, object.type, inWords(object), maker(object), moment(object.createdAt)];
}

/** `sojourn objects`, of one object. */
export async function showObject(
  sojourn: Sojourn,
  [id, objectId]: readonly [id: string, objectId: string],
  { json }: ForPrograms,
): Promise<ExitCode> {
  const { objects } = await sojourn.sessions.get(id);
  const object = await objects.get(objectId);
  if (json) printJson(wireObject(object));
  else console.log(table([], facts(object)));
  return EXIT.ok;
}

function facts(object: SessionObject): readonly (readonly string[])[] {
  const { objectId, type, operationSeq, operationId, taskId, createdAt, data } = object;
  return [
    ["object", objectId],
    ["type", type],
    ["quality", inWords(object)],
    ["made by", `${maker(object)}, operation ${operationSeq}, ${operationId}`],
    ["task", taskId],
    ["created", moment(createdAt)],
    ["data", data === undefined ? "(erased)" : safeJson(data)],
  ];
}

/** What made an object. */
export function maker({ app, action }: ObjectPlace): string {
  return `${app} ${action}`;
}

/** How good an object is, and since when it is not. */
function inWords({ objectId, quality, degradation }: ObjectPlace): string {
  if (degradation === undefined) return quality;
  const { reason, objectId: origin } = degradation;
  return origin === objectId ? `degraded here: ${reason}` : `degraded: ${reason}, by ${origin}`;
}
