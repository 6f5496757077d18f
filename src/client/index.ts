export { type ErrorCode, type Fault, SojournError } from "../engine/errors.ts";
export type { Json, JsonObject } from "../engine/json.ts";
export type { Scope } from "../engine/key.ts";
export type { Role, ToolCall } from "../engine/message.ts";
export type { OperationKind } from "../engine/operation.ts";
export type { Status } from "../engine/session.ts";
export {
  type AgentEnd,
  AgentRun,
  type AgentRunState,
  AgentRuns,
  type AgentStep,
  type ConversationWindow,
  type NewAgentRun,
  type ResumedAgentRun,
} from "./agent-runs.ts";
export type { Cleaned, Health, SessionStats, Verdict } from "./answers.ts";
export {
  Artifact,
  type ArtifactDescription,
  type ArtifactFilter,
  type ArtifactState,
  type ByteSpan,
  type Grant,
  type Permission,
  type ReadOptions,
} from "./artifact.ts";
export { Artifacts, type StoreFileOptions, type StoreOptions } from "./artifacts.ts";
export { type ConnectOptions, connect } from "./connect.ts";
export type { Bytes, Content, OnProgress, Progress } from "./content.ts";
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
export type { Delivery } from "./delivery.ts";
export {
  type EventOf,
  type EventPage,
  type EventPageQuery,
  type EventPattern,
  type EventQuery,
  Events,
  type EventType,
  type SessionEvent,
} from "./events.ts";
export type {
  Change,
  Checkpoint,
  Diff,
  Difference,
  Family,
  ImportQuery,
  Moment,
  NewFork,
  OperationSummary,
  Pruned,
  PrunePolicy,
  ReplayMode,
  ReplayReport,
  ReplayRequest,
  Side,
} from "./history.ts";
export { type FailureLog, Hook, type HookOptions } from "./hook.ts";
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
export type { LimitRule, Limits, Measure, WantedLimits } from "./limits.ts";
export { Messages } from "./messages.ts";
export type {
  Degradation,
  Lineage,
  LineageEdge,
  ObjectFilter,
  ObjectPlace,
  Quality,
  SessionObject,
} from "./object.ts";
export { Objects } from "./objects.ts";
export type { Operation, OperationInputs, OperationOf, OperationOutput } from "./operation.ts";
export { PastSession } from "./past-session.ts";
export { Reply } from "./reply.ts";
export { Run } from "./run.ts";
export { type ChatOptions, type OperationsOptions, Session, type TrackOptions } from "./session.ts";
export type { SessionName } from "./session-id.ts";
export type {
  AppUse,
  OpenTask,
  Origin,
  SessionMemory,
  SessionMetrics,
  SessionState,
  SessionUsage,
  SessionWork,
  WorkUsage,
} from "./session-state.ts";
export { Sessions, Sojourn } from "./sojourn.ts";
export {
  type Action,
  type App,
  type BrokenApp,
  type CompletedTask,
  type LogLevel,
  type RunOptions,
  type Task,
  type TaskError,
  type TaskEvent,
  TaskFailure,
  type TaskQuery,
  type TaskStatus,
  type WhenBusy,
  type WorkerOrigin,
} from "./task.ts";
export { Tasks } from "./tasks.ts";
export { type NewTemplate, type Template, Templates } from "./templates.ts";
export type { Subscriber, Subscription, Topic, TopicMessage, TopicStart } from "./topic.ts";
export { type PublishOptions, Topics } from "./topics.ts";
export { type Erased, type Profile, type ProfilePatch, Users } from "./users.ts";
export {
  type FailedAttempt,
  type NewWebhook,
  type SetWebhook,
  type Webhook,
  type WebhookOptions,
  Webhooks,
} from "./webhooks.ts";
export { WorkingMemory } from "./working-memory.ts";
