import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { startConfined } from "../../../tests/confined-app.ts";
import { startApp } from "../../../tests/direct-app.ts";
import { serveApps } from "../../../tests/served-apps.ts";
import { until } from "../../../tests/until.ts";
import { LOCAL } from "../../engine/access.ts";
import { app } from "./app.ts";
import { findChromium } from "./chromium.ts";

const HAS_PROC = process.platform === "linux";

const IS_REQUIRED = process.env["SOJOURN_TEST_BROWSER"] === "required";

/** A page with a log-in that shows a form, as the ones have that the examples are about. */
const LOGIN = `<!doctype html><title>Welcome</title>
<h1>Welcome</h1>
<button id="login-btn" onclick="document.querySelector('form').hidden = false">Log in</button>
<form hidden action="/hello"><input id="username" name="user" placeholder="Your mail address">
<select name="plan"><option value="1">Free</option><option value="2">Paid</option></select></form>
<a href="/popup" target="_blank" id="news">News</a> <a href="/slow" class="twice">One</a> <a href="/" class="twice">Two</a>
<button disabled id="frozen">Frozen</button>`;

const PAGES: Readonly<Record<string, string>> = {
  "/": LOGIN,
  "/popup": "<title>News</title><p>Nothing is new</p>",
  "/long": `<title>Long</title><body style="margin: 0"><div style="height: 20000px; background: linear-gradient(red, blue)">`,
  "/loop": "<title>Loop</title><script>setTimeout(() => { for (;;); }, 100)</script>",
  "/empty": "<title>Empty</title>",
};

let site: string;

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://site");
  response.setHeader("content-type", "text/html; charset=utf-8");
  // The strictest policy that lets the page itself work: the app must not depend on `eval` in it.
  response.setHeader(
    "content-security-policy",
    "default-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'",
  );
  if (pathname === "/slow") return;
  if (pathname === "/hello") return response.end(`<title>Hello</title><p>Hello ${searchParams.get("user")}`);
  const page = PAGES[pathname];
  return response.writeHead(page === undefined ? 404 : 200).end(page ?? "<title>Nothing here</title>");
});

