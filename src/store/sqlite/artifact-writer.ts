import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { Grant, NewContent } from "../../engine/artifact.ts";
import type { Append, RowChange, StreamRef } from "../../engine/store.ts";
import { bytes, packChunks } from "./rows.ts";

type Begun = Extract<RowChange, { view: "artifact"; change: "begin" }>;

/** Why rows of artifacts can't be written. */
export type ArtifactRefusal = "conflict" | "content_missing";

/** Writes contents, and the rows of artifacts and grants, within the transaction of a commit. */
export class ArtifactWriter {
  readonly #sql: ReturnType<typeof statements>;

  constructor(db: DatabaseSync) {
    this.#sql = statements(db);
  }

  /**
   * Why the rows of a part could not be written; looks without changing anything.
   *
   * @param n  the number of its stream, if that is there
   * @param brought  the contents of the commit
   */
  refusal(
    { ref, rows, history }: Append,
    n: number | undefined,
    brought: readonly NewContent[],
  ): ArtifactRefusal | undefined {
    const begun = new Map<string, Begun>();
    const ended = new Set<string>();
    // Whether grants are in force, as far as the rows before say so.
    const granted = new Map<string, boolean>();
    for (const row of rows) {
      if (row.view === "artifact" && row.change === "begin") begun.set(row.id, row);
      else if (row.view === "artifact") {
        // One that ends with the commit that begins it needs no content.
        if (!begun.delete(row.id) && (ended.has(row.id) || !this.#isLive(n, row.id))) return "conflict";
        ended.add(row.id);
      } else if (row.view === "grant") {
        const key = `${row.artifactId}\n${row.grantee}`;
        const isInForce = granted.get(key) ?? this.#isGranted(n, row);
        if (isInForce === (row.change === "begin")) return "conflict";
        granted.set(key, row.change === "begin");
      }
    }
    if (history !== undefined) return undefined;
    const isThere = ({ digest, isFreed }: Begun): boolean =>
      isFreed ||
      brought.some((content) => content.tenant === ref.tenant && content.digest === digest) ||
      this.#sql.isContent.get(ref.tenant, bytes(digest)) !== undefined;
    return [...begun.values()].every(isThere) ? undefined : "content_missing";
  }

  /** Keeps a content. Where it is there already, the file that was brought has no use. */
  bring({ tenant, digest, size, storedSize, chunks, place, body, mends }: NewContent): void {
    const file = place.in === "file" ? place.name : null;
    if (mends !== undefined) {
      const packed = packChunks(chunks);
      const { changes } = this.#sql.mend.run(storedSize, packed, file, body ?? null, tenant, bytes(digest), mends);
      if (changes > 0) return;
    }
    const { changes } = this.#sql.content.run(
      tenant,
      bytes(digest),
      size,
      storedSize,
      packChunks(chunks),
      file,
      body ?? null,
    );
    if (changes === 0 && file !== null) this.#sql.abandon.run(file, tenant, bytes(digest), file);
  }

  /** Writes the rows of a part; what they refer to is there. A content goes only if nothing refers to it after all of them. */
  write(n: number, { tenant }: StreamRef, rows: readonly RowChange[]): void {
    const released: SQLOutputValue[] = [];
    for (const row of rows) {
      if (row.view === "grant") {
        if (row.change === "begin") this.#sql.grant.run(n, row.artifactId, row.grantee, row.permission, row.seq);
        else this.#sql.revoke.run(row.seq, n, row.artifactId, row.grantee);
      } else if (row.view === "artifact" && row.change === "begin") {
        const { seq, id, name, type, digest, size, tags, createdAtUs } = row;
        this.#sql.artifact.run(n, seq, id, name, n, name, type, bytes(digest), size, JSON.stringify(tags), createdAtUs);
      } else if (row.view === "artifact") {
        const ended = this.#sql.end.get(row.seq, n, row.id);
        if (ended?.digest !== undefined) released.push(ended.digest);
      }
    }
    // NOTE: `digest` is a column of bytes.
    for (const digest of released) this.#sql.drop.run(tenant, digest as Uint8Array);
  }

  /** Gives a fork the rows that its origin had by then. */
  copy(from: number, to: number, through: number): void {
    this.#sql.copy.run({ from, to, through });
  }

  /** Removes all rows of a stream, and the contents that only they referred to. */
  erase(n: number, tenant: string): void {
    const digests = this.#sql.digests.all(n);
    this.#sql.eraseGrants.run(n);
    this.#sql.eraseArtifacts.run(n);
    for (const { digest } of digests) this.#sql.drop.run(tenant, digest as Uint8Array);
  }

  /** Strikes off a file that is gone. */
  remove(file: string): void {
    this.#sql.removed.run(file);
  }

  #isLive(n: number | undefined, id: string): boolean {
    return n !== undefined && this.#sql.isLive.get(n, id) !== undefined;
  }

