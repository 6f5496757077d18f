import type { Json, JsonObject } from "../engine/json.ts";
import type { Artifact, ArtifactFilter } from "./artifact.ts";
import { Artifacts } from "./artifacts.ts";
import type { Message, MessageQuery } from "./conversation.ts";
import type { CallOptions } from "./inputs.ts";
import { showing } from "./members.ts";
import { messagesOf } from "./messages.ts";
import type { ObjectFilter, SessionObject } from "./object.ts";
import { Objects } from "./objects.ts";
import type { SessionState } from "./session-state.ts";
import type { Transport } from "./transport.ts";

/** A session as it was just after one of its operations. It never changes. */
export class PastSession extends showing<SessionState>() {
  readonly #transport: Transport;

  /** Past sessions come from `session.at`. */
  constructor(transport: Transport, state: SessionState) {
    super(state);
    this.#transport = transport;
  }

  /** The messages that there were, oldest first, fetched page by page as they are read. */
  messages({ signal, ...query }: MessageQuery & CallOptions = {}): AsyncGenerator<Message, void, undefined> {
    return messagesOf(this.#transport, this.uid, { ...query, at: this.version, signal });
  }

  /** The facts of the task in hand, as they were. */
  async workingMemory(options: CallOptions = {}): Promise<JsonObject> {
    return await this.#transport.workingMemory(this.uid, this.version, options);
  }

  /** The artifacts that there were, newest first. The bytes of some may be gone meanwhile. */
  artifacts(
    query: Omit<ArtifactFilter, "at"> & { readonly pageSize?: number | undefined } & CallOptions = {},
  ): AsyncGenerator<Artifact, void, undefined> {
    return new Artifacts(this.#transport.artifacts, this.uid).list({ ...query, at: this.version });
  }

  /** The objects that there were, in the order in which they were made. */
  objects<Data = Json>(
    query: Omit<ObjectFilter, "at"> & { readonly pageSize?: number | undefined } & CallOptions = {},
  ): AsyncGenerator<SessionObject<Data>, void, undefined> {
    return new Objects(this.#transport.objects, this.uid).list<Data>({ ...query, at: this.version });
  }
}
