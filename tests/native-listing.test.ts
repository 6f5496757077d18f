import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Api, type Session } from "./api.ts";
import { startServer, type TestServer } from "./server.ts";
import { until } from "./until.ts";

interface Page {
  readonly sessions: readonly Session[];
  readonly next_cursor?: string;
}

interface Stats {
  readonly sessions: number;
  readonly by_status: Record<string, number>;
  readonly request_count: number;
  readonly error_count: number;
  readonly total_processing_time: number;
  readonly average_processing_time: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly error_rate: number;
}

type Filter = Readonly<Record<string, string | readonly string[]>>;

/** Every value of every filter that the combinations are made of; an empty one stands for none. */
const VALUES = {
  status: ["", "active", "suspended", "completed", "failed", "expired"],
  user_id: ["", "ann", "b&b"],
  tag: [[], ["red"], ["red", "über"], ["gone"]],
  parent_session_id: ["", "root"],
  search: ["", "ALPHA", "100%_\\"],
} as const;

const SORTS = ["created_at", "updated_at", "last_activity", "name"] as const;

describe("GET /sessions", () => {
  let server: TestServer;
  let api: Api;
  /** As it stands, in the order of creation. */
  let all: readonly Session[] = [];

  before(async () => {
    server = await startServer();
    api = new Api(server.url);
    await api.create({ session_id: "root" });
    for (let i = 0; i < 48; i++) {
      const { session_id } = await api.create({
        session_id: `s-${i}`,
        user_id: i % 2 === 0 ? "ann" : "b&b",
        ...(i % 3 > 0 && { name: ["Alpha", "beta", "Älpha", "alpha"][i % 4] }),
        ...(i % 5 === 0 && { description: `costs 100%_\\ or ${i}` }),
        tags: [...(i % 2 === 0 ? ["red"] : []), ...(i % 3 === 0 ? ["über"] : []), "gone"],
        ...(i % 4 === 0 && { parent_session_id: "root" }),
      });
      await api.call("PATCH", `/sessions/${session_id}`, { body: { tags: tagsOf(i) } });
      await api.post(`/sessions/${session_id}/metrics`, {
        requests: i,
        errors: i % 7,
        processing_time_seconds: i / 10,
      });
      const status = STATUSES[i % STATUSES.length];
      if (status === "suspended") await api.post(`/sessions/${session_id}/suspend`);
      else if (status !== "active") await api.post(`/sessions/${session_id}/end`, { status });
    }
    all = await everything({ sort: "created_at", order: "asc" });
    assert.equal(all.length, 49);
  });
  after(() => server[Symbol.asyncDispose]());

  async function list(filter: Filter): Promise<Page> {
    return (await api.get<Page>(`/sessions?${queryOf(filter)}`)).data;
  }

  /** All pages of a query, the smallest there can be unless the filter says otherwise. */
  async function everything(filter: Filter): Promise<readonly Session[]> {
    const sessions: Session[] = [];
    for (let cursor: string | undefined = ""; cursor !== undefined; ) {
      const page: Page = await list({ ...filter, ...(cursor !== "" && { cursor }) });
      sessions.push(...page.sessions);
      cursor = page.next_cursor;
    }
    return sessions;
  }

  it("answers every combination of its filters, newest first, and stats counts the same", async () => {
    for (const filter of combinations()) {
      const expected = all.filter((session) => matches(session, filter)).toReversed();
      assert.deepEqual(await everything({ ...filter, limit: "7" }), expected, JSON.stringify(filter));
      const { data } = await api.get<Stats>(`/sessions/stats?${queryOf(filter)}`);
      assert.deepEqual(data, statsOf(expected), JSON.stringify(filter));
    }
  });

  it("answers filters of time to the microsecond, without their bounds", async () => {
    const [first, last] = [all[10], all[30]];
    assert.ok(first && last);
    const filter = { created_after: first.created_at, created_before: last.created_at, order: "asc" };
    const expected = all.filter(({ created_at }) => created_at > first.created_at && created_at < last.created_at);
    assert.deepEqual((await list(filter)).sessions, expected);
    const beyond = first.created_at.replace("Z", "001Z");
    assert.ok(!(await everything({ created_before: first.created_at })).some(({ uid }) => uid === first.uid));
    assert.ok((await everything({ created_before: beyond })).some(({ uid }) => uid === first.uid));
    assert.equal(
      (await list({ created_after: "2020-01-01", created_before: "2020-01-02T00:00:00+02:00" })).sessions.length,
      0,
    );
  });

  for (const sort of SORTS) {
    for (const order of ["asc", "desc"]) {
      it(`pages by ${sort}, ${order}, the same as in one page`, async () => {
        const whole = (await list({ sort, order, limit: "1000" })).sessions;
        assert.equal(new Set(whole.map(({ uid }) => uid)).size, all.length);
        assert.deepEqual(await everything({ sort, order, limit: "5" }), whole);
        const keys = whole.map((session) => (sort === "name" ? (session.name ?? "") : session[sort]));
        for (const [i, key] of keys.entries()) {
          const next = keys[i + 1];
          if (next === undefined) break;
          assert.ok(order === "asc" ? key <= next : key >= next, `${key} and then ${next}`);
        }
      });
    }
  }

  it("neither loses nor repeats a session when others are made and deleted between its pages", async () => {
    const filter = { tag: "stay", order: "asc", limit: "2" };
    for (let i = 0; i < 6; i++) await api.create({ session_id: `stay-${i}`, tags: ["stay"] });
    const first = await list(filter);
    await api.call("DELETE", "/sessions/stay-1");
    await api.create({ session_id: "stay-6", tags: ["stay"] });
    const rest = await everything({ ...filter, cursor: first.next_cursor ?? "" });
    assert.deepEqual(
      [...first.sessions, ...rest].map(({ session_id }) => session_id),
      [0, 1, 2, 3, 4, 5, 6].map((i) => `stay-${i}`),
    );
    for (const i of [0, 2, 3, 4, 5, 6]) await api.call("DELETE", `/sessions/stay-${i}`);
  });

  it("has 50 a page where nobody says, and no cursor on the last", async () => {
    for (let i = 0; i < 51; i++) await api.create({ user_id: "many" });
    const page = await list({ user_id: "many" });
    assert.equal(page.sessions.length, 50);
    const rest = await list({ user_id: "many", cursor: page.next_cursor ?? "" });
    assert.equal(rest.sessions.length, 1);
    assert.ok(!("next_cursor" in rest));
    assert.ok(!("next_cursor" in (await list({ user_id: "many", limit: "51" }))));
  });

  it("refuses a cursor of another query, a made-up one, and every filter that is none", async () => {
    const { next_cursor: cursor = "" } = await list({ limit: "1" });
    const forged = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    for (const [field, filter] of [
      ["cursor", { cursor, sort: "name" }],
      ["cursor", { cursor, user_id: "ann" }],
      ["cursor", { cursor, order: "asc" }],
      ["cursor", { cursor: "x" }],
      ["cursor", { cursor: forged(null) }],
      ["cursor", { cursor: forged(["", 1e300, 1]) }],
      ["cursor", { cursor: `${cursor.slice(0, -3)}AAA` }],
      ["limit", { limit: "0" }],
      ["limit", { limit: "1001" }],
      ["limit", { limit: ["1", "2"] }],
      ["status", { status: "open" }],
      ["status", { status: ["active", "failed"] }],
      ["sort", { sort: "uid" }],
      ["order", { order: "up" }],
      ["search", { search: "" }],
      ["created_after", { created_after: "yesterday" }],
      ["created_after", { created_after: "2026-02-30" }],
      ["created_before", { created_before: "2026-01-01T00:00:00" }],
      ["page", { page: "2" }],
    ] as const satisfies readonly (readonly [string, Filter])[]) {
      const { error } = await api.get(`/sessions?${queryOf(filter)}`);
      assert.equal(error.code, "VALIDATION_ERROR", JSON.stringify(filter));
      assert.equal(error.details?.[0]?.field, field, JSON.stringify(filter));
    }
  });
});

