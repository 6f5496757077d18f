import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { SEPARATOR } from "./docs-interpreter.ts";

// Runs a module of examples: it waits for its turn before each, and its values are held against what it shows. Not by `--import`,
// which Node would hand down to processes that examples start.

const turns = createInterface({ input: new Socket({ fd: 3 }) })[Symbol.asyncIterator]();

Object.assign(globalThis, {
  turn: () => turns.next(),
  turned: () => {
    process.stdout.write(SEPARATOR);
    process.stderr.write(SEPARATOR);
  },
  shows: (value: unknown, expected: unknown) => assert.deepEqual(value, expected),
});

// The client of inference.sh leaves the endings of its files out, as bundlers let it.
registerHooks({
  resolve: (specifier, context, next) => {
    if (!specifier.startsWith(".") || !context.parentURL?.includes("/@inferencesh/")) return next(specifier, context);
    for (const ending of ["", ".js", "/index.js"]) {
      try {
        return next(specifier + ending, context);
      } catch (error) {
        if (ending === "/index.js") throw error;
      }
    }
    return next(specifier, context);
  },
});

await import(pathToFileURL(process.argv[2] ?? "").href);
