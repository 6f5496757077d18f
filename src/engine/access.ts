import { assertActsAsNone } from "./acting.ts";
import { type Clock, SECOND } from "./clock.ts";
import type { Digest } from "./digest.ts";
import { invalid, SojournError } from "./errors.ts";
import { given } from "./given.ts";
import type { Ids } from "./ids.ts";
import {
  type AccessMode,
  BAD_TENANT,
  DEFAULT_SCOPES,
  type KeyRecord,
  keyStatus,
  keyText,
  parseKey,
  SCOPES,
  type Scope,
  type ShownKey,
  TENANT_PATTERN,
} from "./key.ts";
import { assertWithin } from "./limits.ts";
import type { Caller } from "./sessions.ts";
import type { AccessChange, AccessState, KeyQuery, Page, Store } from "./store.ts";

/** Who calls while the store is in local mode. Its tenant becomes that of the first key. */
export const LOCAL: Caller = { tenant: "local", actor: "local" };

/** A caller that is known, and what it may do. */
export interface Identity extends Caller {
  readonly scopes: readonly Scope[];
}

/** A new key. What is left out takes the server's default. */
export interface NewKey {
  /** As its operator calls it. Left out: the tenant of whoever makes the key. */
  readonly tenant?: string;
  readonly name?: string;
  /** At least one. Left out: all for a key that ends local mode, and everything but `admin` for others. */
  readonly scopes?: readonly Scope[];
  readonly expiresAtUs?: number;
}

/** What access needs of the engine's ports. */
export interface AccessPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly digest: Digest;
  /** Compares two digests in constant time. */
  readonly isSame: (a: string, b: string) => boolean;
}

/** How often the last use of a key is written. */
const LAST_USE_US = 60 * SECOND;

/** How often a change of the keys is decided anew where others were quicker. */
const CONFLICTS_MAX = 16;

const LOCAL_IDENTITY: Identity = { ...LOCAL, scopes: ["admin"] };

/** Who may call, and what they may do. Every change is one commit upon the version that it was decided on. */
export class Access {
  readonly #ports: AccessPorts;
  readonly #lastUse = new Map<string, { readonly at: number; readonly isWritten: boolean }>();

  constructor(ports: AccessPorts) {
    this.#ports = ports;
  }