describe("POST /sessions/cleanup", () => {
  it("tells what it would expire, and then expires it, only what was idle for longer", async () => {
    await using server = await startServer();
    const api = new Api(server.url);
    const call = async (body: object): Promise<{ cleaned: number; session_ids: string[] }> =>
      (await api.post<{ cleaned: number; session_ids: string[] }>("/sessions/cleanup", body)).data;
    const ids = ["a", "b", "c", "d"];
    for (const session_id of ids) await api.create({ session_id });
    await api.post("/sessions/c/suspend");
    await api.post("/sessions/d/end", { status: "failed" });
    assert.deepEqual(await call({ max_idle_seconds: 3_600 }), { cleaned: 0, session_ids: [] });
    const { version } = await api.session("a");
    // Whoever was just used has been idle for no time at all, so the clock must move on first.
    await until("three are idle", async () => (await call({ max_idle_seconds: 0, dry_run: true })).cleaned === 3);
    assert.deepEqual((await call({ max_idle_seconds: 0, dry_run: true })).session_ids.toSorted(), ["a", "b", "c"]);
    assert.equal((await api.session("a")).version, version, "a dry run changes nothing");
    const { cleaned, session_ids } = await call({ max_idle_seconds: 0 });
    assert.deepEqual([cleaned, session_ids.toSorted()], [3, ["a", "b", "c"]]);
    for (const id of ["a", "b", "c"]) {
      const { status, reason } = await api.session(id);
      assert.deepEqual([status, reason], ["expired", "Cleaned up: idle for longer than 0 s"]);
    }
    assert.equal((await api.session("d")).status, "failed");
    assert.equal((await call({ max_idle_seconds: 0 })).cleaned, 0);
    for (const body of [{}, { max_idle_seconds: -1 }, { max_idle_seconds: "1" }, { max_idle_seconds: 1, dry_run: 1 }]) {
      assert.equal((await api.post("/sessions/cleanup", body)).error.code, "VALIDATION_ERROR");
    }
  });
});

