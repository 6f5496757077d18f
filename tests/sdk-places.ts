import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type Sojourn } from "../src/client/index.ts";
import { open } from "../src/platform/index.ts";
import { startServer } from "./server.ts";

/** Sojourn at work on data of its own. */
export interface Place extends AsyncDisposable {
  readonly sojourn: Sojourn;
  /** The same place, for whoever has a key; whoever has the data needs none. */
  withKey(apiKey: string): Sojourn;
}

/** What a place may be told. */
export interface PlaceOptions {
  readonly maxSessions?: number;
  /** Where a language model is reached that answers in place of the built-in responder. */
  readonly modelBaseUrl?: string;
  /** Below which `storeFile` may read. */
  readonly artifactRoots?: string;
  readonly maxArtifactBytes?: number;
  readonly maxArtifactsPerSession?: number;
  /** A folder with apps. */
  readonly apps?: string;
  readonly webhookTargets?: "any";
}

/** The ways to Sojourn; what is tested of one is tested of both. */
export const PLACES: readonly (readonly [name: string, start: (options?: PlaceOptions) => Promise<Place>])[] = [
  ["connect()", startConnected],
  ["open()", startOpened],
];

async function startConnected({ maxSessions, modelBaseUrl, ...options }: PlaceOptions = {}): Promise<Place> {
  const { artifactRoots, maxArtifactBytes, maxArtifactsPerSession, apps, webhookTargets } = options;
  const server = await startServer({
    ...(apps !== undefined && { apps }),
    ...(webhookTargets !== undefined && { webhook_targets: webhookTargets }),
    ...(artifactRoots !== undefined && { artifact_roots: artifactRoots }),
    ...(maxArtifactBytes !== undefined && { max_artifact_bytes: String(maxArtifactBytes) }),
    ...(maxArtifactsPerSession !== undefined && { max_artifacts_per_session: String(maxArtifactsPerSession) }),
    ...(maxSessions !== undefined && { max_sessions: String(maxSessions) }),
    ...(modelBaseUrl !== undefined && { model: "openai:test", model_base_url: modelBaseUrl }),
  });
  const sojourn = connect({ url: server.url });
  return {
    sojourn,
    withKey: (apiKey) => connect({ url: server.url, apiKey }),
    [Symbol.asyncDispose]: async () => {
      await sojourn.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function startOpened({ artifactRoots, apps, ...options }: PlaceOptions = {}): Promise<Place> {
  const data = await mkdtemp(join(tmpdir(), "sojourn-test-"));
  const model = options.modelBaseUrl === undefined ? {} : { model: "openai:test" };
  const roots = artifactRoots === undefined ? {} : { artifactRoots: [artifactRoots] };
  const found = apps === undefined ? {} : { apps: [apps] };
  const sojourn = await open({ data, durability: "none", ...model, ...roots, ...found, ...options });
  return {
    sojourn,
    withKey: () => sojourn,
    [Symbol.asyncDispose]: async () => {
      await sojourn.close();
      await rm(data, { recursive: true });
    },
  };
}
