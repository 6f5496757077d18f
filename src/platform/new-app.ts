import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isAppName, NAMED } from "../app-format/definition-faults.ts";
import { SojournError } from "../engine/errors.ts";
import { VERSION } from "./version.ts";

/** What an app to begin with is called, and where it goes. */
export interface NewApp {
  readonly name: string;
  /** The folder to write; it must be missing or empty. */
  readonly directory: string;
  /** JavaScript in place of TypeScript. */
  readonly isJavaScript: boolean;
}

/**
 * Writes an app that runs as it is.
 *
 * @returns the names of the files
 * @throws {SojournError} `invalid` for a name that no app may have, and for a folder that holds something
 */
export async function writeNewApp({ name, directory, isJavaScript }: NewApp): Promise<readonly string[]> {
  if (!isAppName(name))
    throw new SojournError("invalid", { message: `An app can't be called "${name}": it is ${NAMED}` });
  const main = isJavaScript ? "app.js" : "app.ts";
  const files: Readonly<Record<string, string>> = {
    [main]: mainFile(name),
    "package.json": `${JSON.stringify({ name: name.replace("/", "-"), private: true, type: "module" }, null, 2)}\n`,
    "README.md": readme(name, main),
  };
  try {
    await mkdir(directory, { recursive: true });
    if ((await readdir(directory)).length > 0) {
      throw new SojournError("invalid", { message: `"${directory}" is there and not empty; name another with --dir` });
    }
    for (const [path, text] of Object.entries(files)) await writeFile(join(directory, path), text, { flag: "wx" });
  } catch (cause) {
    if (cause instanceof SojournError) throw cause;
    throw new SojournError("invalid", { message: `Cannot write an app to "${directory}": ${String(cause)}`, cause });
  }
  return Object.keys(files);
}

function mainFile(name: string): string {
  return `import { defineApp, z } from "sojourn/app-format";

export const app = defineApp({
  name: "${name}",
  description: "Keeps a count",

  // What a session may set it up with; another setup begins anew.
  setup: z.object({ from: z.number().default(0) }),

  // Once for each worker: load what takes its time here. What it returns is the state of the actions.
  start: ({ setup }) => ({ count: setup.from }),

  actions: {
    add: {
      description: "Adds to the count",
      input: z.object({ by: z.number().default(1) }),
      output: z.object({ count: z.number() }),
      run: ({ state, input, session }) => {
        state.count += input.by;
        session.log(\`Added \${input.by}\`);
        return { count: state.count };
      },
    },
    get: {
      description: "Tells the count",
      input: z.object({}),
      output: z.object({ count: z.number() }),
      isIdempotent: true,
      run: ({ state }) => ({ count: state.count }),
    },
  },
  default: "add",

  // A worker that is lost comes back from here.
  snapshot: (state) => state,
  restore: (snapshot) => ({ ...snapshot }),
});
`;
}

function readme(name: string, main: string): string {
  return `# ${name}

An app of Sojourn: \`${main}\` has all of it. What is in this folder is the app, and its digest is the app's version.

\`\`\`sh
npx sojourn apps check .
npx sojourn serve --apps .
npx sojourn run-app ${name} --session new --input '{"by": 2}'
\`\`\`

The editor knows the types of \`sojourn/app-format\` once Sojourn is installed here. \`npm pack\` in the checkout of Sojourn makes the
package; install that:

\`\`\`sh
npm install --save-dev ../sojourn/sojourn-${VERSION}.tgz
\`\`\`
`;
}
