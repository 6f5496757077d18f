import { posix } from "node:path";

/** Below which address the pages are. */
export const BASE = "/docs";

/** Where a link of a page leads. */
export type Target =
  /** To a page, or a part of it. */
  | { readonly to: "page"; readonly path: string; readonly anchor: string }
  /** To an address of this server, or of another. */
  | { readonly to: "address"; readonly href: string }
  /** To a file of the repository that is no page, and is served nowhere. */
  | { readonly to: "file"; readonly file: string };

/** What a link means in the page of that path: pages are named by their files, relative to that of the page. */
export function targetOf(href: string, fromFile: string): Target {
  const [file = "", anchor = ""] = href.split("#", 2);
  const served = /^\/docs\/(.+)\.md$/.exec(file)?.[1];
  if (served !== undefined) return { to: "page", path: pathOf(served), anchor };
  if (/^(?:[a-z][a-z0-9+.-]*:|\/)/i.test(href)) return { to: "address", href };
  if (file === "") return { to: "page", path: pathOf(fromFile), anchor };
  const target = posix.join("docs", posix.dirname(fromFile), file);
  if (!target.startsWith("docs/") || !target.endsWith(".md")) return { to: "file", file: target };
  return { to: "page", path: pathOf(target.slice("docs/".length)), anchor };
}

/** The path of the page that a file of the folder holds: `guides/pizzastack`; `""` for the index. */
export function pathOf(file: string): string {
  return file.replace(/\.md$/, "").replace(/(?:^|\/)README$/, "");
}

/** The address of a page that people read. */
export function pageHref(path: string, anchor = ""): string {
  return `${BASE}${path === "" ? "" : `/${path}`}${anchor === "" ? "" : `#${anchor}`}`;
}

/** The address of a page as Markdown. */
export function markdownHref(file: string, anchor = ""): string {
  return `${BASE}/${file}${anchor === "" ? "" : `#${anchor}`}`;
}
