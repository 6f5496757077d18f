import type { Content, NewContent } from "../engine/artifact.ts";

/** What bundles need of whatever keeps the bytes of artifacts. */
export interface BundleContents {
  /**
   * The bytes of a content, each held against its digest before it is given out.
   *
   * @throws {SojournError} `content_damaged`, also for one that is gone
   */
  read(tenant: string, content: Content): AsyncIterable<Uint8Array>;
  /** Writes a content for a commit to come. Whoever does not commit it disposes of it. */
  stage(tenant: string, bytes: AsyncIterable<Uint8Array>): Promise<StagedContent>;
}

/** A content that no commit has brought yet. Disposing of it removes what was written; after the commit it does nothing. */
export interface StagedContent extends AsyncDisposable {
  readonly content: NewContent;
}
