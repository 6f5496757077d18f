import { decodeTemplate } from "../client/decode-templates.ts";
import type { CallOptions, WriteOptions } from "../client/inputs.ts";
import type { NewTemplate, Template } from "../client/templates.ts";
import type { TemplateTransport } from "../client/transport.ts";
import type { Caller } from "../engine/sessions.ts";
import type { NamedTemplate, Templates } from "../engine/templates.ts";
import * as shapes from "../http/dialects/native/templates.ts";
import type { InProcessCalls } from "./in-process-calls.ts";
import { bodyOf, writing } from "./input.ts";

/** The way to the templates of this process. */
export class InProcessTemplates implements TemplateTransport {
  readonly #calls: InProcessCalls;

  constructor(calls: InProcessCalls) {
    this.#calls = calls;
  }

  get #templates(): Templates {
    return this.#calls.engine.templates;
  }

  async set(name: string, wanted: NewTemplate, options: WriteOptions): Promise<Template> {
    const body = bodyOf(shapes.NewTemplateShape, wanted);
    const write = writing(`set template ${name}`, body, options);
    const set = (caller: Caller) => this.#templates.set(caller, name, shapes.decodeTemplate(body), write);
    return await this.#calls.call(options, set, ({ value }) => templateOf(value.template));
  }

  async get(name: string, options: CallOptions): Promise<Template> {
    return await this.#calls.call(options, (caller) => this.#templates.get(caller, name), templateOf);
  }

  async list(options: CallOptions): Promise<readonly Template[]> {
    return await this.#calls.call(
      options,
      (caller) => this.#templates.list(caller),
      (all) => all.map(templateOf),
    );
  }

  async remove(name: string, options: WriteOptions): Promise<void> {
    const write = writing(`remove template ${name}`, {}, options);
    const remove = (caller: Caller) => this.#templates.remove(caller, name, write);
    await this.#calls.call(options, remove, () => undefined);
  }
}

// A copy: the engine goes on with its own.
function templateOf(template: NamedTemplate): Template {
  return decodeTemplate(structuredClone(shapes.encodeTemplate(template)));
}
