import type { ActionInfo, App, BrokenApp } from "../engine/runner.ts";

/** The files of one version of an app, where its workers read them. */
export interface AppSource {
  /** Absolute; a copy that never changes. */
  readonly directory: string;
  /** Its main file, from `directory` on. */
  readonly entry: string;
  /** Where packages that are not found beside it are looked for, in this order: its folder as it is, and Sojourn's own. */
  readonly packageRoots: readonly string[];
}

/** What an app's module says of itself; `App` has the rest. */
export interface AppDescription
  extends Pick<
    App,
    "name" | "description" | "place" | "recovery" | "httpBase" | "setupSchema" | "defaultAction" | "permissions"
  > {
  readonly actions: readonly ActionInfo[];
}

/**
 * Loads an app's module in a worker of its own, and tells what it declares.
 *
 * @throws {SojournError} `app_broken`, with what is wrong, and where
 */
export type Describe = (source: AppSource, signal?: AbortSignal) => Promise<AppDescription>;

/** The apps that there are, and the files of those that sessions use. */
export interface Catalog {
  /** The newest version of each, by name. */
  apps(): readonly App[];
  /** Resolves once all that was found or changed until now was looked at. */
  settled(): Promise<void>;
  /** See `Runner.broken`. */
  broken(): readonly BrokenApp[];
  /** See `Runner.app`. */
  app(name: string, version?: string): Promise<App>;
  /** See `Runner.keep`. */
  keep(app: App): Promise<void>;
  /** Where its files are; they stay there while the process runs. */
  source(app: App): AppSource;
  close(): Promise<void>;
}
