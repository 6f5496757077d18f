/** A pool of threads of one process: quick to call, and what one of them does to the process, it does to all. */
import { createRequire } from "node:module";

/** A thread that answers with what it is given, once it is warm. */
export interface Threads {
  run(input: object): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Opens a pool of one thread.
 *
 * @param file  a module whose export `echo` is called in the thread
 */
export function openPiscina(file: string): Threads {
  // NOTE: the package is installed on demand, and its types with it.
  const { Piscina } = createRequire(import.meta.url)("piscina") as {
    readonly Piscina: new (options: {
      readonly filename: string;
      readonly name: string;
      readonly minThreads: number;
      readonly maxThreads: number;
    }) => { run(input: object): Promise<unknown>; destroy(): Promise<void> };
  };
  const pool = new Piscina({ filename: file, name: "echo", minThreads: 1, maxThreads: 1 });
  return { run: (input) => pool.run(input), close: () => pool.destroy() };
}
