import type { App } from "../engine/runner.ts";
import type { Worker } from "./worker.ts";

/** How long after a call new spares are started, so that they do not compete with it. */
const REFILL_DELAY_MS = 100;

interface SparesOptions {
  /** How many, of all apps together. */
  readonly max: number;
  readonly start: (app: App) => Worker;
  /** Whether there is memory for one more. */
  readonly hasRoom: () => boolean;
}

interface Spare {
  readonly key: string;
  readonly worker: Worker;
  isReady: boolean;
}

/**
 * Workers that are started ahead, for the apps that were called last. What has to be known when a process starts, its
 * permissions and memory, comes with the version of the app: a spare fits any session that uses that version.
 */
export class Spares {
  readonly #options: SparesOptions;
  /** The newest last. */
  readonly #called = new Map<string, App>();
  /** Those whose spares died or did not load. */
  readonly #broken = new Set<string>();
  #spares: Spare[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: SparesOptions) {
    this.#options = options;
  }

  /** How many have loaded their app. */
  get ready(): number {
    return this.#spares.filter(({ isReady }) => isReady).length;
  }

  /** Notes that an app is used, and sees to it that the next one who does finds a spare. */
  want(app: App): void {
    if (this.#options.max === 0 || this.#isClosed) return;
    const key = keyOf(app);
    this.#called.delete(key);
    this.#called.set(key, app);
    this.#broken.delete(key);
    for (const oldest of [...this.#called.keys()].slice(0, -this.#options.max)) this.#called.delete(oldest);
    this.#timer ??= setTimeout(() => this.#refill(), REFILL_DELAY_MS);
  }

  /** A spare for an app, if there is one; it belongs to the caller from here on. */
  take(app: App): Worker | undefined {
    const found = this.#spares.findIndex(({ key, worker }) => key === keyOf(app) && worker.state === "spare");
    return found < 0 ? undefined : this.#spares.splice(found, 1)[0]?.worker;
  }

  /** Gives one up, for its memory; tells whether there was one. */
  drop(): boolean {
    const spare = this.#spares.shift();
    spare?.worker.kill("was not needed");
    return spare !== undefined;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    while (this.drop());
  }

  #refill(): void {
    this.#timer = undefined;
    if (this.#isClosed) return;
    const wanted = this.#wanted();
    for (const { key, worker } of this.#spares) if (!wanted.has(key)) worker.kill("was not needed");
    this.#spares = this.#spares.filter(({ key }) => wanted.has(key));
    for (const [key, { app, count }] of wanted) {
      if (this.#spares.filter((spare) => spare.key === key).length >= count || this.#broken.has(key)) continue;
      if (this.#options.hasRoom()) this.#start(app);
      return;
    }
  }

  /** Starts one, and looks again once it is ready: not two at a time. */
  #start(app: App): void {
    const worker = this.#options.start(app);
    const spare = { key: keyOf(app), worker, isReady: false };
    this.#spares.push(spare);
    worker.onDead(() => {
      const isOurs = this.#spares.includes(spare);
      this.#spares = this.#spares.filter((other) => other !== spare);
      if (isOurs) this.#broken.add(spare.key);
    });
    worker.loaded.then(
      ({ type }) => {
        if (type === "broken") worker.kill("could not load its app");
        if (type !== "loaded") return;
        spare.isReady = true;
        this.#refill();
      },
      () => {},
    );
  }

  /** One for each app that was called last; where those are fewer than there may be spares, more of the very last. */
  #wanted(): ReadonlyMap<string, { readonly app: App; readonly count: number }> {
    const called = [...this.#called].toReversed();
    const more = this.#options.max - called.length;
    return new Map(called.map(([key, app], at) => [key, { app, count: at === 0 ? 1 + Math.max(0, more) : 1 }]));
  }
}

function keyOf({ name, version }: App): string {
  return `${name}@${version}`;
}
