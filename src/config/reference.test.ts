import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { NAMED_OPTIONS } from "./options.ts";
import { configurationPage } from "./reference.ts";

describe("configurationPage()", () => {
  it("is what docs/configuration.md holds; write it with: npm run docs", () => {
    const page = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");
    assert.equal(page, configurationPage());
  });

  it("has one row for each option, none broken by a bar", () => {
    const rows = configurationPage().match(/^\| (?:`--|—).+$/gm) ?? [];
    assert.equal(rows.length, NAMED_OPTIONS.length);
    for (const row of rows) assert.equal(row.split("|").length, 8, row);
  });
});
