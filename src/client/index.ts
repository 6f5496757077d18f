export { type ErrorCode, type Fault, SojournError } from "../engine/errors.ts";
export type { Json, JsonObject } from "../engine/json.ts";
export type { Scope } from "../engine/key.ts";
export type { OperationKind } from "../engine/operation.ts";
export type { Status } from "../engine/session.ts";
export type { Cleaned, Health, SessionStats, Verdict } from "./answers.ts";
export { type ConnectOptions, connect } from "./connect.ts";
export type {
  AddedMetrics,
  CallOptions,
  CleanupQuery,
  NewSession,
  OperationQuery,
  SessionFilter,
  SessionPatch,
  SessionQuery,
  WriteOptions,
} from "./inputs.ts";
export { type Key, Keys, type MadeKey, type NewKey } from "./keys.ts";
export type { Operation, OperationInputs, OperationOf } from "./operation.ts";
export { type OperationsOptions, Session, type TrackOptions } from "./session.ts";
export type { SessionMetrics, SessionState } from "./session-state.ts";
export { Sessions, Sojourn } from "./sojourn.ts";
