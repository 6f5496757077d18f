import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { SojournError } from "../../engine/errors.ts";
import { openModel } from "./open-model.ts";

const BOUNDS = { timeoutMs: 1_000, maxOutputTokens: 100 };

/** Says what packages are loaded once a model is open, and once it was asked. */
const LOADING = `
  import { registerHooks } from "node:module";
  const loaded = new Set();
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === "ai" || specifier.startsWith("@ai-sdk/")) loaded.add(specifier);
      return next(specifier, context);
    },
  });
  const { openModel } = await import(${JSON.stringify(new URL("open-model.ts", import.meta.url).href)});
  const model = openModel({ model: "openai:m", baseUrl: "http://127.0.0.1:1", timeoutMs: 20000, maxOutputTokens: 1, retries: 0 });
  const opened = [...loaded].sort();
  await model.summarize("", [], new AbortController().signal).catch((error) => {
    if (error.code !== "model_failed") throw error;
  });
  console.log(JSON.stringify({ opened, asked: [...loaded].sort() }));
`;

describe("openModel()", () => {
  it("loads no provider's package before it is asked, then that provider's alone, and prints nothing", async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", LOADING]);
    assert.deepEqual(JSON.parse(stdout), {
      opened: [],
      asked: ["@ai-sdk/openai-compatible", "@ai-sdk/provider", "@ai-sdk/provider-utils"],
    });
    assert.equal(stderr, "");
  });

  it("opens a model under the name that is configured, and connects to nothing", () => {
    const { name, isLanguageModel } = openModel({ ...BOUNDS, model: "anthropic:claude-opus-5", apiKey: "k" });
    assert.deepEqual({ name, isLanguageModel }, { name: "anthropic:claude-opus-5", isLanguageModel: true });
    assert.equal(openModel({ ...BOUNDS, model: "openai:any", baseUrl: "http://localhost:8000/v1" }).name, "openai:any");
  });

  it("says what a model is called where that is wrong", () => {
    assert.deepEqual(faultsOf({ model: "gpt-5" }), [
      {
        field: "model",
        message:
          'must be a provider and its model, such as "openai:gpt-5"; the providers are openai, anthropic, google',
        type: "invalid_model",
      },
    ]);
  });

  it("says that a key is missing, whatever the environment holds", () => {
    const variables = {
      openai: "OPENAI_API_KEY",
      anthropic: "ANTHROPIC_API_KEY",
      google: "GOOGLE_GENERATIVE_AI_API_KEY",
    };
    for (const [provider, variable] of Object.entries(variables)) {
      process.env[variable] = "from-the-environment";
      try {
        assert.deepEqual(faultsOf({ model: `${provider}:m` }), [
          {
            field: "model_api_key",
            message: `is missing: ${provider} answers nobody without one; commands take it from SOJOURN_MODEL_API_KEY or ${variable}`,
            type: "missing",
          },
        ]);
      } finally {
        delete process.env[variable];
      }
    }
    const baseUrl = "http://localhost:1";
    assert.deepEqual(
      faultsOf({ model: "anthropic:m", baseUrl }).map(({ message }) => message),
      ["is missing: anthropic answers nobody without one; commands take it from SOJOURN_MODEL_API_KEY"],
    );
  });

  it("refuses keys that no header takes, without showing them", () => {
    for (const apiKey of ["secret\n", "sec ret", "sécret"]) {
      const faults = faultsOf({ model: "openai:m", apiKey });
      assert.deepEqual(faults, [
        { field: "model_api_key", message: "must be printable ASCII characters without blanks", type: "invalid_key" },
      ]);
    }
  });

  it("refuses base URLs that can't be one, without showing them", () => {
    for (const baseUrl of [
      "",
      "localhost",
      "ftp://a",
      "http://user:secret@a/v1",
      "http://a/v1?key=secret",
      "http://a/#b",
    ])
      assert.deepEqual(
        faultsOf({ model: "openai:m", baseUrl }),
        [
          {
            field: "model_base_url",
            message: "must be an http or https address without a user, a query or a fragment",
            type: "invalid_url",
          },
        ],
        baseUrl,
      );
  });
});

function faultsOf(options: { readonly model: string; readonly baseUrl?: string; readonly apiKey?: string }) {
  try {
    openModel({ ...BOUNDS, ...options });
  } catch (error) {
    assert.ok(error instanceof SojournError && error.code === "invalid");
    assert.ok(!JSON.stringify(error.toWire()).includes("secret"));
    return error.faults;
  }
  assert.fail("was opened");
}
