export { type ErrorCode, type Fault, SojournError } from "../engine/errors.ts";
export type { Json, JsonObject } from "../engine/json.ts";
export type { Scope } from "../engine/key.ts";
export type { Role, ToolCall } from "../engine/message.ts";
export type { OperationKind } from "../engine/operation.ts";
export type { Status } from "../engine/session.ts";
export type { Cleaned, Health, SessionStats, Verdict } from "./answers.ts";
export { type ConnectOptions, connect } from "./connect.ts";
export type {
  ChatAnswer,
  Compacted,
  Compaction,
  Message,
  MessageQuery,
  NewMessage,
  SealedMessage,
  Strategy,
  TokenUsage,
} from "./conversation.ts";
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
export { Messages } from "./messages.ts";
export type { Operation, OperationInputs, OperationOf, OperationOutput } from "./operation.ts";
export { Reply } from "./reply.ts";
export { type ChatOptions, type OperationsOptions, Session, type TrackOptions } from "./session.ts";
export type { SessionMemory, SessionMetrics, SessionState } from "./session-state.ts";
export { Sessions, Sojourn } from "./sojourn.ts";
export { type Erased, type Profile, type ProfilePatch, Users } from "./users.ts";
export { WorkingMemory } from "./working-memory.ts";
