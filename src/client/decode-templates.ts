import type { JsonObject } from "../engine/json.ts";
import { exactMs } from "./duration.ts";
import { decodeLimits, type WireLimits } from "./limits.ts";
import type { Template } from "./templates.ts";

/** A template on the wire; durations are seconds. */
export interface WireTemplate {
  readonly name: string;
  readonly name_prefix?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: JsonObject | undefined;
  readonly idle_timeout_seconds?: number | null | undefined;
  readonly max_lifetime_seconds?: number | undefined;
  readonly limits?: WireLimits | undefined;
  readonly apps?: readonly string[] | undefined;
  readonly source: Template["source"];
  readonly version?: number | undefined;
  readonly updated_at?: string | undefined;
}

/** A template in the words of the SDK. */
export function decodeTemplate(wire: WireTemplate): Template {
  const { idle_timeout_seconds: idle, max_lifetime_seconds: lifetime, updated_at: updated } = wire;
  return {
    name: wire.name,
    namePrefix: wire.name_prefix,
    tags: wire.tags,
    metadata: wire.metadata,
    idleTimeoutMs: idle == null ? idle : exactMs(idle),
    maxLifetimeMs: lifetime === undefined ? undefined : exactMs(lifetime),
    limits: wire.limits && decodeLimits(wire.limits),
    apps: wire.apps,
    source: wire.source,
    version: wire.version,
    updatedAt: updated === undefined ? undefined : new Date(updated),
  };
}
