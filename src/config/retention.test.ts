import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig } from "./config.ts";
import { retentionOf } from "./retention.ts";

describe("retentionOf()", () => {
  const configured = (flags: Record<string, string>) => {
    const loaded = loadConfig({ flags, cwd: "/nowhere" });
    assert.ok("config" in loaded, JSON.stringify(loaded));
    return retentionOf(loaded.config);
  };

  it("is nothing where no bound is set, whatever else is", () => {
    assert.equal(configured({}), undefined);
    assert.equal(configured({ retention_statuses: "failed", retention_keep_latest: "3" }), undefined);
  });

  it("has the bounds that are set, 0 among them, and the words one by one", () => {
    const statuses = ["completed", "failed", "expired"];
    assert.deepEqual(configured({ retention_days: "7" }), { days: 7, statuses, keepLatest: 0 });
    assert.deepEqual(
      configured({
        retention_max_sessions: "0",
        retention_max_artifact_bytes: "0",
        retention_statuses: "failed, expired",
        retention_keep_latest: "2",
      }),
      { statuses: ["failed", "expired"], keepLatest: 2, maxSessions: 0, maxArtifactBytes: 0 },
    );
  });
});
