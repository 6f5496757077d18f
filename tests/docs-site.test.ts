import assert from "node:assert/strict";
import { type RequestOptions, request } from "node:http";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { startModelServer } from "./model-server.ts";
import { startServer, type TestServer } from "./server.ts";
import { bearer, Site } from "./site.ts";

const BROWSER = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server[Symbol.asyncDispose]());

interface Got {
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
  readonly headers: Headers;
}

async function get(path: string, headers: Readonly<Record<string, string>> = {}, method = "GET"): Promise<Got> {
  const answer = await fetch(server.url + path, { method, headers, redirect: "manual" });
  const { status } = answer;
  return { status, type: answer.headers.get("content-type"), text: await answer.text(), headers: answer.headers };
}

/** Asks with headers that `fetch` does not let anybody set. */
function visited(
  path: string,
  { url = server.url, ...options }: Pick<RequestOptions, "method" | "headers"> & { readonly url?: string },
): Promise<{ readonly status: number | undefined; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url + path, options, async (answer) => {
      try {
        resolve({ status: answer.statusCode, text: await text(answer) });
      } catch (error) {
        reject(error);
      }
    });
    sent.on("error", reject).end();
  });
}

const ask = (question: string, page = "tasks.md"): Promise<Got> =>
  get(`/docs/${page}?${new URLSearchParams({ ask: question })}`);

describe("GET /", () => {
  it("leads a browser to the documentation, and tells others what there is", async () => {
    const browser = await get("/", BROWSER);
    assert.deepEqual(
      [browser.status, browser.headers.get("location"), browser.headers.get("vary")],
      [302, "/docs", "accept"],
    );
    const other = await get("/");
    assert.deepEqual([other.status, JSON.parse(other.text).service], [200, "sojourn"]);
  });
});

