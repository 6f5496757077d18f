import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Marked } from "marked";
import { rebuilt } from "./untrusted.ts";

const SOURCES = new Set([1, 2]);

const cite = (number: number): string | undefined =>
  SOURCES.has(number) ? `[${number}](/docs/tasks.md#part-${number})` : undefined;

/** What a reader sees of it. */
const htmlOf = (markdown: string): string =>
  new Marked({ gfm: true }).parse(rebuilt(markdown, cite), { async: false }).trim();

const ONE = "[1](/docs/tasks.md#part-1)";
const TWO = "[2](/docs/tasks.md#part-2)";

describe("rebuilt()", () => {
  it("has the numbers of sources as links, alone, in a list and side by side", () => {
    const cases: readonly (readonly [from: string, to: string])[] = [
      ["Call `cancel` [1], or wait [2].", `Call \`cancel\` ${ONE}, or wait ${TWO}.`],
      ["So [1, 2] and [1][2].", `So ${ONE} ${TWO} and ${ONE}${TWO}.`],
      ["So [1](http://example.com/) and [2].\n\n[2]: http://example.com/", `So ${ONE} and ${TWO}.`],
      ["**Bold [1]**, *soft [2]*", `**Bold ${ONE}**, *soft ${TWO}*`],
    ];
    for (const [from, to] of cases) assert.equal(rebuilt(from, cite), to);
  });

  it("leaves out numbers that have no source", () => {
    assert.equal(rebuilt("So it is [9]. Or [1, 7], or [8](http://example.com).", cite), `So it is. Or ${ONE}, or .`);
  });

  it("takes no number for a source that stands in code, or follows a word at once", () => {
    const code = "See `rows[1]`, ``a `[2]` b`` and rows\\[1\\]:\n\n```ts\nrows[1] = rows[2]; // <b>\n```";
    assert.equal(rebuilt(code, cite), code);
    assert.equal(rebuilt("rows[1] and f()[2]", cite), "rows\\[1\\] and f()\\[2\\]");
  });

  it("keeps lists, quotes, tables and code, and has headings as bold lines", () => {
    const kept = [
      "1. one\n   - two `x`\n   - three\n2. four",
      "> said\n>\n> twice",
      "| a | b |\n| --- | ---: |\n| `x\\|y` | 2 |",
      "````text\n```\n[1]\n````",
    ];
    for (const markdown of kept) assert.equal(rebuilt(markdown, cite), markdown);
    assert.equal(rebuilt("# Big\n\ntext\n\nbelow\n===", cite), "**Big**\n\ntext\n\n**below**");
  });

  it("holds no HTML, no image, and no link but those to sources, for whoever renders it", () => {
    const hostile = [
      "<script>alert(1)</script>",
      "<img src=x onerror=alert(1)>",
      "text <b onclick='x()'>bold</b> text",
      "<!-- hidden --> shown",
      "<div>\n\n[x](javascript:alert(1))\n\n</div>",
      "[evil](javascript:alert(1)) [evil](http://example.com) [evil][x]\n\n[x]: http://example.com",
      "![spy](http://example.com/pixel.png) [![spy](http://example.com/p.png)](http://example.com)",
      "http://example.com www.example.com someone@example.com <http://example.com>",
      "[- a](x) [[x](http://example.com)]",
      "[[x]: http://example.com](y)\n\n[x]",
      "\\<b> \\\\<b> \\[x](http://example.com)",
      "http:/\\/example.com w**ww.example.com** ht<b>tp://example.com",
      "`` ` `` <b> ` <i>",
      "| a |\n| --- |\n| <b>x</b> |",
      "- [ ] <b>x</b>",
      "```<b>\n</code><script>alert(1)</script>\n```",
      "&lt;script&gt; <a href='x'\n>y</a>",
      "~~~html onload=x\n<b>\n~~~",
    ];
    for (const markdown of hostile) {
      const html = htmlOf(markdown);
      assert.doesNotMatch(
        html,
        /<(?!\/?(?:p|blockquote|ul|ol|li|code|pre|strong|em|table|thead|tbody|tr|th|td)\b)/i,
        markdown,
      );
      assert.doesNotMatch(html, /<[^>]+ (?!class="language-\w*")[\w-]+=/, markdown);
    }
  });
});
