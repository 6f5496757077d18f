export { type Backup, type BackupOptions, backUp } from "./backup.ts";
export { checkBackup, type ReadOptions } from "./backup-file.ts";
export type { BackupManifest, OnProgress } from "./backup-format.ts";
export type { Durability } from "./connection.ts";
export { type Inspection, inspectStore } from "./inspect.ts";
export { type RestoreOptions, restore } from "./restore.ts";
export { saveBackup } from "./save-backup.ts";
export { openSqliteStore, type SqliteOptions } from "./sqlite-store.ts";
