import type { Artifacts } from "../artifacts/artifacts.ts";
import type { Artifact } from "../engine/artifact.ts";
import { given } from "../engine/given.ts";
import type { AppArtifact, Host } from "../engine/runner.ts";
import type { Caller, Session, Sessions } from "../engine/sessions.ts";
import type { Signal } from "../engine/signal.ts";
import type { Memory } from "../memory/memory.ts";

/** What an app may do in its session while a task of it runs; each call is made as the session. */
export function taskHost({
  sessions,
  memory,
  artifacts,
}: {
  readonly sessions: Sessions;
  readonly memory: Memory;
  readonly artifacts: Artifacts;
}): (caller: Caller, session: Session, signal: Signal) => Omit<Host, "session" | "report"> {
  return (caller, { ref }, signal) => ({
    workingMemory: async () => (await sessions.get(caller, ref.id)).record.workingMemory,
    changeWorkingMemory: async (change) =>
      (await memory.changeWorkingMemory(caller, ref.id, change)).value.record.workingMemory,
    messages: async (limit) => {
      const { items } = await sessions.messages(caller, ref.id, { take: "newest", limit });
      return items.map(({ role, content }) => ({ role, content }));
    },
    addMessages: async (messages) => {
      await memory.add(caller, ref.id, messages);
    },
    chat: async ({ message, system }, onText) => {
      const request = { message, sessionId: ref.id, ...given("systemPrompt", system) };
      const options = { signal: abortedBy(signal), holdsSlot: true, ...given("onText", onText) } as const;
      const { response, model } = (await memory.chat(caller, request, options)).value;
      return { response, model };
    },
    storeArtifact: async (description, bytes) => {
      const { artifact } = (await artifacts.store(caller, ref.id, { type: "agent_output", ...description }, bytes))
        .value;
      return shown(artifact);
    },
    readArtifact: async (which) => {
      const artifact = await find(artifacts, caller, ref.id, which);
      if (artifact === undefined) return undefined;
      await using content = await artifacts.open(caller, ref.id, artifact.id);
      return { artifact: shown(artifact), bytes: Buffer.concat(await Array.fromAsync(content)) };
    },
    artifacts: async (namePattern) => {
      const query = { limit: LISTED_MAX, ...given("namePattern", namePattern) };
      return (await artifacts.list(caller, ref.id, query)).items.map(shown);
    },
  });
}

/** How many artifacts an app sees at once, the newest. */
const LISTED_MAX = 1_000;

const ID = /^artifact_[0-9a-f]{16}$/;

async function find(artifacts: Artifacts, caller: Caller, uid: string, which: string): Promise<Artifact | undefined> {
  if (ID.test(which)) return await artifacts.get(caller, uid, which);
  return (await artifacts.list(caller, uid, { name: which, limit: 1 })).items[0];
}

function shown({ id, name, version, type, mimeType, size, digest }: Artifact): AppArtifact {
  return { artifactId: id, name, version, type, mimeType, size, digest };
}

function abortedBy(signal: Signal): AbortSignal {
  const abort = new AbortController();
  if (signal.aborted) abort.abort();
  signal.addEventListener("abort", () => abort.abort());
  return abort.signal;
}
