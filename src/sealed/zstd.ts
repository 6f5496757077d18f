import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";

/** What is given out at a time, at most. */
const CHUNK_BYTES = 65_536;

/** The power of two that a window for unpacking may take, so that no file decides how much memory that needs: 8 MiB. */
const WINDOW_LOG_MAX = 23;

/** The bytes as one zstd stream. */
export async function* compressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  yield* through(source, createZstdCompress({ chunkSize: CHUNK_BYTES }));
}

/**
 * The bytes of a zstd stream, which has nothing behind it.
 *
 * @param refused  the error to throw for what zstd can't unpack, for too little of it, and for too much
 */
export async function* decompressed(
  source: AsyncIterable<Uint8Array>,
  refused: (message: string) => Error,
): AsyncGenerator<Buffer> {
  let given = 0;
  const zstd = createZstdDecompress({
    chunkSize: CHUNK_BYTES,
    params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
  });
  try {
    yield* through(
      (async function* () {
        for await (const bytes of source) {
          given += bytes.length;
          yield bytes;
        }
      })(),
      zstd,
    );
  } catch (error) {
    throw isZstdError(error) ? refused(error.message) : error;
  }
  // It does not say so by itself: what does not begin a frame after the last one is left aside.
  if (zstd.bytesWritten !== given) throw refused(`${given - zstd.bytesWritten} bytes follow its end`);
}

/** What comes out of a stream that the source goes into. An error of either ends both. */
async function* through(source: AsyncIterable<Uint8Array>, stream: Duplex): AsyncGenerator<Buffer> {
  const feeding = pipeline(source, stream);
  // The reading below throws what it failed with.
  feeding.catch(() => {});
  try {
    yield* stream;
  } finally {
    stream.destroy();
  }
}

/** Whether zstd found what it can't unpack, or too little of it. */
function isZstdError(error: unknown): error is NodeJS.ErrnoException {
  // NOTE: node:zlib puts zstd's and zlib's names for the error there.
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && /^(ZSTD_|Z_)/.test(code);
}
