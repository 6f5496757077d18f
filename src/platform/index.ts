export type {
  AddedMetrics,
  CallOptions,
  Cleaned,
  CleanupQuery,
  ErrorCode,
  Fault,
  Health,
  Json,
  JsonObject,
  NewSession,
  Operation,
  OperationInputs,
  OperationKind,
  OperationOf,
  OperationQuery,
  OperationsOptions,
  SessionFilter,
  SessionMetrics,
  SessionPatch,
  SessionQuery,
  SessionState,
  SessionStats,
  Status,
  TrackOptions,
  Verdict,
  WriteOptions,
} from "../client/index.ts";
export { Session, Sessions, Sojourn, SojournError } from "../client/index.ts";
export type { Durability } from "../store/sqlite/index.ts";
export type { Logger } from "./log.ts";
export { type OpenOptions, open } from "./open.ts";
