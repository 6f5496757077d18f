import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NAMED_OPTIONS } from "./options.ts";
import { configurationPage } from "./reference.ts";

describe("configurationPage()", () => {
  it("has one section for each option, with where it is set, its default and what it may be", () => {
    const page = configurationPage();
    const names = [...page.matchAll(/^## (.+)$/gm)].map(([, name]) => name);
    assert.equal(names.length, NAMED_OPTIONS.length);
    const [, port = ""] = /^## port\n\n([^#]+)\n\n## /m.exec(page) ?? [];
    assert.match(
      port,
      /^TCP port to listen on; .+\.\n\n`--port` · `SOJOURN_PORT` · key `port` · default `7070` · 0 to 65535$/,
    );
    const [, secret = ""] = /^## model_api_key\n\n([^#]+)\n\n## /m.exec(page) ?? [];
    assert.match(secret, /\n\n`SOJOURN_MODEL_API_KEY` · key `model_api_key` · no default · text$/);
  });
});
