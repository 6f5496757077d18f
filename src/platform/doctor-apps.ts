import { createRequire } from "node:module";
import type { Config } from "../config/config.ts";
import { wordsOf } from "../config/decode.ts";
import { checkApps } from "./check-apps.ts";
import type { Finding } from "./doctor.ts";

/** The optional packages, each with the app that ships and asks for it. */
const PACKAGES = {
  "@duckdb/node-api": "data-processor",
  echarts: "data-processor",
  "onnxruntime-web": "ml-inference",
  "playwright-core": "browser-automation",
} as const;

/** Loads the operator's apps as a server does, and looks for the packages that apps may have and need not. */
export async function* examineApps(config: Config): AsyncGenerator<Finding> {
  yield* await own(config);
  const { resolve } = createRequire(import.meta.url);
  const missing = Object.entries(PACKAGES).filter(([name]) => !isThere(name, resolve));
  const told = missing.map(([name, app]) => `${name} (for ${app})`).join(", ");
  const found = missing.length === 0 ? "all are installed" : `not installed: ${told}`;
  yield { check: "optional packages", state: "ok", found };
}

async function own(config: Config): Promise<readonly Finding[]> {
  const check = "apps";
  if (config.apps === undefined) return [{ check, state: "ok", found: "those that ship, and none of your own" }];
  const { apps, broken } = await checkApps(wordsOf(config.apps), {
    workingDirectory: process.cwd(),
    config,
    environment: {},
  });
  const names = apps.map(({ name }) => name).join(", ");
  const counted = `${apps.length} of your own${names && `: ${names}`}`;
  return [
    { check, state: "ok", found: counted },
    ...broken.map(({ source, message }): Finding => {
      const remedy = "Mend it, and look again with sojourn apps check";
      return { check, state: "problem", found: `${source} is broken: ${message}`, remedy };
    }),
  ];
}

function isThere(name: string, resolve: NodeJS.RequireResolve): boolean {
  try {
    resolve(name);
    return true;
  } catch (error) {
    // One that is there and can't be required, is there.
    return !(error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND");
  }
}
