import { z } from "zod";
import type { NewKey } from "../../../engine/access.ts";
import { given } from "../../../engine/given.ts";
import { BAD_TENANT, type KeyRecord, keyStatus, SCOPES, TENANT_PATTERN } from "../../../engine/key.ts";
import { LIMITS } from "../../../engine/limits.ts";
import type { KeyQuery } from "../../../engine/store.ts";
import { badHeader } from "../../edge.ts";
import { type Reply, type Route, route } from "../../route.ts";
import { moment, moments, PageShape, pageLimit } from "./decode.ts";
import { envelope, enveloped, isoTime } from "./encode.ts";

const tenant = z
  .string()
  .regex(TENANT_PATTERN, BAD_TENANT)
  .describe("the tenant of whoever makes the key where it is left out");

const scopes = z.array(z.enum(SCOPES));

/** `POST /keys`. */
export const NewKeyShape = z.strictObject({
  tenant: tenant.optional(),
  name: z.string().max(LIMITS.nameLength).optional().describe("what it is for"),
  scopes: scopes
    .min(1)
    .optional()
    .describe("all for a key that ends local mode, everything but admin for others, where it is left out"),
  expires_at: moment.optional().describe("the last moment at which it is good; left out: it does not end"),
});

/** `GET /keys`. */
export const KeysQueryShape = z.strictObject({ ...PageShape.shape, tenant: tenant.optional() });

/** What is told of a key, again and again. */
const KeyShape = z
  .object({
    id: z.string(),
    tenant: z.string(),
    name: z.string().optional(),
    scopes,
    status: z.enum(["active", "expired", "revoked"]),
    created_at: z.iso.datetime(),
    created_by: z.string().describe("the id of the key that made it, or local or operator"),
    expires_at: z.iso.datetime().optional(),
    revoked_at: z.iso.datetime().optional(),
    revoked_by: z.string().optional(),
    last_used_at: z.iso.datetime().optional().describe("to the minute or so"),
  })
  .meta({ id: "Key" });

const NewKeyAnswerShape = z
  .object({ ...KeyShape.shape, key: z.string().describe("the key itself, told this once") })
  .meta({ id: "NewKey" });

/** The routes by which an operator says who may call. */
export const keyRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: "/keys",
    operationId: "createKey",
    summary: "Make an API key; the first one ends local mode",
    scope: "admin",
    body: NewKeyShape,
    isBodyOptional: true,
    isWrite: false,
    answers: { 201: enveloped(NewKeyAnswerShape) },
    refusals: ["conflict"],
    handle: async ({ access, caller, body, header, now }) => {
      // To answer the same again, the key itself would have to be kept.
      if (header("idempotency-key") !== undefined) throw badHeader("idempotency-key", "can't be used to make keys");
      const { record, key } = await access.create(caller, decodeNewKey(body));
      return { status: 201, body: envelope({ ...encodeKey(record, now()), key }, now()) };
    },
  }),
  route({
    method: "GET",
    path: "/keys",
    operationId: "listKeys",
    summary: "List API keys, oldest first, page by page",
    scope: "admin",
    query: KeysQueryShape,
    isWrite: false,
    answers: { 200: enveloped(z.object({ keys: z.array(KeyShape), next_cursor: z.string().optional() })) },
    refusals: [],
    handle: async ({ access, query, now }) => {
      const page = await access.list(decodeKeysQuery(query));
      const keys = page.items.map((record) => encodeKey(record, now()));
      return { body: envelope({ keys, ...given("next_cursor", page.next) }, now()) };
    },
  }),
  route({
    method: "POST",
    path: "/keys/{id}/revoke",
    operationId: "revokeKey",
    summary: "End an API key at once; again changes nothing",
    scope: "admin",
    isWrite: false,
    answers: { 200: enveloped(KeyShape) },
    refusals: ["not_found", "conflict"],
    handle: async ({ access, caller, id, now }) => shown(await access.revoke(caller, id), now()),
  }),
  route({
    method: "POST",
    path: "/keys/disable",
    operationId: "disableKeys",
    summary: "Go back to local mode, in which requests need no key and come from this machine alone",
    scope: "admin",
    isWrite: false,
    answers: { 200: enveloped(z.object({ mode: z.literal("local") })) },
    refusals: ["forbidden", "conflict"],
    handle: async ({ access, service, now }) => {
      service.assertMayBeOpen();
      await access.disable();
      return { body: envelope({ mode: "local" }, now()) };
    },
  }),
];

export function decodeNewKey(body: z.output<typeof NewKeyShape>): NewKey {
  return {
    ...given("tenant", body.tenant),
    ...given("name", body.name),
    ...given("scopes", body.scopes),
    ...given("expiresAtUs", body.expires_at, moments),
  };
}

export function decodeKeysQuery({ tenant, cursor, limit }: z.output<typeof KeysQueryShape>): KeyQuery {
  return { ...given("tenantName", tenant), ...given("cursor", cursor), limit: pageLimit(limit) };
}

function shown(record: KeyRecord, now: number): Reply {
  return { body: envelope(encodeKey(record, now), now) };
}

export function encodeKey(record: KeyRecord, now: number): z.output<typeof KeyShape> {
  return {
    id: record.id,
    tenant: record.tenantName,
    ...given("name", record.name),
    scopes: [...record.scopes],
    status: keyStatus(record, now),
    created_at: isoTime(record.createdAtUs),
    created_by: record.createdBy,
    ...given("expires_at", record.expiresAtUs, isoTime),
    ...given("revoked_at", record.revokedAtUs, isoTime),
    ...given("revoked_by", record.revokedBy),
    ...given("last_used_at", record.lastUsedAtUs, isoTime),
  };
}
