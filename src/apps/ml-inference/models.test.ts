import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Models } from "./models.ts";

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "sojourn-models-"));
  for (const path of [
    "first/vision/eyes.onnx",
    "first/ears.onnx",
    "second/ears.onnx",
    "second/nose.onnx",
    "secret.onnx",
  ]) {
    await mkdir(join(directory, path, ".."), { recursive: true });
    await writeFile(join(directory, path), path);
  }
  await writeFile(join(directory, "second/nose.json"), '{"labels": ["rose", "onion"], "softmax": true}');
  await writeFile(join(directory, "second/ears.json"), '{"labels": "none"}');
  await symlink(join(directory, "secret.onnx"), join(directory, "first/link.onnx"));
  await symlink(join(directory, "first/ears.onnx"), join(directory, "first/other.onnx"));
});

after(() => rm(directory, { recursive: true }));

function models(): Models {
  return new Models([join(directory, "first"), join(directory, "second")].join(delimiter));
}

describe("Models", () => {
  it("finds what ships, by its name and by that of the examples", async () => {
    for (const name of ["digits", "digits.onnx", "large-model-v2"]) {
      const { name: own, isShipped, card } = await new Models(undefined).find(name);
      assert.deepEqual([own, isShipped, card.labels?.length], ["digits", true, 10]);
    }
  });

  it("finds what lies below the data folders, the first first, with its card", async () => {
    const eyes = await models().find("vision/eyes");
    assert.deepEqual(eyes, {
      name: "vision/eyes",
      path: join(directory, "first/vision/eyes.onnx"),
      card: {},
      isShipped: false,
    });
    assert.equal((await models().find("ears.onnx")).path, join(directory, "first/ears.onnx"));
    assert.deepEqual((await models().find("nose")).card, { labels: ["rose", "onion"], softmax: true });
    assert.equal((await models().find("other")).path, join(directory, "first/ears.onnx"));
  });

  it("prefers a model of the user's to another name of one that ships", async () => {
    const own = join(directory, "own");
    await mkdir(own);
    await writeFile(join(own, "large-model-v2.onnx"), "mine");
    assert.equal((await new Models(own).find("large-model-v2")).isShipped, false);
  });

  it("leads nowhere else: by no path, and by no link", async () => {
    for (const name of ["../secret", "/etc/passwd", "vision/../../secret", "vision\\eyes", "./ears", "", "a//b"]) {
      await assert.rejects(models().find(name), /is no name of a model: a path below a data folder/, name);
    }
    await assert.rejects(models().find("link"), /There is no model "link"/);
  });

  it("says what there is where it finds nothing, and what is wrong with a card", async () => {
    await assert.rejects(models().find("mouth"), {
      message:
        'There is no model "mouth". There are: digits, ears, other, nose. Others are looked for below the ' +
        "configured data folders, as NAME.onnx",
    });
    await assert.rejects(new Models(undefined).find("mouth"), {
      message:
        'There is no model "mouth". There are: digits. To add others, put ONNX files into a folder and start the ' +
        "server with it as a data folder (`data_folders`)",
    });
    await assert.rejects(
      new Models(join(directory, "second")).find("ears"),
      /^Error: "ears.json", which describes the model beside it, is not as it should be: .*labels/s,
    );
  });
});
