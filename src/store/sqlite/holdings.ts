import type { DatabaseSync } from "node:sqlite";
import { STATUSES } from "../../engine/session.ts";
import { type Holdings, holdingsSchema } from "./backup-format.ts";
import { hasContents } from "./held-files.ts";
import { integer } from "./rows.ts";

/** Counts what a database holds: the rows themselves, and not what it keeps count of. */
export function holdingsOf(db: DatabaseSync): Holdings {
  const count = (sql: string): number => integer(db.prepare(sql).get()?.n ?? 0);
  const counted = db.prepare("SELECT status, count(*) AS n FROM sessions GROUP BY status").all();
  const none = STATUSES.map((status) => [status, 0]);
  return holdingsSchema.parse({
    tenants: count("SELECT count(DISTINCT tenant) AS n FROM streams"),
    sessions: count("SELECT count(*) AS n FROM sessions"),
    sessions_by_status: Object.fromEntries([...none, ...counted.map(({ status, n }) => [status, n])]),
    operations: count("SELECT count(*) AS n FROM operations"),
    last_position: count("SELECT seq AS n FROM sqlite_sequence WHERE name = 'operations'"),
    ...(hasContents(db) && {
      artifacts: count("SELECT count(*) AS n FROM artifacts WHERE gone_seq IS NULL"),
      contents: count("SELECT count(*) AS n FROM contents"),
    }),
  });
}
