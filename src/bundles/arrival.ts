import type { ContentSettings, Contents, Staged } from "../artifacts/contents.ts";
import type { NewContent } from "../engine/artifact.ts";
import type { ArtifactLimits } from "../engine/artifact-commands.ts";
import { SojournError } from "../engine/errors.ts";
import { assertSize, LIMITS, type Settings } from "../engine/limits.ts";
import type { Entry } from "../engine/operation.ts";
import type { RowChange } from "../engine/store.ts";
import { damaged } from "./damaged.ts";
import type { ForeignLog, WantedContent } from "./foreign-log.ts";
import type { BundleManifest } from "./manifest.ts";
import type { BundleVisitor } from "./read.ts";

/** What a server allows its sessions. */
export interface ImportSettings
  extends Pick<Settings, "metadataBytes">,
    ArtifactLimits,
    Pick<ContentSettings, "sizeMax"> {}

interface ArrivalPorts {
  readonly settings: ImportSettings;
  readonly contents: Pick<Contents, "stage">;
  /** Refuses a session by what its bundle claims, before more is read. */
  readonly admit: (manifest: BundleManifest) => Promise<void>;
}

/** How much the lines of a log may take in all. */
export const LOG_BYTES_MAX = 256 * 1_048_576;

/** What the lines of all logs take that this process has in memory: together no more than one of them may. */
let bytesInHand = 0;

/** When whoever comes while others are under way may come again. */
const RETRY_AFTER_MS = 10_000;

/** All that comes with a bundle, for one commit. Disposing of it removes the contents that no commit brought. */
export class Arrival implements BundleVisitor, AsyncDisposable {
  readonly entries: Entry[] = [];
  readonly #tenant: string;
  readonly #settings: ImportSettings;
  readonly #contents: Pick<Contents, "stage">;
  readonly #admit: (manifest: BundleManifest) => Promise<void>;
  readonly #freed = new Set<string>();
  #rows: RowChange[] = [];
  readonly #staged: Staged[] = [];
  readonly #brought: NewContent[] = [];
  #logBytes = 0;
  #log: ForeignLog | undefined;

  constructor(tenant: string, { settings, contents, admit }: ArrivalPorts) {
    this.#tenant = tenant;
    this.#settings = settings;
    this.#contents = contents;
    this.#admit = admit;
  }

  async manifest(manifest: BundleManifest): Promise<void> {
    await this.#admit(manifest);
  }

  /** Known once its log was read. */
  get session(): ForeignLog {
    if (this.#log !== undefined) return this.#log;
    throw new SojournError("internal", { message: "No log has been read yet" });
  }

  /** What a commit brings. */
  get contents(): readonly NewContent[] {
    return this.#brought;
  }

  get rows(): readonly RowChange[] {
    if (this.#freed.size === 0) return this.#rows;
    return this.#rows.map((row) =>
      row.view === "artifact" && row.change === "begin" && this.#freed.has(row.digest)
        ? { ...row, isFreed: true }
        : row,
    );
  }

  entry(entry: Entry, rows: readonly RowChange[], bytes: number): void {
    this.#logBytes += bytes;
    bytesInHand += bytes;
    if (this.#logBytes > LOG_BYTES_MAX) {
      const message = `The bundle's log takes more than ${LOG_BYTES_MAX} bytes, which is more than can be imported`;
      throw new SojournError("payload_too_large", { message });
    }
    if (bytesInHand > LOG_BYTES_MAX) {
      const message = "Other imports are under way, and have too much in memory";
      throw new SojournError("overloaded", { message, retryAfterMs: RETRY_AFTER_MS });
    }
    const { seq, kind } = entry.operation;
    if (entry.payload === "erased")
      throw damaged("operation", `has an erased operation ${seq}, and can't be imported`, seq);
    // A fork inherits no grants.
    if (kind === "session.forked") this.#rows = this.#rows.filter(({ view }) => view !== "grant");
    this.entries.push(entry);
    this.#rows.push(...rows);
  }

  /** @throws {SojournError} `invalid`, `limit_reached`, `payload_too_large` for what this server would not keep */
  log(log: ForeignLog): void {
    this.#log = log;
    const { artifacts, metadata, workingMemory } = log.record;
    const { artifactsMax, bytesMax, sizeMax, metadataBytes } = this.#settings;
    assertSize("metadata", metadata, metadataBytes);
    assertSize("working_memory", workingMemory, LIMITS.workingMemoryBytes);
    if (artifacts.count > artifactsMax) {
      throw over("limit_reached", "max_artifacts_per_session", {
        has: `${artifacts.count} artifacts`,
        limit: artifactsMax,
      });
    }
    if (artifacts.bytes > bytesMax) {
      const has = `${artifacts.bytes} bytes in its artifacts`;
      throw over("limit_reached", "max_artifact_bytes_per_session", { has, limit: bytesMax });
    }
    const largest = Math.max(0, ...log.contents.map(({ size }) => size));
    if (largest > sizeMax) {
      throw over("payload_too_large", "max_artifact_bytes", { has: `an artifact of ${largest} bytes`, limit: sizeMax });
    }
  }

  async content(_: WantedContent, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const staged = await this.#contents.stage(this.#tenant, bytes);
    this.#staged.push(staged);
    // At once, so that no more than small ones wait in memory.
    this.#brought.push(await staged.bring());
  }

  freed({ digest }: WantedContent): void {
    this.#freed.add(digest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    bytesInHand -= this.#logBytes;
    this.#logBytes = 0;
    for (const staged of this.#staged.splice(0)) await staged[Symbol.asyncDispose]();
  }
}

function over(
  code: "limit_reached" | "payload_too_large",
  field: string,
  { has, limit }: { readonly has: string; readonly limit: number },
): SojournError {
  return new SojournError(code, {
    message: `The bundle's session has ${has}, which is more than the limit ${field}`,
    faults: [{ field, message: `is ${limit}`, type: "limit" }],
  });
}
