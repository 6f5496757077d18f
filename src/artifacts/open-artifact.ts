import type { Artifact } from "../engine/artifact.ts";
import { SojournError } from "../engine/errors.ts";
import type { Store } from "../engine/store.ts";
import type { Contents } from "./contents.ts";
import type { Slice } from "./open-content.ts";

/** Which bytes: from `first` through `last`, both from 0; `last` may be past the end, and a negative `first` counts from it. */
export interface ByteRange {
  readonly first: number;
  readonly last?: number;
}

/** Bytes of an artifact, read once and in order; each is held against its digest before it is given out. */
export interface Opened extends AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly artifact: Artifact;
  /** The first byte, and how many there are. */
  readonly offset: number;
  readonly length: number;
}

/** How often bytes are looked for anew that went while they were opened. */
const OPENINGS = 3;

/**
 * Opens the bytes of an artifact.
 *
 * @throws {SojournError} `range_not_satisfiable`; `artifact_not_found` where the bytes are gone; `content_damaged`
 */
export async function openArtifact(
  { store, contents }: { readonly store: Store; readonly contents: Contents },
  tenant: string,
  artifact: Artifact,
  range: ByteRange | undefined,
): Promise<Opened> {
  const slice = sliceOf(artifact, range);
  let { content } = artifact;
  for (let attempt = 1; ; attempt++) {
    if (content === undefined) throw goneBytes(artifact);
    try {
      const bytes = await contents.open(tenant, content, slice);
      return Object.assign(bytes, { artifact, ...slice });
    } catch (error) {
      // It may have gone since it was looked up, and come back in another place.
      content = await store.content(tenant, artifact.digest);
      if (content !== undefined && attempt === OPENINGS) throw error;
    }
  }
}

function sliceOf({ id, size }: Artifact, range: ByteRange | undefined): Slice {
  if (range === undefined) return { offset: 0, length: size };
  const { first, last = Number.POSITIVE_INFINITY } = range;
  const offset = first < 0 ? Math.max(0, size + first) : first;
  const end = Math.min(size, last + 1);
  if (offset < end) return { offset, length: end - offset };
  throw new SojournError("range_not_satisfiable", {
    message: `Artifact ${id} has ${size} bytes, and none in that range`,
  });
}

function goneBytes({ id, goneSeq }: Artifact): SojournError {
  return new SojournError("artifact_not_found", {
    message: `Artifact ${id} was deleted${goneSeq === undefined ? "" : ` by operation ${goneSeq}`}, and its bytes went with it`,
  });
}
