import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { idOf, objectType, z } from "../app-format/index.ts";
import type { JsonObject } from "../engine/json.ts";
import type { AppDescription } from "./app-source.ts";
import { appOf, factsOf } from "./described-app.ts";
import { describedSchema } from "./described-schema.ts";

const Raw = objectType("raw", { prefix: "tom", data: z.object({}) });

const DESCRIPTION: AppDescription = {
  name: "kitchen",
  place: "server",
  recovery: "fresh",
  httpBase: "/v1",
  permissions: {},
  actions: [
    { name: "tomato/slice", inputSchema: describedSchema(z.object({ id: idOf(Raw) }), "input"), isIdempotent: false },
    { name: "run", inputSchema: {}, isIdempotent: false },
  ],
};

describe("appOf()", () => {
  it("finds the objects of each action's input", () => {
    const app = appOf(DESCRIPTION, "0".repeat(64));
    const uses = [{ objectId: "tom_1", types: ["raw"], field: "input.id" }];
    assert.deepEqual(app.inputObjects("tomato/slice", { id: "tom_1" }), uses);
    for (const action of ["run", "none", "constructor"]) {
      assert.deepEqual(app.inputObjects(action, { id: "tom_1" }), []);
    }
    assert.equal(app.httpBase, "/v1");
  });
});

describe("factsOf()", () => {
  const facts = (more: JsonObject): unknown => ({
    release: "1",
    origin: "x",
    description: { ...DESCRIPTION, ...more },
  });

  it("reads what was written of an app, with its routes or without", () => {
    const written = facts({});
    assert.deepEqual(factsOf(written), written);
    const { httpBase: _, ...plain } = DESCRIPTION;
    const without = { release: "1", origin: "x", description: plain };
    assert.deepEqual(factsOf(without), without);
  });

  it("reads nothing whose routes no server could have", () => {
    const [action] = DESCRIPTION.actions;
    for (const more of [
      { httpBase: "/api" },
      { httpBase: "/{id}" },
      { httpBase: 1 },
      { actions: [{ ...action, name: "../slice" }] as unknown as JsonObject },
    ]) {
      assert.equal(factsOf(facts(more)), undefined);
    }
  });
});
