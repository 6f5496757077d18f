import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Api, type Session } from "./api.ts";
import { ChildServer } from "./child-server.ts";
import { Client } from "./client.ts";
import { until } from "./until.ts";

const LANES = 24;
const TOPICS = 3;

/** How often a server is killed, each after so many more answers. */
const KILLS = [1, 150, 500];

interface Message {
  readonly seq: number;
  readonly content: { readonly lane: number; readonly round: number };
}

/** What came to the webhook's address. */
interface Delivery {
  readonly id: string;
  readonly cursor: number;
  readonly sessionId: string;
  readonly text: string;
}

/**
 * One client, which does the same again and again: publishes, acknowledges what it published, sets a template, and begins a
 * session from that. What got no answer it sends again, as it was.
 */
class Lane {
  readonly lane: number;
  readonly topic: string;
  /** Of its messages, by their rounds from 1 on: where it was told that they stand. */
  readonly seqs: number[] = [];
  answers = 0;

  constructor(lane: number) {
    this.lane = lane;
    this.topic = `topic-${lane % TOPICS}`;
  }

  get name(): string {
    return `lane-${this.lane}`;
  }

  /** How often a step was answered; each round has four. */
  done(step: number): number {
    return Math.floor((this.answers + 3 - step) / 4);
  }

  tag(round: number): string {
    return `lane-${this.lane}-round-${round}`;
  }

  /** Takes the next step, which was perhaps sent before. Rejects where no answer comes. */
  async next(client: Client): Promise<void> {
    const step = this.answers % 4;
    const round = this.done(step) + 1;
    const key = `${this.name} ${this.answers}`;
    const { topic, name, lane } = this;
    const sent = [
      () => client.call("POST", `/topics/${topic}/messages`, { content: { lane, round } }, key),
      () => client.call("POST", `/topics/${topic}/subscribers/${name}/ack`, { through: this.seqs.at(-1) }),
      () => client.call("PUT", `/templates/${name}`, { tags: [this.tag(round)] }),
      () => client.call("POST", "/sessions", { session_id: this.tag(round), template: name }, key),
    ][step];
    const { status, text } = (await sent?.()) ?? assert.fail();
    assert.ok(status === 200 || status === 201, text);
    if (step === 0) this.seqs.push((JSON.parse(text) as { data: Message }).data.seq);
    this.answers += 1;
  }
}

describe("a server that is killed while topics, templates and webhooks are in use", () => {
  let directory = "";
  let target: Server;
  const deliveries: Delivery[] = [];
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sojourn-topics-crash-"));
    target = createServer(async (request, response) => {
      const text = await request.toArray().then(
        (chunks) => chunks.join(""),
        () => undefined,
      );
      // Cut off with the server that sent it.
      if (text === undefined) return;
      const { cursor, session_id: sessionId } = (JSON.parse(text) as { data: { cursor: string; session_id: string } })
        .data;
      deliveries.push({ id: String(request.headers["webhook-id"]), cursor: Number(cursor), sessionId, text });
      response.writeHead(204).end();
    });
    target.listen(0, "127.0.0.1");
    await once(target, "listening");
  });
  after(async () => {
    target.close();
    await rm(directory, { recursive: true });
  });

  const start = (): Promise<ChildServer> =>
    ChildServer.start(join(directory, "data"), { SOJOURN_WEBHOOK_TARGETS: "any" });

  it("has every acknowledged write once, and brings every event", async () => {
    const lanes = Array.from({ length: LANES }, (_, i) => new Lane(i));
    const answers = () => lanes.reduce((sum, lane) => sum + lane.answers, 0);
    for (const [i, more] of KILLS.entries()) {
      await using server = await start();
      if (i === 0) {
        const url = `http://127.0.0.1:${(target.address() as AddressInfo).port}`;
        const body = { url, types: ["session.created"] };
        assert.equal((await new Api(server.url).call("PUT", "/webhooks/archive", { body })).status, 201);
      } else await check(server, lanes);
      const enough = answers() + more;
      await load(server, lanes, async () => {
        if (answers() >= enough) assert.deepEqual(await server.end("SIGKILL"), [null, "SIGKILL"]);
      });
    }
    await using server = await start();
    await check(server, lanes);
    // Each takes up what was cut off, and ends its round.
    using client = new Client(server.url, LANES);
    for (const lane of lanes)
      do await lane.next(client);
      while (lane.answers % 4 > 0);
    await check(server, lanes);
    const begun = lanes.flatMap((lane) => Array.from({ length: lane.done(3) }, (_, i) => lane.tag(i + 1)));
    const brought = () => new Set(deliveries.map(({ sessionId }) => sessionId));
    await until("all events were brought", async () => brought().size >= begun.length);
    assert.deepEqual([...brought()].sort(), begun.sort());
    assertBroughtInOrder(deliveries);
  });
});

