import type { SQLInputValue } from "node:sqlite";
import { given } from "../../engine/given.ts";
import type { AccessMode, KeyRecord, Scope } from "../../engine/key.ts";
import type { AccessState } from "../../engine/store.ts";
import { bytes, hex, integer, type Row, text } from "./rows.ts";

/** Writes a key, new or changed; its last use stays as it is. */
export const PUT_KEY = `
  INSERT INTO keys (id, tenant, tenant_name, name, scopes, digest, created_at, created_by, expires_at, revoked_at,
    revoked_by) VALUES (:id, :tenant, :tenantName, :name, :scopes, :digest, :createdAt, :createdBy, :expiresAt,
    :revokedAt, :revokedBy)
  ON CONFLICT (id) DO UPDATE SET tenant = excluded.tenant, tenant_name = excluded.tenant_name, name = excluded.name,
    scopes = excluded.scopes, digest = excluded.digest, created_at = excluded.created_at,
    created_by = excluded.created_by, expires_at = excluded.expires_at, revoked_at = excluded.revoked_at,
    revoked_by = excluded.revoked_by`;

/** The values of `PUT_KEY`. */
export function keyValues(key: KeyRecord): Record<string, SQLInputValue> {
  return {
    id: key.id,
    tenant: key.tenant,
    tenantName: key.tenantName,
    name: key.name ?? null,
    scopes: JSON.stringify(key.scopes),
    digest: bytes(key.digest),
    createdAt: key.createdAtUs,
    createdBy: key.createdBy,
    expiresAt: key.expiresAtUs ?? null,
    revokedAt: key.revokedAtUs ?? null,
    revokedBy: key.revokedBy ?? null,
  };
}

/** Reads a row of keys. */
export function toKey(row: Row): KeyRecord {
  return {
    id: text(row.id),
    tenant: text(row.tenant),
    tenantName: text(row.tenant_name),
    // NOTE: scopes are only ever written from a KeyRecord.
    scopes: JSON.parse(text(row.scopes)) as Scope[],
    digest: hex(row.digest),
    createdAtUs: integer(row.created_at),
    createdBy: text(row.created_by),
    ...given("name", row.name ?? undefined, text),
    ...given("expiresAtUs", row.expires_at ?? undefined, integer),
    ...given("revokedAtUs", row.revoked_at ?? undefined, integer),
    ...given("revokedBy", row.revoked_by ?? undefined, text),
    ...given("lastUsedAtUs", row.last_used_at ?? undefined, integer),
  };
}

/** Reads the row of access. */
export function toAccess(row: Row): AccessState {
  // NOTE: the mode is only ever written from an AccessChange.
  return { version: integer(row.version), mode: text(row.mode) as AccessMode };
}
