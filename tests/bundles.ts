import assert from "node:assert/strict";
import { join } from "node:path";
import { Blake3Hasher } from "@napi-rs/blake-hash";
import { Contents } from "../src/artifacts/contents.ts";
import { openFsBlobStore } from "../src/artifacts/fs/fs-blob-store.ts";
import type { ImportSettings } from "../src/bundles/arrival.ts";
import { type ExportPorts, exportBundle } from "../src/bundles/export.ts";
import { type ImportOptions, type ImportPorts, importBundle } from "../src/bundles/import.ts";
import type { BundledContent } from "../src/bundles/write.ts";
import { Author, draft, requests, sequentialIds, sha256 } from "../src/conformance/index.ts";
import { randomFrom } from "../src/conformance/random.ts";
import { CHUNK_BYTES, type NewContent } from "../src/engine/artifact.ts";
import type { BlobStore } from "../src/engine/blob-store.ts";
import { OnceOnly } from "../src/engine/idempotency.ts";
import { DEFAULT_SETTINGS, type Settings } from "../src/engine/limits.ts";
import { type Caller, type Session, Sessions } from "../src/engine/sessions.ts";
import type { Store, Stream } from "../src/engine/store.ts";
import type { Draft } from "../src/engine/streams.ts";

/** Bytes that no compression makes smaller. */
export function noise(length: number, seed: number): Buffer {
  const random = randomFrom(seed);
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
}

/** These bytes as a content in the store itself. */
export function contentOf(tenant: string, body: Buffer): NewContent {
  const pieces = Array.from({ length: Math.ceil(body.length / CHUNK_BYTES) }, (_, i) =>
    body.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES),
  );
  const digestOf = (bytes: Buffer): string => new Blake3Hasher().update(bytes).digest("hex");
  return {
    tenant,
    digest: digestOf(body),
    size: body.length,
    storedSize: body.length,
    chunks: pieces.map((piece) => ({ digest: digestOf(piece), storedSize: piece.length })),
    place: { in: "store" },
    body,
  };
}

/** Commits a session with every kind of operation but a fork, and an artifact that is gone. */
export async function writeSample(author: Author, sessionId = "sample"): Promise<Stream> {
  const grantee = "00000000-0000-7000-8000-0000000000ff";
  const content = (body: string | Buffer): NewContent => contentOf(author.tenant, Buffer.from(body));
  const [text, large, empty, gone] = [content("a,b\n1,2\n"), content(noise(200_000, 1)), content(""), content("gone")];
  const [a, b] = ["artifact_00000000000000aa", "artifact_00000000000000bb"];
  const said = (role: "user" | "assistant", text: string) => ({ role, content: text, tokens: 3 }) as const;
  const begun = author.begin({ sessionId, name: "A sample", tags: ["x"], metadata: { plan: { size: 1 } } });
  const drafts: readonly Draft[] = [
    draft("session.updated", { tags: ["x", "ü"], metadata: { more: "ß" }, description: "d".repeat(3_000) }),
    draft("messages.added", { messages: [said("user", "Hello"), said("assistant", "Good day")] }),
    author.artifact("a.csv", text, { artifactId: a, tags: ["data"], metadata: { rows: 1 } }),
    author.artifact("b.bin", large),
    {
      ...draft("turn.completed", { messages: [said("user", "Who?")], facts: { name: "Ada" }, processingTimeUs: 5 }),
      output: { message: said("assistant", "You\u2028"), model: "m", reason: "stop" },
      durationUs: 5,
    },
    { ...draft("turn.failed", { processingTimeUs: 7 }), error: "no answer" },
    draft("checkpoint.created", { name: "before", data: { why: "now" } }),
    author.artifact("a.csv", text),
    author.artifact("empty", empty),
    author.artifact("gone", gone, { artifactId: b }),
    draft("artifact.granted", { artifactId: a, grantee, permission: "read", replaces: false }),
    draft("artifact.granted", { artifactId: a, grantee, permission: "write", replaces: true }),
    draft("artifact.granted", { artifactId: b, grantee, permission: "admin", replaces: false }),
    draft("artifact.revoked", { artifactId: b, grantee }),
    { ...draft("artifact.accessed", { artifactId: a, by: grantee, needed: "admin" }), error: "refused" },
    draft("artifact.deleted", { artifactId: b, name: "gone", size: 4 }),
    draft("conversation.compacted", { strategy: "hybrid", through: 2, summary: "Greetings", tokens: 6 }),
    draft("working_memory.changed", { merge: { task: "x" } }),
    requests(2),
    draft("session.suspended", { reason: "later" }),
    draft("session.resumed", {}),
    draft("session.kept_alive", {}),
  ];
  author.clock.advance(1_000_000);
  const { part, stream } = author.continue(begun.stream, ...drafts);
  const whole = { ...part, expectedHead: 0, entries: [...begun.part.entries, ...part.entries] };
  const { tenant } = author;
  const outcome = await author.commit([{ ...whole, rows: [...begun.part.rows, ...part.rows] }], {
    guards: [{ guard: "name", tenant, sessionId, expected: undefined, next: stream.ref.id }],
    contents: [text, large, empty],
  });
  assert.deepEqual(outcome, { outcome: "committed" });
  return stream;
}

