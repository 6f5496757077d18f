import type { Scope } from "../engine/key.ts";
import type { CallOptions } from "./inputs.ts";
import type { Transport } from "./transport.ts";

/** A new API key. What is left out takes the server's default. */
export interface NewKey {
  /** Letters, digits and `. _ : @ -`, at most 128; the caller's own where it is left out. */
  readonly tenant?: string | undefined;
  /** What it is for. */
  readonly name?: string | undefined;
  /** All for a key that ends local mode, everything but `admin` for others, where they are left out. */
  readonly scopes?: readonly Scope[] | undefined;
  /** The last moment at which it is good; a text is a date or a date-time in ISO 8601. Left out: it does not end. */
  readonly expiresAt?: Date | string | undefined;
}

/** What is told of an API key, again and again. */
export interface Key {
  readonly id: string;
  readonly tenant: string;
  readonly name: string | undefined;
  readonly scopes: readonly Scope[];
  readonly status: "active" | "expired" | "revoked";
  readonly createdAt: Date;
  /** The id of the key that made it, or `local` or `operator`. */
  readonly createdBy: string;
  readonly expiresAt: Date | undefined;
  readonly revokedAt: Date | undefined;
  readonly revokedBy: string | undefined;
  /** To the minute or so. */
  readonly lastUsedAt: Date | undefined;
}

/** A key that was just made, with its text, which is told this once. */
export interface MadeKey extends Key {
  readonly key: string;
}

/** The API keys of all tenants. Each call wants the scope `admin`. */
export class Keys {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Makes a key. The first one ends local mode: from then on every request needs a key.
   *
   * It is never sent twice by itself; where its answer was lost, look for the key by `list`, and revoke it.
   */
  async create(wanted: NewKey = {}, options: CallOptions = {}): Promise<MadeKey> {
    return await this.#transport.createKey(wanted, options);
  }

  /** All keys, oldest first, fetched page by page as they are read. */
  async *list({
    signal,
    ...query
  }: { readonly tenant?: string | undefined } & CallOptions = {}): AsyncGenerator<Key, void, undefined> {
    for (let cursor: string | undefined; ; ) {
      const page = await this.#transport.keys({ ...query, cursor }, { signal });
      yield* page.items;
      if (page.next === undefined) return;
      cursor = page.next;
    }
  }

  /** Ends a key at once. Again changes nothing. */
  async revoke(id: string, options: CallOptions = {}): Promise<Key> {
    return await this.#transport.revokeKey(id, options);
  }

  /** Goes back to local mode, in which requests need no key and come from the server's own machine alone. */
  async disable(options: CallOptions = {}): Promise<void> {
    await this.#transport.disableKeys(options);
  }
}
