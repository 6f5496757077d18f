import type { Page } from "playwright-core";
import { answer } from "./answer.ts";
import type { Patience } from "./elements.ts";

/** Where a browser is. */
export interface Place {
  readonly url: string;
  readonly title: string;
}

/** How long what an action set off may take to become a page that can be read. */
const SETTLING_MS = 5_000;

/** Where a page is, once it can be read; where it does not get there in time, as far as it came. */
export async function place(page: Page): Promise<Place> {
  await page.waitForLoadState("domcontentloaded", { timeout: SETTLING_MS }).catch(() => undefined);
  return { url: page.url(), title: (await answer(page.title())) ?? "" };
}

/**
 * Opens an address in a page.
 *
 * @returns also the status of HTTP that it came with: a page that says 404 is a page
 * @throws {Error} that names the address and what the network says
 */
export async function open(page: Page, url: string, patience: Patience): Promise<Place & { readonly status?: number }> {
  try {
    const response = await page.goto(url, patience);
    return { ...(await place(page)), ...(response !== null && { status: response.status() }) };
  } catch (cause) {
    patience.signal.throwIfAborted();
    const said = cause instanceof Error ? cause.message : String(cause);
    const reason = /net::\w+/.exec(said)?.[0] ?? said.split("\n")[0];
    throw new Error(`"${url}" does not open: ${reason}`, { cause });
  }
}
