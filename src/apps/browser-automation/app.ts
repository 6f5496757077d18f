import { release } from "node:os";
import type { Page } from "playwright-core";
import { defineApp } from "../../app-format/index.ts";
import { answer } from "./answer.ts";
import { OpenBrowser } from "./browser.ts";
import { CHROMIUM_FOLDERS, CHROMIUM_SETTINGS, CHROMIUM_VARIABLE } from "./chromium.ts";
import { type Patience, type Sought, withElement } from "./elements.ts";
import { open, type Place, place } from "./place.ts";
import { screenshot } from "./screenshot.ts";
import { INPUTS, OUTPUTS } from "./shapes.ts";

/** The browser that is open, if any. */
interface State {
  browser?: OpenBrowser;
}

/** What Playwright looks at as it loads, to know whether this is Windows' Linux; where it may not, it does not load. */
const PLAYWRIGHT_LOOKS_AT = release().toLowerCase().includes("microsoft")
  ? [] // It knows by the release already.
  : ["/proc/sys/fs/binfmt_misc/WSLInterop", "/run/WSL"];

const TEXT_CHARACTERS_MAX = 100_000;

/** A browser to drive: it stays open between calls, on the page where the last one left it. */
export const app = defineApp({
  name: "browser-automation",
  description: "Drives a Chromium browser that stays open between calls: pages, clicks, forms, text, screenshots",
  permissions: {
    childProcesses: true,
    network: true,
    read: [...CHROMIUM_FOLDERS, ...CHROMIUM_SETTINGS, ...PLAYWRIGHT_LOOKS_AT],
    environment: [CHROMIUM_VARIABLE],
    memoryMiB: 1_024,
  },
  // What is in a page (half a form, a login, what its scripts hold) can't be had from outside, and to click all again may
  // buy twice.
  recovery: "refuse",
  default: "start",
  start: (): State => ({}),
  stop: async ({ browser }) => browser?.close(),
  actions: {
    start: {
      description: "Opens a browser with a new profile, on a page; one that is open goes",
      input: INPUTS.start,
      output: OUTPUTS.start,
      run: async ({ state, input, signal }) => {
        await state.browser?.close();
        delete state.browser;
        const browser = await OpenBrowser.start({ viewport: input.viewport, signal });
        state.browser = browser;
        const page = await browser.page();
        const at = input.url === undefined ? await place(page) : await open(page, input.url, patience(input, signal));
        return { ...at, browser: browser.version };
      },
    },
    goto: {
      description: "Goes to another page",
      input: INPUTS.goto,
      output: OUTPUTS.goto,
      run: async ({ state, input, signal }) => open(await pageOf(state), input.url, patience(input, signal)),
    },
    click: {
      description: "Clicks an element, as soon as it can be clicked",
      input: INPUTS.click,
      output: OUTPUTS.where,
      run: ({ state, input, signal }) =>
        acted(state, { ...input, signal }, "clicked", (element, patience) => element.click(patience)),
    },
    type: {
      description: "Fills in a field, in place of what it held",
      input: INPUTS.type,
      output: OUTPUTS.where,
      run: ({ state, input, signal }) =>
        acted(state, { ...input, signal }, "filled in", (element, patience) =>
          input.append ? element.pressSequentially(input.text, patience) : element.fill(input.text, patience),
        ),
    },
    select: {
      description: "Chooses an option of a select element",
      input: INPUTS.select,
      output: OUTPUTS.where,
      run: ({ state, input, signal }) =>
        acted(state, { ...input, signal }, `set to "${input.value}"`, (element, patience) =>
          element.selectOption(input.value, patience),
        ),
    },
    press: {
      description: "Presses a key, in an element or in what has the focus",
      input: INPUTS.press,
      output: OUTPUTS.where,
      run: async ({ state, input, signal }) => {
        const page = await pageOf(state);
        const hasFocus = (await answer(page.locator("*:focus").count())) === 1;
        const selector = input.selector ?? (hasFocus ? "*:focus" : "body");
        return acted(state, { ...input, selector, signal }, "sent a key", (element, patience) =>
          element.press(input.key, patience),
        );
      },
    },
    wait_for: {
      description: "Waits until an element is there, or gone",
      input: INPUTS.wait_for,
      output: OUTPUTS.where,
      run: ({ state, input, signal }) =>
        acted(state, { ...input, signal }, `waited for (${input.state})`, (element, patience) =>
          element.waitFor({ ...patience, state: input.state }),
        ),
    },
    text: {
      description: "The text that the page, or what a selector matches, shows",
      input: INPUTS.text,
      output: OUTPUTS.text,
      run: async ({ state, input, signal }) => {
        const sought = await soughtOf(state, { ...input, selector: input.selector ?? "body", signal });
        const texts = await withElement(sought, "read", async (elements, patience) => {
          await elements.first().waitFor({ ...patience, state: "attached" });
          return elements.allInnerTexts();
        });
        const text = texts.join("\n");
        return {
          ...(await place(sought.page)),
          text: text.slice(0, TEXT_CHARACTERS_MAX),
          matches: texts.length,
          is_cut: text.length > TEXT_CHARACTERS_MAX,
        };
      },
    },
    screenshot: {
      description: "Makes a PNG of the page and stores it as an artifact",
      input: INPUTS.screenshot,
      output: OUTPUTS.screenshot,
      run: async ({ state, input, session, signal }) => {
        const page = await pageOf(state);
        const at = await place(page);
        const taken = await screenshot(page, { isFullPage: input.full_page, ...patience(input, signal) });
        const artifact = await session.artifacts.store(input.name, taken.png, {
          type: "tool_result",
          mimeType: "image/png",
          metadata: { ...at, full_page: input.full_page },
        });
        const { width, height, isCut } = taken;
        return {
          ...at,
          artifact_id: artifact.artifactId,
          name: artifact.name,
          version: artifact.version,
          mime_type: artifact.mimeType,
          size: artifact.size,
          width,
          height,
          is_cut: isCut,
        };
      },
    },
    close: {
      description: "Closes the browser and ends the session",
      input: INPUTS.close,
      output: OUTPUTS.close,
      run: async ({ state, session }) => {
        const { browser } = state;
        delete state.browser;
        await browser?.close();
        session.end("The browser was closed");
        return { closed: browser !== undefined };
      },
    },
  },
});

interface Call {
  readonly selector: string;
  readonly timeout_seconds: number;
  readonly signal: AbortSignal;
}

/** Does something with an element, and tells where that led. */
async function acted(
  state: State,
  call: Call,
  doing: string,
  act: (element: ReturnType<Page["locator"]>, patience: Patience) => Promise<unknown>,
): Promise<Place> {
  const sought = await soughtOf(state, call);
  await withElement(sought, doing, act);
  // What was clicked may have led to a page of its own.
  await state.browser?.settle();
  return place(await pageOf(state));
}

async function soughtOf(state: State, { selector, timeout_seconds, signal }: Call): Promise<Sought> {
  return { page: await pageOf(state), selector, timeoutMs: timeout_seconds * 1_000, signal };
}

async function pageOf({ browser }: State): Promise<Page> {
  if (browser === undefined) throw new Error('No browser is open: call "start" with a "url" first');
  return browser.page();
}

function patience({ timeout_seconds }: { readonly timeout_seconds: number }, signal: AbortSignal): Patience {
  return { timeout: timeout_seconds * 1_000, signal };
}
