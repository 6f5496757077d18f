import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { findChromium } from "../src/apps/browser-automation/chromium.ts";
import { startServer, type TestServer } from "./server.ts";
import { until } from "./until.ts";

const DOCS = fileURLToPath(new URL("../docs", import.meta.url));

const IS_REQUIRED = process.env["SOJOURN_TEST_BROWSER"] === "required";

/** Runs in the browser. */
const FAINT_TEXTS = readFileSync(new URL("./faint-texts.js", import.meta.url), "utf8");

const CLIPBOARD = ["clipboard-read", "clipboard-write"] as const;

const FOR_PEOPLE = { headers: { accept: "text/html" } };

/** The addresses of all pages. */
const PAGES = readdirSync(DOCS, { recursive: true, encoding: "utf8" })
  .map((name) => name.replaceAll("\\", "/"))
  .filter((name) => name.endsWith(".md"))
  .map((name) => `/docs/${name}`.replace(/(?:\/README)?\.md$/, ""))
  .sort();

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server[Symbol.asyncDispose]());

describe("the pages of the documentation", () => {
  it("are all in the index, or in that of the decisions", async () => {
    const index = await (await fetch(`${server.url}/docs`, FOR_PEOPLE)).text();
    const decisions = await (await fetch(`${server.url}/docs/decisions`, FOR_PEOPLE)).text();
    const missing = PAGES.filter((page) => !(index + decisions).includes(`href="${page}"`));
    assert.deepEqual(missing, []);
  });

  it("have no link that leads nowhere, and each id once", async () => {
    assert.ok(PAGES.length > 30, "found the pages");
    const read = await Promise.all(
      PAGES.map(async (page) => {
        const answer = await fetch(server.url + page, FOR_PEOPLE);
        assert.equal(answer.status, 200, page);
        return [page, await answer.text()] as const;
      }),
    );
    const html = new Map(read);
    const faults: string[] = [];
    for (const [page, text] of html) {
      const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id = ""]) => id);
      faults.push(...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `${page}: id ${id} twice`));
      for (const [, href = ""] of text.matchAll(/<a [^>]*href="([^"]+)"/g)) {
        const { origin, pathname, hash } = new URL(href.replaceAll("&amp;", "&"), server.url + page);
        if (origin !== server.url) continue;
        const target = html.get(pathname);
        const isThere = target !== undefined || (await fetch(server.url + pathname)).ok;
        if (!isThere) faults.push(`${page}: ${href} leads nowhere`);
        const id = decodeURIComponent(hash.slice(1));
        if (target !== undefined && id !== "" && !target.includes(` id="${id}"`)) faults.push(`${page}: no ${href}`);
      }
    }
    assert.deepEqual(faults, []);
  });
});

