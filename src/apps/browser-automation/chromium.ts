import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";

/** Where systems have Chromium, or a browser that is made from it, in the order in which they are tried. */
export const CHROMIUM_PLACES: readonly string[] = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/usr/bin/microsoft-edge",
  "/usr/local/bin/chromium",
  "/snap/bin/chromium",
  "/opt/google/chrome/chrome",
  "/opt/homebrew/bin/chromium",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** The environment variable that names another. */
export const CHROMIUM_VARIABLE = "CHROMIUM_PATH";

/** The folders below which `CHROMIUM_PATH` may point, since the app may read nothing else. */
export const CHROMIUM_FOLDERS: readonly string[] = ["/usr", "/opt", "/snap", "/Applications"];

/** What systems configure browsers with; Debian's command does not start without the first. */
export const CHROMIUM_SETTINGS: readonly string[] = ["/etc/chromium.d", "/etc/chromium", "/etc/opt/chrome"];

/**
 * What Chromium is started with, beside what Playwright adds: it shows nothing on a screen, asks nobody, and opens no
 * connections of its own.
 */
export const CHROMIUM_FLAGS: readonly string[] = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const HOW_TO_GET_ONE =
  "install one (Debian and Ubuntu: apt-get install chromium; Fedora: dnf install chromium; macOS: brew install --cask chromium)";

/**
 * The path of the browser to start.
 *
 * @param named  what `CHROMIUM_PATH` says; then no other is looked for
 * @throws {Error} where there is none, with how to get one
 */
export function findChromium(named: string | undefined, places: readonly string[] = CHROMIUM_PLACES): string {
  if (named !== undefined && named !== "") {
    if (isProgram(named)) return named;
    throw new Error(
      `${CHROMIUM_VARIABLE} says "${named}", and there is no program that can be started from here: ` +
        `name one below ${CHROMIUM_FOLDERS.join(", ")}, or unset it to use the system's`,
    );
  }
  const found = places.find(isProgram);
  if (found !== undefined) return found;
  throw new Error(
    `There is no Chromium on this machine: ${HOW_TO_GET_ONE}, or name it in the server's environment as ` +
      `${CHROMIUM_VARIABLE}; looked at ${places.join(", ")}`,
  );
}

/**
 * Whether Chromium's own sandbox can be set up here. For root it refuses to start with it; and where a container, or
 * another sandbox around this process, keeps user namespaces from it, it finds nothing to make it of. Then what is around
 * the worker is the only wall.
 */
export function canSandbox(userId: number | undefined = process.getuid?.()): boolean {
  if (userId === 0) return false;
  if (process.platform !== "linux") return true;
  const { error, status } = spawnSync("unshare", ["--user", "--pid", "--fork", "true"], {
    stdio: "ignore",
    timeout: PROBE_MS,
  });
  return status === 0 || (error !== undefined && "code" in error && error.code === "ENOENT");
}

const PROBE_MS = 2_000;

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
