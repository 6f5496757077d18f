import type { JsonObject } from "../engine/json.ts";
import type { Origin, Style } from "../engine/user.ts";
import type { CallOptions, WriteOptions } from "./inputs.ts";
import type { Transport } from "./transport.ts";

/** How a user likes to be answered, in every session. */
export interface Profile extends Style {
  readonly userId: string;
  /** Whatever else is known of the user's likings, such as `preferred_language`. */
  readonly preferences: JsonObject;
  /** Whether a value was `set`, or `learned` from how the user writes, by its name; preferences as `preferences.` and theirs. Defaults have none. */
  readonly origins: Readonly<Record<string, Origin>>;
  /** `undefined` while nothing is known. */
  readonly updatedAt: Date | undefined;
  /** How often it was changed; what `ifMatch` takes. */
  readonly version: number;
}

/** A partial change of a profile. `null` brings back a default, and removes a preference. */
export interface ProfilePatch {
  readonly verbosity?: Style["verbosity"] | null | undefined;
  readonly tone?: Style["tone"] | null | undefined;
  readonly depth?: Style["depth"] | null | undefined;
  readonly preferences?: JsonObject | undefined;
}

/** What was erased of a user. */
export interface Erased {
  readonly userId: string;
  readonly sessions: number;
  readonly operations: number;
  readonly messages: number;
  readonly summaries: number;
  /** Members of working memories. */
  readonly facts: number;
  /** Those that were in the sessions at the end. */
  readonly artifacts: number;
  /** Before compression. */
  readonly artifactBytes: number;
  /** Whether there was a profile. */
  readonly profile: boolean;
}

/** The users of the caller's tenant, beyond their sessions. A user is there as soon as somebody names one. */
export class Users {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The defaults, for a user of whom nothing is known. */
  async profile(userId: string, options: CallOptions = {}): Promise<Profile> {
    return await this.#transport.profile(userId, options);
  }

  async updateProfile(userId: string, patch: ProfilePatch, options: WriteOptions = {}): Promise<Profile> {
    return await this.#transport.updateProfile(userId, patch, options);
  }

  /**
   * Removes all sessions of a user, of whatever status, with their messages and artifacts, and the profile. When it resolves, the words
   * are in no file of the store; backups that were taken before still have them. What broke off is finished by the next
   * call.
   */
  async erase(userId: string, options: CallOptions = {}): Promise<Erased> {
    return await this.#transport.eraseUser(userId, options);
  }
}
