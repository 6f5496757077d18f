import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { NewContent } from "../engine/artifact.ts";
import type { ArtifactQuery, RowChange, Stream } from "../engine/store.ts";
import { type Author, draft } from "./author.ts";

/** What holds of artifacts, of their contents, and of whom they are shared with. */
export function artifactCases(author: () => Author): void {
  describe("artifacts()", () => {
    let writer: Author;
    let session: Stream;

    // a.csv twice, then b.txt and an emoji, a second apart; the first a.csv is deleted at last.
    before(async () => {
      writer = author();
      const contents = ["1", "22", "333", "4444"].map((bytes) => writer.content(bytes));
      const [one, two, three, four] = contents as [NewContent, NewContent, NewContent, NewContent];
      session = await writer.create();
      const store = async (content: NewContent, ...more: Parameters<Author["artifact"]>): Promise<void> => {
        const { part, stream } = writer.continue(session, writer.artifact(...more));
        assert.deepEqual(await writer.commit([part], { contents: [content] }), { outcome: "committed" });
        session = stream;
        writer.clock.advance(1_000_000);
      };
      await store(one, "a.csv", one, { artifactId: "artifact_1", tags: ["x", "y"] });
      await store(two, "a.csv", two, { artifactId: "artifact_2", tags: ["x"], type: "report" });
      await store(three, "b.txt", three, { artifactId: "artifact_3", metadata: { note: "é" }, mimeType: "text/csv" });
      await store(four, "🏕️.csv", four, { artifactId: "artifact_4" });
      const input = { artifactId: "artifact_1", name: "a.csv", size: 1 };
      session = await writer.append(session, draft("artifact.deleted", input));
    });

    const ids = async (query: Partial<ArtifactQuery> = {}): Promise<readonly string[]> =>
      (await writer.store.artifacts(session.ref, { limit: 100, ...query })).items.map(({ id }) => id.slice(-1));

    it("come newest first, without those that were deleted", async () => {
      assert.deepEqual(await ids(), ["4", "3", "2"]);
    });

    it("tells all that is known of each", async () => {
      const [, third, second] = (await writer.store.artifacts(session.ref, { limit: 3 })).items;
      const content = writer.content("333");
      const { tenant: _, body: __, ...kept } = content;
      const createdAtUs = writer.clock.now() - 2_000_000;
      assert.deepEqual(third, {
        id: "artifact_3",
        name: "b.txt",
        type: "user_input",
        mimeType: "text/csv",
        version: 1,
        digest: content.digest,
        size: 3,
        tags: [],
        metadata: { note: "é" },
        seq: 4,
        createdAtUs,
        createdBy: "author",
        content: kept,
      });
      assert.equal(second?.version, 2);
      assert.equal(second?.previousDigest, writer.content("1").digest);
    });

    it("tells those that there were just after an operation", async () => {
      assert.deepEqual(await ids({ at: 1 }), []);
      assert.deepEqual(await ids({ at: 2 }), ["1"]);
      assert.deepEqual(await ids({ at: 5 }), ["4", "3", "2", "1"]);
      assert.deepEqual(await ids({ at: 6 }), ["4", "3", "2"]);
    });

    it("leaves out what does not match", async () => {
      const start = writer.clock.now() - 4_000_000;
      const cases: readonly (readonly [Partial<ArtifactQuery>, readonly string[]])[] = [
        [{ type: "report" }, ["2"]],
        [{ tags: ["x"], at: 5 }, ["2", "1"]],
        [{ tags: ["x", "y"], at: 5 }, ["1"]],
        [{ name: "a.csv" }, ["2"]],
        [{ namePattern: "*.csv" }, ["4", "2"]],
        [{ namePattern: "?.csv" }, ["2"]],
        [{ sizeMin: 3, sizeMax: 3 }, ["3"]],
        [{ createdAfterUs: start + 2_000_000 }, ["4", "3"]],
        [{ createdBeforeUs: start + 2_000_000 }, ["3", "2"]],
        [{ namePattern: "*.csv", sizeMax: 3 }, ["2"]],
        [{ tags: ["z"] }, []],
      ];
      for (const [query, expected] of cases) assert.deepEqual(await ids(query), expected, JSON.stringify(query));
    });

    it("comes in pages", async () => {
      const first = await writer.store.artifacts(session.ref, { limit: 2 });
      assert.equal(first.items.length, 2);
      assert.deepEqual(await ids({ limit: 2, cursor: first.next ?? "" }), ["2"]);
      await assert.rejects(ids({ cursor: "x" }), { code: "invalid" });
    });

    it("are of their session alone", async () => {
      const other = await writer.create();
      assert.deepEqual((await writer.store.artifacts(other.ref, { limit: 1 })).items, []);
      assert.equal(await writer.store.artifact(other.ref, "artifact_2"), undefined);
      assert.equal(await writer.store.artifact({ ...session.ref, tenant: "another" }, "artifact_2"), undefined);
    });

    it("are read by their id, also after they were deleted", async () => {
      const gone = await writer.store.artifact(session.ref, "artifact_1");
      assert.deepEqual([gone?.name, gone?.goneSeq, gone?.content], ["a.csv", 6, undefined]);
    });
  });

  describe("commit() with artifacts", () => {
    /** A session with an artifact of these bytes. */
    const stored = async (writer: Author, bytes: string, more: Partial<NewContent> = {}): Promise<Stream> => {
      const content = writer.content(bytes, more);
      const { part, stream } = writer.continue(
        await writer.create(),
        writer.artifact("a", content, { artifactId: "artifact_1" }),
      );
      assert.deepEqual(await writer.commit([part], { contents: [content] }), { outcome: "committed" });
      return stream;
    };
    const deletion = draft("artifact.deleted", { artifactId: "artifact_1", name: "a", size: 1 });

    it("keeps a content once, as it was brought first", async () => {
      const writer = author();
      await stored(writer, "x");
      await stored(writer, "x", { place: { in: "file", name: `${writer.tenant}/2` } });
      const content = writer.content("x");
      assert.deepEqual((await writer.store.content(writer.tenant, content.digest))?.place, { in: "store" });
      assert.deepEqual(await writer.store.body(writer.tenant, content.digest), content.body);
      assert.ok((await writer.store.abandoned(1_000_000)).includes(`${writer.tenant}/2`));
      await writer.commit([], { removed: [`${writer.tenant}/2`] });
      assert.ok(!(await writer.store.abandoned(1_000_000)).includes(`${writer.tenant}/2`));
    });

    it("puts a content into the place of one whose file is lost, and of no other", async () => {
      const writer = author();
      const lost = `${writer.tenant}/lost`;
      const { digest } = writer.content("mended");
      await stored(writer, "mended", { place: { in: "file", name: lost } });
      await stored(writer, "mended", { mends: `${writer.tenant}/another` });
      assert.deepEqual((await writer.store.content(writer.tenant, digest))?.place, { in: "file", name: lost });
      const place = { in: "file", name: `${writer.tenant}/found` } as const;
      await stored(writer, "mended", { place, mends: lost });
      assert.deepEqual((await writer.store.content(writer.tenant, digest))?.place, place);
      assert.deepEqual(await writer.store.inUse([lost, place.name]), [place.name]);
      await stored(writer, "mended", { mends: place.name });
      assert.deepEqual((await writer.store.content(writer.tenant, digest))?.place, { in: "store" });
      assert.deepEqual(await writer.store.body(writer.tenant, digest), writer.content("mended").body);
    });

    it("refuses an artifact whose content is neither there nor brought, and leaves all as it was", async () => {
      const writer = author();
      const session = await writer.create();
      const { part } = writer.continue(session, writer.artifact("a", writer.content("nowhere")));
      assert.deepEqual(await writer.commit([part]), { outcome: "content_missing" });
      assert.deepEqual(await writer.store.stored(session.ref), session);
      const another = writer.content("nowhere", { tenant: "another" });
      assert.deepEqual(await writer.commit([part], { contents: [another] }), { outcome: "content_missing" });
    });

    it("lets a content go with the last artifact that refers to it, in whichever session", async () => {
      const writer = author();
      const { digest } = writer.content("shared");
      const name = `${writer.tenant}/shared`;
      const first = await stored(writer, "shared", { place: { in: "file", name } });
      const second = await stored(writer, "shared");
      const third = await stored(writer, "shared");
      await writer.append(first, deletion);
      await writer.erase(second);
      assert.deepEqual(await writer.store.inUse([name, "none"]), [name]);
      assert.ok(await writer.store.content(writer.tenant, digest));
      await writer.append(third, deletion);
      assert.equal(await writer.store.content(writer.tenant, digest), undefined);
      assert.deepEqual(await writer.store.inUse([name]), []);
      assert.ok((await writer.store.abandoned(1_000_000)).includes(name));
    });

    it("keeps the contents of each tenant apart", async () => {
      const [writer, other] = [author(), author()];
      await stored(writer, "own");
      const { digest } = writer.content("own");
      assert.equal(await other.store.content(other.tenant, digest), undefined);
      await writer.append(await stored(writer, "own"), deletion);
      const theirs = await stored(other, "own");
      await other.erase(theirs);
      assert.ok(await writer.store.content(writer.tenant, digest));
    });

    it("refuses to delete what is not there with a conflict", async () => {
      const writer = author();
      const session = await stored(writer, "once");
      const gone = await writer.append(session, deletion);
      const { part } = writer.continue(gone, deletion);
      assert.deepEqual(await writer.commit([part]), { outcome: "conflict" });
      assert.deepEqual(await writer.store.stored(session.ref), gone);
    });

    it("needs no content for an artifact that goes with the commit that brings it", async () => {
      const writer = author();
      const content = writer.content("brief");
      const stores = writer.artifact("a", content, { artifactId: "artifact_1" });
      const session = await writer.append(await writer.create(), stores, deletion);
      assert.deepEqual((await writer.store.artifact(session.ref, "artifact_1"))?.goneSeq, 3);
      assert.equal(await writer.store.content(writer.tenant, content.digest), undefined);
    });

    it("keeps a content that one artifact lets go of and another takes up in the same commit", async () => {
      const writer = author();
      const session = await stored(writer, "passed on");
      const content = writer.content("passed on");
      const next = writer.artifact("b", content, { artifactId: "artifact_2" });
      await writer.append(session, deletion, next);
      assert.equal((await writer.store.artifact(session.ref, "artifact_2"))?.content?.size, 9);
    });

    it("needs no content for an artifact whose bytes are said to be freed", async () => {
      const writer = author();
      const content = writer.content("freed");
      const { part, stream } = writer.continue(await writer.create(), writer.artifact("a", content));
      const rows = part.rows.map((row) => ({ ...row, isFreed: true }) as RowChange);
      assert.deepEqual(await writer.commit([{ ...part, rows }]), { outcome: "committed" });
      assert.equal((await writer.store.artifacts(stream.ref, { limit: 1 })).items[0]?.content, undefined);
    });

    it("counts versions by name, and those that were deleted as well", async () => {
      const writer = author();
      const content = writer.content("v");
      const stores = ["1", "2"].map((n) => writer.artifact("a", content, { artifactId: `artifact_${n}` }));
      const { part, stream } = writer.continue(await writer.create(), ...stores);
      await writer.commit([part], { contents: [content] });
      const second = draft("artifact.deleted", { artifactId: "artifact_2", name: "a", size: 1 });
      const session = await writer.append(stream, second, writer.artifact("a", content, { artifactId: "artifact_3" }));
      assert.equal((await writer.store.artifact(session.ref, "artifact_3"))?.version, 3);
    });
  });

  describe("grants() and permission()", () => {
    it("tell who may do what with an artifact and its later versions", async () => {
      const writer = author();
      const content = writer.content("g");
      const stores = ["1", "2"].map((n) => writer.artifact("a", content, { artifactId: `artifact_${n}` }));
      const { part, stream } = writer.continue(await writer.create(), ...stores, writer.artifact("b", content));
      await writer.commit([part], { contents: [content] });
      const { ref } = stream;
      const permission = (n: number, grantee = "u") => writer.store.permission(ref, `artifact_${n}`, grantee);
      const share = { artifactId: "artifact_2", grantee: "u" };
      const granted = await writer.append(
        stream,
        draft("artifact.granted", { ...share, permission: "read", replaces: false }),
      );
      assert.deepEqual([await permission(1), await permission(2)], [undefined, "read"]);
      assert.equal(await permission(2, "v"), undefined);
      const third = await writer.append(granted, writer.artifact("a", content, { artifactId: "artifact_3" }));
      assert.equal(await permission(3), "read");
      const shown = await writer.store.artifacts(ref, { limit: 10, grantee: "u" });
      assert.deepEqual(
        shown.items.map(({ id }) => id),
        ["artifact_3", "artifact_2"],
      );
      const raised = await writer.append(
        third,
        draft("artifact.granted", { ...share, permission: "admin", replaces: true }),
        draft("artifact.granted", { artifactId: "artifact_3", grantee: "u", permission: "write", replaces: false }),
      );
      assert.equal(await permission(3), "admin");
      assert.deepEqual(await writer.store.grants(ref, "artifact_2"), [{ ...share, permission: "admin", seq: 7 }]);
      const deleted = draft("artifact.deleted", { artifactId: "artifact_2", name: "a", size: 1 });
      const less = await writer.append(raised, deleted);
      assert.deepEqual([await permission(2), await permission(3)], [undefined, "write"]);
      await writer.append(less, draft("artifact.revoked", { artifactId: "artifact_3", grantee: "u" }));
      assert.equal(await permission(3), undefined);
      assert.deepEqual((await writer.store.artifacts(ref, { limit: 10, grantee: "u" })).items, []);
    });

    it("refuse with a conflict what is granted already, or not at all", async () => {
      const writer = author();
      const session = await writer.create();
      const grant = { artifactId: "artifact_1", grantee: "u", permission: "read", replaces: false } as const;
      const revoke = writer.continue(session, draft("artifact.revoked", grant));
      assert.deepEqual(await writer.commit([revoke.part]), { outcome: "conflict" });
      const granted = await writer.append(session, draft("artifact.granted", grant));
      const again = writer.continue(granted, draft("artifact.granted", grant));
      assert.deepEqual(await writer.commit([again.part]), { outcome: "conflict" });
    });
  });
}
