import type { StreamRef } from "./store.ts";
import type { Template } from "./template.ts";
import type { Webhook } from "./webhook.ts";

/** A template as it is kept. */
export interface KeptTemplate extends Template {
  /** The `seq` of its last change, in the log of its tenant. */
  readonly version: number;
  readonly updatedAtUs: number;
}

/** A webhook as it is kept. */
export interface KeptWebhook extends Webhook {
  /** The `seq` of its last change, in the log of its tenant. */
  readonly version: number;
  readonly createdAtUs: number;
  readonly updatedAtUs: number;
}

/** The folded record of a tenant's own log. Times are microseconds since the epoch. */
export interface TenantRecord {
  /** By their names. */
  readonly templates: Readonly<Record<string, KeptTemplate>>;
  /** By their names. Absent: there was never one. */
  readonly webhooks?: Readonly<Record<string, KeptWebhook>>;
}

/** A tenant that never set anything. */
export const NEW_TENANT: TenantRecord = { templates: {} };

/** What each kind of operation of a tenant carries in its payload. */
export interface TenantInputs {
  readonly "template.set": { readonly name: string; readonly template: Template };
  readonly "template.removed": { readonly name: string };
  readonly "webhook.set": { readonly name: string; readonly webhook: Webhook };
  readonly "webhook.removed": { readonly name: string };
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
export function foldTenant(tenant: TenantRecord = NEW_TENANT, change: TenantChange): TenantRecord {
  const { at: updatedAtUs, seq: version } = change;
  if (change.input === undefined) return tenant;
  const { name } = change.input;
  switch (change.kind) {
    case "template.set":
      return {
        ...tenant,
        templates: { ...tenant.templates, [name]: { ...change.input.template, version, updatedAtUs } },
      };
    case "template.removed":
      return { ...tenant, templates: without(tenant.templates, name) };
    case "webhook.set": {
      const { webhooks = {} } = tenant;
      const createdAtUs = own(webhooks, name)?.createdAtUs ?? updatedAtUs;
      return {
        ...tenant,
        webhooks: { ...webhooks, [name]: { ...change.input.webhook, version, createdAtUs, updatedAtUs } },
      };
    }
    case "webhook.removed":
      return { ...tenant, webhooks: without(tenant.webhooks ?? {}, name) };
  }
}

/** A tenant has one stream of its own. */
export function tenantRef(tenant: string): StreamRef<"tenant"> {
  return { tenant, kind: "tenant", id: "tenant" };
}

/** What is called so. Names come from outside, and an object has members of its own such as `constructor`. */
export function own<T>(set: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(set, name) ? set[name] : undefined;
}

function without<T>(set: Readonly<Record<string, T>>, name: string): Readonly<Record<string, T>> {
  const { [name]: _, ...others } = set;
  return others;
}
