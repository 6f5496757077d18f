/** WebAssembly's memory, as much of it as we use. */
export interface Memory {
  readonly buffer: ArrayBuffer;
  /** By pages of 65,536 bytes. */
  grow(pages: number): number;
}

/** The functions that a module calls by their number. */
export interface Table {
  get(index: number): (...args: readonly number[]) => unknown;
  grow(by: number, item: unknown): number;
}

export type Imports = Readonly<Record<string, Readonly<Record<string, (...args: never[]) => unknown>>>>;

/** Compiles a module and begins it; returns what it exports. */
export function instantiated(bytes: Uint8Array, imports: Imports): Readonly<Record<string, unknown>> {
  const { Instance, Module } = engine.WebAssembly;
  return new Instance(new Module(bytes), imports).exports;
}

// NOTE: every Node has it; only its types are those of browsers, which nothing here compiles with.
const engine = globalThis as unknown as {
  readonly WebAssembly: {
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (
      module: object,
      imports: Imports,
    ) => { readonly exports: Readonly<Record<string, unknown>> };
  };
};
