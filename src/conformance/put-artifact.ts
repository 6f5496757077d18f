import { storeArtifact } from "../engine/artifact-commands.ts";
import type { TestEngine } from "./engine-for-tests.ts";
import { sha256 } from "./sha256.ts";

/** Stores a text as an artifact of a session, and returns its id. The text stands for itself in the store. */
export async function putArtifact(
  { sessions, caller, ids }: TestEngine,
  id: string,
  { name, text }: { readonly name: string; readonly text: string },
): Promise<string> {
  const body = new TextEncoder().encode(text);
  const [digest, size, artifactId] = [sha256(text), body.length, ids.artifact()];
  const description = { name, type: "user_input", mimeType: "text/plain", tags: [], metadata: {} };
  const content = { digest, size, storedSize: size, chunks: [{ digest, storedSize: size }], body };
  const command = storeArtifact({ ...description, artifactId, digest, size }, { artifactsMax: 1_000, bytesMax: 1e9 });
  const { tenant } = caller;
  await sessions.change(caller, id, command, { contents: [{ ...content, tenant, place: { in: "store" } }] });
  return artifactId;
}
