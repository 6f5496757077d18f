import { SojournError } from "../engine/errors.ts";
import type { App, BrokenApp } from "../engine/runner.ts";
import { readAppFiles } from "./app-files.ts";
import { type AppPlace, findApps, findSource } from "./app-places.ts";
import type { AppSource, Catalog, Describe } from "./app-source.ts";
import { appOf, factsOf, faultOf } from "./described-app.ts";
import { type KeptApp, KeptApps } from "./kept-apps.ts";
import { type Loaded, type Named, namesOf, type Shelf, type Slot, versionIn } from "./shelf.ts";
import { mostSimilarFirst } from "./similar.ts";
import { type TreeWatch, watchTree } from "./tree-watch.ts";

/** What apps there are, and where they are kept. */
export interface CatalogOptions {
  /** The folder of apps that ship with Sojourn. An operator's own app of the same name takes the place of one. */
  readonly shipped?: string;
  /** The operator's: folders of apps, folders or files that are an app, names of packages. */
  readonly sources: readonly string[];
  /** From where sources are looked for. */
  readonly workingDirectory: string;
  /** Where the files of each version are kept; for one process at a time. */
  readonly directory: string;
  readonly describe: Describe;
  /** Where packages are found that an app does not bring: Sojourn's own. */
  readonly packageRoot: string;
  /** What describes apps; what another release said of them is not believed. */
  readonly release: string;
  /** Whether changes of the operator's apps count as they are made. Default: false. */
  readonly watch?: boolean;
  /** For how long an app must have stayed as it is to be looked at, in milliseconds. Default: 150. */
  readonly settleMs?: number;
  /** After how much time in which no app was described the catalog is there without the others. Default: 2 000. */
  readonly patienceMs?: number;
  /** An app has a new version, or is there no more, since the catalog was opened. */
  readonly onChange?: (change: AppChange) => void;
  readonly onBroken?: (broken: BrokenApp) => void;
}

/** What became of an app; without `version` it is there no more. */
export interface AppChange {
  readonly name: string;
  readonly version?: string;
}

/** The apps that there are, and what is wrong with those that are none. */
export interface AppCatalog extends Catalog {
  /**
   * Removes the versions that nobody needs: not the newest of an app, nor one that this process has handed out, nor one
   * that is in use.
   *
   * @returns how many
   */
  collect(inUse: (version: string) => Promise<boolean>): Promise<number>;
}

/**
 * Finds the apps, keeps their files, and has those described that changed. An app that is broken stops nobody: it is in
 * `broken`, and calls of it are `app_broken`. Nor does one that takes long to load: it comes later, and a call of a name
 * that may be its waits for it.
 *
 * @throws {SojournError} `store_unavailable` or `storage_full` where the directory can't be used
 */
export async function openCatalog(options: CatalogOptions): Promise<AppCatalog> {
  const catalog = new FolderCatalog(options, await KeptApps.open(options.directory));
  await catalog.open();
  return catalog;
}

class FolderCatalog implements AppCatalog {
  readonly #options: CatalogOptions;
  readonly #kept: KeptApps;
  readonly #shelves: readonly Shelf[];
  readonly #loaded = new Map<string, Loaded>();
  readonly #loading = new Map<string, Promise<Loaded>>();
  /** Versions that were handed out: they may be in use at any moment. */
  readonly #handedOut = new Set<string>();
  /** Absent until all was looked at once. */
  #names: ReadonlyMap<string, Named> | undefined;
  /** What was told to be broken, so that it is told once. */
  #told = new Set<string>();
  /** One look, or one removal, at a time. */
  #inHand: Promise<unknown> = Promise.resolve();
  readonly #closing = new AbortController();

  constructor(options: CatalogOptions, kept: KeptApps) {
    this.#options = options;
    this.#kept = kept;
    const shelf = (named: string, isOwn: boolean): Shelf => ({ named, isOwn, slots: new Map() });
    const own = options.sources.map((named) => shelf(named, true));
    this.#shelves = options.shipped === undefined ? own : [shelf(options.shipped, false), ...own];
  }

