import type { Contents } from "../artifacts/contents.ts";
import type { Artifact } from "../engine/artifact.ts";
import type { Clock } from "../engine/clock.ts";
import { SojournError } from "../engine/errors.ts";
import { given } from "../engine/given.ts";
import type { Entry } from "../engine/operation.ts";
import type { Caller, Session, Sessions } from "../engine/sessions.ts";
import type { Store, Stream } from "../engine/store.ts";
import { type BundleManifest, FORMAT_VERSION } from "./manifest.ts";
import { type BundledContent, writeBundle } from "./write.ts";

/** What an export stands on. */
export interface ExportPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly sessions: Pick<Sessions, "get">;
  readonly contents: Pick<Contents, "open">;
}

/** A session as a file: its bytes are read once, and in order. Whoever does not read them to the end disposes of it. */
export interface Bundle extends AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly manifest: BundleManifest;
}

/**
 * Exports a session of any status as it is at the moment of the call. Reads from the store as the bundle is read, and keeps
 * no more than a page of its log in memory.
 *
 * Where the session is deleted meanwhile, or an artifact of it with the last of its bytes, the reading throws
 * `session_not_found` or `content_missing`: what was read by then has no last line, and is no bundle.
 *
 * Once the signal is aborted, the reading rejects with its reason.
 *
 * @param release  for the manifest
 * @throws {SojournError} `session_not_found`; while it is read also `content_damaged`, and `payload_too_large` for a log with
 *   an operation of more than 64 MiB
 */
export async function exportBundle(
  { store, clock, sessions, contents }: ExportPorts,
  caller: Caller,
  id: string,
  { release, signal }: { readonly release: string; readonly signal?: AbortSignal },
): Promise<Bundle> {
  const session = await sessions.get(caller, id);
  const { ref, head, record } = session;
  const wanted = await contentsOf(store, session);
  const kept = wanted.filter(({ freed }) => freed === undefined);
  const manifest = {
    format: "sojourn-session",
    version: FORMAT_VERSION,
    release,
    created_at: new Date(clock.now() / 1_000).toISOString(),
    session_id: record.sessionId,
    uid: ref.id,
    root: record.origin?.root ?? ref.id,
    operations: head.seq,
    head_hash: head.hash,
    artifacts: record.artifacts.count,
    contents: kept.length,
    bytes: kept.reduce((sum, { size }) => sum + size, 0),
    compression: "zstd",
  } as const;
  const bundled = async function* (): AsyncGenerator<BundledContent> {
    for (const { digest, size, freed } of wanted) {
      if (freed) yield { digest, size, freed, bytes: [] };
      else {
        // As it is kept now: the same bytes may have been removed and stored again.
        const content = await store.content(ref.tenant, digest);
        if (content === undefined) throw gone(session, digest);
        await using bytes = await contents.open(ref.tenant, content);
        yield { digest, size, bytes };
      }
    }
  };
  const bytes = writeBundle({
    manifest,
    entries: entriesOf(store, session),
    contents: bundled(),
    ...given("signal", signal),
  });
  return {
    manifest,
    [Symbol.asyncIterator]: () => bytes,
    [Symbol.asyncDispose]: async () => void (await bytes.return(undefined)),
  };
}

interface Wanted {
  readonly digest: string;
  readonly size: number;
  readonly freed?: true;
}

/** What the artifacts that are there refer to, the oldest first, each once. */
async function contentsOf(store: Store, session: Stream): Promise<readonly Wanted[]> {
  const artifacts: Artifact[] = [];
  for (let cursor: string | undefined, isLast = false; !isLast; ) {
    const page = await store.artifacts(session.ref, {
      at: session.head.seq,
      limit: 1_000,
      ...(cursor === undefined ? {} : { cursor }),
    });
    artifacts.push(...page.items);
    cursor = page.next;
    isLast = cursor === undefined;
  }
  const wanted = new Map<string, Wanted>();
  for (const { digest, size, content, seq, goneSeq } of artifacts.reverse()) {
    // Of what a fork inherits, the bytes may have gone before.
    const isFreed = content === undefined && goneSeq === undefined && seq <= (session.record.origin?.seq ?? 0);
    if (content === undefined && !isFreed) throw gone(session, digest);
    if (!wanted.has(digest)) wanted.set(digest, { digest, size, ...(isFreed ? { freed: true } : {}) });
  }
  return [...wanted.values()];
}

/** How much of payloads is read at a time, but for the last of them. */
const PAGE_CHARACTERS_MAX = 1_048_576;

const PAGE = 500;

async function* entriesOf(store: Store, { ref, head, record }: Session): AsyncGenerator<Entry> {
  for (let seq = 0; seq < head.seq; ) {
    const range = { after: seq, through: head.seq, limit: PAGE, charactersMax: PAGE_CHARACTERS_MAX };
    const page = await store.operations(ref, range);
    const last = page.at(-1)?.operation.seq;
    if (last === undefined) {
      if ((await store.stored(ref)) === undefined) {
        throw new SojournError("session_not_found", {
          message: `Session ${record.sessionId} was deleted while it was exported`,
        });
      }
      throw new SojournError("internal", {
        message: `Operation ${seq + 1} of session ${record.sessionId} is not in the log; see what verify says`,
      });
    }
    yield* page;
    seq = last;
  }
}

function gone({ record }: Session, digest: string): SojournError {
  return new SojournError("content_missing", {
    message: `The content ${digest} of session ${record.sessionId} was removed while it was exported; export it again`,
  });
}
