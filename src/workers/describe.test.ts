import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { writeApp } from "../../tests/small-apps.ts";
import { SojournError } from "../engine/errors.ts";
import type { AppDescription, AppSource } from "./app-source.ts";
import { createDescribe } from "./describe.ts";
import { type Isolation, openIsolation } from "./isolation.ts";

describe("createDescribe()", () => {
  let directory: string;
  let isolation: Isolation;
  let written = 0;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-describe-"));
    isolation = openIsolation({ sandbox: "process", directory, memoryMiB: 128, dataFolders: [], environment: {} });
  });
  after(async () => {
    await isolation.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const write = (source: string): AppSource => writeApp(join(directory, `app-${++written}`), source);
  const look = (source: AppSource, timeoutMs = 20_000): Promise<AppDescription> =>
    createDescribe({ isolation, timeoutMs })(source);

  it("tells what an app declares", async () => {
    const described = await look(
      write(`export default defineApp({
        name: "shop/orders",
        description: "Takes orders",
        permissions: { network: true, read: ["data:"] },
        setup: z.object({ currency: z.string().default("EUR") }),
        start: () => ({}),
        snapshot: (state) => state,
        restore: () => ({}),
        default: "order",
        actions: {
          order: action({ description: "Orders", input: z.object({ item: z.string() }), output: z.object({ id: z.number() }), isIdempotent: true, run: () => ({ id: 1 }) }),
          list: action({ input: z.object({ at: z.date().optional() }), run: () => [] }),
        },
      });`),
    );
    const $schema = "https://json-schema.org/draft/2020-12/schema";
    assert.deepEqual(described, {
      name: "shop/orders",
      description: "Takes orders",
      place: "process",
      recovery: "snapshot",
      setupSchema: { $schema, type: "object", properties: { currency: { default: "EUR", type: "string" } } },
      defaultAction: "order",
      permissions: { network: true, read: ["data:"] },
      actions: [
        {
          name: "order",
          description: "Orders",
          inputSchema: { $schema, type: "object", properties: { item: { type: "string" } }, required: ["item"] },
          outputSchema: {
            $schema,
            type: "object",
            properties: { id: { type: "number" } },
            required: ["id"],
            additionalProperties: false,
          },
          isIdempotent: true,
        },
        {
          name: "list",
          inputSchema: { $schema, type: "object", properties: { at: {} } },
          isIdempotent: false,
        },
      ],
    });
  });

  it("tells where an app has its routes, and actions that are paths", async () => {
    const { httpBase, actions } = await look(
      write(`const Raw = objectType("raw", { prefix: "tom", data: z.object({}) });
      export const app = defineApp({ name: "kitchen", http: { base: "/v1" }, actions: {
        "tomato/slice": action({ input: z.object({ id: idOf(Raw) }), run: () => 1 }),
      } });`),
    );
    assert.deepEqual([httpBase, actions.map(({ name }) => name)], ["/v1", ["tomato/slice"]]);
    assert.deepEqual(actions[0]?.inputSchema["properties"], {
      id: { type: "string", minLength: 1, maxLength: 128, "x-object-types": ["raw"] },
    });
  });

  it("derives how an app recovers, and what a call without an action means", async () => {
    const run = `run: action({ input: z.object({}), run: () => null })`;
    const other = `other: action({ input: z.object({}), run: () => null })`;
    const facts = async (more: string): Promise<readonly unknown[]> => {
      const { recovery, defaultAction } = await look(write(`export const app = defineApp({ name: "a", ${more} });`));
      return [recovery, defaultAction];
    };
    assert.deepEqual(await facts(`actions: { ${run}, ${other} }`), ["fresh", "run"]);
    assert.deepEqual(await facts(`actions: { ${other} }, start: () => 1`), ["refuse", "other"]);
    assert.deepEqual(await facts(`recovery: "replay", actions: { ${other}, third: ${other.slice(7)} }`), [
      "replay",
      undefined,
    ]);
  });

  const action = "run: action({ input: z.object({}), run: () => null })";
  const broken: readonly (readonly [what: string, source: string, message: RegExp])[] = [
    ["exports nothing", "export const other = 1;", /: it exports no app: export what defineApp\(\) returns/],
    [
      "exports something else",
      "export const app = { name: 'x' };",
      /: what it exports as its app was not made by defineApp\(\)$/,
    ],
    [
      "has a bad name",
      `export const app = defineApp({ name: "No Name", actions: { ${action} } });`,
      /: "name" must be name or namespace\/name, of lower-case letters/,
    ],
    [
      "has no actions",
      'export const app = defineApp({ name: "a", actions: {} });',
      /: "actions" must have at least one action$/,
    ],
    [
      "has an action without a schema",
      'export const app = defineApp({ name: "a", actions: { x: { run: () => 1 } } });',
      /: "actions\.x\.input" must be a Zod schema$/,
    ],
    [
      "names a default that is not there",
      `export const app = defineApp({ name: "a", default: "b", actions: { ${action} } });`,
      /: "default" must be one of its actions: run$/,
    ],
    [
      "has a snapshot alone",
      `export const app = defineApp({ name: "a", snapshot: () => 1, actions: { ${action} } });`,
      /: "snapshot" must have restore beside it$/,
    ],
    [
      "has state in the server",
      `export const app = defineApp({ name: "a", in: "server", start: () => 1, actions: { ${action} } });`,
      /: "in" must be process, as it has state: start, snapshot, restore or stop$/,
    ],
    [
      "wants routes that are the server's",
      `export const app = defineApp({ name: "a", http: { base: "/api/v1" }, actions: { ${action} } });`,
      /: "http\.base" must not begin with \/api, which the server has for itself$/,
    ],
    ["throws", "\nthrow new Error('no licence');", /: app\.ts:3: no licence$/],
    ["has a mistake", "\n\nexport const = 1;", /: app\.ts:4: /],
    ["imports what is not there", 'import "left-pad";', /Cannot find package 'left-pad'/],
    ["exits", "process.exit(4);", /The worker of "app\.ts" exited with code 4$/],
    [
      "reads what it may not",
      'import { readFileSync } from "node:fs"; readFileSync("/etc/passwd");',
      /app\.ts:2: Access to this API has been restricted/,
    ],
  ];
  for (const [what, source, message] of broken) {
    it(`says what is wrong with an app that ${what}`, async () => {
      await assert.rejects(look(write(source)), (error: unknown) => {
        assert.ok(error instanceof SojournError);
        assert.equal(error.code, "app_broken");
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it("gives up on an app that does not come to its end", async () => {
    await assert.rejects(look(write("for (;;);"), 700), { code: "app_broken", message: /did not load within 0\.7 s/ });
  });

  it("finds the format by a path that leaves the app, and packages beside the original", async () => {
    const original = join(directory, "original");
    const library = join(original, "node_modules", "greeting");
    writeApp(library, "");
    writeFileSync(join(library, "package.json"), JSON.stringify({ name: "greeting", main: "index.js" }));
    writeFileSync(join(library, "index.js"), "exports.greeting = 'hello';");
    const copy = write("");
    writeFileSync(
      join(copy.directory, "app.ts"),
      `import { action, defineApp, z } from "../../app-format/index.ts";
      import { greeting } from "greeting";
      export const app = defineApp({ name: "a", description: greeting, actions: { ${action} } });`,
    );
    const described = await look({ ...copy, packageRoots: [original, ...copy.packageRoots] });
    assert.equal(described.description, "hello");
  });
});
