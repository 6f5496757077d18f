import type { App, BrokenApp, Sojourn } from "../client/index.ts";
import { checkApps, type LoadedApp } from "../platform/check-apps.ts";
import { writeNewApp } from "../platform/new-app.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { count, printJson, shown, shownLines, table } from "./print.ts";
import { configuration } from "./reach.ts";
import { wireApp } from "./wire-task.ts";

/** `sojourn apps new`. */
export async function newApp(
  name: string,
  {
    dir: directory = `./${name.split("/").at(-1)}`,
    js: isJavaScript = false,
    json = false,
  }: { readonly dir?: string; readonly js?: boolean; readonly json?: boolean },
): Promise<ExitCode> {
  const files = await writeNewApp({ name, directory, isJavaScript });
  if (json) {
    printJson({ name, directory, files });
    return EXIT.ok;
  }
  console.log(`${directory}: ${files.join(", ")}

Start a server that has it, and call it from another terminal:
  npx sojourn serve --apps ${quoted(directory)}
  npx sojourn run-app ${name} --session new --input '{"by": 2}'`);
  return EXIT.ok;
}

/** `sojourn apps check`. Fails where an app is broken, and where there is none. */
export async function checkTheApps(
  paths: readonly string[],
  { json = false }: { readonly json?: boolean },
): Promise<ExitCode> {
  const { apps, broken } = await checkApps(paths.length === 0 ? ["."] : paths, {
    workingDirectory: process.cwd(),
    config: configuration(),
    environment: process.env,
  });
  const isWell = broken.length === 0 && apps.length > 0;
  if (json) printJson({ ok: isWell, apps: apps.map(wireLoaded), broken });
  else {
    for (const app of apps) console.log(`${told(app)}\n`);
    for (const { source, message } of broken) console.log(`BROKEN  ${shown(source)}\n${indented(message)}\n`);
    if (apps.length + broken.length === 0) console.log("There is no app: a folder of one has an app.ts or app.js");
    else console.log(`${count(apps.length, "app")}, ${broken.length} broken`);
  }
  return isWell ? EXIT.ok : EXIT.failed;
}

/** `sojourn apps list`. */
export async function listApps(sojourn: Sojourn, { json = false }: { readonly json?: boolean }): Promise<ExitCode> {
  const [apps, broken] = await Promise.all([sojourn.apps(), sojourn.brokenApps()]);
  if (json) printJson({ apps: apps.map(wireApp), broken });
  else if (apps.length + broken.length === 0) console.log("No apps");
  else console.log(table(["APP", "VERSION", "ACTIONS", "DESCRIPTION"], [...apps.map(row), ...broken.map(brokenRow)]));
  return EXIT.ok;
}

/** How much of a version tells it apart, and is enough to ask for it. */
const VERSION_SHOWN = 12;

function row({ name, version, actions, defaultAction, description = "" }: App): readonly string[] {
  return [name, version.slice(0, VERSION_SHOWN), actionsOf({ actions, defaultAction }), description];
}

function brokenRow({ source, message, version = "" }: BrokenApp): readonly string[] {
  return [source, version.slice(0, VERSION_SHOWN), "BROKEN", message];
}

/** The one that a call without an action means has a star. */
function actionsOf({
  actions,
  defaultAction,
}: Pick<App, "defaultAction"> & { readonly actions: readonly { readonly name: string }[] }): string {
  return actions.map(({ name }) => (name === defaultAction ? `${name}*` : name)).join(" ");
}

function told(app: LoadedApp): string {
  const { name, version, mainFile, description, actions, defaultAction, setupSchema, place, recovery } = app;
  const named = actions.map((action) => (action.name === defaultAction ? `${action.name} (default)` : action.name));
  const lines = [
    ...(description === undefined ? [] : [description]),
    `version   ${version}`,
    `actions   ${named.join(", ")}`,
    `setup     ${membersOf(setupSchema)}`,
    `runs in   ${place === "server" ? "the server, where the operator trusts it" : "a process of its own"}`,
    `recovery  ${recovery}`,
    `asks for  ${permissionsOf(app)}`,
  ];
  return `ok      ${shown(name)}  ${shown(mainFile)}\n${indented(lines.join("\n"))}`;
}

function permissionsOf({ permissions }: LoadedApp): string {
  const asked = Object.entries(permissions).flatMap(([name, value]) => {
    if (value === false || value === null) return [];
    if (value === true) return [name];
    return [`${name} ${Array.isArray(value) ? value.join(", ") : value}`];
  });
  return asked.length === 0 ? "nothing beyond computing" : asked.join("; ");
}

function membersOf(schema: LoadedApp["setupSchema"]): string {
  const members = schema?.["properties"];
  return typeof members === "object" && members !== null ? Object.keys(members).join(", ") || "none" : "none";
}

function wireLoaded({ inputFaults, setupFaults, mainFile, actions, ...app }: LoadedApp): object {
  const named = actions.map((action) => ({ description: undefined, outputSchema: undefined, ...action }));
  const { description, setupSchema, defaultAction } = app;
  return { ...wireApp({ ...app, description, setupSchema, defaultAction, actions: named }), main_file: mainFile };
}

function indented(text: string): string {
  return shownLines(text)
    .trim()
    .split("\n")
    .map((line) => `        ${line}`)
    .join("\n");
}

/** A path as a shell takes it. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
