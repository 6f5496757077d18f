import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { jobOf, openStage } from "../../tests/small-apps.ts";
import { Scratch } from "./scratch.ts";

describe("Scratch", () => {
  for (const [what, limits, said] of [
    ["bytes", { bytes: 300_000, entries: 100 }, "more than 300000 bytes, which is what it may have on disk"],
    ["files", { bytes: 1_000_000, entries: 3 }, "more than 3 files, which is what it may have on disk"],
  ] as const) {
    it(`tells of too many ${what}, wherever they lie`, async (test) => {
      const root = mkdtempSync(join(tmpdir(), "sojourn-scratch-"));
      test.after(() => rmSync(root, { recursive: true }));
      mkdirSync(join(root, "a/b"), { recursive: true });
      writeFileSync(join(root, "a/one"), Buffer.alloc(200_000, 1));
      writeFileSync(join(root, "a/b/two"), Buffer.alloc(200_000, 1));
      const told = await new Promise((resolve) => new Scratch(root, resolve, limits).look());
      assert.equal(told, said);
    });
  }
});

describe("A worker that fills the disk", () => {
  it("is killed, and that is why", async () => {
    await using stage = openStage({ scratchLimits: { bytes: 1_000_000, entries: 1_000 } });
    const app = await stage.app(`
import { writeFileSync } from "node:fs";
export const app = defineApp({ name: "hoarder", actions: {
  run: action({ input: z.object({}), run: () => {
    for (let i = 0; i < 4; i++) writeFileSync("part" + i, Buffer.alloc(500_000, 1));
    return new Promise(() => setInterval(() => {}, 1_000));
  } }),
} });`);
    const ran = await stage.pool.run(jobOf(app));
    assert.deepEqual(
      [ran.status, ran.error?.message],
      [
        "lost",
        'The worker of "hoarder" was killed: it wrote more than 1000000 bytes, which is what it may have on disk (SIGKILL)',
      ],
    );
  });
});