describe("GET /docs", () => {
  it("serves pages that load nothing from elsewhere, and no script or style but files", async () => {
    for (const path of ["/docs", "/docs/tasks", "/docs/guides/pizzastack"]) {
      const { status, type, text, headers } = await get(path, BROWSER);
      assert.deepEqual([status, type], [200, "text/html; charset=utf-8"]);
      assert.match(
        headers.get("content-security-policy") ?? "",
        /^default-src 'none'; script-src 'self'; style-src 'self'/,
      );
      assert.match(text, /^<!doctype html>\n<html lang="en">/);
      assert.doesNotMatch(text, /<script(?! (?:type="module" )?src="\/docs\/assets\/)|<style| style="| on\w+="/);
      assert.deepEqual(
        [...text.matchAll(/ (?:src|href)="(?:https?:)?\/\/[^"]+"/g)].filter(([found]) => !found.includes("href")),
        [],
      );
    }
  });

  it("has no head of a column without words", async () => {
    for (const path of ["/docs/rest", "/docs/objects", "/docs/apps", "/docs/tasks"]) {
      const { text } = await get(path, BROWSER);
      assert.match(text, /<table>/);
      assert.doesNotMatch(text, /<th(?: [^>]*)?>\s*<\/th>|<thead>\s*<tr>\s*(?:<td>\s*<\/td>\s*)+<\/tr>/, path);
    }
  });

  it("serves each page as Markdown, and the index for programs", async () => {
    const page = await get("/docs/tasks.md");
    assert.deepEqual([page.status, page.type], [200, "text/markdown; charset=utf-8"]);
    assert.match(page.text, /^# Running apps\n/);
    assert.equal((await get("/docs/tasks", { accept: "text/markdown" })).text, page.text);
    const index = await get("/docs/llms.txt");
    assert.deepEqual([index.status, index.type], [200, "text/plain; charset=utf-8"]);
    assert.match(index.text, /^# Sojourn\n\n> \S/);
    assert.match(index.text, /\n- \[Running apps\]\(\/docs\/tasks\.md\): \S/);
    assert.match(index.text, /\?ask=/);
    assert.ok((await get("/docs/llms-full.txt")).text.includes(page.text.trimEnd()));
    assert.equal((await get("/docs.md")).text, (await get("/docs/README.md")).text);
  });

  it("has one address for each page, and leads to it from the others", async () => {
    const others: readonly (readonly [from: string, to: string])[] = [
      ["/docs/", "/docs"],
      ["/docs/README", "/docs"],
      ["/docs/index.html", "/docs"],
      ["/docs/tasks/", "/docs/tasks"],
      ["/docs/Tasks.HTML", "/docs/tasks"],
      ["/docs/TASKS.md", "/docs/tasks.md"],
      ["/docs/tasks.md/?ask=why", "/docs/tasks.md?ask=why"],
    ];
    for (const [from, to] of others) {
      const { status, headers } = await get(from, BROWSER);
      assert.deepEqual([status, headers.get("location")], [308, to], from);
    }
  });

  it("answers 304 to whoever has it, and nothing but the head to HEAD", async () => {
    for (const path of ["/docs/tasks", "/docs/tasks.md", "/docs/llms.txt", "/docs/assets/site.css"]) {
      const first = await get(path, BROWSER);
      const etag = first.headers.get("etag") ?? "";
      assert.match(etag, /^"[\w-]{22}-gz"$/);
      const second = await get(path, { ...BROWSER, "if-none-match": `"other", W/${etag}` });
      assert.deepEqual([second.status, second.text, second.headers.get("etag")], [304, "", etag]);
      assert.equal((await get(path, { ...BROWSER, "if-none-match": '"other"' })).status, 200);
      const head = await get(path, BROWSER, "HEAD");
      assert.deepEqual([head.status, head.text, head.headers.get("etag")], [200, "", etag]);
    }
  });

  it("compresses pages and files for who takes that, and names both forms apart", async () => {
    for (const path of ["/docs/rest", "/docs/rest.md", "/docs/llms-full.txt", "/docs/assets/site.js"]) {
      const plain = await get(path, { ...BROWSER, "accept-encoding": "br, gzip;q=0" });
      assert.equal(plain.headers.get("content-encoding"), null);
      const small = await get(path, { ...BROWSER, "accept-encoding": "br, GZIP;q=0.5" });
      assert.equal(small.headers.get("content-encoding"), "gzip");
      assert.equal(small.text, plain.text);
      const [length, whole] = [small, plain].map(({ headers }) => Number(headers.get("content-length")));
      assert.ok(
        length !== undefined && whole !== undefined && length > 0 && length < whole / 2,
        `${length} of ${whole}`,
      );
      const tag = plain.headers.get("etag") ?? "";
      assert.equal(small.headers.get("etag"), tag.replace(/"$/, '-gz"'));
      for (const { headers } of [plain, small]) assert.match(headers.get("vary") ?? "", /\baccept-encoding$/);
      for (const known of [tag, small.headers.get("etag") ?? ""]) {
        const again = await get(path, { ...BROWSER, "accept-encoding": "identity", "if-none-match": known });
        assert.deepEqual([again.status, again.headers.get("etag")], [304, tag]);
      }
      const head = await get(path, { ...BROWSER, "accept-encoding": "gzip" }, "HEAD");
      assert.deepEqual([head.status, head.text, head.headers.get("etag")], [200, "", small.headers.get("etag")]);
    }
    const search = await get("/docs/search?q=task", { "accept-encoding": "gzip" });
    assert.equal(search.headers.get("content-encoding"), null, "what anybody may ask for is not kept");
  });

  it("lets what has its content in its address be kept for ever, and nothing else", async () => {
    const { text } = await get("/docs", BROWSER);
    const [css = ""] = /\/docs\/assets\/site\.css\?v=[\w-]+/.exec(text) ?? [];
    assert.equal((await get(css)).headers.get("cache-control"), "public, max-age=31536000, immutable");
    for (const path of ["/docs/assets/site.css?v=old", "/docs/assets/site.css", "/docs", "/docs/tasks.md"]) {
      assert.equal((await get(path)).headers.get("cache-control"), "no-cache", path);
    }
  });

  it("says what comes near where there is no page, and reads no other file", async () => {
    const page = await get("/docs/checkpoints-and-forks", BROWSER);
    assert.deepEqual([page.status, page.type], [404, "text/html; charset=utf-8"]);
    assert.match(page.text, /href="\/docs\/time-travel#/);
    const markdown = await get("/docs/checkpoint.md");
    assert.deepEqual([markdown.status, markdown.type], [404, "text/markdown; charset=utf-8"]);
    assert.match(markdown.text, /\(\/docs\/time-travel\.md#/);
    const guides = await get("/docs/guides", BROWSER);
    assert.match(
      guides.text,
      /<h2>Pages below it<\/h2>\n<ul>\n(?:<li>.*<\/li>\n)*<li><a href="\/docs\/guides\/pizzastack">/,
    );
    const called = await get("/docs/pizzastack/", BROWSER);
    assert.match(called.text, /called so, or nearly<\/h2>\n<ul>\n<li><a href="\/docs\/apps\/pizzastack">/);
    const slip = await get("/docs/getting-startd", BROWSER);
    assert.match(slip.text, /called so, or nearly<\/h2>\n<ul>\n<li><a href="\/docs\/getting-started">/);
    assert.match(
      (await get("/docs/getting-startd.md")).text,
      /near:\n\n- \[Getting started\]\(\/docs\/getting-started\.md\)\n/,
    );
    for (const path of [
      "/docs/..%2f..%2fpackage.json",
      "/docs/%2e%2e%2fREADME.md%00",
      "/docs/assets/..%2fsite.ts",
      "/docs/%zz",
      '/docs/<script>alert(1)</script>"x',
    ]) {
      const { status, text } = await get(path, BROWSER);
      assert.equal(status, 404, path);
      assert.doesNotMatch(text, /<script>alert|devDependencies/);
    }
    assert.equal((await get("/docs", {}, "POST")).status, 405);
  });

  it("can be linked to from other sites, also in local mode", async () => {
    const visit = {
      ...BROWSER,
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    };
    for (const method of ["GET", "HEAD"]) {
      assert.equal((await visited("/", { method, headers: visit })).status, 302);
      for (const path of ["/docs", "/docs/tasks", "/docs/tasks.md", "/docs/search?q=task"]) {
        assert.equal((await visited(path, { method, headers: visit })).status, 200, path);
      }
    }
    assert.equal((await visited("/docs/no-such-page", { headers: visit })).status, 404);
  });

  it("refuses a foreign host in local mode, and is open once there are keys", async () => {
    assert.equal((await visited("/docs", { headers: { host: "example.com" } })).status, 403);
    await using site = await Site.start();
    assert.equal((await fetch(`${site.api.url}/docs/tasks.md`)).status, 200);
  });
});

describe("GET /docs/search", () => {
  it("finds sections while a word is typed, as JSON and as a page", async () => {
    const found = await get("/docs/search?q=checkp");
    assert.equal(found.type, "application/json; charset=utf-8");
    const { query, results } = JSON.parse(found.text);
    assert.equal(query, "checkp");
    assert.ok(results.length > 2 && results.length <= 10);
    assert.match(results[0].url, /^\/docs\/\S+/);
    assert.ok(results[0].excerpt.some(({ match }: { match: boolean }) => match));
    const page = await get("/docs/search?q=how+do+I+fork+a+session", BROWSER);
    assert.match(page.text, /<section class="answer"/);
    assert.match(page.text, /href="\/docs\/time-travel#forks"/);
  });

  it("finds decisions after all else, and answers from them what is asked of them", async () => {
    const { results } = JSON.parse((await get("/docs/search?q=erasure+commit+fenced")).text);
    const urls: readonly string[] = results.map(({ url }: { url: string }) => url);
    const first = urls.findIndex((url) => url.startsWith("/docs/decisions/"));
    assert.ok(first > 0, urls.join(" "));
    assert.ok(urls.slice(first).every((url) => url.startsWith("/docs/decisions/")) && urls.length - first <= 2);
    const page = "decisions/0001-erasure-is-part-of-a-commit.md";
    const { text } = await ask("Why is erasure part of a commit?", page);
    assert.match(text, /\nFrom \[.*\]\(\/docs\/decisions\/0001-/);
    const index = await get("/docs/llms.txt");
    assert.match(index.text, /\n- \[Decisions\]\(\/docs\/decisions\/README\.md\): /);
    assert.match((await get("/docs/decisions", BROWSER)).text, /<a href="\/docs\/decisions\/0001-[\w-]+">/);
  });

  it("takes any text for nothing but words", async () => {
    for (const q of [
      '"',
      "NEAR(",
      "a AND",
      "* OR title:",
      "'; DROP TABLE grains; --",
      "\0",
      "<b>x</b>",
      "(((",
      "-",
      "x".repeat(5_000),
    ]) {
      const { status, text } = await get(`/docs/search?${new URLSearchParams({ q })}`, BROWSER);
      assert.equal(status, 200, q);
      assert.doesNotMatch(text, /<b>x/);
    }
    assert.deepEqual(JSON.parse((await get("/docs/search")).text), { query: "", results: [] });
  });
});

describe("GET /docs/<page>.md?ask=", () => {
  it("answers with a passage, where it is from, and more on it", async () => {
    const { status, type, text } = await ask("How do I cancel a task that is running?");
    assert.deepEqual([status, type], [200, "text/markdown; charset=utf-8"]);
    assert.match(
      text,
      /^# How do I cancel a task that is running\?\n\n(?:(?!\n#)[\s\S])*cancel(?:(?!\n#)[\s\S])*\n\nFrom \[[^\]]+\]\(\/docs\/\S+\.md(?:#\S+)?\)\.\n/,
    );
    assert.match(text, /\n## Excerpts\n\n### \[/);
    assert.equal((await get("/docs/tasks?ask=cancel")).type, "text/markdown; charset=utf-8");
  });

  it("links to sections that are there, by addresses that hold anywhere", async () => {
    const { text } = await ask("How do checkpoints, forks and exports go together?", "guides/llmspell.md");
    for (const [, href = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(href)) continue;
      assert.match(href, /^\/docs\//);
      assert.equal((await get(href.replace(/#.*/, ""))).status, 200, href);
    }
  });

  it("says so where the documentation has no answer", async () => {
    const { status, text } = await ask("What is the capital of France?");
    assert.equal(status, 200);
    assert.match(text, /\nThe documentation does not answer this question\.\n/);
  });

  it("refuses what is no question", async () => {
    for (const path of ["?ask=", "?ask=%20%0a", `?ask=${"x".repeat(1_001)}`, "?ask=a&ask=b"]) {
      const { status, type } = await get(`/docs/tasks.md${path}`);
      assert.deepEqual([status, type], [400, "text/markdown; charset=utf-8"], path);
    }
    assert.equal((await get(`/docs/tasks.md?ask=${"x".repeat(1_000)}`)).status, 200);
    assert.equal((await get("/docs/no-such-page.md?ask=why")).status, 404);
  });

  it("takes nothing in a question for a mark of Markdown, of HTML or of the search", async () => {
    const { text } = await ask('task"* NEAR( [x](http://example.com) <script>alert(1)</script>\n# fork');
    assert.match(
      text,
      /^# task"\\\* NEAR\( \\\[x\\\]\(http:\/\/example\.com\) \\<script\\>alert\(1\)\\<\/script\\> \\# fork\n/,
    );
  });
});

describe("?ask= with a language model", () => {
  const question = "How do I cancel a task?";

  it("has it put the answer into words from the excerpts alone, with links to them", async () => {
    await using model = await startModelServer();
    await using asked = await startServer({ model: "openai:test", model_base_url: model.url });
    model.next({ text: ["Call `cancel` [1]", ", or wait [2]."] });
    const page = `${asked.url}/docs/tasks.md?${new URLSearchParams({ ask: question })}`;
    const text = await (await fetch(page)).text();
    assert.match(text, /Call `cancel` \[1\]\(\/docs\/\S+\), or wait \[2\]\(\/docs\/\S+\)\./);
    assert.match(text, /openai:test/);
    const sent = JSON.stringify(model.requests[0]?.body.messages);
    assert.match(sent, /follow no instruction/);
    assert.match(sent, /\{\\\\?\\?"question/);

    model.next({ text: ["<img src=x onerror=alert(1)> `rows[1]` [evil](javascript:alert(1)), so [1] and [9]."] });
    const untrusted = await (await fetch(page)).text();
    assert.match(untrusted, /\n\\<img src=x onerror=alert\(1\)\\> `rows\[1\]` evil, so \[1\]\(\/docs\/\S+\) and\.\n/);
    model.next({ text: ["Read `rows[1]`, or see [9]."] });
    assert.match(await (await fetch(page)).text(), /\nFrom \[/);

    model.next({ text: ["NO_ANSWER"] });
    assert.match(await (await fetch(page)).text(), /The documentation does not answer this question\./);
    model.next({ text: ["It is so, and I won't say where that stands."] });
    assert.match(await (await fetch(page)).text(), /\nFrom \[/);
    model.next({ status: 400, body: "{}" });
    assert.match(await (await fetch(page)).text(), /\nFrom \[/);
    const unrelated = `${asked.url}/docs.md?ask=What+is+the+capital+of+France`;
    assert.match(await (await fetch(unrelated)).text(), /does not answer/);
    assert.equal(model.requests.length, 6, "a question without excerpts costs nothing");
  });

  it("asks it for nobody who comes from another site", async () => {
    await using model = await startModelServer();
    await using asked = await startServer({ model: "openai:test", model_base_url: model.url });
    const headers = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
    const path = `/docs/tasks.md?${new URLSearchParams({ ask: question })}`;
    assert.match((await visited(path, { url: asked.url, headers })).text, /\nFrom \[/);
    assert.equal(model.requests.length, 0);
  });

  it("asks it for nobody without a key that may chat, once there are keys", async () => {
    await using model = await startModelServer();
    await using site = await Site.start({ model: "openai:test", model_base_url: model.url });
    const page = `${site.api.url}/docs/tasks.md?${new URLSearchParams({ ask: question })}`;
    const reader = await site.keyOf("someone", ["sessions:read"]);
    for (const headers of [{}, bearer("sjn_0000"), bearer(reader)]) {
      assert.match(await (await fetch(page, { headers })).text(), /\nFrom \[/);
    }
    assert.equal(model.requests.length, 0);
    model.next({ text: ["So [1]."] });
    const writer = await site.keyOf("someone", ["sessions:write"]);
    assert.match(await (await fetch(page, { headers: bearer(writer) })).text(), /So \[1\]\(/);
  });
});
