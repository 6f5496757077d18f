import { fileURLToPath } from "node:url";

/** The folder with the apps of tests. */
export const APPS = fileURLToPath(new URL("./apps", import.meta.url));

/** The app that does what tests want to see. */
export const WORKSHOP = "workshop";

/** The folder with the apps of tests that have routes of their own, both below `MILL_BASE`. */
export const ROUTED_APPS: string = fileURLToPath(new URL("./routed-apps", import.meta.url));

/** The one of them that runs in the server; the other is called `test/bakery`. */
export const MILL = "test/mill";

export const MILL_BASE = "/mill/v1";