  async mode(): Promise<AccessMode> {
    return (await this.#ports.store.access()).mode;
  }

  /**
   * The caller that shows this key. In local mode whoever calls may do anything, and a key is not looked at.
   *
   * @throws {SojournError} `unauthorized` for a key that is missing, unknown, revoked or past its end. Only who holds
   *   the secret learns which of the last two it is
   */
  async identify(shown: string | undefined): Promise<Identity> {
    if ((await this.mode()) === "local") return LOCAL_IDENTITY;
    if (shown === undefined) {
      throw unauthorized("This server wants an API key: send it as Authorization: Bearer <key>, or as X-API-Key");
    }
    const key = await this.#known(shown);
    if (key === undefined) throw unauthorized("This API key is not known here");
    const now = this.#ports.clock.now();
    const status = keyStatus(key, now);
    if (status !== "active") throw unauthorized(`The API key ${key.id} is ${status}`);
    this.#use(key.id, now);
    return { tenant: key.tenant, actor: key.id, scopes: key.scopes };
  }

  /** Whether a caller that was identified before may still go on, as a live feed wants to know. */
  async holds({ actor }: Caller): Promise<boolean> {
    if ((await this.mode()) === "local") return true;
    const key = await this.#ports.store.key(actor);
    return key !== undefined && keyStatus(key, this.#ports.clock.now()) === "active";
  }

  /**
   * Makes a key, which ends local mode. The very first key's tenant takes over what local mode made.
   *
   * @returns the record, and the text of the key, which is told this once
   */
  async create(by: Caller, wanted: NewKey = {}): Promise<{ readonly record: KeyRecord; readonly key: string }> {
    assertActsAsNone(by, "make keys");
    return await this.#make(by, wanted, { id: this.#ports.ids.key(), secret: this.#ports.ids.secret() });
  }

  /**
   * Makes a key with a text of its operator's choosing the first key of a store that never had one, with all scopes;
   * changes nothing where there was one before.
   *
   * @throws {SojournError} `invalid` for a text that is no key
   */
  async admitFirst(text: string): Promise<void> {
    const shown = parseKey(text);
    if (shown === undefined) {
      const message = "must be sjn_, 16 hex digits, _ and 64 hex digits, all random and in lower case";
      throw invalid([{ field: "first_key", message, type: "invalid_key" }]);
    }
    if ((await this.#ports.store.access()).version > 0) return;
    await this.#make(LOCAL, { name: "first key" }, shown);
  }

  /** Ends a key at once. Revoking it again changes nothing. */
  async revoke(by: Caller, id: string): Promise<KeyRecord> {
    assertActsAsNone(by, "revoke keys");
    return await this.#change(async ({ mode }) => {
      const record = await this.#ports.store.key(id);
      if (record === undefined) throw new SojournError("not_found", { message: `API key ${id} not found` });
      if (record.revokedAtUs !== undefined) return { value: record };
      const revoked = { ...record, revokedAtUs: this.#ports.clock.now(), revokedBy: by.actor };
      return { value: revoked, mode, put: [revoked] };
    });
  }

  /** Goes back to local mode. The keys stay, and hold again once a new one is made. */
  async disable(): Promise<void> {
    await this.#change(async ({ mode }) => ({ value: undefined, ...(mode === "keys" && { mode: "local", put: [] }) }));
  }

  /** A page of all keys, oldest first. */
  async list(query: KeyQuery): Promise<Page<KeyRecord>> {
    return await this.#ports.store.keys(query);
  }

  /** The tenant that its operator calls so. */
  async tenantNamed(tenantName: string): Promise<string> {
    if (!TENANT_PATTERN.test(tenantName)) throw invalid([{ field: "tenant", message: BAD_TENANT, type: "invalid_id" }]);
    const [key] = (await this.#ports.store.keys({ limit: 1, tenantName })).items;
    return key?.tenant ?? tenantName;
  }

  /** Writes when keys were used last, as far as that is not written yet. */
  async saveLastUse(): Promise<void> {
    const keysUsed = [...this.#lastUse].filter(([, use]) => !use.isWritten).map(([id, { at }]) => ({ id, at }));
    if (keysUsed.length === 0) return;
    await this.#ports.store.commit({ now: this.#ports.clock.now(), parts: [], keysUsed });
    for (const { id, at } of keysUsed) {
      if (this.#lastUse.get(id)?.at === at) this.#lastUse.set(id, { at, isWritten: true });
    }
  }

  async #make(by: Caller, wanted: NewKey, { id, secret }: ShownKey): Promise<{ record: KeyRecord; key: string }> {
    assertNewKey(wanted, this.#ports.clock.now());
    const { name, expiresAtUs } = wanted;
    const record = await this.#change<KeyRecord>(async ({ version, mode }) => {
      // Whoever came without a key just before the first one was made.
      if (by.actor === LOCAL.actor && mode === "keys") throw unauthorized("This server wants an API key by now");
      const { tenant, tenantName } = await this.#tenantFor(by, version, wanted.tenant);
      const made: KeyRecord = {
        id,
        tenant,
        tenantName,
        scopes: [...new Set(wanted.scopes ?? (mode === "local" ? SCOPES : DEFAULT_SCOPES))],
        digest: this.#ports.digest(secret),
        createdAtUs: this.#ports.clock.now(),
        createdBy: by.actor,
        ...given("name", name),
        ...given("expiresAtUs", expiresAtUs),
      };
      return { value: made, mode: "keys", put: [made] };
    });
    return { record, key: keyText({ id, secret }) };
  }

  // What local mode made belongs to the first key's tenant, whatever that is called; no other may be taken for it. But a
  // tenant that has sessions of its own already, of a store that was opened in process, stays what it is.
  async #tenantFor(by: Caller, version: number, name: string | undefined): Promise<Tenant> {
    const { store } = this.#ports;
    const [first] = (await store.keys({ limit: 1 })).items;
    if (name === undefined) return (await store.key(by.actor)) ?? first ?? LOCAL_TENANT;
    const [known] = (await store.keys({ limit: 1, tenantName: name })).items;
    if (known !== undefined) return known;
    if (version === 0 && !(await this.#hasSessions(name))) return { tenant: LOCAL.tenant, tenantName: name };
    if (name !== LOCAL.tenant || first?.tenant !== LOCAL.tenant) return { tenant: name, tenantName: name };
    const message = `"${LOCAL.tenant}" is another name of the first key's tenant; choose another`;
    throw invalid([{ field: "tenant", message, type: "reserved" }]);
  }

  async #hasSessions(tenant: string): Promise<boolean> {
    const { store, clock } = this.#ports;
    const query = { tenant, now: clock.now(), sort: "created_at", order: "asc", limit: 1 } as const;
    return (await store.list(query)).items.length > 0;
  }

  async #known(shown: string): Promise<KeyRecord | undefined> {
    const { digest, isSame, store } = this.#ports;
    const parsed = parseKey(shown);
    const key = parsed && (await store.key(parsed.id));
    return key !== undefined && isSame(key.digest, digest(parsed?.secret ?? "")) ? key : undefined;
  }

  #use(id: string, now: number): void {
    const before = this.#lastUse.get(id);
    if (before === undefined || now - before.at >= LAST_USE_US) this.#lastUse.set(id, { at: now, isWritten: false });
  }

  /** Decides on what is stored, and writes that unless others were quicker; then decides again. */
  async #change<T>(decide: (now: AccessState) => Promise<Decision<T>>): Promise<T> {
    const { store, clock } = this.#ports;
    for (let i = 0; i < CONFLICTS_MAX; i++) {
      const state = await store.access();
      const { value, mode, put } = await decide(state);
      if (mode === undefined || put === undefined) return value;
      const access = { expectedVersion: state.version, mode, put };
      const { outcome } = await store.commit({ now: clock.now(), parts: [], access });
      if (outcome === "committed") return value;
    }
    throw new SojournError("conflict", { message: "Others change the keys all the time; try again" });
  }
}

type Tenant = Pick<KeyRecord, "tenant" | "tenantName">;

const LOCAL_TENANT: Tenant = { tenant: LOCAL.tenant, tenantName: LOCAL.tenant };

/** What a change of the keys answers, and what it writes, if anything. */
interface Decision<T> extends Partial<Pick<AccessChange, "mode" | "put">> {
  readonly value: T;
}

function assertNewKey({ tenant, name, scopes, expiresAtUs }: NewKey, now: number): void {
  assertWithin({ ...given("name", name) });
  if (tenant !== undefined && !TENANT_PATTERN.test(tenant)) {
    throw invalid([{ field: "tenant", message: BAD_TENANT, type: "invalid_id" }]);
  }
  if (scopes !== undefined && (scopes.length === 0 || !scopes.every((scope) => SCOPES.includes(scope)))) {
    throw invalid([{ field: "scopes", message: `must be some of ${SCOPES.join(", ")}`, type: "invalid_scope" }]);
  }
  if (expiresAtUs !== undefined && !(Number.isSafeInteger(expiresAtUs) && expiresAtUs > now)) {
    throw invalid([{ field: "expires_at", message: "must lie in the future", type: "too_small" }]);
  }
}

function unauthorized(message: string): SojournError {
  return new SojournError("unauthorized", { message });
}
