import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Artifact, Artifacts, Progress, Session, Sojourn } from "../src/client/index.ts";
import { PLACES } from "./sdk-places.ts";

/** Passed as JavaScript would, which knows no types. */
function untyped<T>(value: unknown): T {
  return value as T;
}

const MIB = 1_048_576;

const NOBODY = "artifact_0123456789abcdef";

interface Large {
  readonly content: Blob | Uint8Array | AsyncIterable<Uint8Array>;
  readonly hash: string;
}

/** 20 MiB of which no two pieces are the same. */
const LARGE: Readonly<Record<string, () => Large>> = {
  bytes: () => {
    const content = randomBytes(20 * MIB);
    return { content, hash: createHash("sha256").update(content).digest("hex") };
  },
  "a blob": () => {
    const content = randomBytes(20 * MIB);
    return { content: new Blob([content]), hash: createHash("sha256").update(content).digest("hex") };
  },
  "a stream": () => {
    // As they come: not of the size of anything that they pass through.
    const made = Array.from({ length: 209 }, () => randomBytes(100_000));
    made.push(randomBytes(20 * MIB - 20_900_000));
    return { content: pieces(made), hash: createHash("sha256").update(Buffer.concat(made)).digest("hex") };
  },
};

for (const [name, start] of PLACES) {
  describe(`the SDK by ${name} has artifacts`, async () => {
    const roots = await mkdtemp(join(tmpdir(), "sojourn-roots-"));
    const place = await start({ artifactRoots: roots });
    after(async () => {
      await place[Symbol.asyncDispose]();
      await rm(roots, { recursive: true });
    });
    const { sojourn } = place;
    const { sessions } = sojourn;

    describe("store()", () => {
      it("keeps a text, and all that is said of it", async () => {
        const session = await sessions.create({ sessionId: "whole" });
        const stored = await session.artifacts.store("report.csv", "a;b\nü;€\n", {
          type: "tool_result",
          mimeType: "text/csv; charset=utf-8",
          tags: ["table", "a,b", "ü"],
          metadata: { rows: 1, nested: { list: [1, null, "ü&="] } },
        });
        const { artifactId, contentHash, createdAt, createdBy, storedSize, ...rest } = stored;
        assert.deepEqual(rest, {
          sessionId: "whole",
          name: "report.csv",
          type: "tool_result",
          version: 1,
          previousHash: undefined,
          size: 11,
          isCompressed: false,
          mimeType: "text/csv; charset=utf-8",
          tags: ["table", "a,b", "ü"],
          metadata: { rows: 1, nested: { list: [1, null, "ü&="] } },
          seq: 2,
          goneSeq: undefined,
        });
        assert.match(artifactId, /^artifact_[0-9a-f]{16}$/);
        assert.match(contentHash, /^[0-9a-f]{64}$/);
        assert.ok(Math.abs(createdAt.getTime() - Date.now()) < 10_000);
        assert.equal(createdBy, "local");
        assert.ok(storedSize !== undefined && storedSize >= 11);
        assert.equal(await stored.text(), "a;b\nü;€\n");
        assert.deepEqual({ ...(await session.artifacts.get(artifactId)) }, { ...stored });
        assert.equal(JSON.parse(JSON.stringify(stored)).createdAt, createdAt.toISOString());
      });

      it("brings its session up to date, so that the next write fits to it", async () => {
        const [session, other] = [await sessions.create(), await sessions.create()];
        const { artifactId } = await session.artifacts.store("a", "abc", { type: "x" });
        assert.deepEqual(
          [session.version, session.usage],
          [2, { operationCount: 2, artifactCount: 1, artifactBytes: 3, objectCount: 0 }],
        );
        await session.artifacts.store("b", "abcd", { type: "x", ifMatch: session.version });
        await assert.rejects(session.artifacts.store("b", "", { type: "x", ifMatch: 2 }), {
          code: "precondition_failed",
        });
        await session.artifacts.grant(artifactId, other, "read");
        assert.equal(session.version, 4);
        await session.artifacts.revoke(artifactId, other);
        assert.equal(session.version, 5);
        await session.artifacts.delete(artifactId);
        assert.deepEqual(
          [session.version, session.usage],
          [6, { operationCount: 6, artifactCount: 1, artifactBytes: 4, objectCount: 0 }],
        );
        assert.deepEqual((await sessions.get(session.uid)).toJSON(), session.toJSON());
      });

      it("numbers the versions of a name", async () => {
        const session = await sessions.create();
        const first = await session.artifacts.store("plan.md", "one", { type: "agent_output" });
        await session.artifacts.store("other.md", "one", { type: "agent_output" });
        const second = await session.artifacts.store("plan.md", "two", { type: "agent_output" });
        await session.artifacts.delete(second.artifactId);
        const third = await session.artifacts.store("plan.md", "one", { type: "agent_output" });
        assert.deepEqual([first.version, second.version, third.version], [1, 2, 3]);
        assert.deepEqual([second.previousHash, third.contentHash], [first.contentHash, first.contentHash]);
        assert.deepEqual([await first.text(), await third.text()], ["one", "one"]);
      });

      it("takes bytes in whatever form", async () => {
        const session = await sessions.create();
        const bytes = Uint8Array.of(0, 255, 10, 13, 128);
        const shapes: Readonly<Record<string, Parameters<Artifacts["store"]>[1]>> = {
          bytes,
          part: Uint8Array.of(1, ...bytes, 2).subarray(1, 6),
          buffer: bytes.buffer,
          view: new DataView(bytes.buffer),
          blob: new Blob([bytes]),
          stream: new Blob([bytes]).stream(),
          answer: new Response(bytes).body ?? assert.fail(),
          pieces: pieces([bytes.subarray(0, 2), bytes.subarray(2, 2), bytes.subarray(2)]),
        };
        for (const [name, content] of Object.entries(shapes)) {
          const stored = await session.artifacts.store(name, content, { type: "user_input" });
          assert.deepEqual([stored.size, await stored.bytes()], [5, bytes], name);
        }
        assert.equal(session.usage.artifactBytes, 5 * Object.keys(shapes).length);
      });

      it("takes content without bytes, at hand or as it comes", async () => {
        const session = await sessions.create();
        const told: Progress[] = [];
        const onProgress = (progress: Progress): unknown => told.push(progress);
        for (const content of ["", new Blob([]), pieces([]), new Blob([]).stream()]) {
          const stored = await session.artifacts.store("empty", content, { type: "x", onProgress });
          assert.deepEqual([stored.size, await stored.text(), await Array.fromAsync(stored.stream())], [0, "", []]);
        }
        assert.deepEqual(
          told,
          Array.from({ length: 4 }, () => ({ done: 0, total: 0 })),
        );
      });

      it("goes by the type of a blob, or by the name, where nobody says what it is", async () => {
        const { artifacts } = await sessions.create();
        const mimeTypeOf = async (...[name, content, more = {}]: readonly [string, string | Blob, object?]) =>
          (await artifacts.store(name, content, { type: "x", ...more })).mimeType;
        assert.equal(await mimeTypeOf("a.json", "{}"), "application/json");
        assert.equal(await mimeTypeOf("a.json", new Blob(["{}"], { type: "text/plain" })), "text/plain");
        assert.equal(await mimeTypeOf("a", new Blob(["{}"], { type: "text/plain" }), { mimeType: "a/b" }), "a/b");
        assert.equal(await mimeTypeOf("a", "{}"), "application/octet-stream");
      });

      for (const [kind, make] of Object.entries(LARGE)) {
        it(`takes 20 MiB as ${kind}, tells how far it is, and gives them back`, async () => {
          const session = await sessions.create();
          const { content, hash } = make();
          const told: Progress[] = [];
          const stored = await session.artifacts.store("large.bin", content, {
            type: "tool_result",
            onProgress: (progress) => told.push(progress),
          });
          assert.equal(stored.size, 20 * MIB);
          const total = kind === "a stream" ? undefined : 20 * MIB;
          assert.ok(told.length > 10, `${told.length}`);
          assert.deepEqual(told.at(-1), { done: 20 * MIB, total });
          assert.ok(told.every(({ done }, i) => done > (told[i - 1]?.done ?? 0)));
          const read: Progress[] = [];
          const digest = createHash("sha256");
          for await (const piece of stored.stream({ onProgress: (progress) => read.push(progress) })) {
            digest.update(piece);
          }
          assert.equal(digest.digest("hex"), hash);
          assert.deepEqual(read.at(-1), { done: 20 * MIB, total: 20 * MIB });
        });
      }

      it("reads a stream no faster than it is taken", async () => {
        const session = await sessions.create();
        let made = 0;
        let most = 0;
        let taken = 0;
        async function* source(): AsyncGenerator<Uint8Array> {
          for (; made < 20; ) {
            made++;
            most = Math.max(most, made * MIB - taken);
            yield randomBytes(MIB);
          }
        }
        const onProgress = ({ done }: Progress): void => {
          taken = done;
        };
        await session.artifacts.store("paced", source(), { type: "x", onProgress });
        assert.equal(made, 20);
        assert.ok(most <= 2 * MIB, `${most}`);
      });

      it("throws what a stream throws, and stores nothing", async () => {
        const session = await sessions.create();
        const failure = new Error("the source broke");
        let isOver = false;
        async function* broken(): AsyncGenerator<Uint8Array> {
          try {
            yield randomBytes(MIB);
            throw failure;
          } finally {
            isOver = true;
          }
        }
        await assert.rejects(session.artifacts.store("a", broken(), { type: "x" }), (error) => error === failure);
        assert.equal(isOver, true);
        await assert.rejects(session.artifacts.store("a", untyped(pieces(untyped(["text"]))), { type: "x" }), {
          code: "invalid",
        });
        const onProgress = (): never => {
          throw failure;
        };
        await assert.rejects(
          session.artifacts.store("a", pieces([randomBytes(MIB)]), { type: "x", onProgress }),
          (error) => error === failure,
        );
        assert.equal((await session.refresh()).version, 1);
      });

      it("ends with its signal, and gives up the stream", async () => {
        const session = await sessions.create();
        const abort = new AbortController();
        const reason = new Error("enough");
        const left = Promise.withResolvers<void>();
        async function* source(): AsyncGenerator<Uint8Array> {
          try {
            yield randomBytes(100);
            abort.abort(reason);
            for (;;) yield randomBytes(MIB);
          } finally {
            left.resolve();
          }
        }
        const { signal } = abort;
        await assert.rejects(
          session.artifacts.store("a", source(), { type: "x", signal }),
          (error) => error === reason,
        );
        await left.promise;
        await assert.rejects(session.artifacts.store("a", "", { type: "x", signal }), (error) => error === reason);
        assert.equal((await session.refresh()).usage.artifactCount, 0);
      });

      it("happens once under an idempotency key, as long as the bytes are the same", async () => {
        const session = await sessions.create();
        const options = { type: "x", idempotencyKey: "store-1" };
        const first = await session.artifacts.store("a", "abc", options);
        const again = await session.artifacts.store("a", pieces([Buffer.from("abc")]), options);
        assert.deepEqual({ ...again }, { ...first });
        for (const call of [
          () => session.artifacts.store("a", "abd", options),
          () => session.artifacts.store("b", "abc", options),
        ]) {
          await assert.rejects(call(), { code: "idempotency_mismatch" });
        }
        assert.equal(session.usage.artifactCount, 1);
      });

      it("is refused for what can't be stored, by the names of the fields", async () => {
        const session = await sessions.create();
        const refused: readonly (readonly [call: () => Promise<unknown>, fields: readonly string[]])[] = [
          [() => session.artifacts.store("", "", { type: "x" }), ["name"]],
          [() => session.artifacts.store("a/b", "", { type: "x" }), ["name"]],
          [() => session.artifacts.store("x".repeat(256), "", { type: "x" }), ["name"]],
          [() => session.artifacts.store("a", "", untyped({})), ["artifact_type"]],
          [() => session.artifacts.store("a", "", untyped(undefined)), ["artifact_type"]],
          [() => session.artifacts.store("a", "", { type: "x", mimeType: "none" }), ["mime_type"]],
          [() => session.artifacts.store("a", "", { type: "x", tags: [""] }), ["tags.0"]],
          [() => session.artifacts.store("a", "", { type: "x", metadata: untyped([]) }), ["metadata"]],
          [() => session.artifacts.store("a", "\ud800", { type: "x" }), ["content"]],
          ...[7, null, undefined, {}, [1]].map((content) => {
            return [() => session.artifacts.store("a", untyped(content), { type: "x" }), ["content"]] as const;
          }),
        ];
        for (const [call, fields] of refused) {
          await assert.rejects(call(), (error: { code: string; faults: { field: string }[] }) => {
            assert.deepEqual(
              [error.code, ...error.faults.map(({ field }) => field)],
              ["invalid", ...fields],
              `${call}`,
            );
            return true;
          });
        }
        assert.equal((await session.refresh()).version, 1);
      });

      it("is refused where there is no room, and where the session is not active", async () => {
        await using small = await start({ maxArtifactBytes: 1_000_000, maxArtifactsPerSession: 2 });
        const session = await small.sojourn.sessions.create();
        const { artifacts } = session;
        const large = new Uint8Array(1_000_001);
        for (const content of [large, new Blob([large]), pieces([large]), pieces(Array(20).fill(large))]) {
          await assert.rejects(artifacts.store("a", content, { type: "x" }), { code: "payload_too_large" });
        }
        await artifacts.store("a", large.subarray(1), { type: "x" });
        await artifacts.store("a", "", { type: "x" });
        await assert.rejects(artifacts.store("a", "", { type: "x" }), { code: "limit_reached" });
        await session.suspend();
        await assert.rejects(artifacts.store("a", "", { type: "x" }), { code: "invalid_transition" });
        await session.delete();
        await assert.rejects(artifacts.store("a", "", { type: "x" }), { code: "session_not_found" });
      });
    });

    describe("storeFile()", () => {
      it("keeps a file of the server's, by its name or another", async () => {
        const path = join(roots, "seen.txt");
        await writeFile(path, "from a file");
        const { artifacts } = await sessions.create();
        const stored = await artifacts.storeFile(path, { type: "user_input", tags: ["file"], metadata: { n: 1 } });
        assert.deepEqual(
          [stored.name, stored.mimeType, stored.tags, stored.metadata, await stored.text()],
          ["seen.txt", "text/plain", ["file"], { n: 1 }, "from a file"],
        );
        const named = await artifacts.storeFile(path, { type: "user_input", name: "other", mimeType: "a/b" });
        assert.deepEqual([named.name, named.mimeType, named.contentHash], ["other", "a/b", stored.contentHash]);
      });

      it("is refused for what lies elsewhere, and where no directory is allowed", async () => {
        const { artifacts } = await sessions.create();
        for (const path of ["/etc/passwd", join(roots, ".."), `${roots}/../etc/passwd`]) {
          await assert.rejects(artifacts.storeFile(path, { type: "x" }), { code: "forbidden" }, path);
        }
        await using plain = await start();
        const other = await plain.sojourn.sessions.create();
        await assert.rejects(other.artifacts.storeFile(join(roots, "seen.txt"), { type: "x" }), { code: "forbidden" });
      });
    });

    describe("an artifact", () => {
      it("is read in part", async () => {
        const { artifacts } = await sessions.create();
        const stored = await artifacts.store("digits", "0123456789", { type: "x" });
        const read = async (span: object): Promise<string> =>
          Buffer.concat(await Array.fromAsync(stored.stream(span))).toString();
        assert.equal(await read({}), "0123456789");
        assert.equal(await read({ start: 0 }), "0123456789");
        assert.equal(await read({ start: 3 }), "3456789");
        assert.equal(await read({ start: 3, end: 5 }), "34");
        assert.equal(await read({ end: 1 }), "0");
        assert.equal(await read({ start: 8, end: 100 }), "89");
        assert.equal(await read({ start: -3 }), "789");
        assert.equal(await read({ start: -30 }), "0123456789");
        for (const start of [10, 11]) await assert.rejects(read({ start }), { code: "range_not_satisfiable" });
        for (const span of [{ start: 2, end: 2 }, { start: 1.5 }, { start: -2, end: 9 }, { end: "1" }, { end: 0 }]) {
          await assert.rejects(read(span), { code: "invalid" }, JSON.stringify(span));
        }
        const empty = await artifacts.store("empty", "", { type: "x" });
        await assert.rejects(empty.stream({ start: 1 }).next(), { code: "range_not_satisfiable" });
      });

      it("is read in part across the pieces that it is kept in", async () => {
        const { artifacts } = await sessions.create();
        const bytes = randomBytes(3 * MIB);
        const stored = await artifacts.store("pieces", bytes, { type: "x" });
        const part = Buffer.concat(await Array.fromAsync(stored.stream({ start: MIB - 1, end: 2 * MIB + 1 })));
        assert.ok(part.equals(bytes.subarray(MIB - 1, 2 * MIB + 1)));
      });

      it("is left in the middle, or ended by its signal", async () => {
        const { artifacts } = await sessions.create();
        const stored = await artifacts.store("long", randomBytes(4 * MIB), { type: "x" });
        for await (const piece of stored.stream()) {
          assert.ok(piece.length > 0);
          break;
        }
        const abort = new AbortController();
        const reason = new Error("enough");
        await assert.rejects(
          async () => {
            for await (const _ of stored.stream({ signal: abort.signal })) abort.abort(reason);
          },
          (error) => error === reason,
        );
        await assert.rejects(stored.bytes({ signal: abort.signal }), (error) => error === reason);
        assert.equal((await stored.bytes()).length, 4 * MIB);
      });

      it("is text and JSON where its bytes are, and says so where they are not", async () => {
        const { artifacts } = await sessions.create();
        const json = await artifacts.store("a.json", '\uFEFF{"a":[1,"ü"]}', { type: "x" });
        assert.equal(await json.text(), '\uFEFF{"a":[1,"ü"]}');
        assert.deepEqual(await json.json(), { a: [1, "ü"] });
        const text = await artifacts.store("a.txt", "{", { type: "x" });
        await assert.rejects(text.json(), { code: "invalid_json" });
        const bytes = await artifacts.store("a.bin", Uint8Array.of(0xff), { type: "x" });
        await assert.rejects(bytes.text(), { code: "invalid" });
      });

      it("is not found where it is not, by whatever is called so", async () => {
        const session = await sessions.create();
        const other = await sessions.create();
        const { artifactId } = await other.artifacts.store("a", "a", { type: "x" });
        const ids = [artifactId, NOBODY, "", ".", "..", "a/b", "artifact_", `${NOBODY}/content`, `${NOBODY}?at=1`];
        for (const id of ids) {
          for (const call of [
            () => session.artifacts.get(id),
            () => session.artifacts.delete(id),
            () => session.artifacts.grants(id),
            () => session.artifacts.grant(id, other, "read"),
            () => session.artifacts.revoke(id, other),
          ]) {
            await assert.rejects(call(), { code: "artifact_not_found" }, `${id} ${call}`);
          }
        }
        assert.equal((await session.refresh()).version, 1);
      });

      it("is gone once it was deleted, but for those who look at the past", async () => {
        const session = await sessions.create();
        const stored = await session.artifacts.store("a", "the last of these bytes", { type: "x" });
        const twin = await session.artifacts.store("b", "the last of these bytes", { type: "x" });
        await session.artifacts.delete(stored.artifactId);
        await assert.rejects(stored.text(), { code: "artifact_not_found" });
        await assert.rejects(session.artifacts.get(stored.artifactId), { code: "artifact_not_found" });
        await assert.rejects(session.artifacts.delete(stored.artifactId), { code: "artifact_not_found" });
        const past = await session.artifacts.get(stored.artifactId, { at: 3 });
        assert.deepEqual([past.goneSeq, await past.text()], [4, "the last of these bytes"]);
        await session.artifacts.delete(twin.artifactId);
        const freed = await session.artifacts.get(stored.artifactId, { at: 3 });
        assert.deepEqual([freed.storedSize, freed.isCompressed, freed.size], [undefined, undefined, 23]);
        await assert.rejects(freed.text(), { code: "artifact_not_found" });
        await assert.rejects(session.artifacts.get(stored.artifactId, { at: 1 }), { code: "artifact_not_found" });
        await session.complete();
        await assert.rejects(session.artifacts.get(stored.artifactId, { at: 99 }), { code: "invalid" });
      });
    });

    describe("list() and query()", async () => {
      const session = await sessions.create();
      const { artifacts } = session;
      const made: Artifact[] = [];
      for (const [name, type, size, tags] of [
        ["a.csv", "tool_result", 1, ["t"]],
        ["b.csv", "tool_result", 2, ["t", "u,v"]],
        ["c.txt", "agent_output", 3, []],
        ["a.csv", "agent_output", 4, ["t"]],
      ] as const) {
        made.push(await artifacts.store(name, "x".repeat(size), { type, tags }));
      }
      const sizes = async (query: Parameters<Artifacts["query"]>[0]): Promise<readonly number[]> =>
        (await artifacts.query(query)).map(({ size }) => size);

      it("give them newest first, page by page", async () => {
        const listed = await Array.fromAsync(artifacts.list({ pageSize: 1 }));
        assert.deepEqual(
          listed.map((artifact) => ({ ...artifact })),
          made.toReversed().map((artifact) => ({ ...artifact })),
        );
        assert.deepEqual(await Promise.all(listed.map((one) => one.text())), ["xxxx", "xxx", "xx", "x"]);
        assert.deepEqual(await sizes({ limit: 2 }), [4, 3]);
        assert.deepEqual(await sizes({ limit: 1_001 }), [4, 3, 2, 1]);
      });

      it("give those that match all that is said", async () => {
        assert.deepEqual(await sizes({ type: "tool_result" }), [2, 1]);
        assert.deepEqual(await sizes({ tags: ["t"] }), [4, 2, 1]);
        assert.deepEqual(await sizes({ tags: ["t", "u,v"] }), [2]);
        assert.deepEqual(await sizes({ name: "a.csv" }), [4, 1]);
        assert.deepEqual(await sizes({ namePattern: "[ab].c*" }), [4, 2, 1]);
        assert.deepEqual(await sizes({ minSize: 2, maxSize: 3 }), [3, 2]);
        assert.deepEqual(await sizes({ name: "a.csv", type: "tool_result", maxSize: 3 }), [1]);
        assert.deepEqual(await sizes({ name: "none" }), []);
        const [first, second] = made;
        const moments = { createdAfter: first?.createdAt, createdBefore: second?.createdAt };
        const [from, to] = [Number(moments.createdAfter), Number(moments.createdBefore)];
        const within = made.filter(({ createdAt }) => Number(createdAt) >= from && Number(createdAt) <= to);
        assert.deepEqual(await sizes(moments), within.map(({ size }) => size).toReversed());
        assert.deepEqual(await sizes({ createdAfter: "2100-01-01" }), []);
        assert.deepEqual(await sizes({ createdBefore: "2100-01-01T00:00:00Z", limit: 1 }), [4]);
      });

      it("give those that there were", async () => {
        assert.deepEqual(await sizes({ at: 3 }), [2, 1]);
        await session.checkpoint("then");
        await artifacts.store("late", "", { type: "x" });
        assert.deepEqual(await sizes({ at: "then", limit: 2 }), [4, 3]);
        await assert.rejects(artifacts.query({ at: "nobody" }), { code: "checkpoint_not_found" });
      });

      it("are refused for what can't match anything", async () => {
        for (const query of [
          { limit: 0 },
          { minSize: -1 },
          { createdAfter: "soon" },
          { createdBefore: new Date(Number.NaN) },
          { colour: "red" },
          { at: 0 },
          { at: 99 },
          { namePattern: "" },
        ]) {
          await assert.rejects(artifacts.query(untyped(query)), { code: "invalid" }, JSON.stringify(query));
        }
      });
    });

    describe("grants", () => {
      it("are given, replaced, listed and taken back", async () => {
        const { artifacts, version } = await sessions.create();
        const [a, b] = [await sessions.create({ sessionId: "grantee" }), await sessions.create()];
        const { artifactId } = await artifacts.store("a", "a", { type: "x" });
        assert.deepEqual(await artifacts.grants(artifactId), []);
        const given = await artifacts.grant(artifactId, "grantee", "read");
        assert.deepEqual(given, {
          artifactId,
          sessionId: "grantee",
          uid: a.uid,
          permission: "read",
          seq: version + 2,
        });
        await artifacts.grant(artifactId, b, "admin");
        const replaced = await artifacts.grant(artifactId, a.uid, "write");
        assert.equal(replaced.permission, "write");
        const permissions = (await artifacts.grants(artifactId)).map(({ uid, permission }) => [uid, permission]);
        assert.deepEqual(
          permissions.sort(),
          [
            [a.uid, "write"],
            [b.uid, "admin"],
          ].sort(),
        );
        await artifacts.revoke(artifactId, a);
        await assert.rejects(artifacts.revoke(artifactId, a), { code: "not_found" });
        assert.deepEqual(
          (await artifacts.grants(artifactId)).map(({ uid }) => uid),
          [b.uid],
        );
        await assert.rejects(artifacts.grant(artifactId, "nobody", "read"), { code: "session_not_found" });
        await assert.rejects(artifacts.grant(artifactId, "a/b", "read"), { code: "session_not_found" });
        await assert.rejects(artifacts.grant(artifactId, a, untyped("own")), { code: "invalid" });
      });
    });

    describe("actingAs()", () => {
      interface Actors {
        readonly owner: Session;
        readonly other: Session;
        /** The place as the other session. */
        readonly as: Sojourn;
        readonly shared: Artifact;
        readonly kept: Artifact;
      }

      async function actors(): Promise<Actors> {
        const [owner, other] = [await sessions.create(), await sessions.create()];
        const shared = await owner.artifacts.store("shared.txt", "shared", { type: "x" });
        const kept = await owner.artifacts.store("kept.txt", "kept", { type: "x" });
        return { owner, other, as: sojourn.actingAs(other), shared, kept };
      }

      it("lets a session do all with what is its own, in its own name", async () => {
        const { other, as } = await actors();
        const own = await as.sessions.get(other.uid);
        const stored = await own.artifacts.store("own", "own", { type: "x" });
        assert.equal(stored.createdBy, `session:${other.uid}`);
        assert.equal(await stored.text(), "own");
        await own.update({ name: "renamed" });
        assert.equal((await other.refresh()).name, "renamed");
      });

      it("lets a session see and use nothing of another that is not shared with it", async () => {
        const { owner, as, shared } = await actors();
        const foreign = as.artifactsOf(owner);
        for (const call of [
          () => foreign.get(shared.artifactId),
          () => foreign.delete(shared.artifactId),
          () => foreign.grants(shared.artifactId),
          () => foreign.store("shared.txt", "mine", { type: "x" }),
          () => as.sessions.get(owner.uid),
          () => as.sessions.create(),
          () => as.sessions.list().next(),
          () => as.sessions.stats(),
          () => as.sessions.cleanup({ maxIdleMs: 0 }),
          () => as.sessions.prune({ maxSessions: 0 }),
          () => as.sessions.import(""),
          () => as.users.erase("nobody"),
          () => as.keys.list().next(),
          () => as.backUp()[Symbol.asyncIterator]().next(),
          () => as.chat("Hi"),
        ]) {
          await assert.rejects(async () => await call(), { code: "forbidden" }, `${call}`);
        }
        assert.deepEqual(await foreign.query(), []);
        assert.equal((await owner.refresh()).usage.artifactCount, 2);
      });

      it("lets it do as much as it was granted, and the owner's log has all of it", async () => {
        const { owner, other, as, shared, kept } = await actors();
        const third = await sessions.create();
        const foreign = as.artifactsOf(owner.sessionId);
        await owner.artifacts.grant(shared.artifactId, other, "read");
        const seen = await foreign.get(shared.artifactId);
        assert.deepEqual({ ...seen }, { ...shared });
        assert.equal(await seen.text(), "shared");
        assert.deepEqual(
          (await foreign.query()).map(({ artifactId }) => artifactId),
          [shared.artifactId],
        );
        await assert.rejects(foreign.store("shared.txt", "mine", { type: "x" }), { code: "forbidden" });
        await assert.rejects(foreign.delete(shared.artifactId), { code: "forbidden" });
        await assert.rejects(foreign.get(kept.artifactId), { code: "forbidden" });

        await owner.artifacts.grant(shared.artifactId, other, "write");
        const second = await foreign.store("shared.txt", "mine", { type: "x" });
        assert.deepEqual([second.version, second.createdBy], [2, `session:${other.uid}`]);
        assert.equal(await (await foreign.get(second.artifactId)).text(), "mine");
        await assert.rejects(foreign.store("another.txt", "mine", { type: "x" }), { code: "forbidden" });
        await assert.rejects(foreign.grant(shared.artifactId, other, "admin"), { code: "forbidden" });

        await owner.artifacts.grant(shared.artifactId, other, "admin");
        await foreign.grant(second.artifactId, third, "read");
        await foreign.revoke(second.artifactId, third);
        await foreign.delete(second.artifactId);
        await owner.artifacts.revoke(shared.artifactId, other);
        await assert.rejects(foreign.get(shared.artifactId), { code: "forbidden" });

        const accesses = await Array.fromAsync(owner.operations({ kind: "artifact.accessed" }));
        assert.ok(accesses.every(({ inputs }) => inputs?.by === other.uid));
        const refusals = accesses.filter(({ status }) => status === "failed");
        assert.ok(refusals.length >= 5 && refusals.length < accesses.length, `${refusals.length}`);
        assert.deepEqual(accesses[0]?.inputs, { artifactId: shared.artifactId, by: other.uid, needed: "read" });
        assert.equal((await owner.verify()).ok, true);
      });

      it("goes by the name that a session has, and is refused for none", async () => {
        const { owner, other, shared } = await actors();
        await owner.artifacts.grant(shared.artifactId, other, "read");
        const as = sojourn.actingAs(other.sessionId);
        assert.equal(await (await as.artifactsOf(owner).get(shared.artifactId)).text(), "shared");
        await assert.rejects(sojourn.actingAs("nobody").sessions.get(owner.uid), { code: "session_not_found" });
        assert.throws(() => sojourn.actingAs("a/b"), { code: "session_not_found" });
      });

      it("closes with the place that it is of, and not by itself", async () => {
        const own = await start();
        const session = await own.sojourn.sessions.create();
        const as = own.sojourn.actingAs(session);
        await as.close();
        assert.equal((await as.sessions.get(session.uid)).uid, session.uid);
        await own[Symbol.asyncDispose]();
        await assert.rejects(as.sessions.get(session.uid), { code: "store_unavailable" });
        await assert.rejects(session.artifacts.store("a", "", { type: "x" }), { code: "store_unavailable" });
      });
    });

    it("erases the artifacts of a user, and counts them", async () => {
      const session = await sessions.create({ userId: "eve" });
      await session.artifacts.store("a", "abc", { type: "x" });
      await session.artifacts.store("a", "abc", { type: "x" });
      const { artifacts, artifactBytes } = await sojourn.users.erase("eve");
      assert.deepEqual([artifacts, artifactBytes], [2, 6]);
    });

    it("says in the log what became of them", async () => {
      const session = await sessions.create();
      const other = await sessions.create();
      const { artifactId, contentHash } = await session.artifacts.store("a.txt", "abc", {
        type: "x",
        tags: ["t"],
        metadata: { n: 1 },
      });
      await session.artifacts.grant(artifactId, other, "read");
      await session.artifacts.grant(artifactId, other, "write");
      await session.artifacts.revoke(artifactId, other);
      await session.artifacts.delete(artifactId);
      const log = await Array.fromAsync(session.operations({ after: 1 }));
      assert.deepEqual(
        log.map(({ kind, name, inputs }) => ({ kind, name, inputs })),
        [
          {
            kind: "artifact.stored",
            name: "store",
            inputs: {
              artifactId,
              name: "a.txt",
              type: "x",
              mimeType: "text/plain",
              tags: ["t"],
              metadata: { n: 1 },
              contentHash,
              size: 3,
            },
          },
          {
            kind: "artifact.granted",
            name: "grant",
            inputs: { artifactId, grantee: other.uid, permission: "read", replaces: false },
          },
          {
            kind: "artifact.granted",
            name: "grant",
            inputs: { artifactId, grantee: other.uid, permission: "write", replaces: true },
          },
          { kind: "artifact.revoked", name: "revoke", inputs: { artifactId, grantee: other.uid } },
          { kind: "artifact.deleted", name: "delete_artifact", inputs: { artifactId, name: "a.txt", size: 3 } },
        ],
      );
      assert.equal(log[0]?.resultId, artifactId);
    });
  });
}

async function* pieces(all: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* all;
}
