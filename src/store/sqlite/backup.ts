import { type ChildProcess, fork } from "node:child_process";
import { constants, setPriority } from "node:os";
import { resolve } from "node:path";
import { SojournError } from "../../engine/errors.ts";
import type { BackupManifest, OnProgress } from "./backup-format.ts";
import { removeHeldBy } from "./held-files.ts";

/** How to back up a store. */
export interface BackupOptions {
  /** The data directory, whether or not a server has it open. */
  readonly directory: string;
  /** The release that makes the backup, for its manifest. */
  readonly release: string;
  /** Ends it in whatever state it is. */
  readonly signal?: AbortSignal;
  /** How much of the store is packed. */
  readonly onProgress?: OnProgress;
}

/**
 * A backup that was taken: the store has no more to do with it, and its bytes wait to be read, once and in order.
 * Whoever does not read them to the end disposes of it.
 */
export interface Backup extends AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly manifest: BackupManifest;
  /** The size of the whole. */
  readonly bytes: number;
}

/** What the process is to do. */
export type Task = Pick<BackupOptions, "directory" | "release">;

interface Packed {
  readonly manifest: BackupManifest;
  readonly bytes: number;
}

/** What the process tells: how far it is, that the store is packed, or why it failed. */
export type Report =
  | { readonly report: "progress"; readonly done: number; readonly total: number }
  | ({ readonly report: "packed" } & Packed)
  | { readonly report: "failed"; readonly error: ReturnType<SojournError["toWire"]> };

/** When whoever comes while another backup is under way may come again. */
const RETRY_AFTER_MS = 10_000;

/** The directories of which this process has a backup in hand. */
const inHand = new Set<string>();

/**
 * Takes a backup of one moment after the call, with every commit that was acknowledged before it. Reads and writes go on
 * meanwhile; the write-ahead log grows until this resolves. The compressed database, and files of contents that are removed
 * meanwhile, take room on the data directory's disk until it is read or disposed of.
 *
 * Once the signal is aborted, this or the reading rejects with its reason.
 *
 * @throws {SojournError} `store_in_use` while this process has another backup of the directory in hand; `storage_full`,
 *   `store_newer`, `store_unavailable`
 */
export async function backUp({ directory, release, signal, onProgress }: BackupOptions): Promise<Backup> {
  signal?.throwIfAborted();
  const path = resolve(directory);
  if (inHand.has(path)) {
    throw new SojournError("store_in_use", { message: "Another backup is under way", retryAfterMs: RETRY_AFTER_MS });
  }
  inHand.add(path);
  const child = start({ directory: path, release });
  const end = (): boolean => child.kill("SIGKILL");
  signal?.addEventListener("abort", end);
  let failure: SojournError | undefined;
  const packed = new Promise<Packed>((resolve) => {
    child.on("message", (report: Report) => {
      if (report.report === "progress") onProgress?.({ done: report.done, total: report.total });
      else if (report.report === "packed") resolve(report);
      else failure = SojournError.fromWire(report.error);
    });
  });
  const ended = endOf(child).then((text) => {
    inHand.delete(path);
    if (child.pid !== undefined) removeHeldBy(path, child.pid);
    signal?.removeEventListener("abort", end);
    if (signal?.aborted) return signal.reason;
    return failure ?? new SojournError("store_unavailable", { message: `Cannot back up "${directory}": ${text}` });
  });
  const failed = async (): Promise<never> => {
    throw await ended;
  };
  const { manifest, bytes } = await Promise.race([packed, failed()]);
  // It may have packed all of it before it was told to end.
  if (signal?.aborted) await failed();
  return {
    manifest,
    bytes,
    async *[Symbol.asyncIterator]() {
      try {
        let left = bytes;
        for await (const chunk of child.stdout ?? []) {
          left -= chunk.length;
          yield chunk;
          if (left === 0) return;
        }
        await failed();
      } finally {
        end();
        await ended;
      }
    },
    async [Symbol.asyncDispose]() {
      end();
      await ended;
    },
  };
}

/**
 * Starts the process, which waits to be ended: what was not read of its output is lost once it is gone. Its locks and its
 * file without a name go with it; the names under which it held files are to be removed.
 */
function start(task: Task): ChildProcess {
  // The module beside this one, as TypeScript in a checkout and as JavaScript in the package.
  const isSource = import.meta.url.endsWith(".ts");
  const module = new URL(isSource ? "./backup-process.ts" : "./backup-process.js", import.meta.url);
  const child = fork(module, [JSON.stringify(task)], { execArgv: [], stdio: ["ignore", "pipe", "inherit", "ipc"] });
  // It stands back for writers, though not so far that the log grows for long. At once, so that its threads inherit it.
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  return child;
}

/** Resolves with how a process ended, after the last of its messages. */
async function endOf(child: ChildProcess): Promise<string> {
  const [text] = await Promise.all([
    new Promise<string>((resolve) => {
      child.once("error", ({ message }) => resolve(message));
      child.once("exit", (code, signal) => resolve(`its process ended with ${signal ?? code}`));
    }),
    new Promise<void>((resolve) => {
      child.once("error", () => resolve());
      child.once("disconnect", resolve);
    }),
  ]);
  return text;
}
