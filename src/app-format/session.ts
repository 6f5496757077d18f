/** JSON, as it goes into a session's log. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type JsonObject = { readonly [key: string]: Json };

/** A message of the session's conversation. */
export interface Message {
  readonly role: "user" | "assistant" | "system" | "tool";
  readonly content: string;
}

/** A file of the session. */
export interface Artifact {
  readonly artifactId: string;
  readonly name: string;
  /** 1, 2, 3 … of its name. */
  readonly version: number;
  readonly type: string;
  readonly mimeType: string;
  /** In bytes. */
  readonly size: number;
  /** BLAKE3 of its bytes: 64 hex digits. */
  readonly digest: string;
}

/** What goes with the bytes of an artifact. */
export interface ArtifactDescription {
  /** `tool_result` and others; default: `agent_output`. */
  readonly type?: string;
  /** Default: by the name. */
  readonly mimeType?: string;
  readonly tags?: readonly string[];
  readonly metadata?: JsonObject;
}

/** The session that an action runs in. Whatever it does here is in the session's log, as done by the session itself. */
export interface Session {
  readonly id: string;
  readonly userId: string;
  readonly name?: string;
  /** Working memory: the facts of the task in hand, at most 64 KiB of JSON. */
  readonly memory: {
    get(): Promise<JsonObject>;
    /** Replaces all of it. */
    set(memory: JsonObject): Promise<JsonObject>;
    /** Changes some members; `null` removes one. */
    merge(changes: JsonObject): Promise<JsonObject>;
  };
  readonly messages: {
    /** The newest, oldest first; at most 1,000, default 100. */
    list(options?: { readonly limit?: number }): Promise<readonly Message[]>;
    add(...messages: readonly Message[]): Promise<void>;
  };
  /** Says something to the language model of the server, as a turn of the session's conversation. */
  chat(
    message: string,
    options?: { readonly system?: string; readonly onText?: (text: string) => void },
  ): Promise<{ readonly response: string; readonly model: string }>;
  readonly artifacts: {
    store(name: string, content: string | Uint8Array, description?: ArtifactDescription): Promise<Artifact>;
    /** The newest of that name, or the one of that id. */
    read(nameOrId: string): Promise<{ readonly artifact: Artifact; readonly bytes: Uint8Array } | undefined>;
    /** @param namePattern  a glob, such as `*.csv` */
    list(namePattern?: string): Promise<readonly Artifact[]>;
  };
  /** Tells a part of the output before it is whole. */
  output(partial: unknown): void;
  /** Tells how far it has come: 0 to 1, and in words. */
  progress(fraction: number | undefined, message?: string): void;
  /** A line for the log of the session; `console` does the same. */
  log(message: string, level?: "debug" | "info" | "warn" | "error"): void;
  /** Ends the session, as completed, once this call is done. */
  end(reason?: string): void;
}
