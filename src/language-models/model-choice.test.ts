import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseModelName } from "./model-choice.ts";

describe("parseModelName()", () => {
  it("reads a provider and the name that it uses", () => {
    assert.deepEqual(parseModelName("openai:gpt-5"), { provider: "openai", name: "gpt-5" });
    assert.deepEqual(parseModelName("openai:llama3:8b"), { provider: "openai", name: "llama3:8b" });
    assert.deepEqual(parseModelName("google:models/gemini-3"), { provider: "google", name: "models/gemini-3" });
  });

  it("knows what is none", () => {
    for (const text of ["", "gpt-5", "openai:", ":gpt-5", "openai", "mistral:large", "openai:gpt 5", "OpenAI:gpt-5"])
      assert.equal(parseModelName(text), undefined, text);
  });
});
