import { type Context, defineApp, type Json, z } from "../../../app-format/index.ts";

/** How much the values and their keys may take together, as JSON: what a snapshot may, with room to spare. */
const BYTES_MAX = 900_000;

const Key = z
  .string()
  .min(1)
  .max(256)
  .refine((key) => key !== "__proto__", "cannot be the key of a member in JSON for JavaScript; take another");

const Value: z.ZodType<Json> = z.json();

const SetValue = z.object({ key: Key, value: Value });

const GetValue = z.object({ key: Key });

const Increment = z.object({ key: Key, amount: z.number().default(1) });

const GetAll = z.object({});

/** What `run` takes: any of the others by its name, or nothing. */
const Run = z.discriminatedUnion("action", [
  z.object({ action: z.literal("run").optional() }),
  SetValue.extend({ action: z.literal("set_value") }),
  GetValue.extend({ action: z.literal("get_value") }),
  Increment.extend({ action: z.literal("increment") }),
  GetAll.extend({ action: z.literal("get_all") }),
]);

const ACTIONS = ["set_value", "get_value", "increment", "get_all"] as const;

/** What the worker holds: named values, and how often it was called. */
interface Values {
  readonly values: Map<string, Json>;
  calls: number;
}

type Given<I> = Context<Values, I, unknown>;

const Snapshot = z.object({ values: z.array(z.tuple([Key, Value])), calls: z.int() });

/** Named values that stay between calls: the smallest app by which to see that a worker is kept warm. */
export const app = defineApp({
  name: "infsh/session-test",
  description: "Keeps named values between calls, to see that a worker stays warm",
  start: (): Values => ({ values: new Map(), calls: 0 }),
  default: "run",
  actions: {
    run: {
      description: "Without `action`: what there is. With one: does that action",
      input: Run,
      run: ({ state, input }: Given<z.output<typeof Run>>) => counted(state, () => perform(state, input)),
    },
    set_value: {
      description: "Keeps a value, any JSON, under a key",
      input: SetValue,
      output: z.object({ success: z.boolean(), key: z.string(), value: Value }),
      isIdempotent: true,
      run: ({ state, input }: Given<z.output<typeof SetValue>>) => counted(state, () => setValue(state, input)),
    },
    get_value: {
      description: "The value under a key",
      input: GetValue,
      output: z.object({ found: z.boolean(), key: z.string(), value: Value.optional() }),
      isIdempotent: true,
      run: ({ state, input }: Given<z.output<typeof GetValue>>) => counted(state, () => getValue(state, input)),
    },
    increment: {
      description: "Adds to the number under a key, which is 0 before",
      input: Increment,
      output: z.object({ key: z.string(), previous: z.number(), current: z.number() }),
      run: ({ state, input }: Given<z.output<typeof Increment>>) => counted(state, () => increment(state, input)),
    },
    get_all: {
      description: "All values, and how many calls there were with this one",
      input: GetAll,
      output: z.object({ state: z.record(z.string(), Value), call_count: z.int() }),
      isIdempotent: true,
      run: ({ state }: Given<z.output<typeof GetAll>>) => counted(state, () => getAll(state)),
    },
  },
  snapshot: ({ values, calls }) => ({ values: [...values], calls }),
  restore: (snapshot) => {
    const { values, calls } = Snapshot.parse(snapshot);
    return { values: new Map(values), calls };
  },
});

/** A call that fails counts as well: it came to this worker. */
function counted<T>(state: Values, work: () => T): T {
  state.calls += 1;
  return work();
}

function perform(state: Values, input: z.output<typeof Run>): unknown {
  switch (input.action) {
    case "set_value":
      return setValue(state, input);
    case "get_value":
      return getValue(state, input);
    case "increment":
      return increment(state, input);
    case "get_all":
      return getAll(state);
    default:
      return { ready: true, keys: [...state.values.keys()], call_count: state.calls, actions: ACTIONS };
  }
}

function setValue(
  state: Values,
  { key, value }: z.output<typeof SetValue>,
): { readonly success: boolean; readonly key: string; readonly value: Json } {
  keep(state, key, value);
  return { success: true, key, value };
}

function getValue(
  { values }: Values,
  { key }: z.output<typeof GetValue>,
): { readonly found: boolean; readonly key: string; readonly value?: Json } {
  const value = values.get(key);
  return value === undefined ? { found: false, key } : { found: true, key, value };
}

function increment(
  state: Values,
  { key, amount }: z.output<typeof Increment>,
): { readonly key: string; readonly previous: number; readonly current: number } {
  const previous = state.values.get(key) ?? 0;
  if (typeof previous !== "number") {
    throw new Error(`Cannot increment "${key}": it holds ${nameOf(previous)}; set it to a number first`);
  }
  const current = previous + amount;
  if (!Number.isFinite(current)) throw new Error(`Cannot increment "${key}": ${previous} + ${amount} is too large`);
  keep(state, key, current);
  return { key, previous, current };
}

function getAll({ values, calls }: Values): { state: Record<string, Json>; call_count: number } {
  return { state: Object.fromEntries(values), call_count: calls };
}

/** Changes nothing where that would be more than a snapshot can hold. */
function keep({ values }: Values, key: string, value: Json): void {
  const after = new Map(values).set(key, value);
  const bytes = Buffer.byteLength(JSON.stringify([...after]));
  if (bytes > BYTES_MAX) {
    throw new Error(
      `Cannot keep "${key}": all values together would take ${bytes} bytes, and ${BYTES_MAX} are allowed; ` +
        "set others to null, or store large ones as artifacts",
    );
  }
  values.set(key, value);
}

function nameOf(value: Exclude<Json, number>): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
