import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NO_ARTIFACTS } from "./artifact.ts";
import { EMPTY_CONVERSATION } from "./conversation.ts";
import { asOf, assertOpen, assertTransition, expiresAtUs, isFinal } from "./lifecycle.ts";
import { NO_METRICS, type SessionRecord, STATUSES, type Status } from "./session.ts";
import { NO_WORK } from "./task.ts";

const ALLOWED: readonly string[] = [
  ...["suspended", "completed", "failed", "expired"].map((to) => `active → ${to}`),
  ...["active", "completed", "failed", "expired"].map((to) => `suspended → ${to}`),
];

describe("assertTransition()", () => {
  for (const from of STATUSES) {
    for (const to of STATUSES) {
      const isAllowed = ALLOWED.includes(`${from} → ${to}`);
      it(`${isAllowed ? "allows" : "refuses"} ${from} → ${to}`, () => {
        const attempt = (): void => assertTransition(session(from), to);
        if (isAllowed) attempt();
        else assert.throws(attempt, { code: "invalid_transition" });
      });
    }
  }
});

describe("assertOpen()", () => {
  for (const status of STATUSES) {
    it(`${isFinal(status) ? "refuses" : "allows"} the use of a session that is ${status}`, () => {
      const attempt = (): void => assertOpen(session(status), "update");
      if (status === "active" || status === "suspended") attempt();
      else assert.throws(attempt, { code: "invalid_transition" });
    });
  }
});

describe("asOf()", () => {
  // Created at 100, last used at 150.
  const limits: readonly (readonly [string, Partial<SessionRecord>, number, RegExp])[] = [
    ["its idle timeout", { idleTimeoutUs: 1_000_000 }, 1_000_150, /^Idle for longer than 1 s$/],
    ["its lifetime", { maxLifetimeUs: 2_000_000 }, 2_000_100, /^Alive for longer than 2 s$/],
    ["the earlier of both, the timeout", { idleTimeoutUs: 5, maxLifetimeUs: 1_000 }, 155, /^Idle/],
    ["the earlier of both, the lifetime", { idleTimeoutUs: 500, maxLifetimeUs: 60 }, 160, /^Alive/],
  ];

  for (const [name, fields, lastUs, reason] of limits) {
    for (const status of ["active", "suspended"] as const) {
      it(`expires a session that is ${status} one microsecond past ${name}, and not at it`, () => {
        const record = { ...session(status), ...fields } as SessionRecord;
        assert.equal(asOf(record, lastUs), record);
        const expired = asOf(record, lastUs + 1);
        assert.equal(expired.status, "expired");
        assert.equal(expired.endedAtUs, lastUs);
        assert.equal(expired.updatedAtUs, lastUs);
        assert.equal(expired.lastActivityUs, 150);
        assert.match(expired.reason ?? "", reason);
      });
    }
  }

  it("leaves a session without limits, and an ended one, as they are", () => {
    assert.equal(expiresAtUs(session("active")), undefined);
    assert.equal(asOf(session("active"), Number.MAX_SAFE_INTEGER).status, "active");
    for (const status of ["completed", "failed", "expired"] as const) {
      const record = { ...session(status), idleTimeoutUs: 1 } as SessionRecord;
      assert.equal(expiresAtUs(record), undefined);
      assert.equal(asOf(record, Number.MAX_SAFE_INTEGER), record);
    }
  });
});

function session(status: Status): SessionRecord {
  const facts = {
    sessionId: "a",
    userId: "u",
    tags: [],
    metadata: {},
    createdAtUs: 100,
    updatedAtUs: 150,
    lastActivityUs: 150,
    metrics: NO_METRICS,
    conversation: EMPTY_CONVERSATION,
    workingMemory: {},
    artifacts: NO_ARTIFACTS,
    checkpoints: {},
    work: NO_WORK,
  };
  return isFinal(status) ? { ...facts, status, endedAtUs: 150 } : { ...facts, status };
}
