import type { EventPattern, SessionEvent, Sojourn } from "../client/index.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { printJson, shown } from "./print.ts";
import { wireEvent } from "./wire-event.ts";

/** What `sojourn events` is told. */
interface EventFlags {
  readonly json?: boolean;
  readonly follow?: boolean;
  readonly after?: string;
  readonly types?: readonly EventPattern[] | undefined;
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** `sojourn events`. Programs get one line of JSON for each event. */
export async function printEvents(
  sojourn: Sojourn,
  { json, follow = false, after, types, limit, signal }: EventFlags,
): Promise<ExitCode> {
  const query = { after, types, signal };
  const { events } = sojourn;
  const pageSize = Math.min(limit + 1, 1_000);
  let count = 0;
  for await (const event of follow ? events.follow(query) : events.list({ ...query, pageSize })) {
    if (count === limit) {
      console.error("There are more; see them with --after and the last cursor, or --limit all");
      break;
    }
    count++;
    if (json) printJson(wireEvent(event));
    else console.log(line(event));
    // Whether there are more can't be told: the next may never come.
    if (follow && count === limit) break;
  }
  return EXIT.ok;
}

function line({ cursor, type, sessionId, operation }: SessionEvent): string {
  const { timestamp, seq, actor, inputs } = operation;
  const what = inputs === undefined ? "(erased)" : JSON.stringify(inputs);
  return shown(
    `${cursor.padStart(8)}  ${timestamp.toISOString()}  ${type.padEnd(24)}  ${sessionId} ${seq}  ${actor}  ${what}`,
  );
}
