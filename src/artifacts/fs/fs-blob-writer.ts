import { type FileHandle, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { BlobWriter } from "../../engine/blob-store.ts";
import { SojournError } from "../../engine/errors.ts";
import { asDiskError } from "./disk-error.ts";
import { syncDirectory } from "./sync-directory.ts";

/** What stands behind the name of a file that is not finished. */
export const PART = ".part";

/** A file that was opened to be written. */
interface Begun {
  readonly name: string;
  /** Where it goes; until it is finished it has `PART` behind that. */
  readonly path: string;
  readonly file: FileHandle;
  readonly isDurable: boolean;
  /** Called once nobody writes it any more. */
  readonly over: () => void;
}

/** Writes a file beside its later name, makes it durable, and only then gives it that name. */
export class FsBlobWriter implements BlobWriter {
  readonly #begun: Begun;
  #state: "open" | "broken" | "finished" | "over" = "open";
  #offset = 0;

  constructor(begun: Begun) {
    this.#begun = begun;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#step(async ({ file }) => {
      for (let written = 0; written < bytes.length; ) {
        const left = bytes.length - written;
        const { bytesWritten } = await file.write(bytes, written, left, this.#offset);
        written += bytesWritten;
        this.#offset += bytesWritten;
      }
    });
  }

  async finish(): Promise<string> {
    await this.#step(async ({ file, path, isDurable }) => {
      // What a failed sync leaves is unknown, whatever a second one says: there is no second one.
      if (isDurable) await file.sync();
      await rename(path + PART, path);
      await Promise.all([file.close(), isDurable && syncDirectory(dirname(path))]);
    });
    this.#state = "finished";
    this.#begun.over();
    return this.#begun.name;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "finished" || this.#state === "over") return;
    this.#state = "over";
    const { file, path, over } = this.#begun;
    await file.close().catch(() => undefined);
    // It may have its name already where only the directory could not be made durable. What can't be removed now stays
    // listed: whoever disposes has an error of their own to tell of.
    for (const left of [path + PART, path]) await rm(left, { force: true }).catch(() => undefined);
    over();
  }

  /** Carries out one step; a file that a step of failed is never finished. */
  async #step(work: (begun: Begun) => Promise<void>): Promise<void> {
    const { name } = this.#begun;
    if (this.#state !== "open") {
      throw new SojournError("internal", { message: `File ${name} is ${this.#state}; it can't be written` });
    }
    this.#state = "broken";
    try {
      await work(this.#begun);
    } catch (error) {
      throw asDiskError(error, `Cannot write file ${name}`);
    }
    this.#state = "open";
  }
}
