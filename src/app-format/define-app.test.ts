import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { action, type Context, defineApp, isApp, z } from "./index.ts";

/** Checked by the compiler alone: that two types are one. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function same<A, B>(_: Same<A, B>): void {}

describe("defineApp()", () => {
  it("shows an action the types of state, input and setup", () => {
    defineApp({
      name: "counter",
      setup: z.object({ by: z.number().default(1) }),
      start: () => ({ n: 0 }),
      actions: {
        add: {
          input: z.object({ k: z.number(), note: z.string().optional() }),
          run: ({ state, input, setup, session, signal, taskId }) => {
            same<typeof state, { n: number }>(true);
            same<typeof input, { k: number; note?: string | undefined }>(true);
            same<typeof setup, { by: number }>(true);
            same<typeof session.id | typeof taskId, string>(true);
            same<typeof signal, AbortSignal>(true);
            // @ts-expect-error: the state has no such member
            state.m;
            // @ts-expect-error: the input has no such member
            input.by;
            state.n += input.k * setup.by;
            return state.n;
          },
        },
        reset: { input: z.string(), run: ({ input }) => same<typeof input, string>(true) },
      },
    });
  });

  it("takes the state from a start that is asynchronous and uses the setup, where that stands before the actions", () => {
    defineApp({
      name: "counter",
      setup: z.object({ of: z.string() }),
      start: async ({ setup, signal }) => {
        signal.throwIfAborted();
        return new Map([[setup.of, 1]]);
      },
      actions: {
        get: {
          input: z.object({}),
          run: ({ state }) => {
            same<typeof state, Map<string, number>>(true);
            return state.size;
          },
        },
      },
      stop: (state) => state.clear(),
    });
  });

  it("has no state without a start, and no setup without its schema", () => {
    defineApp({
      name: "plain",
      actions: {
        run: {
          input: z.object({}),
          run: ({ state, setup }) => {
            same<typeof state, undefined>(true);
            // @ts-expect-error: it has no parameters
            const by: string = setup.by;
            return by;
          },
        },
      },
    });
  });

  it("gives restore what JSON makes of what snapshot made, and wants the state of it", () => {
    defineApp({
      name: "kept",
      start: () => ({ since: new Date(), names: ["a"] }),
      snapshot: ({ since, names }) => ({ since, names }),
      restore: (snapshot) => {
        same<typeof snapshot.since, string>(true);
        return { since: new Date(snapshot.since), names: [...snapshot.names] };
      },
      actions: { run: { input: z.object({}), run: ({ state }) => state.names.length } },
    });
    defineApp({
      name: "kept",
      start: () => ({ n: 0 }),
      snapshot: ({ n }) => n,
      // @ts-expect-error: that is not the state
      restore: (n) => ({ m: n }),
      actions: { run: { input: z.object({}), run: ({ state }) => state.n } },
    });
  });

  it("takes actions that were declared in another place", () => {
    interface Counter {
      n: number;
    }
    const Added = z.object({ k: z.number() });
    const add = action({
      input: Added,
      output: z.number(),
      run: ({ state, input }: Context<Counter, z.output<typeof Added>>) => {
        state.n += input.k;
        return state.n;
      },
    });
    const echo = action({
      input: z.object({ text: z.string() }),
      run: ({ input, session }) => `${session.id}: ${input.text}`,
    });
    const app = defineApp({ name: "counter", start: (): Counter => ({ n: 0 }), actions: { add, echo } });
    assert.deepEqual(Object.keys(app.actions), ["add", "echo"]);
    // @ts-expect-error: the state is another one
    defineApp({ name: "counter", start: () => ({ m: 0 }), actions: { add } });
  });

  it("shows actions the state that the app names", () => {
    interface Counter {
      n?: number;
    }
    defineApp<Counter>({
      name: "counter",
      start: () => ({}),
      actions: {
        add: action({
          description: "Adds",
          input: z.object({ k: z.number() }),
          output: z.object({ n: z.number() }),
          run: async ({ state, input }) => {
            same<typeof state, Counter>(true);
            same<typeof input, { k: number }>(true);
            state.n = (state.n ?? 0) + input.k;
            return { n: state.n };
          },
        }),
      },
      stop: ({ n }) => same<typeof n, number | undefined>(true),
    });
  });

  it("marks what it makes, and nothing else", () => {
    const app = defineApp({ name: "a/b", actions: { run: { input: z.object({}), run: () => 1 } } });
    assert.deepEqual([isApp(app), isApp({ ...app }), isApp(null), isApp("app")], [true, false, false, false]);
    assert.equal(Symbol.for("sojourn.app") in app, true);
  });

  it("tells all that is wrong with an app whose types nobody checked", () => {
    const wrong: object = {
      name: "No App",
      in: "server",
      setup: {},
      start: 1,
      actions: { "a b": {}, run: { input: {}, output: 1 }, none: 1 },
      default: "other",
      recovery: "snapshot",
      permissions: { addons: 1, read: ["data"], disk: true, memoryMiB: 0.5 },
      colour: "red",
    };
    const run = { input: z.object({}), run: () => 1 };
    assert.throws(() => defineApp({ actions: { run }, name: "ok", ...wrong }), {
      code: "invalid",
      faults: [
        { field: "colour", message: "is not known here", type: "unrecognized_keys" },
        {
          field: "name",
          message: "must be name or namespace/name, of lower-case letters, digits and -, at most 64 of each",
          type: "invalid_value",
        },
        { field: "start", message: "must be a function", type: "invalid_type" },
        { field: "setup", message: "must be a Zod schema", type: "invalid_type" },
        {
          field: "in",
          message: "must be process, as it has state: start, snapshot, restore or stop",
          type: "invalid_value",
        },
        {
          field: "actions.a b",
          message:
            "must be named by letters, digits, _ and -, a letter first, with / between parts, at most 128 in all",
          type: "invalid_key",
        },
        { field: "actions.run.run", message: "must be a function", type: "invalid_type" },
        { field: "actions.run.input", message: "must be a Zod schema", type: "invalid_type" },
        { field: "actions.run.output", message: "must be a Zod schema", type: "invalid_type" },
        { field: "actions.none", message: "must be an action", type: "invalid_type" },
        { field: "default", message: "must be one of its actions: a b, run, none", type: "invalid_value" },
        {
          field: "recovery",
          message: "must have snapshot and restore beside it to be snapshot",
          type: "invalid_value",
        },
        { field: "permissions.addons", message: "is not what it takes", type: "invalid_type" },
        { field: "permissions.disk", message: "is not known here", type: "unrecognized_keys" },
        { field: "permissions.memoryMiB", message: "is not what it takes", type: "invalid_type" },
      ],
    });
    assert.throws(() => defineApp({ name: "a", snapshot: () => 1, actions: { run } }), {
      message: 'This is no app: "snapshot" must have restore beside it',
    });
    assert.throws(() => defineApp({ name: "a", recovery: "never" as "fresh", actions: {} }), {
      message:
        'This is no app: "actions" must have at least one action; "recovery" must be one of snapshot, replay, refuse, fresh',
    });
  });

  const run = { input: z.object({}), run: () => 1 };

  it("takes names of actions that are paths, up to their lengths, and none that no path could have", () => {
    const takes = (name: string): boolean => {
      try {
        defineApp({ name: "a", actions: { [name]: run } });
        return true;
      } catch {
        return false;
      }
    };
    const [long, longest] = ["a".repeat(64), `${"a".repeat(64)}/${"b".repeat(63)}`];
    for (const name of ["tomato/acquire", "a/1/-_", "a/b/c/d", long, longest, "constructor"]) {
      assert.equal(takes(name), true, name);
    }
    for (const name of ["", "/a", "a/", "a//b", "a/./b", "a/../b", ".", "..", "1a", "a b", "a/{id}", "a/:b", "a%2Fb"]) {
      assert.equal(takes(name), false, name);
    }
    for (const name of [`${long}a`, `a/${long}a`, `${longest}b`, "ä", "a\n"]) assert.equal(takes(name), false, name);
  });

  it("takes a base for routes of its own, and none that the server has for itself", () => {
    const faultsOf = (http: unknown): unknown => {
      try {
        return defineApp({ name: "a", http: http as { base: string }, actions: { run } }).http;
      } catch (error) {
        return (error as { readonly faults: unknown }).faults;
      }
    };
    const longest = `/${"a".repeat(64)}/${"b".repeat(62)}`;
    for (const base of ["/v1", "/v1/kitchen", "/apis", "/v1/api", longest])
      assert.deepEqual(faultsOf({ base }), { base });
    const segments = "must be segments of lower-case letters, digits and -, such as /v1, and at most 128 characters";
    const bases = [
      "",
      "/",
      "v1",
      "/v1/",
      "//v1",
      "/V1",
      "/v1/../api",
      "/./api",
      "/{id}",
      "/:id",
      "/openapi.json",
      "/a b",
    ];
    for (const base of [...bases, `/${"a".repeat(65)}`, `${longest}b`]) {
      assert.deepEqual(faultsOf({ base }), [{ field: "http.base", message: segments, type: "invalid_value" }], base);
    }
    for (const own of ["api", "inference", "docs", "healthz", "readyz", "health", "ready", "metrics", "console"]) {
      const message = `must not begin with /${own}, which the server has for itself`;
      const fault = { field: "http.base", message, type: "invalid_value" };
      for (const base of [`/${own}`, `/${own}/v1`]) assert.deepEqual(faultsOf({ base }), [fault]);
    }
    assert.deepEqual(faultsOf("/v1"), [{ field: "http", message: "must be an object", type: "invalid_type" }]);
    assert.deepEqual(faultsOf({ base: 1, path: "/" }), [
      { field: "http.path", message: "is not known here", type: "unrecognized_keys" },
      { field: "http.base", message: "must be a path, such as /v1", type: "invalid_type" },
    ]);
  });
});
