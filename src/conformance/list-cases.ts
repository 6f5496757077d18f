import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { NO_METRICS, STATUSES } from "../engine/session.ts";
import { type SessionFilter, type SessionQuery, SORTS, type Stream } from "../engine/store.ts";
import { type Author, draft } from "./author.ts";
import { crowd } from "./crowd.ts";
import { select, total } from "./model.ts";
import { assertList, readPages } from "./pages.ts";

type Filter = Omit<SessionFilter, "tenant" | "now">;

const ORDERS = ["asc", "desc"] as const;

/** What holds of `list` and `aggregate`, which take the same filters. */
export function listCases(author: () => Author): void {
  describe("list()", () => {
    let writer: Author;
    let streams: readonly Stream[];
    let filters: Readonly<Record<string, readonly Filter[]>>;

    before(async () => {
      writer = author();
      streams = await crowd(writer, 60);
      await crowd(author(), 12);
      filters = filtersFor(streams);
    });

    const query = (more: Partial<SessionQuery> = {}): SessionQuery => {
      return { tenant: writer.tenant, now: writer.clock.now(), sort: "created_at", order: "asc", limit: 7, ...more };
    };

    for (const sort of SORTS) {
      for (const order of ORDERS) {
        it(`pages through ties by ${sort}, ${order}, with no session lost or twice`, async () => {
          for (const limit of [1, 2, 3, 7, 59, 60, 61, 1_000]) {
            await assertList(writer.store, query({ sort, order, limit }), streams);
          }
        });
      }
    }

    for (const name of Object.keys(filtersFor([]))) {
      it(`filters by ${name}, in every sort and order`, async () => {
        for (const filter of filters[name] ?? []) {
          const matching = select(streams, query(filter)).length;
          assert.ok(matching < streams.length, `${JSON.stringify(filter)} leaves something out`);
          for (const sort of SORTS) {
            for (const order of ORDERS) await assertList(writer.store, query({ ...filter, sort, order }), streams);
          }
          const totals = await writer.store.aggregate(query(filter));
          assert.deepEqual(totals, total(streams, query(filter)), `the totals of ${JSON.stringify(filter)}`);
        }
      });
    }

    it("returns each order as the reverse of the other", async () => {
      for (const sort of SORTS) {
        const [up, down] = [query({ sort, order: "asc" }), query({ sort, order: "desc" })];
        assert.deepEqual(await readPages(writer.store, up), (await readPages(writer.store, down)).toReversed());
      }
    });

    it("lists a session once for a status that is asked for twice, and none for no status", async () => {
      const statuses = ["active", "expired", "active", "expired"] as const;
      await assertList(writer.store, query({ statuses }), streams);
      assert.deepEqual(await writer.store.list(query({ statuses: [] })), { items: [] });
      assert.deepEqual(await writer.store.aggregate(query({ statuses: [] })), total([], query()));
    });

    it("goes on after a row that was erased, past rows that came and went meanwhile", async () => {
      const writer = author();
      const all: Stream[] = [];
      for (let i = 0; i < 9; i++) all.push(await writer.create());
      const at = { ...query(), tenant: writer.tenant, limit: 3 };
      const page = await writer.store.list(at);
      const [a, , c, , e] = all;
      assert.ok(a !== undefined && c !== undefined && e !== undefined && page.next !== undefined);
      for (const gone of [a, c, e]) await writer.erase(gone);
      const added = await writer.create();
      const rest = await readPages(writer.store, { ...at, cursor: page.next });
      assert.deepEqual(rest, [all[3], ...all.slice(5), added]);
    });

    it("takes a cursor with another limit and a later now", async () => {
      const page = await writer.store.list(query());
      assert.ok(page.next !== undefined);
      const later = query({ cursor: page.next, limit: 100, now: writer.clock.now() + 1 });
      assert.equal((await writer.store.list(later)).items.length, streams.length - 7);
    });

    it("refuses the cursor of another query", async () => {
      const { next } = await writer.store.list(query());
      assert.ok(next !== undefined);
      const others: readonly Partial<SessionQuery>[] = [
        { order: "desc" },
        ...SORTS.slice(1).map((sort) => ({ sort })),
        { tenant: "another" },
        ...Object.values(filters).map(([filter]) => filter ?? {}),
      ];
      for (const other of others) {
        const asked = query({ ...other, cursor: next });
        await assert.rejects(writer.store.list(asked), { code: "invalid" }, JSON.stringify(other));
      }
      const mine = await writer.store.list(query({ userId: "user-1", limit: 1 }));
      const yours = query({ userId: "user-2", ...(mine.next && { cursor: mine.next }) });
      await assert.rejects(writer.store.list(yours), { code: "invalid" });
    });

    it("refuses what is no cursor", async () => {
      const { next = "" } = await writer.store.list(query());
      const encoded = ["[]", "{}", "null", "[1,2,3]", '["created_at","asc",null]'].map((text) => btoa(text));
      for (const cursor of ["", " ", "x", "🏕️", "0", next.slice(1), next.slice(0, -4), next.repeat(2), ...encoded]) {
        await assert.rejects(writer.store.list(query({ cursor })), { code: "invalid" }, JSON.stringify(cursor));
      }
    });

    for (const field of ["idleTimeoutUs", "maxLifetimeUs"] as const) {
      it(`shows a session as expired one microsecond past its ${field}, and not before`, async () => {
        const writer = author();
        const active = await writer.create({ [field]: 1_000_000 });
        const both = [
          active,
          await writer.append(await writer.create({ [field]: 1_000_000 }), draft("session.suspended", {})),
        ];
        const start = writer.clock.now();
        for (const [us, open, expired] of [
          [1_000_000, 1, 0],
          [1_000_001, 0, 2],
        ] as const) {
          const now = start + us;
          for (const [status, count] of [
            ["active", open],
            ["suspended", open],
            ["expired", expired],
          ] as const) {
            const asked = { ...query(), tenant: writer.tenant, now, statuses: [status] };
            assert.equal((await writer.store.list(asked)).items.length, count, `${status} after ${us} µs`);
            await assertList(writer.store, asked, both);
            assert.equal((await writer.store.aggregate(asked)).byStatus[status], count);
          }
        }
      });
    }
  });

  describe("aggregate()", () => {
    it("counts nothing where there is nothing", async () => {
      const { store, tenant } = author();
      const byStatus = { active: 0, suspended: 0, completed: 0, failed: 0, expired: 0 };
      assert.deepEqual(await store.aggregate({ tenant, now: 1 }), {
        byStatus,
        metrics: { ...NO_METRICS, costNanoUsd: 0 },
      });
    });

    it("adds up exactly", async () => {
      const writer = author();
      const amounts = [2 ** 52, 1, 3].map((n) => ({
        requests: n,
        errors: n - 1,
        processingTimeUs: n,
        inputTokens: n,
        outputTokens: n - 1,
        costNanoUsd: n,
      }));
      for (const amount of amounts) await writer.append(await writer.create(), draft("metrics.recorded", amount));
      const { metrics } = await writer.store.aggregate({ tenant: writer.tenant, now: writer.clock.now() });
      assert.deepEqual(metrics, {
        requestCount: 2 ** 52 + 4,
        errorCount: 2 ** 52 + 1,
        processingTimeUs: 2 ** 52 + 4,
        inputTokens: 2 ** 52 + 4,
        outputTokens: 2 ** 52 + 1,
        costNanoUsd: 2 ** 52 + 4,
      });
    });
  });
}

