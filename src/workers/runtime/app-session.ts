import type { Artifact, ArtifactDescription, JsonObject, Message, Session } from "../../app-format/session.ts";
import type { SessionInfo } from "../orders.ts";
import type { CallName } from "../words.ts";

/** How an app's calls reach the server. */
export type Call = (
  name: CallName,
  given: JsonObject,
  more?: { readonly body?: Uint8Array; readonly onText?: ((text: string) => void) | undefined },
) => Promise<{ readonly value: unknown; readonly body: Uint8Array | undefined }>;

/** What an app tells through its session. */
export interface Tells {
  readonly output: Session["output"];
  readonly progress: Session["progress"];
  readonly log: Session["log"];
  readonly end: Session["end"];
}

/** The session as an action sees it: each call goes to the server, which carries it out as the session. */
export function appSession({ sessionId, userId, name }: SessionInfo, call: Call, tells: Tells): Session {
  // NOTE: the server answers each call with what its type says.
  const value = async <T>(called: ReturnType<Call>): Promise<T> => (await called).value as T;
  return {
    id: sessionId,
    userId,
    ...(name === undefined ? {} : { name }),
    memory: {
      get: () => value<JsonObject>(call("workingMemory", {})),
      set: (memory) => value<JsonObject>(call("setWorkingMemory", { memory })),
      merge: (changes) => value<JsonObject>(call("mergeWorkingMemory", { changes })),
    },
    messages: {
      list: ({ limit = 100 } = {}) => value<readonly Message[]>(call("messages", { limit })),
      add: async (...messages) => {
        await call("addMessages", { messages: messages.map(({ role, content }) => ({ role, content })) });
      },
    },
    chat: (message, { system, onText } = {}) =>
      value(call("chat", { message, ...(system === undefined ? {} : { system }) }, { onText })),
    artifacts: {
      store: (artifactName, content, description) => {
        const body = typeof content === "string" ? Buffer.from(content) : content;
        return value<Artifact>(call("storeArtifact", { name: artifactName, ...given(description) }, { body }));
      },
      read: async (nameOrId) => {
        const { value: artifact, body } = await call("readArtifact", { which: nameOrId });
        if (artifact === null) return undefined;
        return { artifact: artifact as Artifact, bytes: body ?? new Uint8Array() };
      },
      list: (namePattern) =>
        value<readonly Artifact[]>(call("artifacts", namePattern === undefined ? {} : { namePattern })),
    },
    ...tells,
  };
}

/** The session for a task that is done again: what it wrote is there already, and nobody hears it a second time. */
export function replayedSession(session: Session): Session {
  return {
    ...session,
    memory: {
      get: session.memory.get,
      set: async (memory) => memory,
      merge: async (changes) => {
        const merged = new Map(Object.entries({ ...(await session.memory.get()), ...changes }));
        for (const [key, item] of merged) if (item === null) merged.delete(key);
        return Object.fromEntries(merged);
      },
    },
    messages: { list: session.messages.list, add: async () => {} },
    chat: () => Promise.reject(new Error("What a model said is not said again: an app that chats can't be replayed")),
    artifacts: {
      ...session.artifacts,
      store: async (artifactName) => {
        const stored = await session.artifacts.read(artifactName);
        if (stored === undefined) throw new Error(`Artifact "${artifactName}", which this task stored, is gone`);
        return stored.artifact;
      },
    },
    output: () => {},
    progress: () => {},
    log: () => {},
    end: () => {},
  };
}

function given(description: ArtifactDescription = {}): JsonObject {
  const { type, mimeType, tags, metadata } = description;
  return {
    ...(type === undefined ? {} : { type }),
    ...(mimeType === undefined ? {} : { mimeType }),
    ...(tags === undefined ? {} : { tags }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}
