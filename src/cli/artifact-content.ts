import { pipeline } from "node:stream/promises";
import type { Artifact, Artifacts, ByteSpan } from "../client/index.ts";
import { SojournError } from "../engine/errors.ts";
import { type Finding, findArtifact } from "./artifacts.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { shown, shownLines, size } from "./print.ts";
import { type OnProgress, withProgress } from "./progress.ts";
import { saveFile } from "./save-file.ts";

/** `sojourn artifacts get`. */
export async function getArtifact(
  artifacts: Artifacts,
  wanted: string,
  options: Finding & {
    /** A file; `-` for standard output, whatever the bytes are. */
    readonly output?: string | undefined;
    readonly range?: ByteSpan | undefined;
    readonly signal: AbortSignal;
  },
): Promise<ExitCode> {
  const { output, range, signal } = options;
  const artifact = await findArtifact(artifacts, wanted, options);
  if (output !== undefined && output !== "-") {
    let saved = 0;
    await withProgress(async (onProgress) => {
      const counting: OnProgress = (reached) => {
        saved = reached.done;
        onProgress(reached);
      };
      await saveFile(output, artifact.stream({ ...range, signal, onProgress: counting }));
    });
    console.log(`${shown(output)}: ${shown(artifact.name)} v${artifact.version}  ${size(saved)}`);
  } else if (process.stdout.isTTY) {
    // A bar would be drawn into what is printed.
    const bytes = artifact.stream({ ...range, signal });
    if (output === undefined) await printText(artifact, bytes, range !== undefined);
    else await writeOut(bytes);
  } else {
    await withProgress((onProgress) => writeOut(artifact.stream({ ...range, signal, onProgress })));
  }
  return EXIT.ok;
}

/** Writes bytes to standard output, for as long as somebody reads them. */
export async function writeOut(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    await pipeline(bytes, process.stdout, { end: false });
  } catch (error) {
    // Whoever read it has had enough, as `head` has.
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  }
}

async function printText(artifact: Artifact, bytes: AsyncIterable<Uint8Array>, isPart: boolean): Promise<void> {
  // A part may begin and end within a character.
  const decoder = new TextDecoder("utf-8", { fatal: !isPart });
  let end = "\n";
  for await (const piece of bytes) {
    const text = shownLines(textOf(artifact, () => decoder.decode(piece, { stream: true })));
    end = text.at(-1) ?? end;
    process.stdout.write(text);
  }
  textOf(artifact, () => decoder.decode());
  if (end !== "\n") process.stdout.write("\n");
}

function textOf(artifact: Artifact, decode: () => string): string {
  try {
    const text = decode();
    if (!text.includes("\0")) return text;
  } catch {
    // Told below.
  }
  const what = `"${shown(artifact.name)}" is not text (${artifact.mimeType}, ${size(artifact.size)})`;
  throw new SojournError("invalid", { message: `${what}; save it with -o FILE, or print it all the same with -o -` });
}
