import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SojournError } from "../../../engine/errors.ts";
import { parse } from "../../request.ts";
import {
  ArtifactsQueryShape,
  decodeArtifacts,
  decodeNewArtifact,
  decodeRange,
  decodeRawArtifact,
  NewArtifactShape,
  NewRawArtifactShape,
  namesTag,
} from "./artifacts.ts";

const described = { name: "a.txt", artifact_type: "user_input" };

/** The fields that a call is refused for. */
function refused(call: () => unknown): readonly string[] {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof SojournError);
    assert.equal(error.code, "invalid");
    return error.faults.map(({ field }) => field);
  }
  return [];
}

describe("decodeRange()", () => {
  for (const [header, range] of [
    ["bytes=0-0", { first: 0, last: 0 }],
    ["bytes=0-", { first: 0 }],
    ["bytes=5-9", { first: 5, last: 9 }],
    ["BYTES= 5-9 ", { first: 5, last: 9 }],
    ["bytes=-3", { first: -3 }],
    ["bytes=-0", { first: Number.MAX_SAFE_INTEGER }],
    ["bytes=99999999999999999999-", { first: Number.MAX_SAFE_INTEGER }],
  ] as const) {
    it(`takes ${header}`, () => assert.deepEqual(decodeRange(header), range));
  }

  for (const header of [undefined, "", "bytes=", "bytes=-", "bytes=9-5", "bytes=0-1,3-4", "items=0-1", "bytes=a-b"]) {
    it(`sees no range in ${header}`, () => assert.equal(decodeRange(header), undefined));
  }
});

describe("namesTag()", () => {
  const tag = '"abc"';
  for (const list of [tag, `W/${tag}`, `"x", ${tag}`, "*"]) {
    it(`finds it in ${list}`, () => assert.ok(namesTag(list, tag)));
  }
  for (const list of [undefined, "", "abc", '"ab"', '"x"']) {
    it(`does not find it in ${list}`, () => assert.ok(!namesTag(list, tag)));
  }
});

describe("decodeArtifacts()", () => {
  const decode = (query: object) => decodeArtifacts(parse(ArtifactsQueryShape, query));
  const second = Date.parse("2026-03-01T12:00:00Z") * 1_000;

  for (const [text, after, before] of [
    ["2026-03-01T12:00:00Z", second, second + 999_999],
    ["2026-03-01T13:00:00+01:00", second, second + 999_999],
    ["2026-03-01T12:00:00.5Z", second + 500_000, second + 500_000],
    ["2026-03-01T12:00:00.000001Z", second + 1, second + 1],
    [`${second / 1_000_000}`, second, second + 999_999],
    [`${second / 1_000_000}.25`, second + 250_000, second + 250_000],
    [`${second / 1_000_000}.000001`, second + 1, second + 1],
  ] as const) {
    it(`takes ${text} as a bound, all of its second where it names no part of it`, () => {
      assert.deepEqual(decode({ created_after: text, created_before: text }), {
        createdAfterUs: after,
        createdBeforeUs: before,
        limit: 50,
      });
    });
  }

  it("takes everything else as it is, tags once", () => {
    const query = {
      type: "t",
      tag: ["a", "b", "a"],
      name: "n",
      name_pattern: "*",
      min_size: "0",
      max_size: "9",
      limit: "7",
    };
    assert.deepEqual(decode(query), {
      type: "t",
      tags: ["a", "b"],
      name: "n",
      namePattern: "*",
      sizeMin: 0,
      sizeMax: 9,
      limit: 7,
    });
  });

  it("refuses what is no bound", () => {
    for (const [field, value] of [
      ["created_after", "yesterday"],
      ["created_before", "1.1234567"],
      ["min_size", "-1"],
      ["max_size", "1.5"],
      ["name_pattern", ""],
      ["limit", "1001"],
      ["at", "0"],
    ] as const) {
      assert.deepEqual(
        refused(() => decode({ [field]: value })),
        [field],
      );
    }
  });
});

describe("decodeNewArtifact()", () => {
  const decode = (body: object) => decodeNewArtifact(parse(NewArtifactShape, body));

  it("takes text, bytes, or a file", () => {
    const wanted = { name: "a.txt", type: "user_input" };
    assert.deepEqual(decode({ ...described, content: "ü" }), { wanted, content: Buffer.from("ü") });
    assert.deepEqual(decode({ ...described, content: "" }), { wanted, content: Buffer.from("") });
    assert.deepEqual(decode({ ...described, content_base64: "AP8=" }), { wanted, content: Buffer.from([0, 255]) });
    const { artifact_type } = described;
    assert.deepEqual(decode({ artifact_type, path: "/a/b.txt" }), { file: { type: "user_input", path: "/a/b.txt" } });
  });

  for (const base64 of ["AP8", "AP8=\n", "AP-_", "AP8==", "A", "%%%%", "AP9="]) {
    it(`refuses ${JSON.stringify(base64)}, which is no Base64 of anything`, () => {
      assert.deepEqual(
        refused(() => decode({ ...described, content_base64: base64 })),
        ["content_base64"],
      );
    });
  }

  it("wants one source of the bytes, and a name", () => {
    const { artifact_type } = described;
    assert.deepEqual(
      refused(() => decode(described)),
      ["content"],
    );
    assert.deepEqual(
      refused(() => decode({ ...described, content: "a", content_base64: "" })),
      ["content"],
    );
    assert.deepEqual(
      refused(() => decode({ artifact_type, content: "a" })),
      ["name"],
    );
  });
});

describe("decodeRawArtifact()", () => {
  const decode = (query: object, type?: string) => decodeRawArtifact(parse(NewRawArtifactShape, query), type);

  it("takes all from the query, tags by commas and repeated", () => {
    const query = { ...described, tags: ["a,b", "c"], metadata: '{"a":[1]}', mime_type: "text/x" };
    assert.deepEqual(decode(query, "text/plain"), {
      name: "a.txt",
      type: "user_input",
      mimeType: "text/x",
      tags: ["a", "b", "c"],
      metadata: { a: [1] },
    });
  });

  it("takes the type from the Content-Type where that says what it is", () => {
    assert.equal(decode(described, "text/csv; charset=utf-8").mimeType, "text/csv; charset=utf-8");
    for (const type of [undefined, "application/octet-stream", "application/x-www-form-urlencoded; charset=utf-8"]) {
      assert.equal(decode(described, type).mimeType, undefined);
    }
  });

  it("refuses, by name, what is missing or no JSON object", () => {
    assert.deepEqual(
      refused(() => decode({})),
      ["name", "artifact_type"],
    );
    for (const metadata of ["", "{", "[]", "null", '"a"', "1"]) {
      assert.deepEqual(
        refused(() => decode({ ...described, metadata })),
        ["metadata"],
      );
    }
    assert.deepEqual(
      refused(() => decode({ ...described, metadata: '{"a":"\\u0000"}' })),
      ["metadata.a"],
    );
  });
});