/** More operations of a session, by chance: what is stored, shared and removed, and whatever lies between. */
export function randomDrafts(author: Author, random: () => number, count: number) {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const bodies = [Buffer.alloc(0), Buffer.from("small"), noise(3_000, 7), Buffer.alloc(70_000, "zeros")];
  const known = bodies.map((body) => contentOf(author.tenant, body));
  const live = new Map<string, { readonly name: string; readonly content: NewContent }>();
  const grants = new Set<string>();
  const drafts: Draft[] = [];
  for (let i = 0; i < count; i++) {
    const id = pick([...live.keys()]);
    const grantee = `00000000-0000-7000-8000-0000000000f${Math.floor(random() * 3)}`;
    const grant = `${id} ${grantee}`;
    const choice = pick(["store", "store", "delete", "grant", "revoke", "say", "update", "checkpoint"]);
    if (choice === "store") {
      const artifactId = `artifact_${i.toString(16).padStart(16, "0")}`;
      const content = pick(known);
      live.set(artifactId, { name: pick(["a", "b.csv"]), content });
      drafts.push(author.artifact(live.get(artifactId)?.name ?? "", content, { artifactId }));
    } else if (choice === "say") {
      const content = "ü".repeat(Math.floor(random() * 500)) + String(random());
      drafts.push(draft("messages.added", { messages: [{ role: "user", content, tokens: 1 }] }));
    } else if (choice === "update") {
      drafts.push(draft("session.updated", { tags: [pick(["x", "y"])], metadata: { [pick(["m", "n"])]: random() } }));
    } else if (choice === "checkpoint") drafts.push(draft("checkpoint.created", { name: `at ${i}` }));
    else if (id !== undefined && choice === "delete") {
      const { name, content } = live.get(id) ?? assert.fail();
      live.delete(id);
      drafts.push(draft("artifact.deleted", { artifactId: id, name, size: content.size }));
    } else if (id !== undefined && choice === "grant") {
      const permission = pick(["read", "write", "admin"] as const);
      drafts.push(draft("artifact.granted", { artifactId: id, grantee, permission, replaces: grants.has(grant) }));
      grants.add(grant);
    } else if (id !== undefined && grants.delete(grant)) {
      drafts.push(draft("artifact.revoked", { artifactId: id, grantee }));
    }
  }
  return { drafts, contents: known };
}

