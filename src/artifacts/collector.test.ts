import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { type Filing, filingForTests } from "../../tests/filing.ts";
import { SECOND } from "../engine/clock.ts";

const HOUR = 3_600 * SECOND;

describe("collect()", () => {
  const filing = filingForTests();

  /** Sets the clock to the time of the machine, which is that of the files. */
  const now = ({ clock }: Filing): void => clock.advance(Date.now() * 1_000 - clock.now());

  it("removes what went with its last artifact, at once", async () => {
    const it = filing();
    await it.begin("a");
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push((await it.put("a", randomBytes(100_000))).id);
    await it.artifacts.collect();
    const before = await it.files();
    for (const id of ids.slice(1)) await it.artifacts.delete(it.caller, "a", id);
    assert.equal(await it.artifacts.collect(), 2);
    assert.equal(await it.artifacts.collect(), 0);
    assert.equal(await it.files(), before - 2);
    assert.deepEqual(await it.store.abandoned(10), []);
  });

  it("removes what no commit came to refer to, after an hour, and nothing that one did", async () => {
    const it = filing();
    await it.begin("a");
    now(it);
    await it.artifacts.collect();
    const { id } = await it.put("a", randomBytes(100_000));
    const before = await it.files();
    await using left = await it.blobs.create();
    await left.write(randomBytes(10));
    const strays = [await stray(it), await stray(it)];
    it.clock.advance(HOUR - 60 * SECOND);
    assert.equal(await it.artifacts.collect(), 0);
    assert.equal(await it.files(), before + strays.length);
    it.clock.advance(120 * SECOND);
    assert.equal(await it.artifacts.collect(), strays.length);
    assert.equal(await it.files(), before);
    assert.equal((await it.read("a", id)).length, 100_000);
  });

  it("leaves alone what waits for its commit, however long that takes", async () => {
    const it = filing();
    now(it);
    const bytes = randomBytes(100_000);
    await it.begin("a");
    await using staged = await it.artifacts.contents.stage(it.caller.tenant, bytes);
    const { place } = await staged.bring();
    it.clock.advance(5 * HOUR);
    await it.artifacts.collect();
    await using reader = await it.blobs.open(place.in === "file" ? place.name : "");
    assert.deepEqual(reader && Buffer.from(await reader.read(0, 100_000)), bytes);
  });

  it("does what it could not do before once the disk works again", async () => {
    let fails = true;
    const it = filing({
      aroundBlobs: (blobs) => ({
        create: () => blobs.create(),
        open: (name) => blobs.open(name),
        delete: async (names) => {
          if (fails) throw new RangeError("The disk fails");
          await blobs.delete(names);
        },
        list: () => blobs.list(),
      }),
    });
    await it.begin("a");
    const before = await it.files();
    const { id } = await it.put("a", randomBytes(100_000));
    await it.artifacts.delete(it.caller, "a", id);
    await assert.rejects(it.artifacts.collect(), RangeError);
    fails = false;
    await it.artifacts.collect();
    assert.deepEqual([await it.files(), await it.store.abandoned(1)], [before, []]);
  });
});

async function stray({ blobs }: Filing): Promise<string> {
  await using writer = await blobs.create();
  await writer.write(randomBytes(10));
  return await writer.finish();
}
