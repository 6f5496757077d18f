export type { Durability } from "./connection.ts";
export { type Inspection, inspectStore } from "./inspect.ts";
export { openSqliteStore, type SqliteOptions } from "./sqlite-store.ts";
