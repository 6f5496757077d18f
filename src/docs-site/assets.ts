import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { BASE } from "./links.ts";

/** A file that pages load. */
export interface Asset {
  readonly text: string;
  readonly type: string;
  /** Of its content. */
  readonly digest: string;
}

/** What pages load, by name, and the addresses that hold for this very content. */
export interface Assets {
  readonly files: ReadonlyMap<string, Asset>;
  readonly hrefs: Readonly<Record<keyof typeof FILES, string>>;
}

const FILES = {
  css: { name: "site.css", type: "text/css; charset=utf-8" },
  js: { name: "site.js", type: "text/javascript; charset=utf-8" },
  /** Loaded before anything is shown, so that a page does not appear in one theme and change to the other. */
  theme: { name: "theme.js", type: "text/javascript; charset=utf-8" },
  icon: { name: "icon.svg", type: "image/svg+xml" },
} as const;

/** Reads what pages load. */
export async function readAssets(): Promise<Assets> {
  const folder = new URL("./assets/", import.meta.url);
  const read = await Promise.all(
    Object.entries(FILES).map(async ([key, { name, type }]) => {
      const text = await readFile(new URL(name, folder), "utf8");
      return { key, name, asset: { text, type, digest: digestOf(text) } };
    }),
  );
  const hrefs = read.map(({ key, name, asset }) => [key, `${BASE}/assets/${name}?v=${asset.digest}`] as const);
  return {
    files: new Map(read.map(({ name, asset }) => [name, asset])),
    // NOTE: the keys are those of FILES.
    hrefs: Object.fromEntries(hrefs) as Assets["hrefs"],
  };
}

/** A short name for a content: what has another content has another name. */
export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}
