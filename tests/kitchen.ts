import { randomUUID } from "node:crypto";

/** What a route of PizzaStack answers: an object, or why not. */
export type Answered = Readonly<Record<string, unknown>> & { readonly id: string; readonly detail?: unknown };

/** What `POST` brought back. */
export interface Served {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Answered;
}

/** A session's log, as far as tests look into it. */
export interface KitchenLog {
  readonly session_id: string;
  readonly objects: readonly (Answered & { readonly type: string; readonly quality: string })[];
  readonly operations: readonly {
    readonly timestamp: string;
    readonly endpoint: string;
    readonly result_id: string | null;
    readonly inputs: Readonly<Record<string, unknown>>;
    readonly status: string;
    readonly error?: { readonly code: string; readonly message: string };
  }[];
}

/** A client of PizzaStack's routes, as its guide writes one: in a session of its own. */
export class Kitchen {
  readonly sessionId: string;
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(
    url: string,
    { key, sessionId = randomUUID() }: { readonly key?: string; readonly sessionId?: string } = {},
  ) {
    this.#base = `${url}/v1`;
    this.sessionId = sessionId;
    this.#headers = key === undefined ? {} : { "X-API-Key": key };
  }

  async post(path: string, input: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Served> {
    const response = await fetch(`${this.#base}/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Session-ID": this.sessionId, ...this.#headers, ...headers },
      body: JSON.stringify(input),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answered };
  }

  /** What a call that must go well answers. */
  async made(path: string, input: unknown): Promise<Answered> {
    const { status, body } = await this.post(path, input);
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  async log(): Promise<{ readonly status: number; readonly body: KitchenLog }> {
    const response = await fetch(`${this.#base}/session/${this.sessionId}/log`, { headers: this.#headers });
    return { status: response.status, body: (await response.json()) as KitchenLog };
  }

  async tomato(variety = "San Marzano", ripeness = 0.9): Promise<Answered> {
    return await this.made("tomato/acquire", { variety, ripeness, weight: 400 });
  }

  async sliced(tomato: Answered): Promise<Answered> {
    return await this.made("tomato/slice", {
      ...{ tomato_ids: [tomato.id], method: "dice" },
      ...{ size: "medium", consistency: "uniform" },
    });
  }

  async sauce(ingredient: Pick<Answered, "id">): Promise<Answered> {
    return await this.made("cook/simmer", {
      ingredients: [{ id: ingredient.id, name: "tomato", amount: 400, unit: "g" }],
      ...{ temperature: 100, duration: "30m" },
    });
  }

  async base(): Promise<Answered> {
    const input = { thickness: "medium", size: "12inch", style: "neapolitan", hydration: 0.65 };
    return await this.made("pizza/base", input);
  }

  async pizza(base: Answered, sauce: Answered): Promise<Answered> {
    return await this.made("pizza/assemble", {
      ...{ base_id: base.id, sauce_id: sauce.id },
      toppings: [{ name: "mozzarella", amount: 200, unit: "g" }],
    });
  }

  async bake(pizza: Answered): Promise<Served> {
    return await this.post("pizza/bake", { pizza_id: pizza.id, temperature: 450, duration: "2m" });
  }

  /** The guide's `make_pizza`. */
  async makePizza(variety: string, ripeness: number): Promise<Answered> {
    const sliced = await this.sliced(await this.tomato(variety, ripeness));
    const sauce = await this.sauce(sliced);
    return (await this.bake(await this.pizza(await this.base(), sauce))).body;
  }
}
