import type { Action, AppDefinition, Context } from "../../app-format/app.ts";
import type { z } from "../../app-format/index.ts";
import type { Objects } from "../../app-format/object.ts";
import type { Session } from "../../app-format/session.ts";
import type { Fault } from "../../engine/errors.ts";
import type { Order, RunOrder } from "../orders.ts";
import { SNAPSHOT_BYTES_MAX } from "../orders.ts";
import type { Failure } from "../words.ts";
import { firstFault, parseWith } from "../zod-faults.ts";
import { keepable } from "./reports.ts";
import { TaskObjects } from "./task-objects.ts";

/** What came of an action, or of the start: JSON as text, or why not. `made`: of `Making[]`. */
export type Outcome =
  | { readonly output: string; readonly made?: string }
  | { readonly failure: { readonly code: Failure; readonly message: string; readonly faults?: readonly Fault[] } };

/** What a task has beside its input. Session and signal are made where the action asks for them: few ask for both. */
export interface Given {
  readonly session: () => Session;
  readonly signal: () => AbortSignal;
  readonly onPartial: (partial: unknown) => void;
}

class TaskContext implements Context<unknown, unknown, unknown> {
  readonly state: unknown;
  readonly input: unknown;
  readonly setup: unknown;
  readonly taskId: string;
  readonly objects: Objects;
  readonly #given: Given;
  #session: Session | undefined;

  constructor(
    { state, input, setup, taskId, objects }: Omit<Context<unknown, unknown, unknown>, "session" | "signal">,
    given: Given,
  ) {
    this.state = state;
    this.input = input;
    this.setup = setup;
    this.taskId = taskId;
    this.objects = objects;
    this.#given = given;
  }

  get session(): Session {
    this.#session ??= this.#given.session();
    return this.#session;
  }

  get signal(): AbortSignal {
    return this.#given.signal();
  }
}

/** One app, set up, with its state. */
export class RunningApp {
  readonly #app: AppDefinition;
  #setup: unknown;
  #state: unknown;

  constructor(app: AppDefinition) {
    this.#app = app;
  }

  /** Sets it up, and starts it or restores it. */
  async begin({ setup, restored }: Extract<Order, { type: "begin" }>, signal: AbortSignal): Promise<Outcome> {
    try {
      if (this.#app.setup === undefined) {
        this.#setup = setup ?? {};
      } else {
        const { value, faults } = await parseWith(this.#app.setup, setup ?? {});
        if (faults !== undefined) return invalid("setup", faults);
        this.#setup = value;
      }
      const given = { setup: this.#setup as never, signal };
      if (restored !== undefined && this.#app.restore !== undefined) {
        this.#state = await this.#app.restore(restored.snapshot, given);
      } else {
        this.#state = await this.#app.start?.(given);
      }
      return { output: "null" };
    } catch (error) {
      return failed(error);
    }
  }

  /** Runs an action; what it yields goes to `onPartial`. */
  async run(order: Omit<RunOrder, "type" | "session">, given: Given): Promise<Outcome> {
    const { action: name, input, taskId, outputBytesMax } = order;
    const action: Action | undefined = Object.hasOwn(this.#app.actions, name) ? this.#app.actions[name] : undefined;
    if (action === undefined) return { failure: { code: "invalid", message: `There is no action "${name}"` } };
    const objects = new TaskObjects(this.#app.name, order);
    try {
      const parsed = parseWith(action.input, input);
      const { value, faults } = parsed instanceof Promise ? await parsed : parsed;
      if (faults !== undefined) return invalid("input", faults);
      const running = action.run(
        new TaskContext({ state: this.#state, setup: this.#setup, input: value, taskId, objects }, given),
      );
      const output = isGenerator(running) ? await drain(running, given.onPartial) : await running;
      objects.close();
      const checked = action.output === undefined ? { value: output } : await checkedOutput(output, action.output);
      return "failure" in checked ? checked : jsonWithin(checked.value, objects.made, outputBytesMax);
    } catch (error) {
      return failed(error);
    } finally {
      objects.close();
    }
  }

  /** The state as JSON text; `undefined` for an app without snapshots. */
  async snapshot(): Promise<Outcome | undefined> {
    if (this.#app.snapshot === undefined) return undefined;
    try {
      const json = jsonOf(await this.#app.snapshot(this.#state), "snapshot");
      if ("failure" in json) return json;
      if (Buffer.byteLength(json.output) <= SNAPSHOT_BYTES_MAX) return json;
      const message = `The app's snapshot has more than ${SNAPSHOT_BYTES_MAX} bytes of JSON`;
      return { failure: { code: "app_failed", message } };
    } catch (error) {
      return failed(error);
    }
  }

  async stop(): Promise<void> {
    await this.#app.stop?.(this.#state);
  }
}

async function drain(
  running: AsyncGenerator<unknown, unknown, void>,
  onPartial: (partial: unknown) => void,
): Promise<unknown> {
  for (;;) {
    const { done, value } = await running.next();
    if (done === true) return value;
    onPartial(value);
  }
}

async function checkedOutput(
  output: unknown,
  schema: z.ZodType,
): Promise<{ readonly value: unknown } | Extract<Outcome, { readonly failure: object }>> {
  const { value, faults } = await parseWith(schema, output);
  if (faults === undefined) return { value };
  const message = `The output is not what the app declares: ${firstFault(faults)}`;
  return { failure: { code: "app_failed", message } };
}

function jsonWithin(output: unknown, made: string | undefined, bytesMax: number): Outcome {
  const json = jsonOf(output ?? null, "output");
  if ("failure" in json) return json;
  const all = made === undefined ? json : { ...json, made };
  const length = json.output.length + (made?.length ?? 0);
  if (length * 3 <= bytesMax || Buffer.byteLength(json.output) + Buffer.byteLength(made ?? "") <= bytesMax) return all;
  const message =
    made === undefined
      ? `The output has more than ${bytesMax} bytes of JSON; store large results as artifacts`
      : `The output and what was made have more than ${bytesMax} bytes of JSON; store large results as artifacts`;
  return { failure: { code: "output_too_large", message } };
}

// Whether a store can keep it is looked at by the server, which believes no worker.
function jsonOf(value: unknown, what: "output" | "snapshot"): Outcome {
  const text: string | undefined = JSON.stringify(value);
  if (text !== undefined) return { output: text };
  return { failure: { code: "app_failed", message: `The app's ${what} is no JSON` } };
}

function invalid(what: "input" | "setup", faults: readonly Fault[]): Outcome {
  return {
    failure: {
      code: "invalid",
      message: keepable(`The ${what} does not fit: ${firstFault(faults)}`),
      faults: faults.map(({ field, message, type }) => {
        // As the server names them that looked before.
        return { field: keepable(joined(what, field)), message: keepable(message), type };
      }),
    },
  };
}

function joined(prefix: string, field: string): string {
  return field === "" ? prefix : `${prefix}.${field}`;
}

function failed(error: unknown): Outcome {
  return { failure: { code: "app_failed", message: messageOf(error) } };
}

const MESSAGE_LENGTH_MAX = 8_192;

/** What an error says, in a bounded text that every store can keep. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return keepable(text.slice(0, MESSAGE_LENGTH_MAX));
}

function isGenerator(value: unknown): value is AsyncGenerator<unknown, unknown, void> {
  return (
    typeof value === "object" &&
    value !== null &&
    Symbol.asyncIterator in value &&
    "next" in value &&
    typeof value.next === "function"
  );
}
