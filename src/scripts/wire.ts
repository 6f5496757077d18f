import type { MessagePort } from "node:worker_threads";
import type { Value } from "./value.ts";

/** The languages that scripts may be written in. */
export type Language = "lua" | "typescript";

/** What a thread is begun with. */
export interface ThreadOrder {
  readonly language: Language;
  /** How errors call the script. */
  readonly name: string;
  readonly source: string;
  readonly args: readonly string[];
  readonly memoryMaxBytes: number;
  readonly port: MessagePort;
  readonly flags: Int32Array;
}

/** Where in the flags stands that the answer to a call is there. */
export const ANSWERED: number = 0;

/** Where in the flags stands how many pieces of output were read. */
export const ACKNOWLEDGED: number = 1;

export const FLAGS_BYTES: number = 8;

export type FromThread = Called | Printed | Ended;

/** A function that the thread asks for; it waits for the answer. */
export interface Called {
  readonly type: "call";
  readonly name: string;
  readonly args: readonly Value[];
}

interface Printed {
  readonly type: "print";
  readonly bytes: Uint8Array;
}

/** How a script ended by itself. */
export interface Ended {
  readonly type: "ended";
  readonly exitCode: number;
  /** What it failed by, with where. */
  readonly failure?: string | undefined;
}

/** What a call comes to. */
export type Answer = { readonly value: Value } | { readonly refused: string };
