/** A client's own process: makes pizzas, or bare appends, over keep-alive connections, one load at a time. */
import { randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import type { PizzaLoad } from "./pizzas.ts";

process.on("message", (load: PizzaLoad) => {
  void run(load).then(
    (callsPerSecond) => process.send?.({ callsPerSecond }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});

async function run({ url, what, connections, forMs }: PizzaLoad): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const started = performance.now();
  const isOver = (): boolean => performance.now() - started >= forMs;
  const counts = await Promise.all(
    Array.from({ length: connections }, async (_, i) => {
      const client = new Client(url, agent);
      for (let calls = 0; ; ) {
        calls += what === "pizzas" ? await pizza(client) : await append(client, i);
        if (isOver()) return calls;
      }
    }),
  );
  const calls = counts.reduce((sum, count) => sum + count, 0);
  const perSecond = (calls / (performance.now() - started)) * 1_000;
  agent.destroy();
  return perSecond;
}

/** As many calls as a pizza has. */
const CALLS = 6;

async function append(client: Client, i: number): Promise<number> {
  const metrics = { requests: 1, errors: 0, processing_time_seconds: 0.0015 };
  for (let call = 0; call < CALLS; call++) await client.post(`/api/v1/sessions/benchmark_${i}/metrics`, metrics);
  return CALLS;
}

async function pizza(client: Client): Promise<number> {
  const session = randomUUID();
  const make = (path: string, body: object) => client.post(`/v1${path}`, body, session);
  const tomato = await make("/tomato/acquire", { variety: "San Marzano", ripeness: 0.9, weight: 400 });
  const cut = { method: "dice", size: "medium", consistency: "uniform" };
  const sliced = await make("/tomato/slice", { tomato_ids: [tomato], ...cut });
  const ingredients = [{ id: sliced, name: "tomato", amount: 400, unit: "g" }];
  const sauce = await make("/cook/simmer", { ingredients, temperature: 100, duration: "30m" });
  const dough = { thickness: "medium", size: "12inch", style: "neapolitan", hydration: 0.65 };
  const base = await make("/pizza/base", dough);
  const toppings = [{ name: "mozzarella", amount: 200, unit: "g" }];
  const assembled = await make("/pizza/assemble", { base_id: base, sauce_id: sauce, toppings });
  await make("/pizza/bake", { pizza_id: assembled, temperature: 450, duration: "2m" });
  return CALLS;
}

/** Posts JSON, and resolves to the `id` of what comes back. */
class Client {
  readonly #url: string;
  readonly #agent: Agent;

  constructor(url: string, agent: Agent) {
    this.#url = url;
    this.#agent = agent;
  }

  post(path: string, body: object, session?: string): Promise<string> {
    const text = JSON.stringify(body);
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(text),
      ...(session !== undefined && { "x-session-id": session }),
    };
    return new Promise((resolve, reject) => {
      const sent = request(this.#url + path, { method: "POST", agent: this.#agent, headers }, (response) => {
        let answer = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          answer += chunk;
        });
        response.on("end", () => {
          if (response.statusCode === 200) resolve(String(JSON.parse(answer).id));
          else reject(new Error(`${path} answers ${response.statusCode}: ${answer}`));
        });
      });
      sent.on("error", reject);
      sent.end(text);
    });
  }
}
