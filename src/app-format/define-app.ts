import { z } from "zod";
import { SojournError } from "../engine/errors.ts";
import type { Action, AppDefinition, AppFrame, Context, Returned } from "./app.ts";
import { faultsOf } from "./definition-faults.ts";

/** By which a worker knows what `defineApp` made, also where its module was loaded twice. */
const MARK = Symbol.for("sojourn.app");

/** The shape of no parameters. */
type Nothing = z.ZodObject<Record<never, never>>;

/** What a schema makes of what it is given; what is no schema makes nothing. */
type Parsed<I> = I extends z.ZodType ? z.output<I> : never;

/** What a map of schemas is that is not inferred, where the state is named: `defineApp<State>`. */
type AnySchemas = Readonly<Record<string, z.ZodType>>;

/** The actions of an app, by the schemas of their inputs. */
type Actions<State, Setup, Inputs> = {
  readonly [K in keyof Inputs]: Omit<Action, "input" | "run"> & {
    readonly input: Inputs[K] & z.ZodType;
    readonly run: (context: Context<State, Parsed<Inputs[K]>, Setup>) => Returned;
  };
};

/**
 * Declares an app; see `AppDefinition`. The default export, or the export `app`, of an app's main file.
 *
 * Actions that are written in place see the types of the state, which is what `start` returns, of their `input` and of
 * `setup`; what they return is held against their `output` when they run. For that, `start` stands before `actions`.
 *
 * @throws {SojournError} `invalid`, with all that is wrong with it
 */
export function defineApp<State = undefined, S extends z.ZodType = Nothing, Snapshot = unknown, Inputs = AnySchemas>(
  definition: AppFrame<State, S, Snapshot> & { readonly actions: Actions<State, z.output<S>, Inputs> },
): AppDefinition {
  const faults = faultsOf(definition);
  if (faults.length > 0) {
    const told = faults.map(({ field, message }) => `"${field}" ${message}`).join("; ");
    throw new SojournError("invalid", { message: `This is no app: ${told}`, faults });
  }
  // NOTE: whoever runs it gives each function what that function asks for: the state that `start` made, what `input` parsed.
  return Object.defineProperty({ ...definition }, MARK, { value: true }) as unknown as AppDefinition;
}

/**
 * Declares an action on its own, such as in a file of its own. It sees the types of its `input`. One that uses the state or
 * the setup says what they are, `run: ({ state, input }: Context<Counter, Added>) => …`, unless it stands in an app that
 * does: `defineApp<Counter>({ … })`.
 */
export function action<State = unknown, Setup = unknown, I extends z.ZodType = z.ZodType>(
  declared: Action<State, Setup, I>,
): Action<State, Setup> {
  // NOTE: whoever runs it has parsed the input with its own schema.
  return declared as unknown as Action<State, Setup>;
}

/** Whether a value was made by `defineApp`. */
export function isApp(value: unknown): value is AppDefinition {
  return typeof value === "object" && value !== null && MARK in value;
}

export { z };
