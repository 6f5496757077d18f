import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The first that has the library that our users' clients are written with. */
async function found(): Promise<string | undefined> {
  for (const python of ["python3", "/usr/bin/python3"]) {
    const isIt = await run(python, ["-c", "import requests"]).then(
      () => true,
      () => false,
    );
    if (isIt) return python;
  }
  return undefined;
}

const python = await found();

/** Why tests that need Python leave themselves out; `false` where it is there, or must be. */
export const PYTHON_SKIP: string | false =
  python !== undefined || process.env["SOJOURN_TEST_PYTHON"] === "required"
    ? false
    : "needs python3 with requests (Debian: python3-requests)";

/** Runs a script; what it prints. */
export async function runPython(...args: readonly string[]): Promise<string> {
  if (python === undefined) throw new Error("There is no python3 with requests (Debian: python3-requests)");
  return (await run(python, args)).stdout;
}
