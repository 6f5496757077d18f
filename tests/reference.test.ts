import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { COMMAND_EXAMPLES } from "../reference/command-examples.ts";
import { GENERATED } from "../reference/main.ts";
import { REST_EXAMPLES } from "../reference/rest-examples.ts";
import { OPTIONS } from "../src/config/options.ts";
import { LIMITS } from "../src/engine/limits.ts";
import * as objects from "../src/engine/object.ts";
import { HTTP_ERRORS } from "../src/http/dialects/native/errors.ts";
import { nativeDialect } from "../src/http/dialects/native/routes.ts";

function committed(name: string): string {
  return readFileSync(new URL(`../docs/${name}`, import.meta.url), "utf8");
}

describe("the pages that are made from the code", () => {
  for (const [name, page] of Object.entries(GENERATED)) {
    it(`docs/${name} is what it is made of; write it with: npm run docs`, () => {
      assert.equal(committed(name), page());
    });
  }

  it("docs/rest.md has every call once, and an example of each", () => {
    const page = committed("rest.md");
    for (const { method, path, operationId } of nativeDialect.routes) {
      assert.equal(page.split(`: ${method} ${path}\n`).length, 2, `${method} ${path}`);
      assert.ok(REST_EXAMPLES.of[operationId], operationId);
    }
    const known = nativeDialect.routes.map(({ operationId }) => operationId);
    assert.deepEqual(
      Object.keys(REST_EXAMPLES.of).filter((name) => !known.includes(name)),
      [],
    );
  });

  it("docs/errors.md has a heading for each code, and for no other", () => {
    const headings = [...committed("errors.md").matchAll(/^## ([A-Z_]+)$/gm)].map(([, name]) => name);
    const codes = Object.values(HTTP_ERRORS).map(({ code }) => code);
    assert.deepEqual(headings, [...new Set([...codes, "UNREACHABLE"])].toSorted());
  });

  it("docs/limits.md has every limit of a session, and every option that bounds something", () => {
    const page = committed("limits.md");
    const source = readFileSync(new URL("../reference/limit-page.ts", import.meta.url), "utf8");
    for (const name of Object.keys(LIMITS)) assert.ok(source.includes(`LIMITS.${name}`), name);
    const ofObjects = Object.keys(objects).filter((name) => name.endsWith("_MAX"));
    for (const name of ofObjects) assert.ok(source.includes(`(${name})`), name);
    const bounding = Object.keys(OPTIONS).filter((name) =>
      /^max_|^rate_limit|_timeout_seconds$|_max_|memory_mib$/.test(name),
    );
    for (const name of bounding) assert.ok(page.includes(`\`${name}\``), name);
  });

  it("docs/cli.md has an example of every command", () => {
    const headings = [...committed("cli.md").matchAll(/^## sojourn (.+)$/gm)].map(([, name]) => name);
    assert.deepEqual(headings.toSorted(), Object.keys(COMMAND_EXAMPLES).toSorted());
  });
});
