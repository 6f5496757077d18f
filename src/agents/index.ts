export { Agent, agent } from "./agent.ts";
export type { AgentMessage, MessageType, NewAgentMessage } from "./agent-message.ts";
export type { ModelObject, ModelSettings } from "./agent-model.ts";
export type {
  AgentOptions,
  AgentResult,
  AgentStepReport,
  AgentTask,
  CallSettings,
  ResumeOptions,
  RunWatch,
  TaskOptions,
} from "./agent-options.ts";
export { type AgentTool, type AgentTools, AppTool, type AppToolOptions, appTool } from "./agent-tools.ts";
export type { Price } from "./answer.ts";
export {
  Conversation,
  conversationOf,
  type HistoryQuery,
  type NewConversation,
  openConversation,
} from "./conversation.ts";
export type { ConversationType, Participant, ParticipantType, Parties } from "./participants.ts";
