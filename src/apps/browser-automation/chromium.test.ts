import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { canSandbox, findChromium } from "./chromium.ts";

describe("findChromium()", () => {
  it("takes the one that is named, or else the first there is", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sojourn-chromium-"));
    try {
      const [absent, first, second] = [join(directory, "a"), join(directory, "b"), join(directory, "c")];
      for (const path of [first, second]) {
        await writeFile(path, "#!/bin/sh\n");
        await chmod(path, 0o755);
      }
      assert.equal(findChromium(undefined, [absent, first, second]), first);
      assert.equal(findChromium("", [absent, first, second]), first);
      assert.equal(findChromium(second, [absent, first]), second);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("says how to get one where there is none", () => {
    assert.throws(() => findChromium(undefined, ["/nowhere/chromium", "/nowhere/chrome"]), {
      message:
        "There is no Chromium on this machine: install one (Debian and Ubuntu: apt-get install chromium; Fedora: dnf " +
        "install chromium; macOS: brew install --cask chromium), or name it in the server's environment as " +
        "CHROMIUM_PATH; looked at /nowhere/chromium, /nowhere/chrome",
    });
  });

  it("says what is wrong with the one that is named, and takes no other", () => {
    assert.throws(() => findChromium("/nowhere/mine"), {
      message:
        'CHROMIUM_PATH says "/nowhere/mine", and there is no program that can be started from here: name one below ' +
        "/usr, /opt, /snap, /Applications, or unset it to use the system's",
    });
  });
});

describe("canSandbox()", () => {
  it("does not hold for root, for whom Chromium refuses to start so", () => {
    assert.equal(canSandbox(0), false);
  });
});
