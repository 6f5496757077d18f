import { decodeTemplate, type WireTemplate } from "./decode-templates.ts";
import { encodeBody } from "./encode.ts";
import { type HttpCalls, namedPath } from "./http-calls.ts";
import type { CallOptions, WriteOptions } from "./inputs.ts";
import type { NewTemplate, Template } from "./templates.ts";
import type { TemplateTransport } from "./transport.ts";

/** The way to the templates of a server. */
export class HttpTemplates implements TemplateTransport {
  readonly #calls: HttpCalls;

  constructor(calls: HttpCalls) {
    this.#calls = calls;
  }

  async set(name: string, wanted: NewTemplate, options: WriteOptions): Promise<Template> {
    const request = { method: "PUT", path: templatePath(name), body: encodeBody(wanted) } as const;
    // NOTE: the answer of this route; so it is with every `as` below.
    return decodeTemplate((await this.#calls.write(request, options)) as unknown as WireTemplate);
  }

  async get(name: string, options: CallOptions): Promise<Template> {
    return decodeTemplate((await this.#calls.read(templatePath(name), {}, options)) as unknown as WireTemplate);
  }

  async list(options: CallOptions): Promise<readonly Template[]> {
    const { templates } = await this.#calls.read("/templates", {}, options);
    return (this.#calls.itemsOf(templates) as readonly WireTemplate[]).map(decodeTemplate);
  }

  async remove(name: string, options: WriteOptions): Promise<void> {
    await this.#calls.write({ method: "DELETE", path: templatePath(name) }, options);
  }
}

function templatePath(name: string): string {
  return namedPath("/templates", "template", name);
}
