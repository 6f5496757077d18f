import { styleText } from "node:util";
import type { Degradation, Lineage, LineageEdge, ObjectPlace, Sojourn } from "../client/index.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { maker } from "./objects.ts";
import { count, printJson, shown } from "./print.ts";
import { wireLineage } from "./wire-object.ts";

/** How far a line may be indented, in steps of three columns. */
const DEPTH_MAX = 30;

/** How many lines of a tree are printed. */
const LINES_MAX = 1_000;

/** `sojourn lineage`. */
export async function printLineage(
  sojourn: Sojourn,
  [id, objectId]: readonly [id: string, objectId: string],
  { json }: { readonly json?: boolean },
): Promise<ExitCode> {
  const { objects } = await sojourn.sessions.get(id);
  const lineage = await objects.lineage(objectId);
  if (json) {
    printJson(wireLineage(lineage));
    return EXIT.ok;
  }
  const told = new Set<string>();
  for (const line of lineageLines(lineage, told)) console.log(line);
  const { nodes, isCut } = lineage;
  const root = nodes.find((node) => node.objectId === objectId);
  const origin = nodes.find((node) => node.objectId === root?.degradation?.objectId);
  // What is wrong is seen, however far below it began.
  if (origin !== undefined && !told.has(origin.objectId)) {
    console.log(`\nIt began with ${nodeLine(origin, undefined)}`);
  }
  const more = nodes.length - told.size;
  if (more > 0)
    console.error(`${count(more, "object")} more ${more === 1 ? "is" : "are"} not shown; --json has them all`);
  if (isCut) console.error("It was made from more objects than are told; the oldest are left out");
  return EXIT.ok;
}

/**
 * The lines of the tree from an object down to what it was made from. An object that comes again is told by its id alone.
 *
 * @param told  gathers the ids of the objects that have a line
 */
export function* lineageLines({ objectId, nodes, edges }: Lineage, told: Set<string>): Generator<string> {
  const places = new Map(nodes.map((node) => [node.objectId, node]));
  const sources = sourcesOf(edges);
  const began = places.get(objectId)?.degradation;
  const opened = new Set<string>();
  // A stack of its own: a lineage may be deeper than calls can be.
  const waiting: Branch[] = [{ objectId, depth: 0, first: "", indent: "" }];
  let lines = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { depth, first, indent } = next;
    if (lines++ === LINES_MAX) {
      yield `${first}…`;
      return;
    }
    const place = next.objectId === undefined ? undefined : places.get(next.objectId);
    if (place === undefined) {
      // Too deep, or among the oldest of too many.
      yield `${first}…`;
      continue;
    }
    if (opened.has(place.objectId)) {
      yield `${first}${shown(place.objectId)} (above)`;
      continue;
    }
    yield first + nodeLine(place, depth === 0 ? undefined : began);
    told.add(place.objectId);
    const from = sources.get(place.objectId) ?? [];
    if (depth === DEPTH_MAX && from.length > 0) {
      waiting.push({ objectId: undefined, depth, first: `${indent}└─ `, indent });
      continue;
    }
    opened.add(place.objectId);
    waiting.push(...branchesOf(from, next).reverse());
  }
}

interface Branch {
  /** `undefined` for what is not told. */
  readonly objectId: string | undefined;
  readonly depth: number;
  /** What stands before its own line, and before those of what it was made from. */
  readonly first: string;
  readonly indent: string;
}

function branchesOf(ids: readonly string[], { depth, indent }: Branch): Branch[] {
  return ids.map((objectId, i) => {
    const isLast = i === ids.length - 1;
    const [first, below] = isLast ? ["└─ ", "   "] : ["├─ ", "│  "];
    return { objectId, depth: depth + 1, first: indent + first, indent: indent + below };
  });
}

/** What each object was made from. */
function sourcesOf(edges: readonly LineageEdge[]): ReadonlyMap<string, readonly string[]> {
  const sources = new Map<string, string[]>();
  for (const { from, to } of edges) {
    const some = sources.get(to);
    if (some === undefined) sources.set(to, [from]);
    else some.push(from);
  }
  return sources;
}

/** @param known  a degradation that was told of before, whose reason needs no telling */
function nodeLine(place: ObjectPlace, known: Degradation | undefined): string {
  const text = shown(`${place.objectId} ${place.type}`);
  const { degradation } = place;
  if (degradation === undefined) return text;
  const { reason, objectId } = degradation;
  if (objectId === place.objectId) {
    const by = `by ${maker(place)} (operation ${place.operationSeq})`;
    return `${text}  ${coloured("red", `degraded here: ${reason}, ${by}`)}`;
  }
  return `${text}  ${coloured("yellow", objectId === known?.objectId ? "degraded" : `degraded: ${reason}`)}`;
}

function coloured(colour: "red" | "yellow", text: string): string {
  return styleText(colour, shown(text), { stream: process.stdout });
}
