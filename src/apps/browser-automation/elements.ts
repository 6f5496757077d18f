import type { Locator, Page } from "playwright-core";
import { answer } from "./answer.ts";

/** An element that somebody means to use, and for how long to look for it. */
export interface Sought {
  readonly page: Page;
  /** CSS, or another engine of Playwright's, such as `text=Log in`. */
  readonly selector: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** What Playwright's calls take of it. */
export type Patience = { readonly timeout: number; readonly signal: AbortSignal };

/**
 * Does something with the one element that a selector means.
 *
 * @param doing  for the error, such as `clicked`
 * @throws {Error} that names the selector, says why it could not be, and what is on the page
 */
export async function withElement<T>(
  sought: Sought,
  doing: string,
  use: (element: Locator, patience: Patience) => Promise<T>,
): Promise<T> {
  const { page, selector, timeoutMs, signal } = sought;
  try {
    return await use(page.locator(selector), { timeout: timeoutMs, signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new Error(await reasonOf(sought, doing, cause), { cause });
  }
}

/** What can be used on the page, each as a selector with what it shows; and how much more there is. */
export async function elementsOf(page: Page): Promise<string> {
  const found = await answer(page.evaluate<{ shown: readonly string[]; more: number }>(DESCRIBE));
  if (found === undefined) return "it does not answer";
  if (found.shown.length === 0) return "nothing that can be clicked or filled in";
  return `${found.shown.join(", ")}${found.more === 0 ? "" : ` and ${found.more} more`}`;
}

/** `Welcome (http://…)`. */
export async function nameOf(page: Page): Promise<string> {
  const title = await answer(page.title());
  return title === undefined || title === "" ? page.url() : `${page.url()} ("${title}")`;
}

async function reasonOf({ page, selector, timeoutMs }: Sought, doing: string, cause: unknown): Promise<string> {
  const because = causeOf(cause);
  if (page.isClosed()) return `The page closed before "${selector}" could be ${doing}: ${because}`;
  const where = await nameOf(page);
  const counted = await answer(
    page
      .locator(selector)
      .count()
      .catch(() => "refused" as const),
  );
  switch (counted) {
    case undefined:
      return `"${selector}" could not be ${doing}: ${where} does not answer`;
    case "refused":
      return `"${selector}" is no selector that a browser understands: ${because}`;
    case 0:
      return `Nothing matches "${selector}" on ${where}, after ${timeoutMs / 1_000} s; there is: ${await elementsOf(page)}`;
    case 1:
      return (
        `"${selector}" on ${where} could not be ${doing}` +
        `${isTimeout(cause) ? ` within ${timeoutMs / 1_000} s` : ""}: ${because}`
      );
    default:
      return (
        `"${selector}" matches ${counted} elements on ${where}, and one is needed: say more, or which, ` +
        `such as "${selector} >> nth=0"; there is: ${await elementsOf(page)}`
      );
  }
}

/** Why the element was not ready, where it was waited for; or else what Playwright says of it. */
function causeOf(cause: unknown): string {
  const [first = "", ...lines] = (cause instanceof Error ? cause.message : String(cause))
    .split("\n")
    .map((line) => line.replaceAll(ANSI_COLOURS, "").trim());
  const waited = lines.flatMap((line) => /^- (.*)$/.exec(line)?.[1] ?? []).filter((line) => !IS_RETRY.test(line));
  return (isTimeout(cause) ? waited.at(-1) : undefined) ?? first.replace(/^[\w.]+: (Error: )?/, "");
}

function isTimeout(cause: unknown): boolean {
  return cause instanceof Error && cause.name === "TimeoutError";
}

const IS_RETRY = /^(retrying|waiting|attempting|scrolling|done)/;

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how terminals are told of colours
const ANSI_COLOURS = /\u001b\[[0-9;]*m/g;

/** Runs in the page, which is why it is text: this side knows no `document`. */
const DESCRIBE = `(() => {
  const MOST = 15;
  const usable = [...document.querySelectorAll("a[href], button, input, select, textarea, [role=button], [role=link], [contenteditable=true]")]
    .filter((element) => element.type !== "hidden" && element.getClientRects().length > 0);
  const selectorOf = (element) => {
    const tag = element.localName;
    if (element.id) return "#" + CSS.escape(element.id);
    if (element.getAttribute("name")) return tag + "[name=" + JSON.stringify(element.getAttribute("name")) + "]";
    return tag;
  };
  const labelOf = (element) =>
    (element.getAttribute("aria-label") || (element.type === "password" ? "" : element.innerText) || element.placeholder || "")
      .replace(/\\s+/g, " ").trim().slice(0, 40);
  const shown = usable.slice(0, MOST).map((element) => {
    const selector = selectorOf(element);
    const kind = element.localName === "input" ? element.type + " input" : element.localName;
    const label = labelOf(element);
    return selector + " (" + kind + (label ? ' "' + label + '"' : "") + ")";
  });
  return { shown, more: usable.length - shown.length };
})()`;
