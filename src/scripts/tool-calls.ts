import { type Json, SojournError, TaskFailure } from "../client/index.ts";
import { ArgumentError, Fields, json, object, someText } from "./arguments.ts";
import type { CallsOf } from "./calls.ts";
import type { ScriptHost } from "./script-host.ts";
import { compression } from "./tools/compression.ts";
import { file } from "./tools/file.ts";
import { hash } from "./tools/hash.ts";
import { http } from "./tools/http.ts";
import { jsonProcessor } from "./tools/json-processor.ts";
import { template } from "./tools/template.ts";
import type { Tool } from "./tools/tool.ts";
import type { Value } from "./value.ts";

const TOOLS: ReadonlyMap<string, Tool> = new Map(
  [jsonProcessor, compression, hash, file, http, template].map((tool) => [tool.name, tool]),
);

/**
 * What `Tool` can do. What a tool does not manage is no error, but `success = false` with the `error`; that there is no such
 * tool, or none that is allowed, is one.
 *
 * An app is a tool as well, and so is each of its actions, as `app.action`: they run in the current session.
 */
export const TOOL_CALLS: CallsOf<"Tool"> = {
  "Tool.execute": async (host, [name, input]) => await execute(host, someText(name, "the tool's name"), input),
  "Tool.list": async (host) => {
    const own = [...TOOLS.values()].filter((tool) => isAllowed(tool, host));
    const apps = await host.sojourn.apps({ signal: host.signal });
    return [
      ...own.map(({ name, description }) => ({ name, description })),
      ...apps.flatMap((app) => [
        ...(app.defaultAction === undefined ? [] : [{ name: app.name, description: app.description }]),
        ...app.actions.map((action) => ({ name: `${app.name}.${action.name}`, description: action.description })),
      ]),
    ];
  },
  "Tool.exists": async (host, [name]) => {
    const wanted = someText(name, "the tool's name");
    const tool = TOOLS.get(wanted);
    return tool === undefined ? (await appOf(host, wanted)) !== undefined : isAllowed(tool, host);
  },
};

async function execute(host: ScriptHost, name: string, input: Value): Promise<Value> {
  const tool = TOOLS.get(name);
  if (tool === undefined) return await callApp(host, name, input);
  if (!isAllowed(tool, host)) throw new ArgumentError(`The tool "${name}" is off: ${tool.refusal}`);
  try {
    return { tool: name, success: true, result: await tool.run(new Fields(input, "the input"), host) };
  } catch (error) {
    if (host.signal.aborted) throw error;
    return { tool: name, success: false, error: error instanceof Error ? error.message : String(error) };
  }
}

async function callApp(host: ScriptHost, name: string, input: Value): Promise<Value> {
  const found = await appOf(host, name);
  if (found === undefined) throw new ArgumentError(`There is no tool "${name}"`);
  const session = await host.session(undefined);
  const given: Json = json(object(input, "the input") ?? {}, "the input");
  try {
    const task = await session.run(found.app, found.action, given, { signal: host.signal });
    return { tool: name, success: true, result: task.output, task_id: task.taskId };
  } catch (error) {
    if (error instanceof TaskFailure) {
      return { tool: name, success: false, error: error.message, task_id: error.task.taskId };
    }
    // What the action does not take is found before there is a task.
    if (!(error instanceof SojournError && error.code === "invalid")) throw error;
    return { tool: name, success: false, error: error.message };
  }
}

async function appOf(
  { sojourn, signal }: ScriptHost,
  name: string,
): Promise<{ readonly app: string; readonly action: string | undefined } | undefined> {
  const [app = "", action] = name.split(".", 2);
  const found = (await sojourn.apps({ signal })).find((each) => each.name === app);
  if (found === undefined) return undefined;
  return action === undefined || found.actions.some((each) => each.name === action) ? { app, action } : undefined;
}

function isAllowed(tool: Tool, host: ScriptHost): boolean {
  return tool.isAllowed?.(host) ?? true;
}
