import type { AppDefinition, Artifact, ArtifactDescription, Session } from "../src/app-format/index.ts";
import type { MadeObject } from "../src/engine/object.ts";
import { HeldObjects } from "./held-objects.ts";

/** What an app stored. */
export interface Stored {
  readonly artifact: Artifact;
  readonly bytes: Uint8Array;
  readonly description: ArtifactDescription;
}

/** An app whose actions are called as they are, in this process, in a session that holds nothing but artifacts and objects. */
export interface DirectApp extends AsyncDisposable {
  /** By the name in `input.action`; parses input and output with the shapes that the app declares. */
  call(input: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<Record<string, unknown>>;
  readonly stored: readonly Stored[];
  /** What its actions made. */
  readonly objects: () => readonly MadeObject[];
  /** Why the session ended, if the app ended it. */
  readonly ended: () => string | undefined;
  /** What the app's state is now. */
  readonly state: unknown;
}

/** Starts an app here; disposing of it stops it. */
export async function startApp(app: AppDefinition, from: { readonly snapshot?: unknown } = {}): Promise<DirectApp> {
  const never = new AbortController().signal;
  const setup = {};
  const state = await (from.snapshot === undefined
    ? app.start?.({ setup, signal: never })
    : app.restore?.(from.snapshot, { setup, signal: never }));
  const stored: Stored[] = [];
  const objects = new HeldObjects();
  let tasks = 0;
  let ended: string | undefined;
  const session = {
    id: "direct",
    userId: "tester",
    artifacts: {
      async store(name: string, content: string | Uint8Array, description: ArtifactDescription = {}) {
        const bytes = Buffer.from(content);
        const artifact: Artifact = {
          artifactId: `artifact_${stored.length + 1}`,
          name,
          version: stored.filter((other) => other.artifact.name === name).length + 1,
          type: description.type ?? "agent_output",
          mimeType: description.mimeType ?? "application/octet-stream",
          size: bytes.length,
          digest: "",
        };
        stored.push({ artifact, bytes, description });
        return artifact;
      },
    },
    end(reason?: string) {
      ended = reason ?? "";
    },
    log() {},
    progress() {},
    // NOTE: the apps that are tested so use no more of a session.
  } as unknown as Session;
  return {
    stored,
    state,
    objects: () => objects.all,
    ended: () => ended,
    async call(input, signal = never) {
      const name = String(input["action"] ?? app.default);
      const action = app.actions[name];
      if (action === undefined) throw new Error(`There is no action "${name}"`);
      const parsed = action.input.parse(input);
      const taskId = `task_${++tasks}`;
      return await objects.perform({ taskId, action, input }, async (held) => {
        const output = await action.run({ state, input: parsed, setup, session, objects: held, signal, taskId });
        return (action.output?.parse(output) ?? output) as Record<string, unknown>;
      });
    },
    async [Symbol.asyncDispose]() {
      await app.stop?.(state);
    },
  };
}