describe("the documentation in a browser", {
  skip: !IS_REQUIRED && !hasBrowser() && "there is no Chromium here",
}, () => {
  let browser: Browser;
  before(async () => {
    browser = await chromium.launch({
      executablePath: findChromium(process.env["CHROMIUM_PATH"]),
      args: ["--no-sandbox"],
    });
  });
  after(() => browser.close());

  /** Opens a page, hands it on, and holds that nothing was wrong with it. */
  async function on(path: string, options: BrowserContextOptions, use: (page: Page) => Promise<void>): Promise<void> {
    await using context = await browser.newContext(options);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (sent) => {
      if (!sent.url().startsWith(server.url)) complaints.push(`asked for ${sent.url()}`);
    });
    await page.goto(server.url + path);
    await use(page);
    assert.deepEqual(complaints, [], path);
  }

  it("shows each page in dark and in light, no wider than a phone, and says no word against it", async () => {
    const options = { viewport: { width: 375, height: 700 } } as const;
    await on("/docs", options, async (page) => {
      for (const path of PAGES) {
        for (const colorScheme of ["dark", "light"] as const) {
          await page.emulateMedia({ colorScheme });
          if (colorScheme === "dark") await page.goto(server.url + path);
          const seen = await page.evaluate(
            `({ excess: document.documentElement.scrollWidth - innerWidth,
                isDark: getComputedStyle(document.body).backgroundColor !== "rgb(255, 255, 255)" })`,
          );
          assert.deepEqual(seen, { excess: 0, isDark: colorScheme === "dark" }, path);
        }
      }
    });
  });

  it("has text that stands out from what is behind it, by the measure of WCAG AA", async () => {
    for (const colorScheme of ["dark", "light"] as const) {
      await on("/docs/tasks", { colorScheme }, async (page) => {
        assert.deepEqual(await page.evaluate(FAINT_TEXTS), [], colorScheme);
      });
      await on("/docs/search?q=checkpoint", { colorScheme }, async (page) => {
        assert.deepEqual(await page.evaluate(FAINT_TEXTS), [], colorScheme);
      });
    }
  });

  it("is searched by the keyboard", async () => {
    await on("/docs/chat", {}, async (page) => {
      await page.keyboard.press("/");
      await page.keyboard.type("fork a sess");
      const options = page.getByRole("option");
      await options.first().waitFor();
      await page.keyboard.press("ArrowDown");
      const selected = page.locator("[role=option][aria-selected=true]");
      assert.match((await selected.textContent()) ?? "", /fork/i);
      const id = await page.getByRole("combobox").getAttribute("aria-activedescendant");
      assert.equal(id, await selected.getAttribute("id"));
      await page.keyboard.press("Escape");
      await page.getByRole("listbox").waitFor({ state: "hidden" });
      await page.keyboard.press("ArrowDown");
      await options.first().waitFor();
      await page.keyboard.press("ArrowDown");
      const href = (await page.locator("[aria-selected=true] a").getAttribute("href")) ?? "";
      await page.keyboard.press("Enter");
      await page.waitForURL(`**${href}`);
    });
  });

  it("copies code, keeps the theme that was chosen, and lets the keyboard skip to the text", async () => {
    await on("/docs/tasks", { permissions: [...CLIPBOARD], colorScheme: "light" }, async (page) => {
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await until(
        "the text has the focus",
        async () => (await page.evaluate("document.activeElement.id")) === "site:content",
      );
      await page.locator(".code").first().hover();
      await page
        .getByRole("button", { name: /^Copy code/ })
        .first()
        .click();
      await page.getByRole("button", { name: "Copied" }).waitFor();
      const code = await page.locator(".code code").first().textContent();
      assert.equal(await page.evaluate("navigator.clipboard.readText()"), code);
      const theme = page.getByRole("button", { name: "Theme" });
      await theme.click();
      await theme.click();
      await page.goto(`${server.url}/docs/chat`);
      assert.equal(await page.evaluate("document.documentElement.dataset.theme"), "dark");
    });
  });

  it("copies of a terminal what is typed there", async () => {
    await on("/docs/tutorials/perfect-pizza-production", { permissions: [...CLIPBOARD] }, async (page) => {
      const block = page.locator("[data-language=console]").first();
      assert.match((await block.locator("code").textContent()) ?? "", /^\$ npx sojourn serve\n\$ export /);
      await block.hover();
      await block.getByRole("button").click();
      await block.getByRole("button", { name: "Copied" }).waitFor();
      const copied = await page.evaluate("navigator.clipboard.readText()");
      assert.equal(copied, "npx sojourn serve\nexport SOJOURN_URL=http://127.0.0.1:7070");
    });
  });

  it("has a name of its own for each button and each table, and stops the Tab key where something scrolls", async () => {
    for (const width of [375, 1_280]) {
      await on("/docs/rest", { viewport: { width, height: 700 } }, async (page) => {
        const seen = () =>
          page.evaluate<{ readonly wrong: number; readonly scrolling: number; readonly names: readonly string[] }>(`({
            wrong: [...document.querySelectorAll(".code pre, .table")].filter((box) =>
              (box.scrollWidth > box.clientWidth) !== box.hasAttribute("tabindex") ||
              (box.matches(".table") && box.hasAttribute("tabindex") !== box.hasAttribute("aria-label"))).length,
            scrolling: document.querySelectorAll(".table[tabindex]").length,
            names: [...document.querySelectorAll(".copy, .table[aria-label], a.anchor")].map((one) =>
              one.getAttribute("aria-label") ?? one.textContent),
          })`);
        await until("only what scrolls is a stop", async () => (await seen()).wrong === 0);
        const { scrolling, names } = await seen();
        assert.equal(scrolling > 0, width === 375);
        assert.deepEqual([...new Set(names)], names);
        assert.ok(names.some((name) => /^Copy code of \S/.test(name)));
        const theme = page.locator(".theme");
        assert.equal(await theme.getAttribute("aria-label"), `Theme: ${await theme.textContent()}`);
      });
    }
  });

  it("covers no code with a button where there is no pointer that hovers", async () => {
    const options = { viewport: { width: 375, height: 700 }, hasTouch: true, isMobile: true };
    await on("/docs/getting-started", options, async (page) => {
      const covered = await page.evaluate(`[...document.querySelectorAll(".code")].filter((block) => {
        const [first] = block.querySelector("code").getClientRects();
        return first.top < block.querySelector(".copy").getBoundingClientRect().bottom;
      }).length`);
      assert.equal(covered, 0);
    });
  });

  it("can be read and searched without any script, also on a phone", async () => {
    const options = { javaScriptEnabled: false, viewport: { width: 375, height: 700 } };
    await on("/docs/tasks", options, async (page) => {
      await page.getByRole("link", { name: "Menu" }).click();
      await page.getByRole("link", { name: "Time travel", exact: true }).click();
      await page.waitForURL("**/docs/time-travel");
      await page.getByRole("searchbox").fill("how do I fork a session");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Search" }).waitFor();
      assert.match((await page.locator("article").textContent()) ?? "", /fork/i);
    });
  });
});

function hasBrowser(): boolean {
  try {
    findChromium(process.env["CHROMIUM_PATH"]);
    return true;
  } catch {
    return false;
  }
}
