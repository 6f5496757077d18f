import type { App, BrokenApp, Job, Ran, Runner } from "../engine/runner.ts";
import type { StreamRef } from "../engine/store.ts";

type Listener = Parameters<Runner["onReleased"]>[0];

/** A runner that is opened when it is needed first: whoever runs no apps has no processes for them. */
export class LateRunner implements Runner {
  readonly #open: () => Promise<Runner>;
  readonly #listeners: Listener[] = [];
  #opening: Promise<Runner> | undefined;
  #opened: Runner | undefined;

  constructor(open: () => Promise<Runner>) {
    this.#open = open;
  }

  /** Opens it now; where that fails, the next call tries again. */
  async ready(): Promise<Runner> {
    this.#opening ??= this.#begin();
    try {
      return await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  async apps(options?: { readonly settled?: boolean }): Promise<readonly App[]> {
    return await (await this.ready()).apps(options);
  }

  async broken(): Promise<readonly BrokenApp[]> {
    return await (await this.ready()).broken();
  }

  async app(name: string, version?: string): Promise<App> {
    return await (await this.ready()).app(name, version);
  }

  async keep(app: App): Promise<void> {
    await (await this.ready()).keep(app);
  }

  async run(job: Job): Promise<Ran> {
    return await (this.#opened ?? (await this.ready())).run(job);
  }

  release(ref: StreamRef<"session">): void {
    this.#opened?.release(ref);
  }

  onReleased(listener: Listener): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    const runner = await this.#opening?.catch(() => undefined);
    await runner?.close();
  }

  async #begin(): Promise<Runner> {
    const runner = await this.#open();
    for (const listener of this.#listeners) runner.onReleased(listener);
    this.#opened = runner;
    return runner;
  }
}
