import { z } from "zod";
import { type Fault, invalid, SojournError } from "../engine/errors.ts";
import { agentModel } from "./agent-model.ts";
import type { AgentOptions, AgentTask, ResumeOptions, TaskOptions } from "./agent-options.ts";
import { assertTools } from "./agent-tools.ts";
import { clean, TEXT_MAX } from "./kept-text.ts";

/**
 * Refuses options that no agent can have.
 *
 * @throws {SojournError} `invalid`, with every fault by the name of its option
 */
export function assertOptions(options: AgentOptions): void {
  const faults = faultsOf(OPTIONS, options);
  const isFit = (...names: readonly string[]): boolean => {
    return !faults.some(({ field }) => field === "" || names.includes(field));
  };
  if (isFit("model", "modelBaseUrl", "modelApiKey")) faults.push(...faultsBy(() => agentModel(options)));
  if (isFit("tools")) {
    const { tools = {} } = options;
    if (typeof tools === "object") faults.push(...faultsBy(() => assertTools(tools)));
  }
  if (faults.length > 0) throw invalid(faults);
}

/**
 * What a task says to the model.
 *
 * @throws {SojournError} `invalid` for what is no task, and for a context that is no JSON
 */
export function contentOf(task: AgentTask): string {
  assertFit(TASK, task);
  const { description, context } = task;
  const content =
    context === undefined || context === null ? description : `${description}\n\nContext:\n${told(context)}`;
  if (content.length > TEXT_MAX) {
    const message = `must have at most ${TEXT_MAX} characters, with the context`;
    throw invalid([{ field: "description", message, type: "too_big" }]);
  }
  return clean(content);
}

/** @throws {SojournError} `invalid` */
export function assertTaskOptions(options: TaskOptions): void {
  assertFit(TASK_OPTIONS, options);
}

/** @throws {SojournError} `invalid` */
export function assertResumeOptions(options: ResumeOptions): void {
  assertFit(RESUME_OPTIONS, options);
}

const DAY_MS = 86_400_000;

const text = z.string("must be a text");
const whole = (min: number, max: number): z.ZodNumber => {
  const message = `must be a whole number ${max === Number.MAX_SAFE_INTEGER ? `from ${min} on` : `from ${min} to ${max}`}`;
  return z.int(message).min(min, message).max(max, message);
};
const count = (min: number): z.ZodNumber => whole(min, Number.MAX_SAFE_INTEGER);
const usd = z.number("must be a number").min(0, "must be 0 or more");
const AN_OBJECT = "must be an object";
const anObject = z.custom<object>((value) => typeof value === "object" && value !== null, AN_OBJECT);
const aFunction = z.custom((value) => typeof value === "function", "must be a function").optional();

const OPTIONS = z.strictObject(
  {
    id: text.min(1, "must not be empty").max(255, "must have at most 255 characters"),
    sojourn: anObject.refine((value) => "sessions" in value, "must be what connect() or open() gave"),
    model: z.custom(
      (value) => typeof value === "string" || (typeof value === "object" && value !== null && "doGenerate" in value),
      "must be a text such as openai:gpt-5, or a model object of the AI SDK",
    ),
    modelBaseUrl: text.optional(),
    modelApiKey: text.optional(),
    instructions: text.optional(),
    tools: z
      .custom(
        (value) =>
          typeof value === "function" || (typeof value === "object" && value !== null && !Array.isArray(value)),
        "must be tools by their names, or a function that gives them",
      )
      .optional(),
    maxSteps: count(1).optional(),
    maxResultCharacters: whole(1_000, TEXT_MAX).optional(),
    price: z
      .strictObject({ inputUsdPerMillion: usd, outputUsdPerMillion: usd }, "must be the prices of tokens")
      .optional(),
    leaseMs: whole(1_000, DAY_MS).optional(),
    busyWaitMs: z.number("must be a number").min(0, "must be 0 or more").optional(),
    maxOutputTokens: count(1).optional(),
    temperature: z.number("must be a number").optional(),
    maxRetries: count(0).optional(),
    providerOptions: anObject.optional(),
  } satisfies Readonly<Record<keyof AgentOptions, z.ZodType>>,
  AN_OBJECT,
);

const TASK = z.strictObject(
  {
    description: text.min(1, "must not be empty"),
    context: z.unknown().optional(),
  } satisfies Readonly<Record<keyof AgentTask, z.ZodType>>,
  AN_OBJECT,
);

const watch = {
  signal: z.instanceof(AbortSignal, { error: "must be an AbortSignal" }).optional(),
  onText: aFunction,
  onStep: aFunction,
};

const TASK_OPTIONS = z.strictObject(
  {
    ...watch,
    sessionId: text,
    userId: text.optional(),
    newSession: anObject.optional(),
  } satisfies Readonly<Record<keyof TaskOptions, z.ZodType>>,
  AN_OBJECT,
);

const RESUME_OPTIONS = z.strictObject(
  {
    ...watch,
    sessionId: text,
    takeOver: z.boolean("must be true or false").optional(),
  } satisfies Readonly<Record<keyof ResumeOptions, z.ZodType>>,
  AN_OBJECT,
);

function assertFit(shape: z.ZodType, value: unknown): void {
  const faults = faultsOf(shape, value);
  if (faults.length > 0) throw invalid(faults);
}

function faultsOf(shape: z.ZodType, value: unknown): Fault[] {
  const { error } = shape.safeParse(value);
  return (error?.issues ?? []).flatMap((issue): readonly Fault[] => {
    const { path, message, code: type } = issue;
    if (issue.code !== "unrecognized_keys") return [{ field: path.join("."), message, type }];
    return issue.keys.map((key) => ({ field: [...path, key].join("."), message: "is not known here", type }));
  });
}

function faultsBy(check: () => unknown): readonly Fault[] {
  try {
    check();
  } catch (error) {
    if (error instanceof SojournError && error.code === "invalid") return error.faults;
    throw error;
  }
  return [];
}

function told(context: unknown): string {
  if (typeof context === "string") return context;
  let problem = "it is nothing that JSON has";
  try {
    const json = JSON.stringify(context, null, 2);
    if (json !== undefined) return json;
  } catch (error) {
    problem = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  }
  throw invalid([{ field: "context", message: `must be JSON: ${problem}`, type: "invalid_json" }]);
}
