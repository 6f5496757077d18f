import { assertActsAsNone } from "./acting.ts";
import type { ArtifactLimits } from "./artifact-commands.ts";
import type { Clock } from "./clock.ts";
import type { Digest } from "./digest.ts";
import { type Fault, invalid, SojournError } from "./errors.ts";
import type { OutsideExecutors } from "./execute-again.ts";
import { ExecutedFork } from "./execution.ts";
import { given } from "./given.ts";
import type { Answer } from "./idempotency.ts";
import { DEFAULT_SETTINGS, type Settings } from "./limits.ts";
import { decisionFindings, stepFindings } from "./replay-findings.ts";
import { type Outcome, REPLAY_TIMEOUT_MAX_MS, type ReplayReport, type ReplayRequest, Tally } from "./replay-report.ts";
import type { Caller, Session, Sessions } from "./sessions.ts";
import type { Store, Stream } from "./store.ts";
import { type Step, walk } from "./walk.ts";

/** What replaying stands on. */
export interface ReplayPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly digest: Digest;
  readonly sessions: Sessions;
  /** Begins a session with the history of another up to `at`. */
  readonly fork: (caller: Caller, id: string, wanted: { readonly at: number }) => Promise<Answer<Session>>;
}

/** What replaying is told by those who stand on the engine. */
export interface ReplayOptions {
  /** What sessions are held against. */
  readonly settings?: Settings;
  /** How much a session may hold in artifacts; default: as much as it likes. */
  readonly artifacts?: ArtifactLimits;
  /** How to do again what the engine can't do by itself; without them nothing is executed. */
  readonly outside?: OutsideExecutors;
}

const TIMEOUT_MS = 300_000;

const UNLIMITED: ArtifactLimits = {
  artifactsMax: Number.POSITIVE_INFINITY,
  bytesMax: Number.POSITIVE_INFINITY,
};

/** Looks at a step in one of the modes; `timeout`: that took too long. */
type Look = (step: Step) => Promise<Outcome | "timeout"> | Outcome;

/** Goes through sessions again; see `REPLAY_MODES`. */
export class Replay {
  readonly #ports: ReplayPorts;
  readonly #settings: Settings;
  readonly #artifacts: ArtifactLimits;
  readonly #outside: OutsideExecutors | undefined;

  constructor(ports: ReplayPorts, { settings = DEFAULT_SETTINGS, artifacts = UNLIMITED, outside }: ReplayOptions) {
    this.#ports = ports;
    this.#settings = settings;
    this.#artifacts = artifacts;
    this.#outside = outside;
  }

  /**
   * Goes through the operations of a session, as it is now, and tells what comes out otherwise. Only `execute` writes, and
   * only into its fork; that one stays, and has ended.
   *
   * @throws {SojournError} `invalid`; `forbidden` for `execute` on behalf of a session; and what making the fork throws
   */
  async run(caller: Caller, id: string, request: ReplayRequest): Promise<ReplayReport> {
    // Of a session that is deleted meanwhile, what is missing is no fault.
    return await this.#ports.sessions.readWhole(caller, id, async ({ ref }) => {
      const stream = await this.#ports.store.stored(ref);
      if (stream !== undefined) return await this.#replay(caller, stream, request);
      throw new SojournError("session_not_found", { message: `Session ${id} not found` });
    });
  }

  async #replay(caller: Caller, stream: Stream, request: ReplayRequest): Promise<ReplayReport> {
    const { clock } = this.#ports;
    const { mode, timeoutMs = TIMEOUT_MS, stopOnError = false } = request;
    const stretch = checked(request, stream.head.seq);
    const startedUs = clock.now();
    const journey = { stream, stretch, stopOnError, endsAtUs: startedUs + timeoutMs * 1_000 };
    const found =
      mode === "execute"
        ? await this.#execute(caller, journey)
        : await this.#travel(journey, this.#lookOf(mode, stream));
    if (found.replayed + found.skipped === 0 && found.stopped === undefined) {
      const message = `Operation ${stretch.from} of session ${stream.ref.id} is not in the log`;
      throw new SojournError("internal", { message });
    }
    return { mode, ...stretch, ...found, durationUs: clock.now() - startedUs };
  }

  #lookOf(mode: "verify" | "recorded", { ref, head, record }: Stream): Look {
    const { digest, store } = this.#ports;
    if (mode === "verify") return (step) => stepFindings(step, head, digest);
    const root = record.origin?.root ?? ref.id;
    const rules = { settings: this.#settings, artifacts: this.#artifacts, store, ref, root };
    return (step) => decisionFindings(step, rules);
  }

  async #execute(caller: Caller, journey: Journey): Promise<Found> {
    assertActsAsNone(caller, "have calls made again");
    if (this.#outside === undefined) {
      throw new SojournError("internal", { message: "Nobody here can make calls again" });
    }
    const { clock } = this.#ports;
    const executing = { ...this.#ports, artifacts: this.#artifacts, outside: this.#outside };
    const fork = new ExecutedFork(executing, caller, journey);
    try {
      const found = await this.#travel(journey, async (step) => {
        const leftUs = journey.endsAtUs - clock.now();
        return await fork.make(step, Math.max(1, Math.ceil(leftUs / 1_000)));
      });
      return { ...found, ...given("fork", fork.name) };
    } finally {
      await fork.end();
    }
  }

  async #travel({ stream, stretch, stopOnError, endsAtUs }: Journey, look: Look): Promise<Found> {
    const { clock } = this.#ports;
    const tally = new Tally();
    for await (const step of walk(this.#ports, stream, stretch)) {
      const outcome = clock.now() >= endsAtUs ? "timeout" : await look(step);
      if (outcome === "timeout") return { ...tally.counts, stopped: "timeout" };
      const isFine = tally.add(step.entry.operation, outcome);
      const isLast = step.entry.operation.seq === stretch.to;
      if (!isFine && stopOnError && !isLast) return { ...tally.counts, stopped: "error" };
    }
    return tally.counts;
  }
}

/** Which way is gone, and how far. */
export interface Journey {
  /** As it is stored. */
  readonly stream: Stream;
  readonly stretch: { readonly from: number; readonly to: number };
  readonly stopOnError: boolean;
  readonly endsAtUs: number;
}

type Found = Omit<ReplayReport, "mode" | "from" | "to" | "durationUs">;

function checked({ from = 1, to, timeoutMs = TIMEOUT_MS }: ReplayRequest, head: number): Journey["stretch"] {
  const faults: Fault[] = [];
  const last = to ?? head;
  const within = (field: string, value: number, min: number): void => {
    if (Number.isSafeInteger(value) && value >= min && value <= head) return;
    faults.push({ field, message: `must be ${min} to ${head}, the session's version`, type: "out_of_range" });
  };
  within("from", from, 1);
  within("to", last, faults.length > 0 ? 1 : from);
  if (!(timeoutMs >= 1 && timeoutMs <= REPLAY_TIMEOUT_MAX_MS)) {
    const message = `must be at most ${REPLAY_TIMEOUT_MAX_MS / 1_000}, and more than 0`;
    faults.push({ field: "timeout_seconds", message, type: timeoutMs < 1 ? "too_small" : "too_big" });
  }
  if (faults.length > 0) throw invalid(faults);
  return { from, to: last };
}
