import type { App } from "../engine/runner.ts";
import type { AppPlace } from "./app-places.ts";
import type { AppSource } from "./app-source.ts";
import type { TreeWatch } from "./tree-watch.ts";

/** A version of an app that has been described. */
export interface Loaded {
  readonly app: App;
  readonly source: AppSource;
}

/** A source of apps, and what was found in it. */
export interface Shelf {
  /** As the operator wrote it. */
  readonly named: string;
  /** Whether it is the operator's, and not what ships with Sojourn. */
  readonly isOwn: boolean;
  /** By the place. */
  slots: ReadonlyMap<string, Slot>;
  fault?: string | undefined;
  watch?: TreeWatch | undefined;
}

/** A place that has an app, or is to have one. */
export interface Slot {
  readonly place: AppPlace;
  /** The version that was looked at last, whether it was good or not. */
  tried?: string | undefined;
  /** It is being looked at. */
  trying?: Promise<void> | undefined;
  /** The last version that was good. */
  good?: Loaded | undefined;
  /** What is wrong with the app as it is now. */
  fault?: string | undefined;
  /** Why its name means nothing: another has it as well. */
  clash?: string | undefined;
}

/** What calls of a name mean; `isNext`: nobody knows yet. */
export type Named = { readonly good: Loaded } | { readonly fault: string } | { readonly isNext: true };

/** What each name means; also tells each slot whether another has its name. */
export function namesOf(shelves: readonly Shelf[]): ReadonlyMap<string, Named> {
  const slotsOf = (isOwn: boolean): readonly Slot[] => {
    const slots = shelves.filter((shelf) => shelf.isOwn === isOwn).flatMap((shelf) => [...shelf.slots]);
    // A source that is named twice is one.
    return [...new Map(slots).values()];
  };
  return new Map([...meanings(slotsOf(false)), ...meanings(slotsOf(true))]);
}

function meanings(slots: readonly Slot[]): ReadonlyMap<string, Named> {
  const byName = Map.groupBy(slots, ({ good, place }) => good?.app.name ?? place.likelyName);
  return new Map([...byName].map(([name, claims]) => [name, meaning(name, claims)]));
}

function meaning(name: string, slots: readonly Slot[]): Named {
  const [good, ...others] = slots.flatMap((one) => (one.good === undefined ? [] : [one.good]));
  const isClash = others.length > 0;
  const places = slots.filter((slot) => slot.good !== undefined).map(({ place }) => `"${place.at}"`);
  const clash = `${places.join(" and ")} are both called "${name}"; rename one, or take it away`;
  for (const slot of slots) slot.clash = isClash && slot.good !== undefined ? clash : undefined;
  if (isClash) return { fault: clash };
  if (good !== undefined) return { good };
  const fault = slots.find((slot) => slot.fault !== undefined)?.fault;
  return fault === undefined ? { isNext: true } : { fault };
}

/** The version that a name means, if any. */
export function versionIn(named: Named | undefined): string | undefined {
  return named !== undefined && "good" in named ? named.good.app.version : undefined;
}
