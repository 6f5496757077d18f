/** The one source of randomness. */
export interface Ids {
  /** The immutable identity of a session: a UUID, version 7, so that new ones sort last. */
  uid(): string;
  /** The name of a session that came without one: `session_` and 16 hex digits. */
  session(): string;
  /** `op_` and 16 hex digits. */
  operation(): string;
  /** `artifact_` and 16 hex digits. */
  artifact(): string;
  /** `task_` and 16 hex digits. */
  task(): string;
  /** `run_` and 16 hex digits. */
  run(): string;
  /** `key_` and 16 hex digits. */
  key(): string;
  /** 128 random bits as 32 hex digits. */
  salt(): string;
  /** 256 random bits as 64 hex digits. */
  secret(): string;
}