/** Filters of each kind, among them bounds that are exactly some session's time. */
function filtersFor(streams: readonly Stream[]): Record<string, readonly Filter[]> {
  const created = streams[30]?.record.createdAtUs ?? 0;
  const active = streams[30]?.record.lastActivityUs ?? 0;
  const mixed = { statuses: ["active", "expired"], userId: "user-1", tags: ["x"] } as const;
  return {
    statuses: [
      ...STATUSES.map((status) => ({ statuses: [status] })),
      { statuses: ["active", "suspended"] },
      { statuses: ["expired", "failed"] },
      { statuses: ["active", "suspended", "completed", "failed"] },
    ],
    user: [{ userId: "user-1" }, { userId: "USER-1" }, { userId: "" }],
    tags: [{ tags: ["x"] }, { tags: ["late"] }, { tags: ["y", "x"] }, { tags: ["x", "x"] }, { tags: ["x", "none"] }],
    parent: [{ parentSessionId: "Session-1" }, { parentSessionId: "Session-2" }],
    search: ["SESSION-1", "beta", "is for", "%", "_", "\\", "50%_OFF\\", "é", "É", "🏕️", "'; --"].map((search) => ({
      search,
    })),
    createdAfterUs: [{ createdAfterUs: created }, { createdAfterUs: created - 1 }],
    createdBeforeUs: [{ createdBeforeUs: created }, { createdBeforeUs: created + 1 }],
    lastActivityBeforeUs: [{ lastActivityBeforeUs: active }, { lastActivityBeforeUs: active + 1 }],
    "everything at once": [
      mixed,
      { ...mixed, createdAfterUs: created - 9_000_000, createdBeforeUs: created + 9_000_000, search: "session" },
      { statuses: ["expired"], parentSessionId: "Session-1", tags: ["x", "z"], lastActivityBeforeUs: active },
    ],
  };
}
