import mustache from "mustache";
import { jsonObject } from "../arguments.ts";
import type { Tool } from "./tool.ts";

/** How much a template may come to, and of how many parts: sections in sections make any number of them. */
const TEXT_MAX = 16 * 1_048_576;
const PARTS_MAX = 200_000;

/** Texts with places for values, as Mustache has them. What is put in is not escaped: this is no HTML. */
export const template: Tool = {
  name: "template",
  description: 'template (or input), a Mustache text such as "Hello {{name}}", with the values of context',
  run: async (input) => {
    const text = input.text("template", "input");
    if (text === undefined) throw new Error("template must be a text");
    const values = jsonObject(input.value("context", "variables", "data"), "context") ?? {};
    return new BoundedWriter().render(text, bare(values), undefined, { escape: String });
  },
};

/** Gives up before a template takes too long, or too much memory. */
class BoundedWriter extends mustache.Writer {
  #parts = 0;

  override renderTokens(...given: Parameters<mustache.Writer["renderTokens"]>): string {
    const [tokens] = given;
    this.#parts += tokens.length + 1;
    if (this.#parts > PARTS_MAX) throw new Error(`the template comes to more than ${PARTS_MAX} parts`);
    const text = super.renderTokens(...given);
    if (text.length > TEXT_MAX) throw new Error(`the template comes to more than ${TEXT_MAX} characters`);
    return text;
  }
}

/** Values with nothing but their own: a template names members as it likes, also those that any object has. */
function bare(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const copy: object = Array.isArray(value)
    ? value.map(bare)
    : Object.fromEntries(Object.entries(value).map(([name, member]) => [name, bare(member)]));
  return Object.setPrototypeOf(copy, null);
}