  async open(): Promise<void> {
    const patience = new Patience(this.#options.patienceMs ?? PATIENCE_MS);
    const looking = this.#inTurn(async () => {
      const onTried = (): void => {
        patience.renew();
        if (this.#names !== undefined) this.#nameAll();
      };
      await Promise.all(this.#shelves.map((shelf) => this.#look(shelf, onTried)));
      this.#nameAll();
    });
    try {
      await Promise.race([looking, patience.over]);
    } finally {
      patience.end();
    }
    if (this.#names === undefined) this.#nameAll();
  }

  apps(): readonly App[] {
    const apps = [...(this.#names?.values() ?? [])].flatMap((named) => ("good" in named ? [named.good.app] : []));
    return apps.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async settled(): Promise<void> {
    await this.#inHand;
  }

  async app(name: string, version?: string): Promise<App> {
    if (version !== undefined) return this.#handOut(await this.#versionOf(name, version));
    const named = await this.#meaningOf(name);
    if (named === undefined) throw this.#notFound(name);
    if ("isNext" in named) throw this.#notFound(name);
    if ("fault" in named) throw new SojournError("app_broken", { message: `App "${name}" is broken: ${named.fault}` });
    return this.#handOut(named.good);
  }

  async keep({ name, version }: App): Promise<void> {
    this.#handedOut.add(version);
    if ((await this.#kept.find(version)) !== undefined) return;
    throw new SojournError("app_broken", { message: `The files of version ${version} of app "${name}" are gone` });
  }

  source({ name, version }: App): AppSource {
    const loaded = this.#loaded.get(version);
    if (loaded === undefined) throw new SojournError("internal", { message: `App "${name}" ${version} is not loaded` });
    this.#handedOut.add(version);
    return loaded.source;
  }

  broken(): readonly BrokenApp[] {
    return this.#shelves.flatMap(({ named, fault, slots }) => [
      ...(fault === undefined ? [] : [{ source: named, message: fault }]),
      ...[...slots.values()].flatMap(({ place, fault: unreadable, clash, good }) => {
        const message = unreadable ?? clash;
        const version = clash === undefined ? good?.app.version : undefined;
        return message === undefined ? [] : [{ source: place.at, message, ...(version && { version }) }];
      }),
    ]);
  }

  async collect(inUse: (version: string) => Promise<boolean>): Promise<number> {
    return await this.#inTurn(async () => {
      let removed = 0;
      for (const version of await this.#kept.versions()) {
        if (this.#isWanted(version) || (await inUse(version)) || this.#isWanted(version)) continue;
        this.#loaded.delete(version);
        await this.#kept.remove(version);
        removed += 1;
      }
      return removed;
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const { watch } of this.#shelves) watch?.close();
    await this.#inHand;
  }

  #isWanted(version: string): boolean {
    if (this.#handedOut.has(version)) return true;
    return this.#shelves.some(({ slots }) => [...slots.values()].some(({ good }) => good?.app.version === version));
  }

  #handOut({ app }: Loaded): App {
    this.#handedOut.add(app.version);
    return app;
  }

  /** What a name means, once all are described whose it may be. */
  async #meaningOf(name: string): Promise<Named | undefined> {
    for (;;) {
      const named = this.#names?.get(name);
      const trying = this.#shelves.flatMap(({ slots }) => [...slots.values()].flatMap(({ trying }) => trying ?? []));
      if (trying.length === 0 || (named !== undefined && !("isNext" in named))) return named;
      await Promise.race(trying);
    }
  }

  /** A version that is kept, by its digest or the beginning of it. */
  async #versionOf(name: string, version: string): Promise<Loaded> {
    const named = this.#names?.get(name);
    if (named !== undefined && "good" in named && isBeginning(version, named.good.app.version)) return named.good;
    const kept = await this.#kept.versions();
    const found: Loaded[] = [];
    for (const one of kept.filter((whole) => isBeginning(version, whole))) {
      const loaded = await this.#reload(one);
      if (loaded.app.name === name) found.push(loaded);
    }
    const [first, ...others] = found;
    if (first !== undefined && others.length === 0) return first;
    const why = first === undefined ? "is not here" : "may be one of several";
    throw new SojournError("app_not_found", { message: `Version "${version}" of app "${name}" ${why}` });
  }

  /** A version that is kept, and may have been in use before this process began. */
  async #reload(version: string): Promise<Loaded> {
    const before = this.#loaded.get(version);
    if (before !== undefined) return before;
    this.#handedOut.add(version);
    const kept = await this.#kept.find(version);
    if (kept === undefined) throw new SojournError("app_not_found", { message: `Version "${version}" is not here` });
    const origin = factsOf(await this.#kept.facts(version))?.origin;
    return await this.#load(kept, origin ?? kept.directory);
  }

  async #load(kept: KeptApp, origin: string): Promise<Loaded> {
    const before = this.#loading.get(kept.version);
    if (before !== undefined) return await before;
    const loading = this.#describe(kept, origin).finally(() => this.#loading.delete(kept.version));
    this.#loading.set(kept.version, loading);
    return await loading;
  }

  async #describe({ version, directory, entry }: KeptApp, origin: string): Promise<Loaded> {
    const { release, packageRoot, describe } = this.#options;
    const source: AppSource = { directory, entry, packageRoots: [origin, packageRoot] };
    const facts = factsOf(await this.#kept.facts(version));
    const known = facts?.release === release ? facts.description : undefined;
    const description = known ?? (await describe(source, this.#closing.signal));
    if (known === undefined || facts?.origin !== origin) {
      await this.#kept.know(version, { release, origin, description });
    }
    const loaded = { app: appOf(description, version), source };
    this.#loaded.set(version, loaded);
    return loaded;
  }

  /** Looks for the apps of a source, and at those that changed. */
  async #look(shelf: Shelf, onTried: () => void = () => {}): Promise<void> {
    let places: readonly AppPlace[] = [];
    try {
      const source = await findSource(shelf.named, this.#options.workingDirectory);
      // Before it is looked at, so that nothing that changes meanwhile is missed.
      if (shelf.isOwn && this.#options.watch === true) shelf.watch ??= await this.#watch(shelf, source.at);
      places = await findApps(source);
      shelf.fault = undefined;
    } catch (error) {
      shelf.fault = faultOf(error, { origin: shelf.named });
    }
    const slots = new Map(places.map((place): [string, Slot] => [place.at, shelf.slots.get(place.at) ?? { place }]));
    const tries = [...slots.values()].map(async (slot) => {
      slot.trying = this.#try(slot).finally(() => {
        slot.trying = undefined;
        onTried();
      });
      await slot.trying;
    });
    shelf.slots = slots;
    await Promise.all(tries);
  }

  async #try(slot: Slot): Promise<void> {
    const { at, folder } = slot.place;
    let copy: string | undefined;
    try {
      const files = await readAppFiles(at);
      if (files.version === slot.tried) return;
      const kept = await this.#kept.put(files);
      copy = kept.directory;
      slot.tried = files.version;
      slot.good = await this.#load(kept, folder);
      slot.fault = undefined;
    } catch (error) {
      slot.fault = faultOf(error, { ...(copy && { copy }), origin: folder });
      // What is not the app's fault may be over when it is looked at again.
      if (copy === undefined || !isBroken(error)) slot.tried = undefined;
    }
  }

  async #watch(shelf: Shelf, at: string): Promise<TreeWatch | undefined> {
    return await watchTree(at, {
      settleMs: this.#options.settleMs ?? 150,
      onSettled: () => {
        this.#inTurn(async () => {
          if (this.#closing.signal.aborted) return;
          await this.#look(shelf);
          this.#nameAll();
        }).catch(() => undefined);
      },
      onFailure: (error) => {
        shelf.watch?.close();
        shelf.watch = undefined;
        this.#options.onBroken?.({ source: shelf.named, message: `Its changes can't be watched: ${error.message}` });
      },
    });
  }

