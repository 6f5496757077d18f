import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { DocsAnswer } from "./site.ts";

/** What an entity tag ends with that names the compressed form: each form has a tag of its own. Source: RFC 9110, 8.8.3 */
const MARK = '-gz"';

/**
 * Compresses what has an entity tag, once for each: those are our files, so that they are few, and have nothing of whoever
 * asks. Browsers take nothing better than gzip from a server without TLS.
 */
export class Compression {
  readonly #known = new Map<string, Uint8Array<ArrayBuffer>>();

  /** The answer in the form that is accepted. */
  async apply(answer: DocsAnswer, acceptEncoding: string | undefined): Promise<DocsAnswer> {
    const { status, text, headers } = answer;
    const { etag, vary } = headers;
    if (etag === undefined) return answer;
    const told = { ...headers, vary: vary === undefined ? "accept-encoding" : `${vary}, accept-encoding` };
    if (!acceptsGzip(acceptEncoding)) return { ...answer, headers: told };
    const marked = { ...told, etag: etag.replace(/"$/, MARK) };
    if (status !== 200) return { ...answer, headers: marked };
    const known = this.#known.get(etag) ?? (await compressed(text));
    this.#known.set(etag, known);
    return { ...answer, text: known, headers: { ...marked, "content-encoding": "gzip" } };
  }
}

/** Entity tags as they are without compression: whoever has a content in one form need not have it in another. */
export function plainTags(ifNoneMatch: string | undefined): string | undefined {
  return ifNoneMatch?.replaceAll(MARK, '"');
}

function acceptsGzip(acceptEncoding = ""): boolean {
  return acceptEncoding
    .toLowerCase()
    .split(",")
    .some((one) => /^\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/.test(one));
}

async function compressed(text: DocsAnswer["text"]): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await promisify(gzip)(text));
}
