export type { Durability } from "./connection.ts";
export { openSqliteStore, type SqliteOptions } from "./sqlite-store.ts";
