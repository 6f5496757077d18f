import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./docs-examples.ts";
import { REFUSED } from "./docs-output.ts";

/** A directory below which `sojourn` is installed, as far as modules and commands can tell: it is this checkout. */
export interface Workplace extends AsyncDisposable {
  readonly path: string;
  /** The commands that it has, to be looked at first. */
  readonly bin: string;
  /** A directory for one page, which is a project with a package.json. */
  place(name: string): Promise<string>;
}

/** Makes a workplace that goes when it is disposed of. */
export async function makeWorkplace(): Promise<Workplace> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "sojourn-docs-")));
  const modules = join(path, "node_modules");
  await mkdir(join(modules, "sojourn"), { recursive: true });
  for (const name of await readdir(join(ROOT, "node_modules"))) {
    if (name === "sojourn" || name.startsWith(".")) continue;
    await symlink(join(ROOT, "node_modules", name), join(modules, name), "junction");
  }
  await symlink(join(ROOT, "src"), join(modules, "sojourn", "src"), "junction");
  const { name, exports } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as Manifest;
  await writeFile(
    join(modules, "sojourn", "package.json"),
    JSON.stringify({ name, type: "module", exports: sourcesOf(exports) }),
  );
  const bin = join(path, "bin");
  await mkdir(bin);
  for (const [command, script] of Object.entries(COMMANDS)) {
    await writeFile(join(bin, command), `#!/bin/sh\n${script}\n`);
    await chmod(join(bin, command), 0o755);
  }
  return {
    path,
    bin,
    place: async (name) => {
      const place = join(path, name);
      await mkdir(place, { recursive: true });
      await writeFile(join(place, "package.json"), '{ "type": "module" }\n');
      return place;
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, maxRetries: 3 }),
  };
}

const NODE = `exec '${process.execPath}'`;

/** `sojourn` is the one of this checkout. What the server refuses ends `curl` as a failure, unless the page shows that. */
const COMMANDS: Readonly<Record<string, string>> = {
  node: `${NODE} "$@"`,
  sojourn: `${NODE} '${join(ROOT, "src/cli/main.ts")}' "$@"`,
  npx: `[ "$1" = sojourn ] || { echo "npx $1: show what a test can't run as console" >&2; exit 1; }
shift
exec sojourn "$@"`,
  npm: `echo "npm: show what a test can't run as console" >&2; exit 1`,
  curl: `PATH="\${PATH#*:}"
fail=--fail-with-body
case " $* " in *" -f"* | *" -sf"* | *" --fail"*) fail= ;; esac
[ "$${REFUSED}" = 1 ] && fail=
exec curl -sS $fail --write-out '%{stderr}answered %{http_code}\\n' "$@"`,
};

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
}

/** The published subpaths, each with the source that is built into what it names. */
function sourcesOf(exports: Manifest["exports"]): Readonly<Record<string, string>> {
  const built = Object.entries(exports).flatMap(([subpath, target]) =>
    typeof target === "string" ? [] : [[subpath, target.default] as const],
  );
  return Object.fromEntries(
    built.map(([subpath, file]) => [subpath, file.replace("./dist/", "./src/").replace(/\.js$/, ".ts")]),
  );
}
