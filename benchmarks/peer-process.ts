/** A peer's own process: takes orders from its parent, one at a time. It is given its module's name, and options as JSON. */
import type { Peer, PeerModule, PeerOptions } from "./peer.ts";
import { turnOf } from "./peer.ts";
import type { PeerOrder, PeerReply } from "./peer-contest.ts";

const [, , name, json] = process.argv;
// NOTE: the parent sends what peer.ts says, and each module of peers/ exports it.
const options = JSON.parse(json ?? "") as PeerOptions;
const { open, keepsHistory } = (await import(`./peers/${name}.ts`)) as PeerModule;

const peer = await open(options);
const appended = Array.from({ length: options.callers }, () => 0);

process.on("message", (order: PeerOrder) => {
  void run(order).then(reply, (error: unknown) => reply({ error: String(error) }));
});
process.once("disconnect", () => {
  void peer.close().finally(() => process.exit());
});

function reply(message: PeerReply): void {
  process.send?.(message);
}

async function run(order: PeerOrder): Promise<PeerReply> {
  if (order.order === "append") return { turnsPerSecond: await appendForAWhile(peer, order.forMs) };
  await verify(peer);
  return { pragmas: (await peer.pragmas()) ?? null };
}

async function appendForAWhile(to: Peer, forMs: number): Promise<number> {
  const started = performance.now();
  let turns = 0;
  const call = async (caller: number): Promise<void> => {
    while (performance.now() - started < forMs) {
      const number = (appended[caller] ?? 0) + 1;
      await to.append(caller, turnOf(number));
      appended[caller] = number;
      turns += 1;
    }
  };
  await Promise.all(appended.map((_, caller) => call(caller)));
  return (turns / (performance.now() - started)) * 1_000;
}

/** Reads every session back, and throws if a turn is not there as it was appended. */
async function verify(from: Peer): Promise<void> {
  for (const [caller, count] of appended.entries()) {
    if (count === 0) throw new Error(`Session ${caller} of ${name} has no turn, so that there is nothing to compare`);
    const found = JSON.stringify(await from.turns(caller));
    const first = keepsHistory ? 1 : count;
    const expected = Array.from({ length: count - first + 1 }, (_, i) => turnOf(first + i));
    if (found !== JSON.stringify(expected)) throw new Error(`Session ${caller} of ${name} is not as it was written`);
  }
}
