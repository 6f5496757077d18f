import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isSecret, newSecret, signatureHeaders } from "./signature.ts";

const secretOf = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 7).toString("base64")}`;

describe("signatureHeaders()", () => {
  it("signs as the specification's example", () => {
    const message = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: '{"test": 2432232314}' };
    assert.deepEqual(signatureHeaders(message, ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]), {
      "webhook-id": message.id,
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
  });

  it("signs by each secret, and otherwise for another id, time or body", () => {
    const message = { id: "a", timestamp: 1, body: "b" };
    const [one, two] = [secretOf(24), secretOf(64)];
    const signed = (signed: typeof message, ...secrets: readonly string[]) =>
      signatureHeaders(signed, secrets)["webhook-signature"] ?? "";
    assert.equal(signed(message, one, two), `${signed(message, one)} ${signed(message, two)}`);
    const others = [
      { ...message, id: "c" },
      { ...message, timestamp: 2 },
      { ...message, body: "" },
    ];
    assert.equal(new Set([message, ...others].map((each) => signed(each, one))).size, 4);
  });
});

describe("isSecret()", () => {
  it("takes 24 to 64 bytes in base64 behind whsec_, and what newSecret() makes", () => {
    for (const secret of [secretOf(24), secretOf(64), newSecret()]) assert.equal(isSecret(secret), true, secret);
    const others = [
      secretOf(23),
      secretOf(65),
      secretOf(24).slice(6),
      `${secretOf(24)}!`,
      `whsec_${"é".repeat(40)}`,
      "",
    ];
    for (const secret of others) assert.equal(isSecret(secret), false, secret);
    assert.notEqual(newSecret(), newSecret());
  });
});
