import type { Example } from "./docs-examples.ts";

/** The variable that tells `curl` of a workplace that a refusal is what the page shows. */
export const REFUSED = "DOCS_REFUSED";

/** Whether what stands behind commands shows that the server refused them. */
export function isRefusal({ language, code }: Pick<Example, "language" | "code">): boolean {
  if (language !== "json" && language !== "text") return false;
  return /"success": *false|"detail":|^ *\{? *"error":|^HTTP\/\S+ [45]\d\d/m.test(code);
}

/**
 * What of JSON that is shown is not so in what was printed.
 *
 * The last JSON of what was printed counts, or the `data` of it where an answer is shown without its envelope. It may have more members than are shown. Kinds of values are compared, and the values
 * of what does not differ from run to run: booleans, and the words of `code`, `status`, `type`, `quality` and `error`.
 */
export function faultsOfOutput(shown: string, printed: string): readonly string[] {
  const actual = lastJsonOf(printed);
  if (actual === undefined) return ["JSON is shown, and none was printed"];
  const values = shownValues(shown);
  if (values.length !== 1) return [];
  const [value] = values;
  const isBare = isRecord(actual.value) && "data" in actual.value && isRecord(value) && !("success" in value);
  return differences(value, isBare ? actual.value["data"] : actual.value, "");
}

function shownValues(text: string): readonly unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    return [];
  }
}

function lastJsonOf(text: string): { readonly value: unknown } | undefined {
  const ends = text.trimEnd();
  for (const { index } of ends.matchAll(/[[{]/g)) {
    try {
      return { value: JSON.parse(ends.slice(index)) };
    } catch {
      // Begins later.
    }
  }
  return undefined;
}

const CONSTANT = new Set(["code", "status", "type", "quality", "error"]);

function differences(shown: unknown, actual: unknown, path: string): readonly string[] {
  if (kindOf(shown) !== kindOf(actual)) return [`${path || "it"} is ${kindOf(actual)}, and ${kindOf(shown)} is shown`];
  if (Array.isArray(shown) && Array.isArray(actual)) {
    if (shown.length > actual.length) return [`${path} has ${actual.length} elements, and ${shown.length} are shown`];
    return shown.flatMap((element, i) => differences(element, actual[i], `${path}[${i}]`));
  }
  if (isRecord(shown) && isRecord(actual)) {
    return Object.entries(shown).flatMap(([name, value]) => differences(value, actual[name], `${path}.${name}`));
  }
  const isConstant = typeof shown === "boolean" || CONSTANT.has(path.split(".").at(-1) ?? "");
  return isConstant && shown !== actual && !`${shown}`.includes("…")
    ? [`${path} is ${actual}, and ${shown} is shown`]
    : [];
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return kindOf(value) === "object";
}