  #isGranted(n: number | undefined, { artifactId, grantee }: Pick<Grant, "artifactId" | "grantee">): boolean {
    return n !== undefined && this.#sql.isGranted.get(n, artifactId, grantee) !== undefined;
  }
}

function statements(db: DatabaseSync) {
  return {
    isContent: db.prepare("SELECT 1 FROM contents WHERE tenant = ? AND digest = ?"),
    isLive: db.prepare("SELECT 1 FROM artifacts WHERE stream = ? AND id = ? AND gone_seq IS NULL"),
    isGranted: db.prepare(
      "SELECT 1 FROM grants WHERE stream = ? AND artifact = ? AND grantee = ? AND gone_seq IS NULL",
    ),
    content: db.prepare(`INSERT INTO contents (tenant, digest, size, stored_size, chunks, file, body)
      VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`),
    mend: db.prepare(`UPDATE contents SET stored_size = ?, chunks = ?, file = ?, body = ?
      WHERE tenant = ? AND digest = ? AND file = ?`),
    // The same commit may come twice, where its first answer was lost.
    abandon: db.prepare(`INSERT INTO abandoned_files (name) SELECT ?
      WHERE NOT EXISTS (SELECT 1 FROM contents WHERE tenant = ? AND digest = ? AND file = ?) ON CONFLICT DO NOTHING`),
    artifact: db.prepare(`INSERT INTO artifacts (stream, seq, id, name, version, type, digest, size, tags, created_at)
      VALUES (?, ?, ?, ?, (SELECT coalesce(max(version), 0) + 1 FROM artifacts WHERE stream = ? AND name = ?),
        ?, ?, ?, ?, ?)`),
    end: db.prepare(
      "UPDATE artifacts SET gone_seq = ? WHERE stream = ? AND id = ? AND gone_seq IS NULL RETURNING digest",
    ),
    drop: db.prepare(`DELETE FROM contents WHERE tenant = ?1 AND digest = ?2 AND NOT EXISTS
      (SELECT 1 FROM artifacts a JOIN streams t ON t.n = a.stream
        WHERE a.digest = ?2 AND a.gone_seq IS NULL AND t.tenant = ?1)`),
    grant: db.prepare("INSERT INTO grants (stream, artifact, grantee, permission, seq) VALUES (?, ?, ?, ?, ?)"),
    revoke: db.prepare(
      "UPDATE grants SET gone_seq = ? WHERE stream = ? AND artifact = ? AND grantee = ? AND gone_seq IS NULL",
    ),
    copy: db.prepare(`INSERT INTO artifacts
      (stream, seq, gone_seq, id, name, version, type, digest, size, tags, created_at)
      SELECT :to, seq, CASE WHEN gone_seq <= :through THEN gone_seq END, id, name, version, type, digest, size, tags,
        created_at FROM artifacts WHERE stream = :from AND seq <= :through`),
    digests: db.prepare("SELECT DISTINCT digest FROM artifacts WHERE stream = ? AND gone_seq IS NULL"),
    eraseGrants: db.prepare("DELETE FROM grants WHERE stream = ?"),
    eraseArtifacts: db.prepare("DELETE FROM artifacts WHERE stream = ?"),
    removed: db.prepare("DELETE FROM abandoned_files WHERE name = ?"),
  };
}
