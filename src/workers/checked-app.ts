import type { AppDefinition } from "../app-format/app.ts";
import type { z } from "../app-format/index.ts";
import type { Json } from "../engine/json.ts";
import type { App } from "../engine/runner.ts";
import type { Check } from "./app-schema.ts";
import { parseNow } from "./zod-faults.ts";

/**
 * An app whose module is loaded in this process: it is asked itself what is wrong with an input, with all the rules that
 * JSON Schema can't say. Where its schema takes its time, or breaks, what JSON Schema says counts as before.
 */
export function checkedApp(app: App, { actions, setup }: AppDefinition): App {
  const checks = new Map<string, Check>(
    Object.entries(actions).map(([name, { input }]) => [name, checkBy(input, (value) => app.inputFaults(name, value))]),
  );
  return {
    ...app,
    inputFaults: (action, input) => checks.get(action)?.(input) ?? [],
    ...(setup !== undefined && { setupFaults: checkBy(setup, app.setupFaults) }),
  };
}

function checkBy<T extends Json>(
  schema: z.ZodType,
  described: (value: T) => ReturnType<Check>,
): (value: T) => ReturnType<Check> {
  let isUsable = true;
  return (value) => {
    if (!isUsable) return described(value);
    try {
      const parsed = parseNow(schema, value);
      if (parsed !== undefined) return parsed.faults ?? [];
      // Each try begins what it can't wait for.
      isUsable = false;
    } catch {
      // The action meets the same, where it is recorded.
    }
    return described(value);
  };
}
