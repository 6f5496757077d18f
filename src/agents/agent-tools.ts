import { jsonSchema, type Tool, type ToolSet, tool } from "ai";
import type { Session } from "../client/session.ts";
import type { Sojourn } from "../client/sojourn.ts";
import type { RunOptions } from "../client/task.ts";
import { type Fault, invalid } from "../engine/errors.ts";
import type { Json } from "../engine/json.ts";

/** How a tool calls an app. */
export type AppToolOptions = Pick<RunOptions, "setup" | "timeoutMs" | "version"> & {
  /** What a model is told of it; default: what the action says of itself. */
  readonly description?: string | undefined;
};

/** An action of an app, as a tool. Made by `appTool`. */
export class AppTool {
  readonly app: string;
  readonly action: string | undefined;
  readonly options: AppToolOptions;

  constructor(app: string, action: string | undefined, options: AppToolOptions) {
    this.app = app;
    this.action = action;
    this.options = options;
  }
}

/**
 * An action of an app as a tool of an agent, with the action's description and schema. It runs in the session of the agent,
 * as one of its tasks, and a call that was interrupted is taken up with its task: it is never done twice.
 *
 * @param action  default: the app's own default
 */
export function appTool(app: string, action?: string, options: AppToolOptions = {}): AppTool {
  return new AppTool(app, action, options);
}

/** A tool of an agent: one of the AI SDK that is executed here, or an action of an app. */
export type AgentTool =
  | AppTool
  | (ToolSet[string] & {
      /** Doing it twice is as doing it once: a call that was interrupted is made again. */
      readonly isIdempotent?: boolean | undefined;
    });

/** The tools of an agent, by the names that a model calls them by; or what makes them for a session. */
export type AgentTools =
  | Readonly<Record<string, AgentTool>>
  | ((session: Session) => Readonly<Record<string, AgentTool>>);

/** What tools are bound to. */
export interface BoundRun {
  readonly runId: string;
  /** Of whoever wanted the task. */
  readonly signal: AbortSignal | undefined;
}

/** Tools for one run. */
export interface BoundTools {
  readonly set: ToolSet;
  /** Whether a call of it that was interrupted may be made again. */
  mayRepeat(name: string): boolean;
}

/**
 * Readies the tools for the runs of a session; apps are asked what their actions are.
 *
 * @throws {SojournError} `invalid` for what can't be a tool; `app_not_found`, `app_broken`
 */
export async function toolsFor(
  tools: AgentTools,
  { sojourn, session }: { readonly sojourn: Sojourn; readonly session: Session },
): Promise<(to: BoundRun) => BoundTools> {
  const named = typeof tools === "function" ? tools(session) : tools;
  assertTools(named);
  const entries = await Promise.all(
    Object.entries(named).map(async ([name, wanted]) => {
      if (!(wanted instanceof AppTool)) return { name, mayRepeat: wanted.isIdempotent === true, bind: () => wanted };
      const bind = await appCaller(name, wanted, { sojourn, session });
      return { name, mayRepeat: true, bind };
    }),
  );
  const repeatable = new Set(entries.flatMap(({ name, mayRepeat }) => (mayRepeat ? name : [])));
  return (to) => ({
    set: Object.fromEntries(entries.map(({ name, bind }) => [name, bind(to)])),
    mayRepeat: (name) => repeatable.has(name),
  });
}

/**
 * Refuses tools that no agent can have.
 *
 * @throws {SojournError} `invalid`
 */
export function assertTools(tools: Readonly<Record<string, AgentTool>>): void {
  if (!isPlain(tools))
    throw invalid([{ field: "tools", message: "must be tools by their names", type: "invalid_type" }]);
  const faults = Object.entries(tools).flatMap(([name, wanted]): readonly Fault[] => {
    const field = `tools.${name}`;
    if (!/^[\w-]{1,64}$/.test(name)) {
      return [{ field, message: "must be called by 1 to 64 letters, digits, _ and -", type: "invalid_name" }];
    }
    if (wanted instanceof AppTool) return [];
    if (!isPlain(wanted)) return [{ field, message: "must be a tool", type: "invalid_type" }];
    if (wanted.type === "provider") return [];
    if (typeof wanted.execute !== "function") return [{ field, message: "must have execute", type: "missing" }];
    if (wanted.needsApproval === undefined || wanted.needsApproval === false) return [];
    return [{ field, message: "must not wait for an approval: nobody is there to give it", type: "not_allowed" }];
  });
  if (faults.length > 0) throw invalid(faults);
}

/** No list, no promise of tools, and nothing that callers without types may hand in. */
function isPlain(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !("then" in value);
}

async function appCaller(
  name: string,
  { app: appName, action: wanted, options }: AppTool,
  { sojourn, session }: { readonly sojourn: Sojourn; readonly session: Session },
): Promise<(to: BoundRun) => Tool> {
  const app = await sojourn.app(appName);
  const action = app.actions.find((known) => known.name === (wanted ?? app.defaultAction));
  if (action === undefined) {
    const known = app.actions.map((one) => one.name).join(", ");
    const message = `is an action that app "${appName}" does not have; it has ${known}`;
    throw invalid([{ field: `tools.${name}`, message, type: "unknown_action" }]);
  }
  const { description = action.description ?? app.description ?? `${appName}: ${action.name}`, ...others } = options;
  return ({ runId, signal }) =>
    tool({
      description,
      // Models take objects alone.
      inputSchema: jsonSchema<Json>({ type: "object", ...action.inputSchema }),
      execute: async (input, { toolCallId }) => {
        // Whoever takes the run up finds the task by it, so that only its author may stop the task.
        const idempotencyKey = `${runId}:${toolCallId}`;
        const { output } = await session.run(appName, action.name, input, {
          ...others,
          idempotencyKey,
          signal,
        });
        return output;
      },
    });
}
