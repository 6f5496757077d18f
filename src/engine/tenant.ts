import type { Template } from "./template.ts";

/** A template as it is kept. */
export interface KeptTemplate extends Template {
  /** The `seq` of its last change, in the log of its tenant. */
  readonly version: number;
  readonly updatedAtUs: number;
}

/** The folded record of a tenant's own log. Times are microseconds since the epoch. */
export interface TenantRecord {
  /** By their names. */
  readonly templates: Readonly<Record<string, KeptTemplate>>;
}

/** A tenant that never set anything. */
export const NEW_TENANT: TenantRecord = { templates: {} };

/** What each kind of operation of a tenant carries in its payload. */
export interface TenantInputs {
  readonly "template.set": { readonly name: string; readonly template: Template };
  readonly "template.removed": { readonly name: string };
}

/** One operation of a tenant's log as the fold sees it. `input` is absent once the payload was erased. */
export type TenantChange = {
  readonly [K in keyof TenantInputs]: {
    readonly kind: K;
    readonly at: number;
    readonly seq: number;
    readonly input?: TenantInputs[K];
  };
}[keyof TenantInputs];

/** Applies one operation to the record of a tenant. Pure. */
export function foldTenant(tenant: TenantRecord = NEW_TENANT, { kind, at, seq, input }: TenantChange): TenantRecord {
  if (input === undefined) return tenant;
  const { [input.name]: _, ...others } = tenant.templates;
  if (kind === "template.removed") return { ...tenant, templates: others };
  return { ...tenant, templates: { ...others, [input.name]: { ...input.template, version: seq, updatedAtUs: at } } };
}
