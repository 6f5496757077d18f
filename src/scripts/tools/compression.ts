import { promisify } from "node:util";
import { brotliCompress, brotliDecompress, gunzip, gzip, zstdCompress, zstdDecompress } from "node:zlib";
import { asText } from "../value.ts";
import { bytesOf, type Tool } from "./tool.ts";

type Pack = (bytes: Uint8Array) => Promise<Uint8Array>;
type Unpack = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Promise<Uint8Array>;

const ALGORITHMS: Readonly<Record<string, { readonly pack: Pack; readonly unpack: Unpack }>> = {
  gzip: { pack: promisify(gzip), unpack: promisify(gunzip) },
  zstd: { pack: promisify(zstdCompress), unpack: promisify(zstdDecompress) },
  brotli: { pack: promisify(brotliCompress), unpack: promisify(brotliDecompress) },
};

/** How much is unpacked: as much as an artifact may have, unless the operator says otherwise. A few bytes can become any number. */
export const OUTPUT_MAX_BYTES: number = 100 * 1_048_576;

/** Packs bytes, and unpacks them. */
export const compression: Tool = {
  name: "compression",
  description: "operation compress or decompress, algorithm gzip (the default), zstd or brotli, of input",
  run: async (input) => {
    const operation = input.text("operation");
    const name = input.text("algorithm") ?? "gzip";
    const algorithm = Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : undefined;
    if (algorithm === undefined) throw new Error(`algorithm must be one of ${Object.keys(ALGORITHMS).join(", ")}`);
    const bytes = bytesOf(input.value("input", "data"), "input");
    if (operation === "compress") return new Uint8Array(await algorithm.pack(bytes));
    if (operation !== "decompress") throw new Error("operation must be compress or decompress");
    return asText(await algorithm.unpack(bytes, { maxOutputLength: OUTPUT_MAX_BYTES }));
  },
};
