import GithubSlugger from "github-slugger";
import { Marked, Renderer, type RendererObject } from "marked";
import { highlighted } from "./highlight.ts";
import { escaped } from "./html.ts";
import { pageHref, targetOf } from "./links.ts";
import { plainOf } from "./markdown.ts";

/** A heading of a page, for its table of contents. */
export interface Heading {
  readonly level: number;
  readonly text: string;
  readonly anchor: string;
}

/** A page's Markdown as HTML. */
export interface Rendered {
  readonly html: string;
  readonly headings: readonly Heading[];
}

/**
 * Renders Markdown of our own, which is trusted. Headings get anchors as GitHub makes them, and links to pages the
 * addresses of those.
 *
 * @param file  the page's file, which its links are relative to
 */
export function renderMarkdown(markdown: string, file: string): Rendered {
  const headings: Heading[] = [];
  const html = new Marked({ gfm: true, renderer: rendererFor(file, headings) }).parse(markdown, { async: false });
  return { html, headings };
}

function rendererFor(file: string, headings: Heading[]): RendererObject {
  const slugger = new GithubSlugger();
  let nameOf = namesBelow("");
  return {
    heading({ tokens, depth: level }) {
      const text = plainOf(tokens);
      nameOf = namesBelow(text);
      const anchor = slugger.slug(text);
      const inner = this.parser.parseInline(tokens);
      if (level === 1) return `<h1 id="${anchor}">${inner}</h1>\n`;
      headings.push({ level, text, anchor });
      const link = `<a class="anchor" href="#${anchor}" aria-label="Link to “${escaped(text)}”">#</a>`;
      return `<h${level} id="${anchor}">${inner} ${link}</h${level}>\n`;
    },

    link({ href, title, tokens }) {
      const inner = this.parser.parseInline(tokens);
      const target = targetOf(href, file);
      // What is no page can be read in the repository, or beside the installed package, and not here.
      if (target.to === "file") {
        return `<span class="file" title="${escaped(target.file)} of the package">${inner}</span>`;
      }
      const address = target.to === "page" ? pageHref(target.path, target.anchor) : target.href;
      return `<a href="${escaped(address)}"${title ? ` title="${escaped(title)}"` : ""}>${inner}</a>`;
    },

    code({ text, lang = "" }) {
      const [language = ""] = lang.split(/\s/, 1);
      const label = language === "" ? "" : ` data-language="${escaped(language)}"`;
      const name = escaped(nameOf("code"));
      // Whatever is too wide can be scrolled by the keyboard; the script takes out of its way what is not.
      return `<div class="code" data-name="${name}"${label}><pre tabindex="0"><code>${highlighted(text, language)}</code></pre></div>\n`;
    },

    table(token) {
      const table = Renderer.prototype.table.call(this, token);
      const name = escaped(nameOf("table"));
      return `<div class="table" data-name="${name}" tabindex="0" role="region" aria-label="${name}">${withoutEmptyHeads(table)}</div>\n`;
    },
  };
}

/** Names for what stands below a heading: “code of Limits”, “code 2 of Limits”. */
function namesBelow(heading: string): (kind: "code" | "table") => string {
  const counts = { code: 0, table: 0 };
  return (kind) => {
    counts[kind] += 1;
    const number = counts[kind] > 1 ? ` ${counts[kind]}` : "";
    return `${kind}${number}${heading === "" ? "" : ` of ${heading}`}`;
  };
}

/** A head without words names no column: it is read out as one, and is none. */
function withoutEmptyHeads(table: string): string {
  return table
    .replaceAll(/<th(?: [^>]*)?><\/th>/g, "<td></td>")
    .replace(/<thead>\s*<tr>\s*(?:<td><\/td>\s*)+<\/tr>\s*<\/thead>\s*/, "");
}
