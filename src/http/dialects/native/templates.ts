import { z } from "zod";
import { given } from "../../../engine/given.ts";
import { isName, LIMITS, NAME_PATTERN, NO_NAMES } from "../../../engine/limits.ts";
import type { Template } from "../../../engine/template.ts";
import type { NamedTemplate } from "../../../engine/templates.ts";
import { apps, duration, metadata, micros, name, tags } from "./decode.ts";
import { inSeconds, isoTime } from "./encode.ts";
import { decodeLimits, encodeLimitsPatch, LimitsPatchShape, WantedLimitsShape } from "./limits.ts";

/** The name of what a tenant names. */
export const ownName = z
  .string()
  .regex(NAME_PATTERN, "must be 1 to 128 of the characters A-Z a-z 0-9 . _ : @ -")
  .refine(isName, `must be none of ${NO_NAMES.join(" ")}`);

const template = {
  name_prefix: name.optional().describe("goes before the name that a session is given; without one it has none"),
  tags: tags.optional().describe("beside those that a session is given"),
  metadata: metadata
    .optional()
    .describe(`at most ${LIMITS.templateMetadataBytes} bytes; members that a session is given go first`),
  idle_timeout_seconds: duration.nullable().optional().describe("seconds; null: never expires by idleness"),
  max_lifetime_seconds: duration.optional(),
  apps: apps.optional(),
};

/** `PUT /templates/{name}`. */
export const NewTemplateShape = z.strictObject({
  ...template,
  limits: WantedLimitsShape.optional().describe("those that a session is given of the same measure go first"),
});

export const TemplateShape = z
  .object({
    name: z.string(),
    ...template,
    limits: LimitsPatchShape.optional(),
    source: z.enum(["tenant", "configuration"]).describe("whose it is: the tenant's own, or the operator's"),
    version: z.int().optional().describe("of the tenant's own; what If-Match takes"),
    updated_at: z.iso.datetime().optional().describe("of the tenant's own"),
  })
  .meta({ id: "Template" });

export function decodeTemplate(body: z.output<typeof NewTemplateShape>): Template {
  return {
    ...given("namePrefix", body.name_prefix),
    ...given("tags", body.tags),
    ...given("metadata", body.metadata),
    ...given("idleTimeoutUs", micros(body.idle_timeout_seconds)),
    ...given("maxLifetimeUs", micros(body.max_lifetime_seconds)),
    ...given("limits", body.limits, decodeLimits),
    ...given("apps", body.apps),
  };
}

export function encodeTemplate(one: NamedTemplate): z.output<typeof TemplateShape> {
  return {
    name: one.name,
    ...given("name_prefix", one.namePrefix),
    // NOTE: the engine's are readonly, and nothing here changes them.
    ...given("tags", one.tags as string[] | undefined),
    ...given("metadata", one.metadata as z.output<typeof metadata> | undefined),
    ...given("idle_timeout_seconds", one.idleTimeoutUs, (us) => (us === null ? null : inSeconds(us))),
    ...given("max_lifetime_seconds", one.maxLifetimeUs, inSeconds),
    ...given("limits", one.limits, encodeLimitsPatch),
    ...given("apps", one.apps as string[] | undefined),
    source: one.version === undefined ? "configuration" : "tenant",
    ...given("version", one.version),
    ...given("updated_at", one.updatedAtUs, isoTime),
  };
}

/** The version of a template, as `If-Match` takes it. */
export function templateTag({ version }: NamedTemplate): Record<string, string> {
  return version === undefined ? {} : { etag: `"${version}"` };
}
