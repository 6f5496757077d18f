import { actorOf, assertActsAsNone } from "./acting.ts";
import { beforeFirst, PendingLog } from "./append.ts";
import type { Settled } from "./batch.ts";
import { type Command, erase } from "./commands.ts";
import { invalid, unlessMissing } from "./errors.ts";
import { given } from "./given.ts";
import { type Answer, OnceOnly } from "./idempotency.ts";
import { assertSize, assertWithin, jsonFaults, LIMITS } from "./limits.ts";
import { Mailboxes, type MailboxPorts } from "./mailbox.ts";
import type { Caller, Sessions, WriteOptions } from "./sessions.ts";
import type { Part, Stream, StreamRef } from "./store.ts";
import { NEW_USER, news, type Origin, type ProfilePatch, type UserRecord } from "./user.ts";

/** A user as their callers see them. */
export type User = Stream<"user">;

/** What an erasure removed. */
export interface Erased {
  readonly userId: string;
  readonly sessions: number;
  readonly operations: number;
  readonly messages: number;
  readonly summaries: number;
  /** Members of working memories. */
  readonly facts: number;
  /** With all their versions; their bytes are told before compression. */
  readonly artifacts: number;
  readonly artifactBytes: number;
  /** Whether there was a profile. */
  readonly profile: boolean;
}

/** What erasing users needs beside what a mailbox does. */
export interface UserPorts extends MailboxPorts {
  /** Removes the files that nothing refers to any more; default: there are none. */
  readonly removeFiles?: () => Promise<unknown>;
}

/** How many sessions are erased at a time. */
const ERASE = 200;

/** What is known of users beyond their sessions. A user is there as soon as somebody names one. */
export class Users {
  readonly #ports: UserPorts;
  readonly #mailboxes: Mailboxes;
  readonly #once: OnceOnly;

  constructor(ports: UserPorts) {
    this.#ports = ports;
    this.#mailboxes = new Mailboxes(ports);
    this.#once = new OnceOnly(ports);
  }

  /** The user's profile; that of a new user where nothing is known. */
  async get(caller: Caller, userId: string): Promise<User> {
    assertActsAsNone(caller, "read the profiles of users");
    assertWithin({ userId });
    const ref = userRef(caller.tenant, userId);
    return (await this.#ports.store.stream(ref)) ?? this.#unknown(ref);
  }

  /** Changes the profile; what it already says changes nothing. */
  async update(
    caller: Caller,
    userId: string,
    patch: ProfilePatch,
    { idempotency, precondition }: WriteOptions = {},
  ): Promise<Answer<User>> {
    assertActsAsNone(caller, "change the profiles of users");
    assertWithin({ userId });
    const command = changeProfile(patch, "set");
    return await this.#once.run<User>(caller.tenant, idempotency, async (remember) => {
      const { stream, at } = await this.#mailboxes.submit(userRef(caller.tenant, userId), {
        actor: caller.actor,
        command,
        ...given("precondition", precondition),
        ...given(
          "remember",
          // One of whom still nothing is known has no stream that the answer could go with.
          remember &&
            (({ stream, at }: Settled<"user">) => remember(stream, at, stream.head.seq === 0 ? undefined : stream.ref)),
        ),
      });
      return { value: stream, at };
    });
  }

  /** What a turn writes of its user beside the session: what it learned, if that is news. */
  learning(caller: Caller, userId: string, patch: ProfilePatch): (now: number) => Promise<Part | undefined> {
    const { tenant } = caller;
    const actor = actorOf(caller);
    const command = changeProfile(patch, "learned");
    const ref = userRef(tenant, userId);
    const isEmpty = Object.keys(patch).length === 0;
    return async (at) => {
      if (isEmpty) return undefined;
      const user = (await this.#ports.store.stream(ref)) ?? this.#unknown(ref);
      const drafts = command(user.record, at);
      if (drafts === "erase" || drafts.length === 0) return undefined;
      const log = new PendingLog(ref, user, this.#ports);
      for (const draft of drafts) log.push(draft, { actor, at });
      return log.toAppend();
    };
  }

  /**
   * Removes the user's sessions, of whatever status and with their artifacts, and the profile, with all copies of them in the store; when it
   * resolves, the words are in no file of the store. What was cut off is finished by the next call.
   */
  async erase(caller: Caller, userId: string, sessions: Sessions): Promise<Erased> {
    assertActsAsNone(caller, "erase users");
    assertWithin({ userId });
    const erased = { sessions: 0, operations: 0, messages: 0, summaries: 0, facts: 0, artifacts: 0, artifactBytes: 0 };
    for (const temporary of [false, true]) {
      const query = { userId, temporary, sort: "created_at", order: "asc", limit: ERASE } as const;
      for (;;) {
        const { items } = await sessions.list(caller, query);
        if (items.length === 0) break;
        await Promise.all(
          items.map(async ({ ref, head, record }) => {
            // Somebody else may have been quicker.
            if ((await unlessMissing(sessions.delete(caller, ref.id))) === undefined) return;
            erased.sessions += 1;
            erased.operations += head.seq;
            erased.messages += record.conversation.messages;
            erased.summaries += record.conversation.summary === undefined ? 0 : 1;
            erased.facts += Object.keys(record.workingMemory).length;
            erased.artifacts += record.artifacts.count;
            erased.artifactBytes += record.artifacts.bytes;
          }),
        );
      }
    }
    const ref = userRef(caller.tenant, userId);
    const user = await this.#ports.store.stream(ref);
    if (user !== undefined) await this.#mailboxes.submit(ref, { actor: caller.actor, command: erase });
    const forget = { tenant: caller.tenant };
    await this.#ports.store.commit({ now: this.#ports.clock.now(), parts: [], forget });
    await this.#ports.removeFiles?.();
    await this.#ports.store.scrub();
    return { userId, ...erased, operations: erased.operations + (user?.head.seq ?? 0), profile: user !== undefined };
  }

  #unknown(ref: StreamRef<"user">): User {
    return { ref, head: beforeFirst(ref, this.#ports.digest), record: NEW_USER };
  }
}

function userRef(tenant: string, userId: string): StreamRef<"user"> {
  return { tenant, kind: "user", id: userId };
}

function changeProfile(patch: ProfilePatch, origin: Origin): Command<"user"> {
  const faults = jsonFaults(patch.preferences ?? {}, "preferences");
  if (faults.length > 0) throw invalid(faults);
  return (user: UserRecord) => {
    const changed = news(user, patch);
    if (changed === undefined) return [];
    const merged = { ...user.preferences, ...changed.preferences };
    assertSize("preferences", merged, LIMITS.preferencesBytes);
    return [{ kind: "profile.changed", name: "profile", input: { patch: changed, origin } }];
  };
}
