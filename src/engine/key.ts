/** What a key may be allowed to do. `admin` is the operator's: keys, backups, and all the others as well. */
export const SCOPES = ["sessions:read", "sessions:write", "apps:read", "apps:execute", "admin"] as const;

export type Scope = (typeof SCOPES)[number];

/** What a key may do where nobody says so: everything of its tenant, and nothing of the operator's. */
export const DEFAULT_SCOPES: readonly Scope[] = SCOPES.filter((scope) => scope !== "admin");

/**
 * Whether requests need a key. A store begins in `local` mode, where they need none and come from this machine alone;
 * the first key ends that.
 */
export type AccessMode = "local" | "keys";

/** What is kept of a key: never the key itself. Times are microseconds since the epoch. */
export interface KeyRecord {
  /** `key_` and 16 hex digits; what the log names as the actor. */
  readonly id: string;
  /** The tenant whose sessions it opens, as streams name it. */
  readonly tenant: string;
  /** The same tenant, as its operator calls it. */
  readonly tenantName: string;
  /** What it is for, in somebody's words. */
  readonly name?: string;
  readonly scopes: readonly Scope[];
  /** Digest of its secret. */
  readonly digest: string;
  readonly createdAtUs: number;
  /** The actor that made it. */
  readonly createdBy: string;
  /** It holds through this moment. Absent: it never ends by itself. */
  readonly expiresAtUs?: number;
  readonly revokedAtUs?: number;
  readonly revokedBy?: string;
  /** To the minute or so. */
  readonly lastUsedAtUs?: number;
}

/** Whether a key is still good at `now`, and why not. */
export function keyStatus({ revokedAtUs, expiresAtUs }: KeyRecord, now: number): "active" | "expired" | "revoked" {
  if (revokedAtUs !== undefined) return "revoked";
  return expiresAtUs !== undefined && now > expiresAtUs ? "expired" : "active";
}

/** What a caller shows: which key, and the secret that proves it. */
export interface ShownKey {
  readonly id: string;
  /** 256 random bits as 64 hex digits. */
  readonly secret: string;
}

/** The characters of a tenant's name. */
export const TENANT_PATTERN = /^[A-Za-z0-9._:@-]{1,128}$/;

/** What is wrong with a name that a tenant can't have. */
export const BAD_TENANT = "must be 1 to 128 of the characters A-Z a-z 0-9 . _ : @ -";

const KEY_TEXT = /^sjn_([0-9a-f]{16})_([0-9a-f]{64})$/;

/** The text of a key: `sjn_`, the digits of its id, `_`, and its secret; a form that scanners of secrets can know. */
export function keyText({ id, secret }: ShownKey): string {
  return `sjn_${id.slice("key_".length)}_${secret}`;
}

/** Reads the text of a key; `undefined` for a text of any other form. */
export function parseKey(text: string): ShownKey | undefined {
  const [, digits, secret] = KEY_TEXT.exec(text) ?? [];
  return digits === undefined || secret === undefined ? undefined : { id: `key_${digits}`, secret };
}
