import assert from "node:assert/strict";
import type { Append, Erase, Guard, Part, SessionFilter, Stream } from "../engine/store.ts";
import { type Author, draft, nameGuard } from "./author.ts";
import { KEYS, type ListStep, NAMES, type PastStep, type Step, USERS, type WriteStep } from "./history-steps.ts";
import { Model, total } from "./model.ts";
import { assertList } from "./pages.ts";

/** More sessions than all histories of a run leave overdue. */
const OVERDUE_MAX = 100_000;

/** A store and its model, to which the same things happen. */
export class World {
  readonly #author: Author;
  readonly #model = new Model();

  constructor(author: Author) {
    this.#author = author;
  }

  /** Does one step on both sides and holds the answers against each other. */
  async play(step: Step): Promise<void> {
    switch (step.step) {
      case "write":
        return await this.#write(step);
      case "list":
        return await this.#list(step);
      case "past":
        return await this.#past(step);
      case "advance":
        return this.#author.clock.advance(step.us);
    }
  }

  /** Holds all that can be asked of the store against the model. */
  async assertSame(): Promise<void> {
    const { store, tenant, clock } = this.#author;
    const now = clock.now();
    const { streams } = this.#model;
    for (const temporary of [false, true]) {
      const filter = { tenant, now, temporary };
      await assertList(store, { ...filter, sort: "created_at", order: "asc", limit: 1_000 }, streams);
      assert.deepEqual(await store.aggregate(filter), total(streams, filter));
    }
    for (const { ref } of [...streams, ...USERS.map((id) => this.#author.user(id))]) {
      assert.deepEqual(await store.stream(ref), this.#model.stream(ref));
      assert.deepEqual(await store.stored(ref), this.#model.stream(ref));
    }
    for (const name of NAMES) assert.deepEqual(await store.named(tenant, name), this.#model.named(name));
    for (const key of KEYS) {
      assert.deepEqual(await store.remembered(this.#author.answer(key), now), this.#model.remembered(key, now));
    }
    const overdue = (await store.overdue(now, OVERDUE_MAX)).filter((ref) => ref.tenant === tenant);
    assert.deepEqual(idsOf(overdue), idsOf(this.#model.overdue(now).map(({ ref }) => ref)));
  }

  async #write({ parts: seeds, activeBelow, answer, forgets }: WriteStep): Promise<void> {
    const { store, tenant, clock } = this.#author;
    const guards: Guard[] = activeBelow === undefined ? [] : [{ guard: "active_below", tenant, limit: activeBelow }];
    const parts = seeds.flatMap((seed) => this.#part(seed, guards)).filter(isFirstOfStream);
    const about = answer?.about === undefined ? undefined : this.#pick(answer.about)?.ref;
    const remember = answer && [
      this.#author.answer(answer.key, { expiresAt: clock.now() + answer.lifetimeUs, ...(about && { about }) }),
    ];
    const commit = {
      now: clock.now(),
      parts,
      guards,
      ...(remember && { remember }),
      ...(forgets && { forget: { tenant } }),
    };
    assert.deepEqual(await store.commit(commit), this.#model.commit(commit));
  }

  #part(seed: WriteStep["parts"][number], guards: Guard[]): readonly Part[] {
    if (seed.part === "create") {
      const { part, stream } = this.#author.begin({ ...seed.fields, sessionId: seed.sessionId });
      guards.push(nameGuard(stream, seed.knowsName ? this.#model.named(seed.sessionId) : undefined));
      return [part];
    }
    if (seed.part === "user") return [this.#userPart(seed)];
    const stream = this.#pick(seed.target);
    if (stream === undefined) return [];
    const expectedHead = stream.head.seq + seed.skew;
    if (seed.part === "erase") return [{ change: "erase", ref: stream.ref, expectedHead } satisfies Erase];
    const { part } = this.#author.continue(stream, ...seed.drafts);
    return [{ ...part, expectedHead, snapshot: seed.snapshot } satisfies Append];
  }

  #userPart({ userId, skew, tone, snapshot }: Extract<WriteStep["parts"][number], { part: "user" }>): Part {
    const blank = this.#author.user(userId);
    // NOTE: asked for by a user's reference.
    const user = (this.#model.stream(blank.ref) as Stream<"user"> | undefined) ?? blank;
    const expectedHead = user.head.seq + skew;
    if (tone === undefined) return { change: "erase", ref: user.ref, expectedHead };
    const input = { patch: { tone, preferences: { [userId]: tone } }, origin: "learned" } as const;
    return { ...this.#author.continue(user, draft("profile.changed", input)).part, expectedHead, snapshot };
  }

  async #list({ filter, createdAfter, createdBefore, lastActivityBefore, ...order }: ListStep): Promise<void> {
    const { store, tenant, clock } = this.#author;
    const [after, before, active] = [createdAfter, createdBefore, lastActivityBefore].map((bound) => {
      const record = bound && this.#pick(bound.target)?.record;
      return (
        record && bound && { created: record.createdAtUs + bound.offUs, active: record.lastActivityUs + bound.offUs }
      );
    });
    const query: SessionFilter = {
      tenant,
      now: clock.now(),
      ...filter,
      ...(after && { createdAfterUs: after.created }),
      ...(before && { createdBeforeUs: before.created }),
      ...(active && { lastActivityBeforeUs: active.active }),
    };
    await assertList(store, { ...query, ...order }, this.#model.streams);
    assert.deepEqual(await store.aggregate(query), total(this.#model.streams, query));
  }

  async #past({ target, seq, limit, kind }: PastStep): Promise<void> {
    const { store } = this.#author;
    const stream = this.#pick(target);
    if (stream === undefined) return;
    const { ref } = stream;
    const { sessionId } = stream.record;
    assert.deepEqual(await store.stream(ref), stream);
    assert.deepEqual(await store.named(ref.tenant, sessionId), this.#model.named(sessionId));
    const ranges = [
      { after: seq, limit },
      { after: 0, through: seq, limit: 1_000, ...(kind && { kind }) },
    ];
    for (const range of ranges)
      assert.deepEqual(await store.operations(ref, range), this.#model.operations(ref, range));
    assert.deepEqual(await store.snapshot(ref, seq), this.#model.snapshot(ref, seq));
    for (const take of ["oldest", "newest"] as const) {
      for (const bound of [{}, { after: seq }, { before: seq }]) {
        const range = { ...bound, take, limit };
        assert.deepEqual(await store.messages(ref, range), this.#model.messages(ref, range));
      }
    }
    // Which of two rows comes first that one operation began is open.
    assert.deepEqual([...(await store.view(ref, "tag", seq))].sort(), [...this.#model.tags(ref, seq)].sort());
  }

  #pick(target: number): Stream | undefined {
    const { streams } = this.#model;
    return streams[target % streams.length];
  }
}

// A commit has one part for each stream.
function isFirstOfStream({ ref }: Part, i: number, parts: readonly Part[]): boolean {
  return parts.findIndex((part) => part.ref.kind === ref.kind && part.ref.id === ref.id) === i;
}

function idsOf(refs: readonly Stream["ref"][]): readonly string[] {
  return refs.map(({ id }) => id);
}