const STATUSES = ["active", "suspended", "completed", "failed", "expired"] as const;

function tagsOf(i: number): readonly string[] {
  return [...(i % 2 === 0 ? ["red"] : []), ...(i % 3 === 0 ? ["über"] : [])];
}

function* combinations(): Generator<Filter> {
  for (const status of VALUES.status) {
    for (const user_id of VALUES.user_id) {
      for (const tag of VALUES.tag) {
        for (const parent_session_id of VALUES.parent_session_id) {
          for (const search of VALUES.search) {
            const values = Object.entries({ status, user_id, tag, parent_session_id, search });
            yield Object.fromEntries(values.filter(([, value]) => value.length > 0));
          }
        }
      }
    }
  }
}

function queryOf(filter: Filter): string {
  const members = Object.entries(filter).flatMap(([key, value]) => [value].flat().map((one) => [key, one]));
  return new URLSearchParams(members).toString();
}

function matches(session: Session, { search, tag = [], ...exact }: Filter): boolean {
  const texts = [session.session_id, session.name, session.description];
  const word = search?.toString().toLowerCase();
  return (
    Object.entries(exact).every(([key, value]) => session[key as keyof Session] === value) &&
    [tag].flat().every((one) => session.tags.includes(one)) &&
    (word === undefined || texts.some((text) => text?.toLowerCase().includes(word)))
  );
}

function statsOf(sessions: readonly Session[]): Stats {
  const sum = (of: (session: Session) => number): number => sessions.reduce((total, session) => total + of(session), 0);
  const requests = sum(({ metrics }) => metrics.request_count);
  const errors = sum(({ metrics }) => metrics.error_count);
  const us = sum(({ metrics }) => Math.round(metrics.total_processing_time * 1e6));
  return {
    sessions: sessions.length,
    by_status: Object.fromEntries(
      STATUSES.map((status) => [status, sum((session) => (session.status === status ? 1 : 0))]),
    ),
    request_count: requests,
    error_count: errors,
    total_processing_time: us / 1e6,
    input_tokens: 0,
    output_tokens: 0,
    average_processing_time: requests === 0 ? 0 : Math.floor(us / requests) / 1e6,
    error_rate: requests === 0 ? 0 : errors / requests,
  };
}
