/**
 * Keeps files that are too large for the store. A file is written once, under a name that never meant another one, and
 * never changes. Which of them are in use, the store knows; `sojourn/conformance` has the contract.
 *
 * Every method may throw `storage_full` and `store_unavailable`.
 */
export interface BlobStore {
  /** Begins a file. Nobody can read it before it is finished. */
  create(): Promise<BlobWriter>;
  /** Opens a file; `undefined` where there is none of that name. It can be read to its end also if it is deleted meanwhile. */
  open(name: string): Promise<BlobReader | undefined>;
  /** Removes files. Those that are not there count as removed. */
  delete(names: readonly string[]): Promise<void>;
  /** Every finished file, and what is left of those that never were, in any order. */
  list(): AsyncIterable<BlobEntry>;
}

/** A file that is being written. Whoever does not finish it disposes of it. */
export interface BlobWriter extends AsyncDisposable {
  /** Appends bytes, which may be used again once it resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** Makes the file durable, and names it. */
  finish(): Promise<string>;
}

/** A file that is read. */
export interface BlobReader extends AsyncDisposable {
  /** The bytes from `offset` on; fewer than `length` at the end of a file that was cut off. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A file, as `list` tells of it. */
export interface BlobEntry {
  readonly name: string;
  /** When it was last written, in microseconds since the epoch. */
  readonly writtenAtUs: number;
}
