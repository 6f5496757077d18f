import type { Page } from "playwright-core";
import { answer } from "./answer.ts";
import type { Patience } from "./elements.ts";

/** A picture of a page. */
export interface Screenshot {
  readonly png: Uint8Array;
  /** In pixels. */
  readonly width: number;
  readonly height: number;
  /** Whether the page goes on below. */
  readonly isCut: boolean;
}

/** Chromium draws higher pictures piece by piece, in memory that grows with them. */
const HEIGHT_MAX = 16_384;

/** Makes a PNG of what the window shows of a page, or of all of it, down to 16,384 pixels. */
export async function screenshot(
  page: Page,
  { isFullPage, ...patience }: Patience & { readonly isFullPage: boolean },
): Promise<Screenshot> {
  const full = isFullPage ? await answer(page.evaluate<{ width: number; height: number }>(SIZE)) : undefined;
  const isCut = full !== undefined && full.height > HEIGHT_MAX;
  try {
    const png = await page.screenshot({
      ...patience,
      type: "png",
      fullPage: isFullPage,
      ...(isCut && { clip: { x: 0, y: 0, width: full.width, height: HEIGHT_MAX } }),
    });
    // The first chunk of a PNG tells its size.
    return { png, width: png.readUInt32BE(16), height: png.readUInt32BE(20), isCut };
  } catch (cause) {
    patience.signal.throwIfAborted();
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new Error(`No picture of ${page.url()} could be made: ${reason}`, { cause });
  }
}

/** Runs in the page. */
const SIZE = `({ width: document.documentElement.scrollWidth, height: document.documentElement.scrollHeight })`;
