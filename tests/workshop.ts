import { fileURLToPath } from "node:url";

/** The folder with the apps of tests. */
export const APPS = fileURLToPath(new URL("./apps", import.meta.url));

/** The app that does what tests want to see. */
export const WORKSHOP = "workshop";