/** A store with an author of sessions, and what exports and imports need beside. */
export interface Bundling {
  readonly author: Author;
  readonly blobs: BlobStore;
  readonly sessions: Sessions;
  readonly ports: ImportPorts & ExportPorts;
  readonly caller: Caller;
  /** The bundle of a session. */
  exported(id: string, caller?: Caller): Promise<Buffer>;
  /** The contents of a session as a bundle of it has them. */
  contentsOf(stream: Stream): Promise<readonly BundledContent[]>;
  /** All that the store tells of a session, whoever has it. */
  observed(ref: Stream["ref"]): Promise<unknown>;
  importedFrom(source: AsyncIterable<Uint8Array>, caller: Caller, options?: ImportOptions): Promise<Session>;
  /** Brings a session in, as whoever is named. */
  imported(
    bundle: Buffer,
    caller?: Caller,
    options?: ImportOptions,
    settings?: Partial<ImportSettings>,
  ): Promise<Session>;
}

/** Limits that no sample meets. */
export const SETTINGS: ImportSettings = {
  metadataBytes: 65_536,
  artifactsMax: 1_000,
  bytesMax: 1_000_000_000,
  sizeMax: 100_000_000,
};

/** @param directory  where large contents go */
export function bundlingOn(store: Store, directory: string, limits: Partial<Settings> = {}): Bundling {
  const author = new Author(store);
  const blobs = openFsBlobStore({ directory: join(directory, "blobs"), durability: "none" });
  const { sizeMax } = SETTINGS;
  const contents = new Contents({ store, blobs }, { sizeMax, compressAbove: 10_240, inStoreMax: 65_536 });
  const minted = sequentialIds();
  // Unlike those of the author.
  const ids = { ...minted, uid: () => minted.uid().replace("7000", "7fff") };
  const base = { store, clock: author.clock, ids, digest: sha256, contents };
  const sessions = new Sessions(base, { ...DEFAULT_SETTINGS, ...limits });
  const ports = { ...base, sessions, once: new OnceOnly(base) };
  const self = { tenant: author.tenant, actor: "tester" };
  return {
    author,
    blobs,
    sessions,
    ports,
    caller: self,
    exported: async (id, caller = self) => {
      const bundle = await exportBundle(ports, caller, id, { release: "1.2.3-test" });
      return Buffer.concat(await Array.fromAsync(bundle));
    },
    contentsOf: async ({ ref, head }) => {
      const { items } = await store.artifacts(ref, { at: head.seq, limit: 1_000 });
      const digests = [...new Set(items.toReversed().map(({ digest }) => digest))];
      return await Promise.all(
        digests.map(async (digest) => {
          const { size = 0 } = (await store.content(ref.tenant, digest)) ?? {};
          return { digest, size, bytes: [(await store.body(ref.tenant, digest)) ?? new Uint8Array()] };
        }),
      );
    },
    observed: async (ref) => {
      const { items } = await store.artifacts(ref, { limit: 1_000 });
      const last = (await store.stored(ref))?.head.seq ?? 0;
      const past = await Promise.all(
        Array.from({ length: last }, (_, i) => store.artifacts(ref, { limit: 1_000, at: i + 1 })),
      );
      const { record, head } = (await store.stored(ref)) ?? {};
      return {
        record,
        head,
        entries: await store.operations(ref, { after: 0, limit: 1_000 }),
        messages: await store.messages(ref, { take: "oldest", limit: 1_000 }),
        tags: await Promise.all(Array.from({ length: last }, (_, i) => store.view(ref, "tag", i + 1))),
        // Where and how the bytes are kept is each store's own affair.
        artifacts: items.map(({ content, ...artifact }) => ({ ...artifact, bytes: content?.size })),
        ids: past.map(({ items }) => items.map(({ id, version, goneSeq }) => [id, version, goneSeq])),
        grants: await Promise.all(items.map(({ id }) => store.grants(ref, id))),
      };
    },
    importedFrom: async (source, caller, options = {}) =>
      (await importBundle({ ports, settings: SETTINGS }, caller, source, options)).value,
    imported: async (bundle, caller = self, options = {}, settings = {}) =>
      (await importBundle({ ports, settings: { ...SETTINGS, ...settings } }, caller, streamOf(bundle), options)).value,
  };
}

/** Bytes as they come from elsewhere. */
export async function* streamOf(bytes: Uint8Array, size: number = 10_000): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}
