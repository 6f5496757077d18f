import { after, before } from "node:test";
import type { Store } from "../engine/store.ts";
import { Author } from "./author.ts";

/** A driver of `Store`, as its author hands it to `storeConformance`. */
export interface Driver {
  /** Stands in the names of the tests. */
  readonly name: string;
  /** Opens a store with no data in it, apart from every other. */
  open(): Promise<Opened>;
  readonly supports: {
    /** Whether the same data may be open more than once at a time. */
    readonly handles: boolean;
  };
}

/** A store that was opened on data of its own. */
export interface Opened {
  readonly store: Store;
  /** The same data once more: after a handle was closed, or beside it where the driver supports that. */
  reopen(): Promise<Store>;
  /** Removes the data; every handle is closed by then. */
  remove(): Promise<void>;
}

/** Opens one store for all tests of the `describe` it is called in. Each test writes as a tenant of its own. */
export function openForTests(driver: Driver): () => Author {
  let opened: Opened | undefined;
  before(async () => {
    opened = await driver.open();
  });
  after(async () => {
    await opened?.store.close();
    await opened?.remove();
  });
  return () => {
    if (opened === undefined) throw new Error("The store opens before the first test");
    return new Author(opened.store);
  };
}

/** Runs one test on data of its own, for what concerns a whole store. */
export async function withOpened(driver: Driver, test: (opened: Opened) => Promise<void>): Promise<void> {
  const opened = await driver.open();
  try {
    await test(opened);
  } finally {
    await opened.store.close();
    await opened.remove();
  }
}