before(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  site = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

after(() => {
  server.close();
  server.closeAllConnections();
});

describe("browser-automation", { skip: !IS_REQUIRED && !hasBrowser() && "there is no Chromium here" }, () => {
  it("opens a page, clicks, types, takes a picture, and closes", async () => {
    await using browser = await startApp(app);
    const started = await browser.call({ action: "start", url: site });
    assert.match(String(started["browser"]), /^\d+\./);
    assert.deepEqual(started, { url: site, title: "Welcome", status: 200, browser: started["browser"] });
    const welcome = { url: site, title: "Welcome" };
    assert.deepEqual(await browser.call({ action: "click", selector: "#login-btn" }), welcome);
    const typed = { action: "type", selector: "#username", text: "user@example.com" };
    assert.deepEqual(await browser.call(typed), welcome);

    const shot = await browser.call({ action: "screenshot" });
    const [stored] = browser.stored;
    assert.ok(stored !== undefined);
    assert.deepEqual(shot, {
      ...welcome,
      artifact_id: "artifact_1",
      name: "screenshot.png",
      version: 1,
      mime_type: "image/png",
      size: stored.bytes.length,
      width: 1_280,
      height: 720,
      is_cut: false,
    });
    assert.deepEqual([...stored.bytes.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    assert.deepEqual(stored.description, {
      type: "tool_result",
      mimeType: "image/png",
      metadata: { ...welcome, full_page: false },
    });

    // What was typed is there: the form says it to the next page.
    const next = await browser.call({ action: "press", key: "Enter", selector: "#username" });
    assert.deepEqual(next, { url: `${site}hello?user=user%40example.com&plan=1`, title: "Hello" });
    const text = await browser.call({ action: "text" });
    assert.deepEqual(text, { ...next, text: "Hello user@example.com", matches: 1, is_cut: false });

    assert.deepEqual(await browser.call({ action: "close" }), { closed: true });
    assert.equal(browser.ended(), "The browser was closed");
    await assert.rejects(browser.call({ action: "click", selector: "#login-btn" }), {
      message: 'No browser is open: call "start" with a "url" first',
    });
  });

  it("follows a link to a page of its own, goes on, waits, selects, and adds to a field", async () => {
    await using browser = await startApp(app);
    await browser.call({ action: "start", viewport: { width: 400, height: 300 } });
    assert.deepEqual(await browser.call({ action: "goto", url: `${site}nowhere` }), {
      url: `${site}nowhere`,
      title: "Nothing here",
      status: 404,
    });
    await browser.call({ action: "goto", url: site });
    await browser.call({ action: "wait_for", selector: "#username", state: "hidden" });
    await browser.call({ action: "click", selector: "text=Log in" });
    await browser.call({ action: "wait_for", selector: "#username" });
    await browser.call({ action: "type", selector: "#username", text: "a" });
    await browser.call({ action: "type", selector: "#username", text: "b", append: true });
    await browser.call({ action: "select", selector: "select", value: "Paid" });
    await browser.call({ action: "click", selector: "#username" });
    const submitted = await browser.call({ action: "press", key: "Enter" });
    assert.equal(submitted["url"], `${site}hello?user=ab&plan=2`);

    await browser.call({ action: "goto", url: site });
    await browser.call({ action: "click", selector: "#news" });
    const text = await browser.call({ action: "text", selector: "p" });
    assert.deepEqual(text, { url: `${site}popup`, title: "News", text: "Nothing is new", matches: 1, is_cut: false });
  });

  it("takes a picture of all of a page, as high as it makes sense", async () => {
    await using browser = await startApp(app);
    await browser.call({ action: "start", url: `${site}long`, viewport: { width: 300, height: 200 } });
    const shown = await browser.call({ action: "screenshot", name: "all.png", full_page: true });
    assert.deepEqual([shown["width"], shown["height"], shown["is_cut"], shown["name"]], [300, 16_384, true, "all.png"]);
  });

  it("says what is on the page where a selector matches nothing, several, or what is not ready", async () => {
    await using browser = await startApp(app);
    await browser.call({ action: "start", url: site });
    const failing = (selector: string, action = "click") => {
      return assertMessage(browser.call({ action, selector, text: "", timeout_seconds: 0.3 }));
    };
    const usable =
      '#login-btn (button "Log in"), #news (a "News"), a (a "One"), a (a "Two"), #frozen (button "Frozen")';
    assert.equal(
      await failing("#login"),
      `Nothing matches "#login" on ${site} ("Welcome"), after 0.3 s; there is: ${usable}`,
    );
    assert.equal(
      await failing(".twice"),
      `".twice" matches 2 elements on ${site} ("Welcome"), and one is needed: say more, or which, such as ` +
        `".twice >> nth=0"; there is: ${usable}`,
    );
    assert.equal(
      await failing("#frozen"),
      `"#frozen" on ${site} ("Welcome") could not be clicked within 0.3 s: element is not enabled`,
    );
    assert.match(
      await failing("#login-btn", "type"),
      /^"#login-btn" on .* could not be filled in: Element is not an <input>/,
    );
    assert.match(await failing("##"), /^"##" is no selector that a browser understands: .*##/);
    await browser.call({ action: "goto", url: `${site}empty` });
    assert.equal(
      await failing("#login"),
      `Nothing matches "#login" on ${site}empty ("Empty"), after 0.3 s; there is: nothing that can be clicked or filled in`,
    );
  });

  it("says what the network says, and keeps the page it has", async () => {
    await using browser = await startApp(app);
    await browser.call({ action: "start", url: site });
    const gone = "http://127.0.0.1:1/";
    const refused = await assertMessage(browser.call({ action: "goto", url: gone }));
    assert.equal(refused, `"${gone}" does not open: net::ERR_UNSAFE_PORT`);
    const slow = await assertMessage(browser.call({ action: "goto", url: `${site}slow`, timeout_seconds: 0.3 }));
    assert.match(slow, /does not open: .*Timeout 300ms exceeded/);
  });

  it("refuses addresses that are of no server, such as files of this machine", async () => {
    await using browser = await startApp(app);
    for (const url of ["file:///etc/passwd", "chrome://settings", "javascript:alert(1)", "example.com"]) {
      await assert.rejects(browser.call({ action: "start", url }), /with http:\/\/ or https:\/\/ in front/);
    }
  });

  it("stops what is in hand when it is canceled", async () => {
    await using browser = await startApp(app);
    await browser.call({ action: "start", url: site });
    const canceled = new AbortController();
    const waiting = browser.call({ action: "click", selector: "#nowhere", timeout_seconds: 60 }, canceled.signal);
    canceled.abort(new Error("canceled here"));
    assert.equal(await assertMessage(waiting), "canceled here");
    assert.equal((await browser.call({ action: "text", selector: "h1" }))["text"], "Welcome");
  });

  it("begins anew, without the cookies and pages of before, when it is started again", async () => {
    await using browser = await startApp(app);
    await browser.call({ action: "start", url: site });
    await browser.call({ action: "click", selector: "#login-btn" });
    const again = await browser.call({ action: "start" });
    assert.equal(again["url"], "about:blank");
  });

  it("needs no more than it asks for", async () => {
    await using browser = await startConfined("src/apps/browser-automation/app.ts", app.permissions ?? {});
    const started = await browser.call({ action: "start", url: site });
    assert.equal(started["title"], "Welcome");
    assert.equal((await browser.call({ action: "screenshot" }))["width"], 1_280);
    assert.deepEqual(await browser.call({ action: "close" }), { closed: true });
  });

  it("takes its browser along when its worker is killed, also out of a page in an endless loop", {
    skip: !HAS_PROC,
  }, async () => {
    await using browser = await startConfined("src/apps/browser-automation/app.ts", app.permissions ?? {});
    await browser.call({ action: "start", url: `${site}loop` });
    // Its profile lies in the worker's own directory, so that the command names that.
    assert.notDeepEqual(processesOf(browser.scratch), []);
    browser.child.kill("SIGKILL");
    const killedAt = performance.now();
    await until("the browser is gone", async () => processesOf(browser.scratch).length === 0);
    assert.ok(performance.now() - killedAt < 2_000, "within 2 s");
  });

  for (const sandbox of ["auto", "process"]) {
    it(`opens a page, clicks, types, takes a picture, and closes, through the server (sandbox: ${sandbox})`, async () => {
      await using served = await serveApps({ sandbox });
      const at = { url: site, title: "Welcome" };
      const started = await served.call("browser-automation", { action: "start", url: site });
      assert.deepEqual({ url: started["url"], title: started["title"] }, at);
      assert.deepEqual(await served.call("browser-automation", { action: "click", selector: "#login-btn" }), at);
      const typed = { action: "type", selector: "#username", text: "user@example.com" };
      assert.deepEqual(await served.call("browser-automation", typed), at);

      const shot = await served.call("browser-automation", { action: "screenshot" });
      const { artifacts, sessions } = served.engine;
      const pieces: Uint8Array[] = [];
      for await (const piece of await artifacts.open(LOCAL, served.sessionId, String(shot["artifact_id"]))) {
        pieces.push(Buffer.from(piece));
      }
      const png = Buffer.concat(pieces);
      assert.deepEqual([png.length, png.toString("latin1", 1, 4)], [shot["size"], "PNG"]);

      assert.deepEqual(await served.call("browser-automation", { action: "close" }), { closed: true });
      assert.equal((await sessions.get(LOCAL, served.sessionId)).record.status, "completed");
    });
  }
});

/** The processes whose command names a directory, as Linux tells of them. */
function processesOf(directory: string): readonly string[] {
  return readdirSync("/proc").filter((id) => {
    try {
      return /^\d+$/.test(id) && readFileSync(`/proc/${id}/cmdline`, "utf8").includes(directory);
    } catch {
      return false; // Gone since it was listed.
    }
  });
}

function hasBrowser(): boolean {
  try {
    findChromium(process.env["CHROMIUM_PATH"]);
    return true;
  } catch {
    return false;
  }
}

async function assertMessage(failing: Promise<unknown>): Promise<string> {
  const error = await failing.then(
    () => assert.fail("it went well"),
    (error: unknown) => error,
  );
  assert.ok(error instanceof Error);
  return error.message;
}
