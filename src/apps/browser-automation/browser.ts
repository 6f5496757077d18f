import { tmpdir } from "node:os";
import type { Browser, BrowserContext, CDPSession, Page } from "playwright-core";
import { CHROMIUM_FLAGS, CHROMIUM_VARIABLE, canSandbox, findChromium } from "./chromium.ts";

/** In CSS pixels. */
export interface Viewport {
  readonly width: number;
  readonly height: number;
}

const STARTING_MS = 30_000;

const OPENING_MS = 2_000;

const CLOSING_MS = 3_000;

/**
 * One browser with one profile, which nobody has used before and which is gone when it closes.
 *
 * The browser is a child of this process. It listens on a pipe that ends when this process does, however that comes, and
 * then it ends by itself.
 */
export class OpenBrowser implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #context: BrowserContext;
  /** To the browser itself, which knows of pages before Playwright does. */
  readonly #devtools: CDPSession;

  private constructor(browser: Browser, context: BrowserContext, devtools: CDPSession) {
    this.#browser = browser;
    this.#context = context;
    this.#devtools = devtools;
  }

  /** @throws {Error} that says what to install, where that is what it takes */
  static async start(options: { readonly viewport: Viewport; readonly signal: AbortSignal }): Promise<OpenBrowser> {
    const { chromium } = await playwright();
    const executablePath = findChromium(process.env[CHROMIUM_VARIABLE]);
    const browser = await chromium
      .launch({
        executablePath,
        headless: true,
        args: [...CHROMIUM_FLAGS],
        chromiumSandbox: canSandbox(),
        timeout: STARTING_MS,
        // The worker decides when it goes, and takes the browser along.
        handleSIGHUP: false,
        handleSIGINT: false,
        handleSIGTERM: false,
        env: { ...definedOf(process.env), HOME: process.env.HOME ?? tmpdir(), TMPDIR: socketDirectory(tmpdir()) },
      })
      .catch((cause: unknown) => {
        throw new Error(`"${executablePath}" does not start: ${reasonOf(cause)}`, { cause });
      });
    try {
      options.signal.throwIfAborted();
      const context = await browser.newContext({ viewport: options.viewport, acceptDownloads: false });
      await context.newPage();
      return new OpenBrowser(browser, context, await browser.newBrowserCDPSession());
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  /** Of the browser: `150.0.7871.100`. */
  get version(): string {
    return this.#browser.version();
  }

  /**
   * The page that was opened last and is open still: a click that opens another moves there.
   *
   * @throws {Error} where the browser is gone
   */
  async page(): Promise<Page> {
    if (!this.#browser.isConnected()) {
      throw new Error("The browser is gone: it crashed, or ran out of memory; call `start` for another");
    }
    return this.#context.pages().at(-1) ?? (await this.#context.newPage());
  }

  /**
   * Waits until pages that were opened by what is done already can be used: by a click, say, which is over before the
   * page that it opened is there. The browser itself knows of it then.
   */
  async settle(): Promise<void> {
    const { targetInfos } = await this.#devtools.send("Target.getTargets");
    const count = targetInfos.filter(({ type }) => type === "page").length;
    while (this.#context.pages().length < count) {
      const opened = await this.#context.waitForEvent("page", { timeout: OPENING_MS }).catch(() => undefined);
      if (opened === undefined) return;
    }
  }

  /** Takes at most some seconds. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSING_MS);
    });
    // One that hangs goes with this process, which is about to end.
    await Promise.race([this.#browser.close().catch(() => undefined), late]);
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Where Chromium puts its socket. What it adds to the path takes 46 bytes, and a path of a socket is at most 104: where the
 * worker's own directory is too long, it has to be the system's.
 */
function socketDirectory(own: string): string {
  return own.length + 46 < 104 ? own : "/tmp";
}

async function playwright(): Promise<typeof import("playwright-core")> {
  try {
    return await import("playwright-core");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new Error(
      "This app needs the package playwright-core: run `npm install playwright-core` beside Sojourn, then call again",
      { cause },
    );
  }
}

function reasonOf(cause: unknown): string {
  const lines = (cause instanceof Error ? cause.message : String(cause)).split("\n").map((line) => line.trim());
  // What the browser itself said on its way out stands in the log that Playwright adds.
  const said = lines.filter((line) => line.includes("[err]")).slice(-3);
  return [lines[0], ...said].join("; ");
}

function definedOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] != null));
}
