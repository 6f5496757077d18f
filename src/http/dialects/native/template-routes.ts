import { z } from "zod";
import { type Route, route } from "../../route.ts";
import { answered } from "./answer.ts";
import * as encode from "./encode.ts";
import * as templates from "./templates.ts";

/** Named defaults for new sessions. */
export const templateRoutes: readonly Route[] = [
  route({
    method: "PUT",
    path: "/templates/{template}",
    operationId: "setTemplate",
    summary: "Set the defaults of a template, whole; sessions that began with it stay as they are",
    scope: "sessions:write",
    body: templates.NewTemplateShape,
    isWrite: true,
    answers: {
      200: encode.enveloped(templates.TemplateShape).describe("The tenant had it already"),
      201: encode.enveloped(templates.TemplateShape),
    },
    refusals: ["limit_reached", "precondition_failed", "idempotency_mismatch", "conflict"],
    handle: async ({ templates: it, caller, id, body, write }) => {
      const answer = await it.set(caller, id, templates.decodeTemplate(body), write);
      const { template, isNew } = answer.value;
      const reply = answered(answer, templates.encodeTemplate(template));
      const headers = { ...reply.headers, ...templates.templateTag(template) };
      return { ...reply, headers, status: isNew ? 201 : 200 };
    },
  }),
  route({
    method: "GET",
    path: "/templates/{template}",
    operationId: "getTemplate",
    summary: "The defaults that a template has for new sessions",
    scope: "sessions:read",
    isWrite: false,
    answers: { 200: encode.enveloped(templates.TemplateShape) },
    refusals: ["template_not_found"],
    handle: async ({ templates: it, caller, id, now }) => {
      const template = await it.get(caller, id);
      return {
        body: encode.envelope(templates.encodeTemplate(template), now()),
        headers: templates.templateTag(template),
      };
    },
  }),
  route({
    method: "GET",
    path: "/templates",
    operationId: "listTemplates",
    summary: "All templates, by their names: the tenant's own, and the operator's",
    scope: "sessions:read",
    isWrite: false,
    answers: { 200: encode.enveloped(z.object({ templates: z.array(templates.TemplateShape) })) },
    refusals: [],
    handle: async ({ templates: it, caller, now }) => {
      const all = await it.list(caller);
      return { body: encode.envelope({ templates: all.map(templates.encodeTemplate) }, now()) };
    },
  }),
  route({
    method: "DELETE",
    path: "/templates/{template}",
    operationId: "removeTemplate",
    summary: "Remove a template of the tenant; the operator's of the same name is there again",
    scope: "sessions:write",
    isWrite: true,
    answers: { 200: encode.enveloped(z.object({ name: z.string() })) },
    refusals: ["template_not_found", "forbidden", "precondition_failed", "idempotency_mismatch", "conflict"],
    handle: async ({ templates: it, caller, id, write }) => {
      const answer = await it.remove(caller, id, write);
      return answered(answer, answer.value);
    },
  }),
];
