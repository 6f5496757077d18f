import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { anchorOf } from "../reference/markdown.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** All pages but the decisions themselves, from the root. */
const PAGES = readdirSync(`${ROOT}/docs`, { recursive: true, encoding: "utf8" })
  .map((name) => `docs/${name.replaceAll("\\", "/")}`)
  .filter((path) => path.endsWith(".md") && !path.startsWith("docs/decisions/0"));

describe("the pages of docs/", () => {
  it("are all in the index, once", () => {
    const listed = [...textOf("docs/README.md").matchAll(/^- \[.+?\]\((.+?\.md)\): .+/gm)].map(
      ([, to]) => `docs/${to}`,
    );
    assert.deepEqual(listed.toSorted(), PAGES.filter((path) => path !== "docs/README.md").toSorted());
  });

  it("list each decision by its title, in their order", () => {
    const listed = [...textOf("docs/decisions/README.md").matchAll(/^(\d+\. )\[(.+)\]\((\d{4}-.+\.md)\)$/gm)];
    const files = readdirSync(`${ROOT}/docs/decisions`).filter((name) => name !== "README.md");
    assert.deepEqual(
      listed.map(([, number, title, file = ""]) => [file, `# ${number}${title}`]),
      files.sort().map((file) => [file, textOf(`docs/decisions/${file}`).split("\n")[0]]),
    );
  });

  it("begin with a title, and a paragraph", () => {
    for (const page of PAGES) assert.match(textOf(page), /^# .+\n\n[^#\n]/, page);
  });

  it("have no headings by which a link could mean two places", () => {
    for (const page of PAGES) assert.deepEqual(repeated(anchorsOf(page)), [], page);
  });

  it("link to what is there, as do those at the root", () => {
    const atRoot = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];
    assert.deepEqual([...PAGES, ...atRoot].flatMap(brokenLinks), []);
  });
});

function textOf(path: string): string {
  return readFileSync(`${ROOT}/${path}`, "utf8").replaceAll(/^```.*?^```$/gms, "");
}

function anchorsOf(path: string): readonly string[] {
  return [...textOf(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading));
}

function repeated(names: readonly string[]): readonly string[] {
  return names.filter((name, i) => names.indexOf(name) !== i);
}

function brokenLinks(page: string): readonly string[] {
  return [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, to = ""]) => {
    if (/^(?:https?:|\/)/.test(to)) return [];
    const [path = "", anchor] = to.split("#");
    const target = path === "" ? page : posix.join(posix.dirname(page), path);
    const isThere = existsSync(`${ROOT}/${target}`) && (anchor === undefined || anchorsOf(target).includes(anchor));
    return isThere ? [] : [`${page}: ${to}`];
  });
}
