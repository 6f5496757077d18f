import type { Contents } from "../artifacts/contents.ts";
import { given } from "../engine/given.ts";
import { type Answer, OnceOnly } from "../engine/idempotency.ts";
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

/** Sessions as files; docs/bundles.md has the format. */
export class Bundles {
  readonly #ports: BundlePorts & { readonly once: OnceOnly };
  readonly #settings: ImportSettings;

  constructor(ports: BundlePorts, settings: ImportSettings) {
    this.#ports = { ...ports, once: new OnceOnly(ports) };
    this.#settings = settings;
  }

  /** See `exportBundle`. */
  async export(caller: Caller, id: string, signal?: AbortSignal): Promise<Bundle> {
    return await exportBundle(this.#ports, caller, id, { release: this.#ports.release, ...given("signal", signal) });
  }

  /** See `importBundle`. */
  async import(
    caller: Caller,
    source: AsyncIterable<Uint8Array>,
    wanted: Pick<ImportOptions, "head" | "sessionId" | "signal"> = {},
    options: Pick<ImportOptions, "idempotency" | "precondition"> = {},
  ): Promise<Answer<Session>> {
    const { settings, ports } = { settings: this.#settings, ports: this.#ports };
    return await importBundle({ ports, settings }, caller, source, { ...wanted, ...options });
  }
}
