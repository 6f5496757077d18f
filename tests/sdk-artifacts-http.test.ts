import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Artifact, ConnectOptions, Progress, Session } from "../src/client/index.ts";
import { type BehindGateway, behindGateway } from "./behind-gateway.ts";
import { answer, cut, halve, loseAnswer, type Misbehaviour, passOn, refusal, stall } from "./gateway.ts";
import { serverOfSuite } from "./suite.ts";

const MIB = 1_048_576;

describe("artifacts over HTTP", async () => {
  const { server } = await serverOfSuite();

  /** A session of a client behind a gateway. */
  async function gated(options?: ConnectOptions): Promise<BehindGateway & { readonly session: Session }> {
    const place = await behindGateway(server.url, options);
    const session = await place.sojourn.sessions.create();
    place.gateway.keys.length = 0;
    return { ...place, session };
  }

  describe("store()", () => {
    const passing: Readonly<Record<string, Misbehaviour>> = {
      "a connection that is cut": cut,
      "an answer that is cut": halve,
      "an answer that is lost": loseAnswer(server.url),
      "a server with too much to do": refusal(503, "OVERLOADED", { "retry-after": "0" }),
    };

    for (const [what, misbehaviour] of Object.entries(passing)) {
      it(`sends what is at hand again after ${what}, with one key, and stores it once`, async () => {
        await using place = await gated();
        const { gateway, session } = place;
        for (const bytes of [randomBytes(10), randomBytes(3 * MIB)]) {
          for (const content of [bytes, new Blob([bytes])]) {
            gateway.keys.length = 0;
            gateway.next.push(misbehaviour, misbehaviour);
            const stored = await session.artifacts.store("a", content, { type: "x" });
            assert.deepEqual([gateway.keys.length, new Set(gateway.keys).size], [3, 1]);
            assert.ok(bytes.equals(await stored.bytes()));
          }
        }
        assert.equal((await session.refresh()).usage.artifactCount, 4);
      });
    }

    it("sends a stream once, and gives it up where it is not taken", async () => {
      await using place = await gated();
      const { gateway, session } = place;
      for (const [misbehaviour, code] of [
        [cut, "unreachable"],
        [halve, "unreachable"],
        [refusal(503, "OVERLOADED", { "retry-after": "0" }), "overloaded"],
      ] as const) {
        const left = Promise.withResolvers<void>();
        async function* source(): AsyncGenerator<Uint8Array> {
          try {
            for (let i = 0; i < 50; i++) yield randomBytes(MIB);
          } finally {
            left.resolve();
          }
        }
        gateway.keys.length = 0;
        gateway.next.push(misbehaviour);
        await assert.rejects(session.artifacts.store("a", source(), { type: "x" }), { code });
        assert.equal(gateway.keys.length, 1);
        await left.promise;
      }
    });

    it("lets a stream take its time, and a server none", async () => {
      await using place = await gated({ timeoutMs: 300, retries: 0 });
      const { gateway, session } = place;
      async function* slow(): AsyncGenerator<Uint8Array> {
        for (let i = 0; i < 3; i++) {
          await pause(200);
          yield randomBytes(10);
        }
        await pause(400);
      }
      assert.equal((await session.artifacts.store("a", slow(), { type: "x" })).size, 30);
      for (const content of ["small", randomBytes(20 * MIB)]) {
        gateway.next.push(stall);
        await assert.rejects(session.artifacts.store("a", content, { type: "x" }), {
          code: "unreachable",
          message: /no answer within 300 ms/,
        });
      }
    });

    it("reads a stream no faster than the server takes it", async () => {
      await using place = await gated({ timeoutMs: 500, retries: 0 });
      const { gateway, session } = place;
      let made = 0;
      async function* source(): AsyncGenerator<Uint8Array> {
        for (; made < 100; made++) yield randomBytes(MIB);
      }
      gateway.next.push(stall);
      await assert.rejects(session.artifacts.store("a", source(), { type: "x" }), { code: "unreachable" });
      // As much as the sockets between them hold.
      assert.ok(made < 20, `${made} MiB`);
    });

    it("says how large the body is, where that is known, and that it is bytes", async () => {
      await using place = await gated();
      const { gateway, session } = place;
      const seen: IncomingMessage[] = [];
      const look: Misbehaviour = (incoming, outgoing) => {
        seen.push(incoming);
        passOn(server.url)(incoming, outgoing);
      };
      gateway.next.push(look, look, look);
      await session.artifacts.store("a", "{}", { type: "x", mimeType: "application/json" });
      await session.artifacts.store("a", randomBytes(MIB), { type: "x" });
      await session.artifacts.store("a", new Blob([randomBytes(MIB)]).stream(), { type: "x" });
      assert.deepEqual(
        seen.map(({ headers }) => [headers["content-type"], headers["content-length"]]),
        [
          ["application/octet-stream", "2"],
          ["application/octet-stream", String(MIB)],
          ["application/octet-stream", undefined],
        ],
      );
    });

    it("gathers a stream in a browser, which sends none", async () => {
      await using place = await gated();
      const { gateway, session } = place;
      Object.assign(globalThis, { document: {} });
      try {
        const told: Progress[] = [];
        const onProgress = (progress: Progress): unknown => told.push(progress);
        const seen: (string | undefined)[] = [];
        gateway.next.push((incoming, outgoing) => {
          seen.push(incoming.headers["content-length"]);
          passOn(server.url)(incoming, outgoing);
        });
        const stream = new Blob([randomBytes(MIB)]).stream();
        assert.equal((await session.artifacts.store("a", stream, { type: "x", onProgress })).size, MIB);
        assert.deepEqual(seen, [String(MIB)]);
        assert.equal(told.at(-1)?.done, MIB);
        await session.artifacts.store("a", new Blob(["abc"]), { type: "x", onProgress });
        assert.deepEqual(told.at(-1), { done: 3, total: 3 });
      } finally {
        Reflect.deleteProperty(globalThis, "document");
      }
    });

    it("refuses what no address could hold, and takes as much as one can", async () => {
      await using place = await gated();
      const { session } = place;
      const metadata = (length: number): object => ({ type: "x", metadata: { text: "x".repeat(length) } });
      const options = metadata(6_000) as { type: string };
      assert.deepEqual((await session.artifacts.store("a", "", options)).metadata, { text: "x".repeat(6_000) });
      await assert.rejects(session.artifacts.store("a", "", metadata(7_000) as { type: string }), {
        code: "invalid",
        message: /"metadata" takes \d+ characters in the address of the request/,
      });
    });
  });

  describe("reading", () => {
    /** An artifact of so many bytes, behind a gateway. */
    async function stored(bytes: Uint8Array, options?: ConnectOptions) {
      const place = await gated(options);
      const artifact = await place.session.artifacts.store("a", bytes, { type: "x" });
      return { ...place, artifact, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
    }

    async function read(artifact: Artifact): Promise<number> {
      let length = 0;
      for await (const piece of artifact.stream()) length += piece.length;
      return length;
    }

    it("begins again where it has not begun, and never in its middle", async () => {
      await using place = await stored(randomBytes(MIB));
      const { gateway, artifact } = place;
      gateway.next.push(cut, refusal(503, "OVERLOADED", { "retry-after": "0" }), answer(502, "<h1>Bad gateway</h1>"));
      assert.equal(await read(artifact), MIB);
      gateway.keys.length = 0;
      gateway.next.push(begun({ "content-length": String(MIB) }, 100, "cut"));
      await assert.rejects(read(artifact), { code: "unreachable", message: /broke off in the middle of the bytes/ });
      assert.equal(gateway.keys.length, 1);
    });

    it("counts the bytes, and takes neither fewer nor more for whole", async () => {
      await using place = await stored(randomBytes(1_000));
      const { gateway, artifact } = place;
      for (const [count, message] of [
        [0, /0 of 1000 bytes came/],
        [999, /999 of 1000 bytes came/],
        [1_001, /more bytes came than 1000/],
      ] as const) {
        gateway.next.push(begun({}, count, "end"));
        await assert.rejects(read(artifact), { code: "unreachable", message });
      }
      gateway.next.push(begun({}, 1_000, "end"));
      assert.equal(await read(artifact), 1_000);
    });

    it("ends where nothing comes for too long, however long whoever reads may take", async () => {
      const size = 4 * MIB;
      await using place = await stored(randomBytes(size), { timeoutMs: 300, retries: 0 });
      const { gateway, artifact } = place;
      gateway.next.push(begun({ "content-length": String(size) }, 100, "stall"));
      await assert.rejects(read(artifact), { code: "unreachable", message: /no answer within 300 ms/ });
      let length = 0;
      for await (const piece of artifact.stream()) {
        if (length === 0) await pause(400);
        length += piece.length;
      }
      assert.equal(length, size);
    });

    it("takes no whole for a part, and nothing of strangers", async () => {
      await using place = await stored(randomBytes(1_000));
      const { gateway, artifact, session } = place;
      gateway.next.push(begun({}, 1_000, "end"));
      await assert.rejects(artifact.stream({ start: 500 }).next(), { code: "not_found" });
      gateway.next.push(answer(200, "<h1>Welcome</h1>", { "content-type": "text/html" }));
      await assert.rejects(session.export().next(), { code: "not_found" });
    });

    it("tells what a server refuses", async () => {
      await using place = await stored(randomBytes(10));
      const { gateway, artifact } = place;
      for (const [status, wire, code] of [
        [500, "CONTENT_DAMAGED", "content_damaged"],
        [404, "ARTIFACT_NOT_FOUND", "artifact_not_found"],
        [403, "FORBIDDEN", "forbidden"],
        [416, "SOMETHING_NEW", "range_not_satisfiable"],
      ] as const) {
        gateway.next.push(refusal(status, wire));
        await assert.rejects(read(artifact), { code });
      }
    });
  });
});

/** The server begins to answer with so many bytes, and then is cut off, ends, or says nothing more. */
function begun(headers: Record<string, string>, count: number, then: "cut" | "end" | "stall"): Misbehaviour {
  return (_, outgoing) => {
    outgoing.writeHead(200, { "content-type": "application/octet-stream", ...headers });
    outgoing.write(new Uint8Array(count), () => {
      if (then === "cut") outgoing.destroy();
      if (then === "end") outgoing.end();
    });
    outgoing.flushHeaders();
  };
}
