import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Api, type Session } from "./api.ts";
import { ChildServer } from "./child-server.ts";
import { Client } from "./client.ts";

const SESSIONS = 24;
const CONNECTIONS = 30;

/** One request that was sent. It has a key, so that it may be sent again. */
interface Write {
  readonly session: number;
  readonly key: string;
  readonly method: string;
  readonly path: string;
  readonly body: object;
}

/** What a client knows of the writes it sent. */
class Ledger {
  readonly acknowledged: Write[] = [];
  /** Sent, and whatever came of it. */
  readonly open = new Set<Write>();
  #sent = 0;

  /** The next write: every other one counts, and the rest change what several views show. */
  next(): Write {
    this.#sent += 1;
    const session = this.#sent % SESSIONS;
    const id = `s-${session}`;
    const key = `write-${this.#sent}`;
    const step = `step-${this.#sent}`;
    const write =
      this.#sent % 2 === 0
        ? { session, key, method: "POST", path: `/sessions/${id}/metrics`, body: { requests: 1 } }
        : {
            session,
            key,
            method: "PATCH",
            path: `/sessions/${id}`,
            body: { name: step, tags: [step], metadata: { step } },
          };
    this.open.add(write);
    return write;
  }

  acknowledge(write: Write): void {
    this.open.delete(write);
    this.acknowledged.push(write);
  }

  /** How many operations each session must have at least, and may have at most, after its creation. */
  bounds(session: number): readonly [min: number, max: number] {
    const of = (writes: Iterable<Write>): number => [...writes].filter((write) => write.session === session).length;
    const min = of(this.acknowledged);
    return [min, min + of(this.open)];
  }
}

describe("a server that is killed", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sojourn-crash-"));
  });
  after(() => rm(directory, { recursive: true }));

  it("has every acknowledged write, whole, however often it is killed, and takes up what was cut off once", async () => {
    const data = join(directory, "killed");
    const ledger = new Ledger();
    for (const more of [1, 200, 600]) {
      await using server = await ChildServer.start(data);
      if (ledger.acknowledged.length === 0) await createAll(server);
      else await check(server, ledger);
      await resume(server, ledger);
      const enough = ledger.acknowledged.length + more;
      await load(server, ledger, async () => {
        if (ledger.acknowledged.length >= enough) assert.deepEqual(await server.end("SIGKILL"), [null, "SIGKILL"]);
      });
      assert.ok(ledger.open.size > 0, "it was killed with requests in hand");
    }
    await using server = await ChildServer.start(data);
    await check(server, ledger);
    await resume(server, ledger);
    assert.equal(ledger.open.size, 0);
    await check(server, ledger);
  });

  it("answers all that is in hand on SIGTERM, and ends with 0", async () => {
    const data = join(directory, "stopped");
    const ledger = new Ledger();
    {
      await using server = await ChildServer.start(data);
      await createAll(server);
      await load(server, ledger, async () => {
        if (ledger.acknowledged.length >= 300) assert.deepEqual(await server.end("SIGTERM"), [0, null]);
      });
    }
    await using server = await ChildServer.start(data);
    // What was not answered did not happen.
    ledger.open.clear();
    await check(server, ledger);
  });
});

async function createAll({ url }: ChildServer): Promise<void> {
  using client = new Client(url, CONNECTIONS);
  const ids = Array.from({ length: SESSIONS }, (_, i) => `s-${i}`);
  for (const answer of await Promise.all(ids.map((session_id) => client.call("POST", "/sessions", { session_id })))) {
    assert.equal(answer.status, 201, answer.text);
  }
}

/** Writes over all connections until the server no longer answers. */
async function load({ url }: ChildServer, ledger: Ledger, afterEach: () => Promise<void>): Promise<void> {
  using client = new Client(url, CONNECTIONS);
  const ends: Promise<void>[] = [];
  const worker = async (): Promise<void> => {
    for (;;) {
      const write = ledger.next();
      const answer = await client.call(write.method, write.path, write.body, write.key).catch(() => undefined);
      if (answer === undefined) return;
      assert.equal(answer.status, 200, answer.text);
      ledger.acknowledge(write);
      ends.push(afterEach());
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  await Promise.all(ends);
}

/** Sends again whatever got no answer, as a client with keys would. */
async function resume({ url }: ChildServer, ledger: Ledger): Promise<void> {
  using client = new Client(url, CONNECTIONS);
  for (const write of ledger.open) {
    const answer = await client.call(write.method, write.path, write.body, write.key);
    assert.equal(answer.status, 200, answer.text);
    ledger.acknowledge(write);
  }
}

async function check({ url }: ChildServer, ledger: Ledger): Promise<void> {
  const api = new Api(url);
  const { data } = await api.get<{ sessions: Session[] }>("/sessions?limit=1000");
  assert.equal(data.sessions.length, SESSIONS);
  for (const session of data.sessions) {
    const { session_id: id, version, metrics, metadata, name, tags } = session;
    const [min, max] = ledger.bounds(Number(id.slice(2)));
    const writes = version - 1;
    assert.ok(writes >= min && writes <= max, `${id} has ${writes} writes, not ${min} to ${max}`);
    const verdict = await api.get<{ ok: boolean; operations: number }>(`/sessions/${id}/verify`);
    assert.deepEqual([verdict.data.ok, verdict.data.operations], [true, version], id);
    // Everything that one write changes, it changed; and each operation shows in its view.
    const { step } = metadata;
    assert.deepEqual([name, tags], [step, step === undefined ? [] : [step]]);
    if (step !== undefined) {
      const tagged = await api.get<{ sessions: Session[] }>(`/sessions?tag=${step}`);
      assert.deepEqual(tagged.data.sessions, [session]);
    }
    const counted = await api.get<{ operations: object[] }>(
      `/sessions/${id}/operations?kind=metrics.recorded&limit=1000`,
    );
    assert.equal(counted.data.operations.length, metrics.request_count);
  }
}
