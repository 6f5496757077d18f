import mustache from "mustache";
import { jsonObject } from "../arguments.ts";
import type { Tool } from "./tool.ts";

/**
 * How long a template may be, and white space in it: to read a tag takes as long as the square of the space behind it. And how much
 * it may come to, and of how many parts: sections in sections make any number of them.
 */
export const TEMPLATE_LIMITS = { template: 1_048_576, space: 200, text: 16 * 1_048_576, parts: 200_000 } as const;

/** Texts with places for values, as Mustache has them. What is put in is not escaped: this is no HTML. */
export const template: Tool = {
  name: "template",
  description: 'template (or input), a Mustache text such as "Hello {{name}}", with the values of context',
  run: async (input) => {
    const text = input.text("template", "input");
    if (text === undefined) throw new Error("template must be a text");
    if (text.length > TEMPLATE_LIMITS.template)
      throw new Error(`the template has more than ${TEMPLATE_LIMITS.template} characters`);
    if (TOO_MUCH_SPACE.test(text))
      throw new Error(`the template has more than ${TEMPLATE_LIMITS.space} characters of white space on end`);
    const values = jsonObject(input.value("context", "variables", "data"), "context") ?? {};
    return new BoundedWriter().render(text, new OwnContext(values), undefined, { escape: String });
  },
};

const TOO_MUCH_SPACE = new RegExp(`\\s{${TEMPLATE_LIMITS.space + 1}}`);

/** Gives up before a template takes too long, or too much memory. */
class BoundedWriter extends mustache.Writer {
  #parts = 0;

  override renderTokens(...given: Parameters<mustache.Writer["renderTokens"]>): string {
    const [tokens] = given;
    this.#parts += tokens.length + 1;
    if (this.#parts > TEMPLATE_LIMITS.parts)
      throw new Error(`the template comes to more than ${TEMPLATE_LIMITS.parts} parts`);
    const text = super.renderTokens(...given);
    if (text.length > TEMPLATE_LIMITS.text)
      throw new Error(`the template comes to more than ${TEMPLATE_LIMITS.text} characters`);
    return text;
  }
}

/** Finds what was given, and nothing that any object has. */
class OwnContext extends mustache.Context {
  override push(view: unknown): OwnContext {
    return new OwnContext(view, this);
  }

  override lookup(name: string): unknown {
    const path = name === "." ? [] : name.split(".");
    for (let context: mustache.Context | undefined = this; context !== undefined; context = context.parent) {
      const found = memberAt(context.view, path);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function memberAt(view: unknown, path: readonly string[]): unknown {
  let value = view;
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}
