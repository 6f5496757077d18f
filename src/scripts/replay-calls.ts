import type { ReplayMode } from "../client/index.ts";
import { ArgumentError, Fields, text } from "./arguments.ts";
import type { Call, CallsOf } from "./calls.ts";
import { epochSeconds } from "./epoch.ts";
import type { ScriptHost } from "./script-host.ts";
import type { Value, ValueObject } from "./value.ts";

/** The modes of rs-llmspell, and ours. To replay with other inputs, fork the session and make the calls. */
const MODES: Readonly<Record<string, ReplayMode>> = {
  exact: "recorded",
  debug: "recorded",
  modified: "execute",
  simulate: "verify",
  verify: "verify",
  recorded: "recorded",
  execute: "execute",
};

/** As in the REST API. */
const TIMEOUT_SECONDS_MAX = 3_600;

/** Goes through a session again, and tells what comes out otherwise. */
export const replay: Call = async (host, [id, config]) => {
  const fields = new Fields(config, "the configuration of a replay");
  const { name, mode } = modeOf(fields.text("mode"));
  const seconds = fields.number("timeout_seconds", "timeoutSeconds");
  if (seconds !== undefined && !(seconds >= 1 && seconds <= TIMEOUT_SECONDS_MAX)) {
    throw new ArgumentError(`timeout_seconds must be 1 to ${TIMEOUT_SECONDS_MAX}`);
  }
  const stopOnError = fields.boolean("stop_on_error", "stopOnError") ?? false;
  const metadata = fields.json("metadata") ?? {};
  // Of rs-llmspell: what comes out is compared by the mode alone.
  fields.boolean("compare_results", "compareResults");
  fields.refuseOthers();
  const session = await host.session(text(id, "the session's id"));
  const begun = new Date();
  const report = await session.replay({
    mode,
    stopOnError,
    timeoutMs: seconds === undefined ? undefined : seconds * 1_000,
    signal: host.signal,
  });
  const { operationsReplayed, equal, different, failed, skipped, differences, stopped, fork, durationMs } = report;
  return {
    session_id: session.sessionId,
    correlation_id: session.uid,
    mode: name,
    start_time: epochSeconds(begun),
    total_duration: durationMs / 1_000,
    hooks_replayed: operationsReplayed,
    successful_replays: equal,
    failed_replays: different + failed,
    operations_replayed: operationsReplayed,
    equal,
    different,
    failed,
    skipped,
    // NOTE: findings are JSON.
    differences: differences.map((difference) => ({ ...difference })) as unknown as Value,
    stopped,
    fork_session_id: fork?.sessionId,
    metadata,
  };
};

function modeOf(given: string | undefined): { readonly name: string; readonly mode: ReplayMode } {
  const name = given ?? "exact";
  const mode = Object.hasOwn(MODES, name) ? MODES[name] : undefined;
  if (mode !== undefined) return { name, mode };
  throw new ArgumentError(`Unknown replay mode: ${name}. Expected: ${Object.keys(MODES).join(", ")}`);
}

/** Whether a session can be gone through again, and how much of it there is. All of them can: the log has everything. */
export async function replayMetadata(host: ScriptHost, [id]: readonly Value[]): Promise<ValueObject> {
  const session = await host.session(text(id, "the session's id"));
  return {
    session_id: session.sessionId,
    correlation_id: session.uid,
    total_hooks: session.usage.operationCount,
    total_operations: session.usage.operationCount,
    first_hook_timestamp: epochSeconds(session.createdAt),
    last_hook_timestamp: epochSeconds(session.updatedAt),
    total_duration: (session.updatedAt.getTime() - session.createdAt.getTime()) / 1_000,
    can_replay: true,
  };
}

/** The ids of the sessions that can be gone through again: all. */
export const replayable: Call = async ({ sojourn, signal }) => {
  const ids: string[] = [];
  for await (const { sessionId } of sojourn.sessions.list({ pageSize: 1_000, signal })) ids.push(sessionId);
  return ids;
};

/** What `Replay` can do. */
export const REPLAY_CALLS: CallsOf<"Replay"> = {
  "Replay.run": replay,
  "Replay.verify": async (host, [id]) => {
    const session = await host.session(text(id, "the session's id"));
    const { ok, operations, headHash, firstBadSeq, fault } = await session.verify({ signal: host.signal });
    return { ok, operations, head_hash: headHash, first_bad_seq: firstBadSeq, fault };
  },
  "Replay.canReplay": async (host, args) => (await replayMetadata(host, args))["can_replay"],
  "Replay.getMetadata": replayMetadata,
  "Replay.list": replayable,
  "Replay.createConfig": async (_host, [mode]) => ({
    mode: modeOf(text(mode, "the mode")).name,
    timeout_seconds: 300,
    stop_on_error: false,
  }),
};
