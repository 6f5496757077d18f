import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { type Folder, readFolder, SHIPPED } from "./folder.ts";
import { nearTo } from "./near.ts";

describe("nearTo()", () => {
  let folder: Folder;
  before(async () => {
    folder = await readFolder(SHIPPED);
  });
  const near = (path: string): { readonly inside: readonly string[]; readonly alike: readonly string[] } => {
    const { inside, alike } = nearTo(path, folder.pages.values());
    return { inside: inside.map(({ path }) => path), alike: alike.map(({ path }) => path) };
  };

  it("finds the pages of that name in other places", () => {
    assert.deepEqual(near("pizzastack"), { inside: [], alike: ["apps/pizzastack", "guides/pizzastack"] });
    assert.deepEqual(near("core-modules/Tasks").alike, ["tasks"]);
  });

  it("finds the pages whose name has letters too many, too few, wrong or swapped", () => {
    const slips = {
      "getting-startd": "getting-started",
      tsaks: "tasks",
      objectss: "objects",
      "guides/altas": "guides/atlus",
    };
    for (const [path, meant] of Object.entries(slips)) assert.equal(near(path).alike[0], meant, path);
  });

  it("finds what is below a folder, which is no page", () => {
    const { inside, alike } = near("Guides");
    assert.deepEqual(
      [inside.includes("guides/pizzastack"), inside.every((path) => path.startsWith("guides/"))],
      [true, true],
    );
    assert.deepEqual(alike, []);
  });

  it("finds nothing for another word, and for one without end", () => {
    for (const path of ["", "zebra", "x".repeat(100_000)]) assert.deepEqual(near(path), { inside: [], alike: [] });
  });
});
