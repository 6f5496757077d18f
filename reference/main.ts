import { writeFileSync } from "node:fs";
import { configurationPage } from "../src/config/reference.ts";
import { commandPage } from "./command-page.ts";
import { errorPage } from "./error-page.ts";
import { limitPage } from "./limit-page.ts";
import { restPage } from "./rest-page.ts";
import { sdkPage } from "./sdk-page.ts";

/** The pages of docs/ that are made from the code, by their names, each with what makes it. */
export const GENERATED: Readonly<Record<string, () => string>> = {
  "configuration.md": configurationPage,
  "rest.md": restPage,
  "cli.md": commandPage,
  "errors.md": errorPage,
  "limits.md": limitPage,
  "sdk-reference.md": sdkPage,
};

if (import.meta.main) {
  for (const [name, page] of Object.entries(GENERATED))
    writeFileSync(new URL(`../docs/${name}`, import.meta.url), page());
}
