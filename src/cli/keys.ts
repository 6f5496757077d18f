import type { Key, NewKey, Sojourn } from "../client/index.ts";
import { eachOf } from "./each.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { moment, printJson, table } from "./print.ts";

interface ForPrograms {
  readonly json?: boolean;
}

/** `sojourn keys create`. The key is printed this once. */
export async function createKey(sojourn: Sojourn, { json, ...wanted }: NewKey & ForPrograms): Promise<ExitCode> {
  const { id, key, tenant, scopes, name, expiresAt } = await sojourn.keys.create(wanted);
  if (json) {
    printJson({ id, key, tenant, scopes, name, expires_at: expiresAt });
    return EXIT.ok;
  }
  console.log(`${id} of tenant ${tenant}, for ${scopes.join(", ")}${expiresAt ? `, until ${moment(expiresAt)}` : ""}

  ${key}

Keep it now, it is not shown again. Clients send it as Authorization: Bearer; this command takes it from the environment:
  export SOJOURN_API_KEY=${key}`);
  console.error("Every request needs a key now.");
  return EXIT.ok;
}

/** `sojourn keys list`. */
export async function listKeys(
  sojourn: Sojourn,
  { json, tenant }: ForPrograms & { readonly tenant?: string | undefined },
): Promise<ExitCode> {
  const keys = await Array.fromAsync(sojourn.keys.list({ tenant }));
  if (json) printJson(keys.map(wireKey));
  else if (keys.length === 0) console.log("No keys: whoever reaches the server from this machine may do anything");
  else console.log(table(["KEY", "TENANT", "STATUS", "SCOPES", "LAST USED", "EXPIRES", "NAME"], keys.map(row)));
  return EXIT.ok;
}

function row({ id, tenant, status, scopes, lastUsedAt, expiresAt, name = "" }: Key): readonly string[] {
  return [id, tenant, status, scopes.join(" "), moment(lastUsedAt), moment(expiresAt), name];
}

/** `sojourn keys revoke`. */
export async function revokeKeys(sojourn: Sojourn, ids: readonly string[], { json }: ForPrograms): Promise<ExitCode> {
  const revoked: Key[] = [];
  const code = await eachOf(ids, async (id) => {
    revoked.push(await sojourn.keys.revoke(id));
    if (!json) console.log(`${id}: revoked`);
  });
  if (json) printJson(revoked.map(wireKey));
  return code;
}

/** `sojourn keys disable`. */
export async function disableKeys(sojourn: Sojourn, { json }: ForPrograms): Promise<ExitCode> {
  await sojourn.keys.disable();
  if (json) printJson({ mode: "local" });
  else console.log("Back in local mode: requests need no key, and come from this machine alone");
  return EXIT.ok;
}

function wireKey(key: Key): object {
  return {
    id: key.id,
    tenant: key.tenant,
    name: key.name,
    scopes: key.scopes,
    status: key.status,
    created_at: key.createdAt,
    created_by: key.createdBy,
    expires_at: key.expiresAt,
    revoked_at: key.revokedAt,
    revoked_by: key.revokedBy,
    last_used_at: key.lastUsedAt,
  };
}
