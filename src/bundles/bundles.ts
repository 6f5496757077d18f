import type { Contents } from "../artifacts/contents.ts";
import type { MailboxPorts } from "../engine/mailbox.ts";
import type { Caller, Session, Sessions } from "../engine/sessions.ts";
import type { ImportSettings } from "./arrival.ts";
import { type Bundle, exportBundle } from "./export.ts";
import { type ImportOptions, importBundle } from "./import.ts";

/** What `Bundles` stands on. */
export interface BundlePorts extends MailboxPorts {
  readonly sessions: Sessions;
  readonly contents: Contents;
  /** The release, for manifests. */
  readonly release: string;
}

/** Sessions as files. */
export class Bundles {
  readonly #ports: BundlePorts;
  readonly #settings: ImportSettings;

  constructor(ports: BundlePorts, settings: ImportSettings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  /** See `exportBundle`. Once the signal aborts, the reading throws its reason. */
  async export(caller: Caller, id: string, signal?: AbortSignal): Promise<Bundle & AsyncDisposable> {
    const bundle = await exportBundle(this.#ports, caller, id, this.#ports);
    return {
      manifest: bundle.manifest,
      async *[Symbol.asyncIterator]() {
        for await (const bytes of bundle) {
          signal?.throwIfAborted();
          yield bytes;
        }
      },
      // Nothing is held but while it is read.
      [Symbol.asyncDispose]: async () => {},
    };
  }

  /** See `importBundle`. */
  async import(caller: Caller, source: AsyncIterable<Uint8Array>, options?: ImportOptions): Promise<Session> {
    return await importBundle({ ports: this.#ports, settings: this.#settings }, caller, source, options);
  }
}
