import mustache from "mustache";
import { jsonObject } from "../arguments.ts";
import type { Tool } from "./tool.ts";

/** Texts with places for values, as Mustache has them. What is put in is not escaped: this is no HTML. */
export const template: Tool = {
  name: "template",
  description: 'template (or input), a Mustache text such as "Hello {{name}}", with the values of context',
  run: async (input) => {
    const text = input.text("template", "input");
    if (text === undefined) throw new Error("template must be a text");
    const values = jsonObject(input.value("context", "variables", "data"), "context") ?? {};
    return mustache.render(text, values, undefined, { escape: String });
  },
};
