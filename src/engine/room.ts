import { SYSTEM_ACTOR } from "./batch.ts";
import { SojournError } from "./errors.ts";
import type { Expirer } from "./expirer.ts";
import type { Settings } from "./limits.ts";
import type { Guard } from "./store.ts";

/** How long a caller should wait when the limit on sessions is reached. */
const LIMIT_RETRY_MS = 60_000;

/** Who wants one more session to be active. */
export interface Newcomer {
  readonly tenant: string;
  /** Whether that session is temporary. */
  readonly temporary?: boolean | undefined;
}

/** Holds each tenant to its share of active sessions. */
export class Room {
  readonly #settings: Settings;
  readonly #expirer: Expirer;

  constructor(settings: Settings, expirer: Expirer) {
    this.#settings = settings;
    this.#expirer = expirer;
  }

  /**
   * Tries to make one more session active, again and again until it is done: after a conflict, and after room was made.
   *
   * @param attempt  looks at everything anew, and puts the guards into its commit
   * @throws {SojournError} `limit_reached` where there is no room to be made, and what `attempt` throws
   */
  async admit<T extends object>(
    newcomer: Newcomer,
    attempt: (guards: readonly Guard[]) => Promise<T | "conflict" | "limit_reached">,
  ): Promise<T> {
    const { maxSessions: limit } = this.#settings;
    const { tenant } = newcomer;
    const guards = limit === undefined ? [] : [{ guard: "active_below", tenant, limit } as const];
    for (;;) {
      const done = await attempt(guards);
      if (typeof done === "object") return done;
      if (done === "limit_reached") await this.#make(newcomer);
    }
  }

  /** Expires what is idle, temporary sessions first and never others for their sake. */
  async #make({ tenant, temporary = false }: Newcomer): Promise<void> {
    const { cleanupIdleUs: maxIdleUs, maxSessions } = this.#settings;
    // Only active sessions count, so that only they make room.
    const cleanup = { tenant, actor: SYSTEM_ACTOR, maxIdleUs, statuses: ["active"], dryRun: false } as const;
    for (const kind of temporary ? [true] : [true, false]) {
      if ((await this.#expirer.cleanUp({ ...cleanup, temporary: kind })).length > 0) return;
    }
    throw new SojournError("limit_reached", {
      message: `The limit max_sessions is reached: ${maxSessions} sessions are active; end some, or raise the limit`,
      faults: [{ field: "max_sessions", message: `is ${maxSessions}`, type: "limit" }],
      retryAfterMs: LIMIT_RETRY_MS,
    });
  }
}
