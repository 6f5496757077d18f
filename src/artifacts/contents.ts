import type { Content, NewContent } from "../engine/artifact.ts";
import type { BlobReader, BlobStore } from "../engine/blob-store.ts";
import { SojournError } from "../engine/errors.ts";
import { given } from "../engine/given.ts";
import type { Store } from "../engine/store.ts";
import { damaged } from "./chunk.ts";
import { ChunkWriter, type Kept } from "./chunk-writer.ts";
import { assertFits, chunksOf } from "./chunks-of.ts";
import { OpenContent, type Slice } from "./open-content.ts";
import { BytesStage, type Stage, StreamStage } from "./stage.ts";

/** How contents are kept. */
export interface ContentSettings {
  /** Of one content, before compression. */
  readonly sizeMax: number;
  /** Contents with more bytes than this are compressed, where that makes them smaller; of streams what lies past them. */
  readonly compressAbove: number;
  /** Contents that take no more than this go into the store itself. */
  readonly inStoreMax: number;
}

/** Bytes at hand, to be left as they are until the call is over; or as they come, whose memory may be used again. */
export type Source = Uint8Array | AsyncIterable<Uint8Array>;

/** A content that no commit has brought yet. Disposing of it removes what was written, unless a commit brought it. */
export interface Staged extends AsyncDisposable {
  readonly digest: string;
  readonly size: number;
  /** Whether the store has had it already, and has its bytes. A commit may refer to it then, and brings it only if it has gone meanwhile. */
  readonly isKnown: boolean;
  /** What a commit brings, made durable by the first call; the next ones give the same. */
  bring(): Promise<NewContent>;
}

/** Writes and reads the bytes of artifacts, in chunks, so that memory stays flat however large they are. */
export class Contents {
  readonly #store: Store;
  readonly #blobs: BlobStore;
  readonly #settings: ContentSettings;
  /** Files that wait for their commit. */
  readonly #inHand = new Set<string>();

  constructor({ store, blobs }: { readonly store: Store; readonly blobs: BlobStore }, settings: ContentSettings) {
    this.#store = store;
    this.#blobs = blobs;
    this.#settings = settings;
  }

  /**
   * Takes in bytes for a commit to come. What is at hand, or small, waits in memory until it is to be brought; what comes
   * and is large is written as it comes.
   *
   * @throws {SojournError} `payload_too_large`; what the source throws
   */
  async stage(tenant: string, source: Source): Promise<Staged> {
    const stage = await this.#stage(source);
    try {
      const known = await this.#store.content(tenant, stage.digest);
      return this.#staged(tenant, stage, {
        isKnown: known !== undefined,
        lost: known && (await this.#lostFile(known)),
      });
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Opens bytes of a content. Each chunk is held against its digest before any of it is given out.
   *
   * @throws {SojournError} `content_damaged`, also while they are read
   */
  async open(
    tenant: string,
    content: Content,
    slice: Slice = { offset: 0, length: content.size },
  ): Promise<OpenContent> {
    const { place, chunks } = content;
    const reader = place.in === "file" ? await this.#blobs.open(place.name) : await this.#body(tenant, content);
    // Without bytes there is nothing to miss.
    if (reader === undefined && chunks.length > 0) throw damaged(content, "its bytes are not there");
    return new OpenContent(reader, content, slice);
  }

  /** Whether a file waits for its commit, however long that takes. */
  isInHand(file: string): boolean {
    return this.#inHand.has(file);
  }

  async #stage(source: Source): Promise<Stage> {
    const { sizeMax, compressAbove, inStoreMax } = this.#settings;
    const ways = { compressAbove, open: () => new ChunkWriter(this.#blobs, inStoreMax) };
    if (source instanceof Uint8Array) {
      assertFits(source.length, sizeMax);
      return await BytesStage.of(source, ways);
    }
    // Held back until it is known whether there is a second one.
    let first: Uint8Array | undefined;
    let stream: StreamStage | undefined;
    try {
      for await (const chunk of chunksOf(source, sizeMax)) {
        if (first === undefined) {
          first = chunk;
          continue;
        }
        if (stream === undefined) {
          stream = new StreamStage(ways);
          await stream.add(first);
        }
        await stream.add(chunk);
      }
      return stream ?? (await BytesStage.of(first ?? new Uint8Array(), ways));
    } catch (error) {
      await stream?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The file of a content that is not there any more. */
  async #lostFile({ place }: Content): Promise<string | undefined> {
    if (place.in === "store") return undefined;
    await using reader = await this.#blobs.open(place.name);
    return reader === undefined ? place.name : undefined;
  }

  #staged(
    tenant: string,
    stage: Stage,
    { isKnown, lost }: { readonly isKnown: boolean; readonly lost: string | undefined },
  ): Staged {
    const { digest, size } = stage;
    let keeping: Promise<Kept> | undefined;
    const keep = async (): Promise<Kept> => {
      const kept = await stage.finish();
      if (kept.place.in === "file") this.#inHand.add(kept.place.name);
      return kept;
    };
    return {
      digest,
      size,
      isKnown: isKnown && lost === undefined,
      bring: async () => {
        keeping ??= keep();
        return { tenant, digest, size, ...(await keeping), ...given("mends", lost) };
      },
      [Symbol.asyncDispose]: async () => {
        const kept = await keeping?.catch(() => undefined);
        if (kept?.place.in === "file") await this.#letGo(kept.place.name);
        else await stage[Symbol.asyncDispose]();
      },
    };
  }

  // A commit that seemed to fail may have come about, so that the store is asked. What can't be removed is found later.
  async #letGo(file: string): Promise<void> {
    try {
      if ((await this.#store.inUse([file])).length === 0) await this.#blobs.delete([file]);
    } catch (error) {
      if (!(error instanceof SojournError)) throw error;
    } finally {
      this.#inHand.delete(file);
    }
  }

  async #body(tenant: string, { digest }: Content): Promise<BlobReader | undefined> {
    const body = await this.#store.body(tenant, digest);
    return (
      body && { read: async (at, length) => body.subarray(at, at + length), [Symbol.asyncDispose]: async () => {} }
    );
  }
}
