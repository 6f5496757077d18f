import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { delimiter, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "../../app-format/index.ts";

/** A model's file, and what its card says of it. */
export interface ModelFile {
  /** By which it was found: its path below its folder, without `.onnx`. */
  readonly name: string;
  readonly path: string;
  readonly card: Card;
  /** Whether it came with this app. */
  readonly isShipped: boolean;
}

/** What an ONNX file does not say: `NAME.json` beside `NAME.onnx`, all of it optional. */
const Card = z.strictObject({
  description: z.string().optional(),
  /** What the numbers of the output stand for, in their order. */
  labels: z.array(z.string()).min(2).optional(),
  /** The output that has one number for each label; default: the only one. */
  output: z.string().optional(),
  /** The output is not probabilities yet. */
  softmax: z.boolean().optional(),
  /** Least and most that an input may hold. */
  range: z.tuple([z.number(), z.number()]).optional(),
});

export type Card = z.infer<typeof Card>;

/** Names that stand for a model that ships, where no data folder has a model of that name. */
const ALIASES: Readonly<Record<string, string>> = {
  // The examples of warm sessions call theirs so. This one is small, and says its own name in every answer.
  "large-model-v2": "digits",
};

const SHIPPED = fileURLToPath(new URL("./models", import.meta.url));

/** In an error. */
const NAMES_SHOWN = 20;

/** The models there are: those that ship, and those below the data folders. */
export class Models {
  readonly #folders: readonly string[];

  /** @param folders  as `SOJOURN_DATA_FOLDERS` has them: separated as in PATH */
  constructor(folders: string | undefined) {
    this.#folders = (folders ?? "").split(delimiter).filter((folder) => folder !== "");
  }

  /**
   * Finds a model by its name: one that ships, or else the first below the data folders, where it may be in a folder and
   * may end in `.onnx`.
   *
   * Links are followed, but none out of its data folder.
   *
   * @throws {Error} where there is none, which says what there is
   */
  async find(asked: string): Promise<ModelFile> {
    const name = asked.replace(/\.onnx$/i, "");
    if (!/^[^/\\\0]+(\/[^/\\\0]+)*$/.test(name) || name.split("/").some((part) => part === ".." || part === ".")) {
      throw new Error(`"${asked}" is no name of a model: a path below a data folder, such as "vision/digits.onnx"`);
    }
    const found =
      (await fileIn(SHIPPED, name, true)) ??
      (await this.#inFolders(name)) ??
      (await fileIn(SHIPPED, ALIASES[name] ?? name, true));
    if (found !== undefined) return found;
    throw new Error(`There is no model "${asked}". ${await this.#told()}`);
  }

  /** All names, those that ship first. Below the data folders only those at their top. */
  async list(): Promise<readonly string[]> {
    const names = await Promise.all([SHIPPED, ...this.#folders].map(namesIn));
    return [...new Set(names.flat())];
  }

  async #inFolders(name: string): Promise<ModelFile | undefined> {
    for (const folder of this.#folders) {
      const found = await fileIn(folder, name, false);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #told(): Promise<string> {
    const names = await this.list();
    const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : "";
    const where =
      this.#folders.length === 0
        ? "To add others, put ONNX files into a folder and start the server with it as a data folder (`data_folders`)"
        : "Others are looked for below the configured data folders, as NAME.onnx";
    return `There are: ${names.slice(0, NAMES_SHOWN).join(", ")}${more}. ${where}`;
  }
}

async function fileIn(folder: string, name: string, isShipped: boolean): Promise<ModelFile | undefined> {
  const path = await within(folder, `${name}.onnx`);
  if (path === undefined) return undefined;
  return { name, path, card: await cardIn(folder, `${name}.json`), isShipped };
}

/** Where a file really is, as long as that is below the folder. Node's permission model follows links anywhere. */
async function within(folder: string, file: string): Promise<string | undefined> {
  try {
    const [root, path] = await Promise.all([realpath(folder), realpath(join(folder, file))]);
    return path.startsWith(root.endsWith(sep) ? root : root + sep) && (await stat(path)).isFile() ? path : undefined;
  } catch {
    return undefined;
  }
}

async function cardIn(folder: string, file: string): Promise<Card> {
  const path = await within(folder, file);
  if (path === undefined) return {};
  try {
    return Card.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new Error(`"${file}", which describes the model beside it, is not as it should be: ${reason}`, { cause });
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const files = (await readdir(folder).catch(() => [])).filter((file) => file.endsWith(".onnx")).sort();
  const found = await Promise.all(files.map((file) => within(folder, file)));
  return files.flatMap((file, index) => (found[index] === undefined ? [] : [file.slice(0, -".onnx".length)]));
}
