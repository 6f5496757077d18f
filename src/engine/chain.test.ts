import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { blake3 } from "../platform/ports.ts";
import { genesisHash, operationHash, payloadDigest } from "./chain.ts";
import type { Operation } from "./operation.ts";

const REF = { tenant: "t", kind: "session", id: "018f0000-0000-7000-8000-000000000001" } as const;

const OPERATION: Omit<Operation, "hash"> = {
  seq: 1,
  id: "op_0000000000000001",
  kind: "session.created",
  name: "create",
  actor: "tester",
  at: 1_767_225_600_000_000,
  outcome: "completed",
  used: [],
  made: ["object_1"],
  payloadDigest: "p".repeat(64),
};

/** Shows the text itself in place of its digest. */
const text = (it: string): string => it;

describe("the chain", () => {
  it("hashes three lines: the hash before, the header, the payload's digest", () => {
    const header =
      '[1,"op_0000000000000001","session.created","create","tester",1767225600000000,null,"completed",[],["object_1"]]';
    assert.equal(operationHash("before", OPERATION, text), `before\n${header}\n${"p".repeat(64)}`);
    assert.equal(genesisHash(REF, text), "sojourn/1\nsession\n018f0000-0000-7000-8000-000000000001");
    assert.equal(payloadDigest({ salt: "00ff", body: '{"input":{}}' }, text), '00ff{"input":{}}');
  });

  it("can be checked with any BLAKE3 tool", () => {
    // printf 'sojourn/1\nsession\n018f0000-0000-7000-8000-000000000001' | b3sum, and so on.
    const genesis = "75263f5268b7ed09ad55f86f444b112e2e3bd8e5e72e58971fc29b797b8598e1";
    assert.equal(genesisHash(REF, blake3), genesis);
    assert.equal(
      payloadDigest({ salt: "00ff", body: '{"input":{}}' }, blake3),
      "fb1e8c3839b1413ebec3f8ea70b13612c7ac944c62ee62928ce10efc5f6cc6f1",
    );
    assert.equal(
      operationHash(genesis, OPERATION, blake3),
      "55da3fa93a798b62cc80dcb09b81bd873dc1fbe9449f5c05c182339d49770285",
    );
  });

  it("gives another hash for another value of any field", () => {
    const others: { readonly [F in keyof Required<typeof OPERATION>]: Required<typeof OPERATION>[F] } = {
      seq: 2,
      id: "op_0000000000000002",
      kind: "session.updated",
      name: "Create",
      actor: "tester2",
      at: 1_767_225_600_000_001,
      durationUs: 0,
      outcome: "failed",
      used: ["object_1"],
      made: [],
      payloadDigest: "q".repeat(64),
    };
    const hashes = Object.entries(others).map(([field, value]) => {
      return operationHash("before", { ...OPERATION, [field]: value }, blake3);
    });
    hashes.push(operationHash("before", OPERATION, blake3), operationHash("Before", OPERATION, blake3));
    assert.equal(new Set(hashes).size, 13);
  });

  it("does not mistake what one field says for what another says", () => {
    const hash = (fields: Partial<Operation>): string => operationHash("b", { ...OPERATION, ...fields }, blake3);
    assert.notEqual(hash({ name: "ab", actor: "c" }), hash({ name: "a", actor: "bc" }));
    assert.notEqual(hash({ used: ["a", "b"], made: [] }), hash({ used: ["a"], made: ["b"] }));
    assert.notEqual(hash({ name: 'x","y' }), hash({ name: "x", actor: 'y","tester' }));
  });
});
