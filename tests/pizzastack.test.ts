import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Api } from "./api.ts";
import { type Answered, Kitchen } from "./kitchen.ts";
import { startServer, type TestServer } from "./server.ts";
import { until } from "./until.ts";

const DURATION = 'must be a time with its unit, more than 0 and at most 24h, such as "90s", "30m", "1h" or "1h30m"';

describe("PizzaStack over HTTP", () => {
  let server: TestServer;
  let kitchen: Kitchen;
  before(async () => {
    server = await startServer();
  });
  after(() => server[Symbol.asyncDispose]());

  function enter(sessionId?: string): Kitchen {
    return new Kitchen(server.url, sessionId === undefined ? {} : { sessionId });
  }

  it("makes the guide's three pizzas at once, each in a session of its own", async () => {
    const pizzas = [
      ["San Marzano", 0.9],
      ["Roma", 0.85],
      ["Cherry", 0.8],
    ] as const;
    const baked = await Promise.all(pizzas.map(([variety, ripeness]) => enter().makePizza(variety, ripeness)));
    for (const { id, type, quality_score, quality_metrics } of baked) {
      assert.match(id, /^bkd_[0-9a-f]{16}$/);
      assert.equal(type, "baked");
      assert.equal(quality_score, (quality_metrics as { readonly overall_score: number }).overall_score);
      assert.ok(Number(quality_score) >= 0.9 && Number(quality_score) <= 0.98);
    }
    const again = await enter().makePizza("San Marzano", 0.9);
    assert.deepEqual(again["quality_metrics"], baked[0]?.["quality_metrics"]);
  });

  it("does all that it offers, and tells it in its log, in order", async () => {
    kitchen = enter();
    const tomato = await kitchen.tomato();
    const sliced = await kitchen.sliced(tomato);
    const juice = await kitchen.made("tomato/squeeze", { tomato_ids: [tomato.id] });
    const sauce = await kitchen.sauce(sliced);
    const ingredients = [
      { id: juice.id, name: "juice", amount: 200, unit: "ml" },
      { id: "generic", name: "garlic", amount: 2, unit: "cloves" },
    ];
    const roasted = await kitchen.made("cook/roast", { ingredients, temperature: 180, duration: "45m" });
    const base = await kitchen.base();
    const pizza = await kitchen.pizza(base, sauce);
    const { body: baked } = await kitchen.bake(pizza);
    const taste = await kitchen.made("taste/analyze", { dish_id: baked.id, depth: "comprehensive" });
    const comparison = await kitchen.made("taste/compare", { dish_ids: [sauce.id, roasted.id] });
    const made = [tomato, sliced, juice, sauce, roasted, base, pizza, baked, taste, comparison];
    assert.deepEqual(
      made.map(({ id, type }) => [id.split("_")[0], type]),
      [
        ["tom", "raw"],
        ["slc", "sliced"],
        ["jce", "juice"],
        ["sce", "sauce"],
        ["sce", "sauce"],
        ["bas", "base"],
        ["asm", "assembled"],
        ["bkd", "baked"],
        ["tst", "taste"],
        ["cmp", "comparison"],
      ],
    );
    const { status, body } = await kitchen.log();
    assert.deepEqual([status, body.session_id], [200, kitchen.sessionId]);
    const { comparison_id, ...compared } = comparison;
    assert.equal(comparison_id, comparison.id);
    assert.deepEqual(
      body.objects,
      [...made.slice(0, -1), compared].map((object) => ({ ...object, quality: "optimal" })),
    );
    assert.deepEqual(
      body.operations.map(({ endpoint, result_id, status }) => [endpoint, result_id, status]),
      [
        ["/v1/tomato/acquire", tomato.id, "completed"],
        ["/v1/tomato/slice", sliced.id, "completed"],
        ["/v1/tomato/squeeze", juice.id, "completed"],
        ["/v1/cook/simmer", sauce.id, "completed"],
        ["/v1/cook/roast", roasted.id, "completed"],
        ["/v1/pizza/base", base.id, "completed"],
        ["/v1/pizza/assemble", pizza.id, "completed"],
        ["/v1/pizza/bake", baked.id, "completed"],
        ["/v1/taste/analyze", taste.id, "completed"],
        ["/v1/taste/compare", comparison.id, "completed"],
      ],
    );
  });

  it("lets one walk from a pizza to its tomato by the log alone", async () => {
    kitchen = enter();
    const baked = await kitchen.makePizza("Roma", 0.9);
    const { operations, objects } = (await kitchen.log()).body;
    const ids = new Set(objects.map(({ id }) => id));
    const types: string[] = [];
    for (let waiting = [baked.id]; waiting.length > 0; ) {
      const of = operations.filter(({ result_id }) => waiting.includes(result_id ?? ""));
      types.push(...objects.filter(({ id }) => waiting.includes(id)).map(({ type }) => type));
      const named = of.flatMap(({ inputs }) => JSON.stringify(inputs).match(/[a-z]{3}_[0-9a-f]{16}/g) ?? []);
      waiting = named.filter((id) => ids.has(id));
    }
    assert.deepEqual(types, ["baked", "assembled", "sauce", "base", "sliced", "raw"]);
  });

  it("warns of what is degraded, answers it all the same, and tells in the log where that began", async () => {
    kitchen = enter();
    const tomato = await kitchen.tomato();
    const cooked = await kitchen.post("cook/simmer", {
      ingredients: [{ id: tomato.id, name: "tomato", amount: 400, unit: "g" }],
      ...{ temperature: 100, duration: "1h" },
    });
    const sauce = cooked.body;
    assert.equal(cooked.status, 200);
    assert.deepEqual([sauce["sauce_quality"], sauce["degradation_reason"]], ["degraded", "raw_ingredient"]);
    assert.equal(cooked.headers.get("warning"), `299 sojourn "${sauce.id} is degraded: raw_ingredient"`);
    const pizza = await kitchen.pizza(await kitchen.base(), sauce);
    assert.deepEqual([pizza["assembly_quality"], pizza["degradation_reason"]], ["degraded", "raw_ingredient"]);
    const { status, headers, body: baked } = await kitchen.bake(pizza);
    assert.equal(status, 200);
    assert.equal(headers.get("warning"), `299 sojourn "${baked.id} is degraded: raw_ingredient"`);
    for (const score of Object.values(baked["quality_metrics"] as Record<string, number>)) {
      assert.ok(score >= 0.35 && score <= 0.5);
    }
    const { objects } = (await kitchen.log()).body;
    const began = { reason: "raw_ingredient", object_id: sauce.id };
    assert.deepEqual(
      objects.map(({ type, quality, sauce_quality, degradation }) => ({ type, quality, sauce_quality, degradation })),
      [
        { type: "raw", quality: "optimal", sauce_quality: undefined, degradation: undefined },
        { type: "sauce", quality: "degraded", sauce_quality: "degraded", degradation: began },
        { type: "base", quality: "optimal", sauce_quality: undefined, degradation: undefined },
        { type: "assembled", quality: "degraded", sauce_quality: undefined, degradation: began },
        { type: "baked", quality: "degraded", sauce_quality: undefined, degradation: began },
      ],
    );
  });

  it("warns of nothing that is as it should be", async () => {
    kitchen = enter();
    const sauce = await kitchen.sauce({ id: "generic" });
    const { status, headers } = await kitchen.bake(await kitchen.pizza(await kitchen.base(), sauce));
    assert.deepEqual([status, headers.get("warning")], [200, null]);
  });

  it("refuses what is at another stage, by 400, and makes nothing of it", async () => {
    kitchen = enter();
    const base = await kitchen.base();
    const { status, body } = await kitchen.bake(base);
    const detail = `pizza_id must name an object of type assembled; ${base.id} is of type base`;
    assert.deepEqual([status, body], [400, { detail, error: { code: "WRONG_OBJECT_TYPE", message: detail } }]);
    const { objects, operations } = (await kitchen.log()).body;
    assert.deepEqual([objects.map(({ id }) => id), operations.length], [[base.id], 2]);
    const { endpoint, result_id, status: failed, inputs } = operations[1] ?? assert.fail();
    assert.deepEqual([endpoint, result_id, failed], ["/v1/pizza/bake", null, "failed"]);
    assert.deepEqual(inputs, { pizza_id: base.id, temperature: 450, duration: "2m" });
  });

  it("refuses an object of another session as one that nobody has, by 404", async () => {
    const [a, b] = [enter(), enter()];
    const tomato = await a.tomato();
    await b.base();
    const answers = [
      await b.post("tomato/slice", { tomato_ids: [tomato.id] }),
      await b.post("tomato/slice", { tomato_ids: ["tom_0000000000000000"] }),
    ];
    assert.deepEqual(
      answers.map(({ status, body }) => [status, body.detail]),
      [
        [404, `Object ${tomato.id} not found`],
        [404, "Object tom_0000000000000000 not found"],
      ],
    );
    const { objects, operations } = (await b.log()).body;
    assert.deepEqual(
      [objects.length, operations.map(({ status, error }) => [status, error?.code])],
      [
        1,
        [
          ["completed", undefined],
          ["failed", "OBJECT_NOT_FOUND"],
          ["failed", "OBJECT_NOT_FOUND"],
        ],
      ],
    );
  });

  it("refuses values that make no sense, by 422 and the names of their fields", async () => {
    kitchen = enter();
    const base = await kitchen.base();
    const { id } = await kitchen.pizza(base, await kitchen.sauce({ id: "generic" }));
    const cooking = {
      ingredients: [{ id: "generic", name: "tomato", amount: 400, unit: "g" }],
      temperature: 100,
      duration: "30m",
    };
    const tried: readonly (readonly [string, unknown, readonly (readonly (string | number)[])[]])[] = [
      ["tomato/acquire", {}, [["variety"], ["ripeness"], ["weight"]]],
      ["tomato/acquire", { variety: "Roma", ripeness: 90, weight: 100 }, [["ripeness"]]],
      ["tomato/acquire", { variety: "Roma", ripeness: 0.9, weight: "100g" }, [["weight"]]],
      ["tomato/acquire", { variety: "", ripeness: 0.9, weight: 100 }, [["variety"]]],
      ["tomato/slice", { tomato_ids: "tom_1" }, [["tomato_ids"]]],
      ["cook/simmer", { ...cooking, temperature: 212 }, [["temperature"]]],
      ["cook/simmer", { ...cooking, duration: "30" }, [["duration"]]],
      ["cook/simmer", { ...cooking, duration: 30 }, [["duration"]]],
      ["cook/simmer", { ...cooking, duration: undefined }, [["duration"]]],
      [
        "cook/roast",
        { ...cooking, ingredients: [{ ...cooking.ingredients[0], unit: "meters" }] },
        [["ingredients", 0, "unit"]],
      ],
      ["cook/roast", { ...cooking, ingredients: [{ ...cooking.ingredients[0], id: 7 }] }, [["ingredients", 0, "id"]]],
      ["pizza/base", { thickness: "medium", size: "30cm", style: "neapolitan" }, [["size"]]],
      [
        "pizza/base",
        { thickness: "huge", size: "12inch", style: "greek", hydration: 65 },
        [["thickness"], ["style"], ["hydration"]],
      ],
      ["pizza/assemble", { base_id: base.id, toppings: [] }, [["sauce_id"]]],
      ["pizza/bake", { pizza_id: id, temperature: 842, duration: "2m" }, [["temperature"]]],
      ["pizza/bake", { pizza_id: id, temperature: 450, duration: "25h" }, [["duration"]]],
      ["taste/analyze", { dish_id: id, depth: "deep" }, [["depth"]]],
      ["taste/compare", { dish_ids: [id], metrics: ["price"] }, [["dish_ids"], ["metrics", 0]]],
      ["taste/compare", { dish_ids: [id, id] }, [["dish_ids"]]],
    ];
    for (const [path, input, fields] of tried) {
      const { status, body } = await kitchen.post(path, input);
      const detail = body.detail as readonly { readonly loc: readonly (string | number)[]; readonly msg: string }[];
      assert.equal(status, 422, `${path}: ${JSON.stringify(body)}`);
      const found = detail.map(({ loc }) => loc);
      assert.deepEqual(
        found,
        fields.map((field) => ["body", ...field]),
        path,
      );
      if (fields[0]?.[0] === "duration") assert.equal(detail[0]?.msg, DURATION);
      assert.equal((body["error"] as { readonly code: string }).code, "VALIDATION_ERROR");
    }
    assert.equal((await kitchen.log()).body.objects.length, 3);
  });

  it("names all that is wrong at once, and begins no session for it", async () => {
    kitchen = enter();
    const ingredients = [{ id: "generic", name: "tomato", amount: 400, unit: "g" }];
    const tried: readonly (readonly [string, unknown, readonly string[]])[] = [
      ["cook/simmer", { ingredients, temperature: 999, duration: "30" }, ["temperature", "duration"]],
      ["pizza/base", { thickness: "medium", size: "99inch", style: "neapolitan" }, ["size"]],
      ["tomato/acquire", { variety: " ", ripeness: 2, weight: 0 }, ["variety", "ripeness", "weight"]],
    ];
    for (const [path, input, fields] of tried) {
      const { status, body } = await kitchen.post(path, input);
      const detail = body.detail as readonly { readonly loc: readonly (string | number)[] }[];
      assert.deepEqual([status, detail.map(({ loc }) => loc.join("."))], [422, fields.map((one) => `body.${one}`)]);
    }
    assert.equal((await kitchen.log()).status, 404);
  });

  it("wants a session for every call, and none for the log", async () => {
    const { status, body } = await enter("").post("pizza/base", {});
    assert.deepEqual([status, typeof body.detail], [400, "string"]);
    assert.equal((await enter("nobody-was-here").log()).status, 404);
  });

  it("begins one session for calls that come at once", async () => {
    kitchen = enter();
    const tomatoes = await Promise.all(Array.from({ length: 16 }, () => kitchen.tomato()));
    const { objects } = (await kitchen.log()).body;
    assert.deepEqual(objects.map(({ id }) => id).sort(), tomatoes.map(({ id }) => id).sort());
    const { sessions } = (
      await new Api(server.url).get<{ readonly sessions: readonly { readonly session_id: string }[] }>(
        "/sessions?limit=1000",
      )
    ).data;
    assert.equal(sessions.filter(({ session_id }) => session_id === kitchen.sessionId).length, 1);
  });
});

