import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import type { AppSource } from "../app-source.ts";

/** The format that this release speaks, from the sources or as it was built. */
const FORMAT = new URL(
  import.meta.url.endsWith(".ts") ? "../../app-format/index.ts" : "../../app-format/index.js",
  import.meta.url,
).href;

const FORMAT_FILE = /\/app-format\/index\.[jt]s$/;

/**
 * Lets an app's copy import what it imports where it was written: the app format, by the package's name or by a path that
 * leaves the app, which is always this process's own; and packages that lie beside the original.
 */
export function resolveFor({ directory, packageRoots }: Pick<AppSource, "directory" | "packageRoots">): void {
  const home = new URL(`${pathToFileURL(directory).href}/`).href;
  const parents = packageRoots.map((root) => `${pathToFileURL(root).href}/app.js`);
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === "sojourn/app-format" || leadsToFormat(specifier, context.parentURL, home)) {
        return { url: FORMAT, shortCircuit: true };
      }
      try {
        return next(specifier, context);
      } catch (error) {
        if (!isPackage(specifier) || context.parentURL?.startsWith(home) !== true || !isMissing(error)) throw error;
        for (const parentURL of parents) {
          const found = unlessMissing(() => next(specifier, { ...context, parentURL }));
          if (found !== undefined) return found;
        }
        throw error;
      }
    },
  });
}

function leadsToFormat(specifier: string, parentURL: string | undefined, home: string): boolean {
  if (!specifier.startsWith("../") || parentURL?.startsWith(home) !== true || !FORMAT_FILE.test(specifier))
    return false;
  return !new URL(specifier, parentURL).href.startsWith(home);
}

function isPackage(specifier: string): boolean {
  return !/^(\.|\/|#|[a-z]+:)/.test(specifier);
}

function unlessMissing<T>(resolve: () => T): T | undefined {
  try {
    return resolve();
  } catch (error) {
    if (!isMissing(error)) throw error;
    return undefined;
  }
}

function isMissing(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return error.code === "ERR_MODULE_NOT_FOUND" || error.code === "MODULE_NOT_FOUND";
}