  /** Decides what each name means, and tells what has changed. */
  #nameAll(): void {
    if (this.#closing.signal.aborted) return;
    const [before, now] = [this.#names, namesOf(this.#shelves)];
    this.#names = now;
    for (const name of before === undefined ? [] : new Set([...before.keys(), ...now.keys()])) {
      const version = versionIn(now.get(name));
      if (version !== versionIn(before?.get(name))) this.#options.onChange?.({ name, ...(version && { version }) });
    }
    const told = new Set<string>();
    for (const broken of this.broken()) {
      const key = JSON.stringify([broken.source, broken.message]);
      told.add(key);
      if (!this.#told.has(key)) this.#options.onBroken?.(broken);
    }
    this.#told = told;
  }

  #notFound(name: string): SojournError {
    const names = mostSimilarFirst(name, [...(this.#names?.keys() ?? [])]);
    const more = names.length > NAMES_MAX ? ", …" : "";
    const there = names.length === 0 ? "there are none" : `there are ${names.slice(0, NAMES_MAX).join(", ")}${more}`;
    return new SojournError("app_not_found", { message: `App "${name}" does not exist; ${there}` });
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#inHand.then(work);
    this.#inHand = turn.catch(() => undefined);
    return await turn;
  }
}

const PATIENCE_MS = 5_000;

/** A time that begins again with each sign that something goes on. */
class Patience {
  readonly over: Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #isEnded = false;

  constructor(ms: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#timer = setTimeout(resolve, ms);
  }

  renew(): void {
    if (!this.#isEnded) this.#timer.refresh();
  }

  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#timer);
  }
}

function isBroken(error: unknown): boolean {
  return error instanceof SojournError && error.code === "app_broken";
}

const BEGINNING = /^[0-9a-f]{8,64}$/;

function isBeginning(version: string, whole: string): boolean {
  return BEGINNING.test(version) && whole.startsWith(version);
}

/** How many names an error tells. */
const NAMES_MAX = 20;
