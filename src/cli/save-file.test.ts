import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { SojournError } from "../engine/errors.ts";
import { saveFile } from "./save-file.ts";

describe("saveFile()", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "sojourn-save-"));
  });
  after(() => rm(folder, { recursive: true }));

  async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
    for (const text of texts) yield new TextEncoder().encode(text);
  }

  it("writes a file, and leaves nothing else beside it", async () => {
    const own = join(folder, "plain");
    await mkdir(own);
    await saveFile(join(own, "a"), pieces("one ", "two"));
    await saveFile(join(own, "empty"), pieces(), { mode: 0o600 });
    assert.equal((await stat(join(own, "empty"))).mode & 0o777, 0o600);
    assert.equal(await readFile(join(own, "a"), "utf8"), "one two");
    assert.deepEqual(await readdir(own), ["a", "empty"]);
  });

  it("leaves what was there as it was where the bytes break off, or are not what they should be", async () => {
    const own = join(folder, "broken");
    await mkdir(own);
    await writeFile(join(own, "a"), "old");
    const breaking = async function* (): AsyncGenerator<Uint8Array> {
      yield* pieces("new");
      throw new Error("broke off");
    };
    await assert.rejects(saveFile(join(own, "a"), breaking()), /broke off/);
    const check = async (path: string): Promise<void> => {
      assert.equal(await readFile(path, "utf8"), "new");
      throw new Error("not whole");
    };
    await assert.rejects(saveFile(join(own, "a"), pieces("new"), { check }), /not whole/);
    assert.equal(await readFile(join(own, "a"), "utf8"), "old");
    assert.deepEqual(await readdir(own), ["a"]);
  });

  it("keeps the rights of a file that it replaces, and the link that leads to it", async () => {
    const [file, link] = [join(folder, "kept"), join(folder, "link")];
    await writeFile(file, "old");
    await chmod(file, 0o600);
    await symlink("kept", link);
    await saveFile(link, pieces("new"));
    assert.equal(await readFile(file, "utf8"), "new");
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal(await readlink(link), "kept");
  });

  it("writes into what is no file, and puts no file in its place", async () => {
    await saveFile("/dev/null", pieces("gone"));
    assert.ok((await stat("/dev/null")).isCharacterDevice());
  });

  it("says why nothing can be written", async () => {
    const cases: readonly (readonly [path: string, code: string, why: RegExp])[] = [
      [folder, "invalid", /is a directory; name a file in it$/],
      [join(folder, "missing", "a"), "not_found", /there is no such directory$/],
      [join(folder, "x".repeat(300)), "invalid", /the name is too long$/],
    ];
    for (const [path, code, why] of cases) {
      await assert.rejects(saveFile(path, pieces("x")), (error) => {
        assert.ok(error instanceof SojournError);
        assert.equal(error.code, code);
        assert.match(error.message, why);
        return true;
      });
    }
  });
});
