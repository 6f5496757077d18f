import { parsedJson, stringifiedJson } from "../json-text.ts";
import type { Tool } from "./tool.ts";

/** JSON, from text and to it. */
export const jsonProcessor: Tool = {
  name: "json-processor",
  description:
    "operation parse: input, a text, to what it means; stringify: input to a text, with pretty on many lines",
  run: async (input) => {
    const operation = input.text("operation");
    if (operation === "parse") return parsedJson(input.value("input"));
    if (operation === "stringify") return stringifiedJson(input.value("input"), input.boolean("pretty") ?? false);
    throw new Error("operation must be parse or stringify");
  },
};
