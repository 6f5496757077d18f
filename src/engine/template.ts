import { assertDuration } from "./commands.ts";
import type { NewSession } from "./creation.ts";
import { invalid } from "./errors.ts";
import { given } from "./given.ts";
import type { JsonObject } from "./json.ts";
import { assertApps, assertLimits, type LimitsPatch } from "./limit-rules.ts";
import { assertName, assertSize, assertWithin, LIMITS, textFaults } from "./limits.ts";

/** Defaults for new sessions. */
export interface Template {
  /** Goes before the name that a session is given; one that is given none has none. */
  readonly namePrefix?: string;
  readonly tags?: readonly string[];
  readonly metadata?: JsonObject;
  /** `null`: never by idleness. */
  readonly idleTimeoutUs?: number | null;
  readonly maxLifetimeUs?: number;
  readonly limits?: LimitsPatch;
  readonly apps?: readonly string[];
}

/** Refuses, with `invalid`, a template that is over a limit. */
export function assertTemplate(name: string, template: Template): void {
  assertName("name", name);
  const { namePrefix = "", tags = [], metadata = {}, idleTimeoutUs, maxLifetimeUs, limits = {}, apps } = template;
  const faults = textFaults("name_prefix", namePrefix, { min: 0, max: LIMITS.nameLength });
  if (faults.length > 0) throw invalid(faults);
  assertWithin({ tags, metadata });
  assertSize("metadata", metadata, LIMITS.templateMetadataBytes);
  assertDuration("idle_timeout_seconds", idleTimeoutUs);
  assertDuration("max_lifetime_seconds", maxLifetimeUs);
  assertLimits(limits);
  assertApps(apps);
}

/**
 * What is wanted, with what the template has for it: what is wanted goes first, tags are joined, metadata by its members, limits
 * by their measures.
 */
export function filled(wanted: NewSession, template: Template): NewSession {
  const { namePrefix = "", tags = [], metadata = {}, idleTimeoutUs, maxLifetimeUs, limits, apps } = template;
  return {
    ...wanted,
    ...given("name", wanted.name, (name) => namePrefix + name),
    tags: [...new Set([...tags, ...(wanted.tags ?? [])])],
    metadata: { ...metadata, ...wanted.metadata },
    ...given("idleTimeoutUs", wanted.idleTimeoutUs === undefined ? idleTimeoutUs : wanted.idleTimeoutUs),
    ...given("maxLifetimeUs", wanted.maxLifetimeUs ?? maxLifetimeUs),
    ...given("limits", limits === undefined ? wanted.limits : { ...limits, ...wanted.limits }),
    ...given("apps", wanted.apps ?? apps),
  };
}
