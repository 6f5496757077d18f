import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Api } from "./api.ts";
import { PYTHON_SKIP, runPython } from "./python.ts";
import { startServer } from "./server.ts";

const SCRIPT = fileURLToPath(new URL("./pizzastack_client.py", import.meta.url));

const CI = new URL("../.ci/run", import.meta.url);

interface Tomato {
  readonly id: string;
  readonly type: string;
}

describe("PizzaStack's guide to sessions, in Python", { skip: PYTHON_SKIP }, () => {
  it("runs word for word, with threads, with a key", async () => {
    await using server = await startServer();
    const { key } = (await new Api(server.url).post<{ readonly key: string }>("/keys")).data;
    const lines = (await runPython(SCRIPT, `${server.url}/v1`, key)).trim().split("\n");
    const tomatoes = JSON.parse(lines.shift() ?? "") as readonly [Tomato, Tomato];
    const [{ id }] = tomatoes;
    for (const tomato of tomatoes) assert.match(tomato.id, /^tom_[0-9a-f]{16}$/);
    const told = lines.map((line) =>
      line
        .replaceAll(/[0-9a-f-]{36}/g, "<uuid>")
        .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "<time>")
        .replaceAll(/sce_[0-9a-f]{16}/g, "<sauce>"),
    );
    assert.deepEqual(told, [
      "Session expired -- create a new one",
      "Session not found: 404",
      "Session: <uuid>",
      "Objects: 1",
      `  ${id} (raw): sauce_quality=N/A`,
      "",
      "Operations: 1",
      `  <time>: /v1/tomato/acquire -> ${id}`,
      "Pizza quality: 0.98",
      "Pizza quality: 0.98",
      "Pizza quality: 0.98",
      "LOW QUALITY: <sauce> (sauce): degraded",
      "  Check if this object was created correctly",
    ]);
  });

  it("runs without a key where the server has none", async () => {
    await using server = await startServer();
    const lines = (await runPython(SCRIPT, `${server.url}/v1`, "your-api-key")).trim().split("\n");
    assert.equal(lines.filter((line) => line === "Pizza quality: 0.98").length, 3);
  });
});

describe(".ci/run", () => {
  it("lets no test that needs Python be left out", async () => {
    assert.match(await readFile(CI, "utf8"), /^export SOJOURN_TEST_PYTHON=required$/m);
  });
});
