import type { SQLInputValue } from "node:sqlite";
import { invalid } from "../../engine/errors.ts";
import type { ArtifactQuery, StreamRef } from "../../engine/store.ts";
import { ARTIFACT_COLUMNS, ARTIFACT_TABLES } from "./rows.ts";
import type { Named } from "./session-list.ts";

/** The function of a connection that holds a name against a pattern. */
export const MATCHES = "matches_glob";

/** That an artifact `a` is shared with `:grantee`: itself, or an earlier version that is there. */
const SHARED = `EXISTS (SELECT 1 FROM grants g JOIN artifacts b ON b.stream = g.stream AND b.id = g.artifact
  WHERE g.stream = a.stream AND g.grantee = :grantee AND g.gone_seq IS NULL
    AND b.name = a.name AND b.version <= a.version AND b.gone_seq IS NULL)`;

/** A query for a page of artifacts, the newest first. */
export function artifactList(query: ArtifactQuery): string {
  const { at, tags = [], grantee } = query;
  const given = (value: unknown, term: string): readonly string[] => (value === undefined ? [] : [term]);
  const terms = [
    "t.tenant = :tenant AND t.kind = :kind AND t.id = :uid",
    at === undefined ? "a.gone_seq IS NULL" : "a.seq <= :at AND (a.gone_seq IS NULL OR a.gone_seq > :at)",
    ...given(query.type, "a.type = :type"),
    // Few rows have the text of a tag, and only of those is it asked whether it is one.
    ...tags.map(
      (_, i) => `instr(a.tags, :text${i}) > 0 AND EXISTS (SELECT 1 FROM json_each(a.tags) WHERE value = :tag${i})`,
    ),
    ...given(query.name, "a.name = :name"),
    ...given(query.namePattern, `${MATCHES}(:namePattern, a.name)`),
    ...given(query.createdAfterUs, "a.created_at >= :createdAfterUs"),
    ...given(query.createdBeforeUs, "a.created_at <= :createdBeforeUs"),
    ...given(query.sizeMin, "a.size >= :sizeMin"),
    ...given(query.sizeMax, "a.size <= :sizeMax"),
    ...given(grantee, SHARED),
    ...given(query.cursor, "a.seq < :before"),
  ];
  return `SELECT ${ARTIFACT_COLUMNS} FROM ${ARTIFACT_TABLES} WHERE ${terms.join(" AND ")}
    ORDER BY ${query.name === undefined ? "a.seq" : "a.version"} DESC LIMIT :limit`;
}

/** The values of `artifactList`. */
export function artifactValues({ tenant, kind, id }: StreamRef, query: ArtifactQuery): Named {
  const { tags = [], cursor, limit, ...terms } = query;
  if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) {
    const message = "is not the next_cursor of a page of artifacts";
    throw invalid([{ field: "cursor", message, type: "invalid_cursor" }]);
  }
  const values: Record<string, SQLInputValue> = { tenant, kind, uid: id, limit: limit + 1 };
  for (const [key, value] of Object.entries(terms)) if (value !== undefined) values[key] = value;
  for (const [i, tag] of tags.entries()) {
    values[`tag${i}`] = tag;
    values[`text${i}`] = JSON.stringify(tag);
  }
  if (cursor !== undefined) values["before"] = Number(cursor);
  return values;
}