/** Works with all lanes at once until the server no longer answers. */
async function load({ url }: ChildServer, lanes: readonly Lane[], afterEach: () => Promise<void>): Promise<void> {
  using client = new Client(url, LANES);
  const ends: Promise<void>[] = [];
  const work = async (lane: Lane): Promise<void> => {
    for (;;) {
      const isAnswered = await lane.next(client).then(
        () => true,
        (error: unknown) => {
          if (error instanceof assert.AssertionError) throw error;
          return false;
        },
      );
      if (!isAnswered) return;
      ends.push(afterEach());
    }
  };
  await Promise.all(lanes.map(work));
  await Promise.all(ends);
}

/** Holds the server against what the lanes know: what was answered is there once, and what was not is there once or not. */
async function check({ url }: ChildServer, lanes: readonly Lane[]): Promise<void> {
  const api = new Api(url);
  const topics = new Map<string, readonly Message[]>();
  for (const topic of new Set(lanes.map((lane) => lane.topic))) topics.set(topic, await messagesOf(api, topic));
  for (const lane of lanes) {
    const { topic, name, seqs } = lane;
    const own = topics.get(topic)?.filter(({ content }) => content.lane === lane.lane) ?? [];
    assertDone(own.length, lane, 0);
    assert.deepEqual(
      own.map(({ content }) => content.round),
      own.map((_, i) => i + 1),
    );
    assert.deepEqual(
      own.slice(0, seqs.length).map(({ seq }) => seq),
      seqs,
    );

    const { acknowledged } = (await api.get<{ acknowledged: number }>(`/topics/${topic}/subscribers/${name}`)).data;
    assertDone(acknowledged === 0 ? 0 : seqs.indexOf(acknowledged) + 1, lane, 1);

    const template = await api.get<{ tags: readonly string[]; version: number }>(`/templates/${name}`);
    if (template.status === 404) assertDone(0, lane, 2);
    else assertDone(Number(template.data.tags[0]?.split("-").at(-1)), lane, 2);

    for (let round = 1; round <= lane.done(3); round++) {
      const session = await api.session(lane.tag(round));
      assert.deepEqual([session.tags, session.version], [[lane.tag(round)], 1]);
    }
    const tagged = await api.get<{ sessions: readonly Session[] }>(`/sessions?search=${lane.name}-&limit=1000`);
    assertDone(tagged.data.sessions.length, lane, 3);
  }
}

/** Refuses a count of a step other than what was answered, or one more where that step is still to be answered. */
function assertDone(count: number, lane: Lane, step: number): void {
  const done = lane.done(step);
  const max = lane.answers % 4 === step ? done + 1 : done;
  assert.ok(count >= done && count <= max, `${lane.name} has done step ${step} ${count} times, not ${done} to ${max}`);
}

async function messagesOf(api: Api, topic: string): Promise<readonly Message[]> {
  const messages: Message[] = [];
  for (let after: string | undefined = "0"; after !== undefined; ) {
    const path: string = `/topics/${topic}/messages?limit=1000&after=${after}`;
    const { data } = await api.get<{ messages: readonly Message[]; next_cursor?: string }>(path);
    messages.push(...data.messages);
    after = data.next_cursor;
  }
  assert.deepEqual(
    messages.map(({ seq }) => seq),
    messages.map((_, i) => i + 1),
  );
  const kept = await api.get<{ messages: number }>(`/topics/${topic}`);
  assert.equal(kept.data.messages, messages.length);
  return messages;
}

/** Events came in the order of the feed; only what was under way when a server was killed came again, as it was. */
function assertBroughtInOrder(deliveries: readonly Delivery[]): void {
  const first = new Map<string, Delivery>();
  for (const [i, delivery] of deliveries.entries()) {
    const known = first.get(delivery.id);
    if (known === undefined) first.set(delivery.id, delivery);
    else assert.deepEqual([delivery, deliveries[i - 1]?.id], [known, delivery.id]);
  }
  const cursors = [...first.values()].map(({ cursor }) => cursor);
  assert.deepEqual(
    cursors,
    cursors.toSorted((a, b) => a - b),
  );
  assert.equal(first.size, new Set(deliveries.map(({ sessionId }) => sessionId)).size);
  assert.ok(deliveries.length - first.size <= KILLS.length);
}
