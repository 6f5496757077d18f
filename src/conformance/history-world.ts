import assert from "node:assert/strict";
import type { NewContent } from "../engine/artifact.ts";
import { given } from "../engine/given.ts";
import type { Append, Erase, Guard, Part, SessionFilter, Stream } from "../engine/store.ts";
import type { Draft } from "../engine/streams.ts";
import { type Author, draft, nameGuard } from "./author.ts";
import {
  DIGESTS,
  KEYS,
  type ListStep,
  NAMES,
  type PastStep,
  type Step,
  USERS,
  type WriteStep,
} from "./history-steps.ts";
import { Model, total } from "./model.ts";
import { assertList } from "./pages.ts";

/** More sessions than all histories of a run leave overdue. */
const OVERDUE_MAX = 100_000;

/** More files than all histories of a run abandon. */
const ALL = 1_000_000;

type Seed = WriteStep["parts"][number];
type ForkSeed = Extract<Seed, { part: "fork" }>;
type Act = Extract<Seed, { part: "files" }>["acts"][number];

/** A store and its model, to which the same things happen. */
export class World {
  readonly #author: Author;
  readonly #model = new Model();
  #files = 0;

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
    for (const digest of DIGESTS) {
      const content = this.#model.content(digest);
      const { tenant: _, body, ...kept } = content ?? { tenant };
      assert.deepEqual(await store.content(tenant, digest), content && kept);
      assert.deepEqual(await store.body(tenant, digest), body && new Uint8Array(body));
    }
    const abandoned = (await store.abandoned(ALL)).filter((name) => name.startsWith(`${tenant}/`));
    assert.deepEqual(abandoned.sort(), this.#model.abandoned);
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
    const contents = parts[0] && this.#brought(parts[0], seeds);
    const about = answer?.about === undefined ? undefined : this.#pick(answer.about)?.ref;
    const remember = answer && [
      this.#author.answer(answer.key, { expiresAt: clock.now() + answer.lifetimeUs, ...(about && { about }) }),
    ];
    const commit = {
      now: clock.now(),
      parts,
      guards,
      ...(contents && { contents }),
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
    const expectedHead = stream.head.seq + (seed.part === "fork" ? 0 : seed.skew);
    if (seed.part === "erase") return [{ change: "erase", ref: stream.ref, expectedHead } satisfies Erase];
    if (seed.part === "fork") return [this.#fork(stream, seed, guards)];
    if (seed.part === "files") {
      const drafts = seed.acts.flatMap((act) => this.#draft(stream, act));
      return drafts.length === 0 ? [] : [{ ...this.#author.continue(stream, ...drafts).part, expectedHead }];
    }
    const { part } = this.#author.continue(stream, ...seed.drafts);
    return [{ ...part, expectedHead, snapshot: seed.snapshot } satisfies Append];
  }

  #fork(origin: Stream, { at, isSame, sessionId }: ForkSeed, guards: Guard[]): Part {
    const seq = 1 + (at % origin.head.seq);
    const entries = this.#model.operations(origin.ref, { after: 0, through: seq, limit: seq });
    const { part, stream } = this.#author.fork(origin, entries, sessionId);
    guards.push(nameGuard(stream, this.#model.named(sessionId)));
    return isSame ? part : { ...part, history: { ref: origin.ref, hash: "00".repeat(32) } };
  }

  #draft(stream: Stream, act: Act): readonly Draft[] {
    const live = this.#model.artifacts(stream.ref);
    if (act.act === "store") {
      const { name, digest, tags } = act;
      return [this.#author.artifact(name, this.#author.content("x", { digest }), { tags, metadata: { name } })];
    }
    // Now and then one that is not there, or not any more.
    const artifact = live[act.which];
    const artifactId = artifact?.id ?? "artifact_0";
    if (act.act === "delete") return [draft("artifact.deleted", { artifactId, name: artifact?.name ?? "", size: 1 })];
    const { grantee, replaces } = act;
    if (act.act === "revoke") return [draft("artifact.revoked", { artifactId, grantee })];
    return [draft("artifact.granted", { artifactId, grantee, permission: "read", replaces })];
  }

  /** The contents that come with a part: of each artifact that is stored, unless its content is taken to be there. */
  #brought({ ref }: Part, seeds: WriteStep["parts"]): readonly NewContent[] {
    const seed = seeds.find((seed) => seed.part === "files" && this.#pick(seed.target)?.ref.id === ref.id);
    if (seed?.part !== "files") return [];
    return seed.acts.flatMap((act) => {
      if (act.act !== "store" || act.place === undefined) return [];
      const name = `${this.#author.tenant}/${++this.#files}`;
      const { body, ...content } = this.#author.content("x", { digest: act.digest });
      if (act.place === "store") return [{ ...content, ...given("body", body) }];
      return [{ ...content, place: { in: "file", name } }];
    });
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
    for (const at of [undefined, seq]) {
      const { items } = await store.artifacts(ref, { limit: 1_000, ...given("at", at) });
      assert.deepEqual(items, this.#model.artifacts(ref, at));
    }
    for (const artifact of this.#model.artifacts(ref)) {
      assert.deepEqual(await store.artifact(ref, artifact.id), artifact);
      assert.deepEqual(await store.grants(ref, artifact.id), this.#model.grants(ref, artifact.id));
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