describe("a session of PizzaStack", () => {
  it("expires when nobody uses it, and is followed by a fresh one of the same name", async () => {
    await using server = await startServer();
    const kitchen = new Kitchen(server.url);
    const tomato = await kitchen.tomato();
    assert.equal((await kitchen.log()).body.objects.length, 1);
    const body = { idle_timeout_seconds: 1 };
    await new Api(server.url).call("PATCH", `/sessions/${kitchen.sessionId}`, { body });
    await until("the session has expired", async () => (await kitchen.log()).status === 404);
    const base = await kitchen.base();
    const fresh = await kitchen.log();
    assert.deepEqual([fresh.status, fresh.body.objects.map(({ id }) => id)], [200, [base.id]]);
    assert.equal((await kitchen.post("tomato/slice", { tomato_ids: [tomato.id] })).status, 404);
  });

  it("is for those who have a key, once there are keys", async () => {
    await using server = await startServer();
    const { key } = (await new Api(server.url).post<{ readonly key: string }>("/keys")).data;
    const sessionId = "keyed";
    const kitchen = new Kitchen(server.url, { key, sessionId });
    const tomato: Answered = await kitchen.tomato();
    assert.deepEqual(
      (await kitchen.log()).body.objects.map(({ id }) => id),
      [tomato.id],
    );
    const strangers = [
      new Kitchen(server.url, { sessionId }),
      new Kitchen(server.url, { sessionId, key: "your-api-key" }),
    ];
    for (const stranger of strangers) {
      const { status, body } = await stranger.post("tomato/acquire", { variety: "Roma", ripeness: 1, weight: 1 });
      assert.deepEqual([status, typeof body.detail, (await stranger.log()).status], [401, "string", 401]);
    }
  });
});
