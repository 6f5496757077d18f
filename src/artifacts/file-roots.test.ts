import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { openBelow } from "./file-roots.ts";

const FORBIDDEN = { code: "forbidden" };

describe("openBelow()", () => {
  let directory: string;
  let root: string;

  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), "sojourn-")));
    root = join(directory, "root");
    mkdirSync(join(root, "inner"), { recursive: true });
    mkdirSync(join(directory, "root-beside"));
    for (const path of ["root/a.txt", "root/inner/b.txt", "root-beside/c.txt", "secret.txt"]) {
      writeFileSync(join(directory, path), path);
    }
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const read = async (path: string, roots: readonly string[] = [root]): Promise<readonly [string, string]> => {
    await using file = await openBelow(roots, path);
    return [file.name, Buffer.concat(await Array.fromAsync(file)).toString()];
  };

  it("reads a file below a root, by whichever way", async () => {
    const inner = join(root, "inner", "b.txt");
    symlinkSync(root, join(directory, "link"));
    symlinkSync(inner, join(root, "by-link.txt"));
    assert.deepEqual(await read(join(root, "a.txt")), ["a.txt", "root/a.txt"]);
    assert.deepEqual(await read(inner), ["b.txt", "root/inner/b.txt"]);
    assert.deepEqual(await read(join(root, "inner/../inner/b.txt")), ["b.txt", "root/inner/b.txt"]);
    assert.deepEqual(await read(relative(process.cwd(), inner)), ["b.txt", "root/inner/b.txt"]);
    assert.deepEqual(await read(join(directory, "link/a.txt")), ["a.txt", "root/a.txt"]);
    assert.deepEqual(await read(join(root, "by-link.txt")), ["by-link.txt", "root/inner/b.txt"]);
    assert.deepEqual(await read(inner, [join(directory, "nowhere"), join(directory, "link")]), [
      "b.txt",
      "root/inner/b.txt",
    ]);
    assert.deepEqual(await read(inner, ["/"]), ["b.txt", "root/inner/b.txt"]);
  });

  it("refuses what is not below a root, whether or not it is there", async () => {
    symlinkSync(join(directory, "secret.txt"), join(root, "link.txt"));
    symlinkSync(directory, join(root, "up"));
    symlinkSync("loop", join(root, "loop"));
    const paths = [
      join(directory, "secret.txt"),
      join(directory, "nothing.txt"),
      join(root, "nothing.txt"),
      `${root}/../secret.txt`,
      join(root, "link.txt"),
      join(root, "up", "secret.txt"),
      join(root, "loop"),
      join(directory, "root-beside", "c.txt"),
      root,
      "/etc/passwd",
      "/proc/self/environ",
    ];
    const messages = new Set<string>();
    for (const path of paths) {
      await assert.rejects(read(path), (error: Error) => {
        messages.add(error.message);
        return "code" in error && error.code === "forbidden";
      });
    }
    assert.equal(messages.size, 1);
    await assert.rejects(read(join(root, "a.txt"), []), FORBIDDEN);
    await assert.rejects(read(join(root, "a.txt"), [join(directory, "nowhere")]), FORBIDDEN);
  });

  it("refuses what is no file, without waiting for it", async () => {
    execFileSync("mkfifo", [join(root, "pipe")]);
    for (const path of ["", "a\0b", join(root, "inner"), join(root, "pipe")]) {
      await assert.rejects(read(path), { code: "invalid" }, path);
    }
  });
});
